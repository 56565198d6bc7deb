"""The log of a process that has other work than the log: until Kafka answers, only what needs it has to wait."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from carebell.log import NO_TIME, Entry, Log, Reader, Record


class LateLog:
    """A log that is being opened. Whoever asks it before it is there is told that it is away, and asks again."""

    def __init__(self, opening: "asyncio.Task[Log]", why_not: Callable[[], str]) -> None:
        self._opening = opening
        self._why_not = why_not

    def problem(self) -> str:
        """What is waited for; empty when it is there."""
        return "" if self._opening.done() else self._why_not()

    def _log(self) -> Log:
        if not self._opening.done():
            raise OSError(self._why_not())
        return self._opening.result()

    @property
    def partitions(self) -> int:
        return self._log().partitions

    async def append(self, entries: Sequence[Entry], at: datetime) -> None:
        await self._log().append(entries, at)

    async def reader(self, group: str | None, topics: Sequence[str], gather: timedelta = NO_TIME) -> Reader:
        return await self._log().reader(group, topics, gather)

    async def waiting_since(self, group: str, topic: str) -> datetime | None:
        return await self._log().waiting_since(group, topic)

    async def tail(self, topic: str, limit: int) -> Sequence[Record]:
        return await self._log().tail(topic, limit)

    async def trim(self, topic: str, before: datetime) -> int:
        return await self._log().trim(topic, before)

    async def close(self) -> None:
        """Whoever opened the log closes it."""
