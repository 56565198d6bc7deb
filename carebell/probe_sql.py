"""Asks PostgreSQL whether it can be used: does it answer, what time it has, how it is set up.

The one place that asks a database for its time: to compare clocks, never to decide anything. It speaks to the driver itself,
so that it can drop a connection at once on which a frozen server would keep it waiting.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from carebell.errors import TryLater
from carebell.postgres_sql import address_of

_ANSWER_WITHIN_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOK = "SELECT extract(epoch FROM clock_timestamp()), pg_is_in_recovery()"
_SETTINGS = "SELECT name, setting FROM pg_settings"
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@dataclass(frozen=True, slots=True)
class SqlFacts:
    """The server's settings by name, and how many connections it has now."""

    settings: Mapping[str, str]
    connections: int


class SqlProbe:
    """On one connection of its own, opened at the first question."""

    def __init__(self, url: str) -> None:
        self._address = address_of(url)
        self._connection: Any = None

    async def look(self) -> datetime:
        """Its time. Raises TryLater where it does not answer or takes no writes."""
        ((seconds, is_standby),) = await self._ask(_LOOK)
        if is_standby:
            raise TryLater("this PostgreSQL is a standby: it takes no writes")
        return _EPOCH + timedelta(seconds=float(seconds))

    async def facts(self) -> SqlFacts:
        """How it is set up. Raises TryLater."""
        settings = {str(name): str(value) for name, value in await self._ask(_SETTINGS)}
        ((connections,),) = await self._ask(_CONNECTIONS)
        return SqlFacts(settings, int(connections))

    async def _ask(self, question: str) -> list[Any]:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                if self._connection is None:
                    self._connection = await self._connect()
                rows: list[Any] = await self._connection.fetch(question)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
            await self.close()
            lines = str(error).strip().splitlines()
            raise TryLater(f"PostgreSQL does not answer: {lines[0] if lines else type(error).__name__}") from error
        return rows

    async def _connect(self) -> Any:
        """To the same place, with the same login, as the work itself."""
        address = self._address
        return await asyncpg.connect(
            host=address.host,
            port=address.port,
            user=address.username,
            password=address.password,
            database=address.database,
            ssl=address.query.get("ssl"),
            server_settings={"application_name": "carebell"},
        )

    async def close(self) -> None:
        """At once: there is nothing to finish."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
