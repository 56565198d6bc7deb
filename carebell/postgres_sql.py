"""Work in a PostgreSQL database: every wait is bounded, and what the server or the network did becomes one of our errors.

Work is a function of a connection and of nothing else, so whatever is known not to have been committed may be run again:
after a deadlock, after a row that two wrote at once (the second run sees the other's), on a connection that had died.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from carebell.errors import TryLater

_RUNS = 5
_UNIQUE, _SERIALIZATION, _DEADLOCK = "23505", "40001", "40P01"
# Connection lost, resources, an operator or the server itself intervened, its disk; a standby that takes no writes, a lock
# that was not given, a transaction that stood still too long, a commit whose end nobody knows.
_LATER_CLASSES = ("08", "53", "57", "58")
_LATER = ("25006", "25P03", "40003", "55P03")
_BAD_VALUE = "22"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long anything may take, in seconds. A process that is frozen must not hold row locks for long."""

    connections: int = 10
    connect: float = 3
    command: float = 5
    lock: float = 3
    idle_in_transaction: float = 5
    whole: float = 12


class PostgresDatabase:
    """At most so many connections; who finds none free within the time of a command is told to try later."""

    def __init__(self, url: str, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._engine = _engine(url, limits)
        # A statement by itself needs no BEGIN and COMMIT; each sees what is committed.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def write(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do work in a transaction that commits at its end, or not at all."""
        for _ in range(_RUNS):
            attempt = _Attempt()
            try:
                async with asyncio.timeout(self._limits.whole), self._engine.begin() as connection:
                    result = await connection.run_sync(work)
                    attempt.is_committing = True
                return result
            except (sa.exc.SQLAlchemyError, OSError) as error:
                attempt.end(error)
        raise attempt.told()

    async def read(self, work: Callable[[sa.Connection], Result]) -> Result:
        """Do work on what is committed."""
        for _ in range(_RUNS):
            attempt = _Attempt()
            try:
                async with asyncio.timeout(self._limits.whole), self._reading.connect() as connection:
                    return await connection.run_sync(work)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                attempt.end(error)
        raise attempt.told()

    async def close(self) -> None:
        """A server that does not answer does not hold us up."""
        try:
            async with asyncio.timeout(self._limits.connect):
                await self._engine.dispose()
        except (sa.exc.SQLAlchemyError, OSError):
            return


class _Attempt:
    """One run of a piece of work, and what its failure means."""

    def __init__(self) -> None:
        self.is_committing = False
        self._error: Exception = TryLater("the database did not answer")

    def end(self, error: Exception) -> None:
        """Raise what the caller must hear, unless the work may be run again."""
        self._error = error
        if not self._may_run_again():
            raise self.told() from error

    def _may_run_again(self) -> bool:
        if _state(self._error) in (_UNIQUE, _SERIALIZATION, _DEADLOCK):
            return True
        # A connection of the pool that died while nobody used it; a new one shows whether the server is there.
        return is_disconnect(self._error) and not self.is_committing

    def told(self) -> Exception:
        return told(self._error)


def is_disconnect(error: Exception) -> bool:
    """Whether the connection is gone."""
    return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated


def told(error: Exception) -> Exception:
    """What an error means to us: it may go later, the value is bad, or it is what it is."""
    state = _state(error)
    if state[:2] == _BAD_VALUE:
        return ValueError(f"PostgreSQL does not take this value: {first_line(error)}")
    if (
        isinstance(error, OSError | sa.exc.TimeoutError)
        or is_disconnect(error)
        or state[:2] in _LATER_CLASSES
        or state in (*_LATER, _SERIALIZATION, _DEADLOCK)
        or (isinstance(error, sa.exc.InterfaceError | sa.exc.OperationalError) and not state)
    ):
        return TryLater(f"the database cannot be used now: {first_line(error)}")
    if isinstance(error, sa.exc.StatementError) and isinstance(error.orig, ValueError):
        return error.orig
    return error


def _state(error: Exception) -> str:
    """PostgreSQL's five characters for what went wrong."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def first_line(error: Exception) -> str:
    """What happened, without the statement that it happened to."""
    text = str(getattr(error, "orig", None) or error) or type(error).__name__
    return text.partition("\n")[0][:200]


def address_of(url: str) -> sa.URL:
    """Where the database is. `sslmode` is said in the words of PostgreSQL's own tools, which the driver knows as `ssl`."""
    address = sa.make_url(url)
    mode = address.query.get("sslmode")
    return address if mode is None else address.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _engine(url: str, limits: Limits) -> AsyncEngine:
    """READ COMMITTED: rows that are decided on are locked, and what two insert at once is kept apart by unique keys."""
    return create_async_engine(
        address_of(url),
        # Parameters are people's names and addresses: no error and no log line may repeat them.
        hide_parameters=True,
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=limits.command,
        # The connection used last: those that are not needed stay untouched.
        pool_use_lifo=True,
        isolation_level="READ COMMITTED",
        connect_args={
            "timeout": limits.connect,
            "command_timeout": limits.command,
            "server_settings": _settings(limits),
        },
    )


def _settings(limits: Limits) -> dict[str, str]:
    """Asked of the server for each session. The keepalives are the server's: a host that vanished loses its locks."""
    return {
        "application_name": "carebell",
        "jit": "off",
        "statement_timeout": _milliseconds(limits.command),
        "lock_timeout": _milliseconds(limits.lock),
        "idle_in_transaction_session_timeout": _milliseconds(limits.idle_in_transaction),
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
