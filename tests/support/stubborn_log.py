"""A log that refuses, holds or will never take what a test names; everything else goes to the log behind it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from carebell.errors import TooLarge
from carebell.log import NO_TIME, Entry, Log, Reader


class StubbornLog:
    """`refused` topics and keys raise OSError, `held` topics wait for `release`, values longer than `limit` are never taken."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.refused: set[str] = set()
        self.held: set[str] = set()
        self.limit: int | None = None
        self.appends: list[list[Entry]] = []
        self._released = asyncio.Event()

    @property
    def partitions(self) -> int:
        return self._log.partitions

    def release(self) -> None:
        self.held.clear()
        self._released.set()

    async def append(self, entries: Sequence[Entry], at: datetime) -> None:
        topics = {str(entry.topic) for entry in entries}
        if (topics | {entry.key for entry in entries}) & self.refused:
            raise OSError("the log is away")
        if topics & self.held:
            await self._released.wait()
        if places := [place for place, one in enumerate(entries) if self.limit and len(one.value) > self.limit]:
            raise TooLarge("larger than the log takes", places)
        await self._log.append(entries, at)
        self.appends.append(list(entries))

    async def reader(self, group: str | None, topics: Sequence[str], gather: timedelta = NO_TIME) -> Reader:
        return await self._log.reader(group, topics, gather)

    async def close(self) -> None:
        await self._log.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)
