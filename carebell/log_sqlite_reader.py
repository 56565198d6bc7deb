"""Reading the log of one SQLite file: woken by appends to its own topics only."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from carebell.clock import Clock, wait_set
from carebell.log import NO_TIME, Assignment, Positions, Record


class SqliteSource(Protocol):
    """What a reader asks of its log."""

    @property
    def partitions(self) -> int: ...

    async def fetch(self, positions: Mapping[str, Mapping[int, int]], limit: int) -> list[Record]: ...

    async def heads(self, topics: Sequence[str]) -> Positions: ...

    async def remember(self, group: str, positions: Positions) -> None: ...

    async def remembered(self, group: str, topics: Sequence[str]) -> Positions: ...

    def forget(self, reader: "SqliteReader") -> None: ...


class SqliteReader:
    """The one member of its group, or a follower that has none: it owns every partition from the start."""

    def __init__(
        self,
        source: SqliteSource,
        group: str | None,
        topics: Sequence[str],
        positions: Positions,
        clock: Clock,
        gather: timedelta,
    ) -> None:
        self._source = source
        self._group = group
        self._first = topics[0]
        self._clock = clock
        self._gather = gather
        self._grown = asyncio.Event()
        self._first_grown = asyncio.Event()
        partitions = range(source.partitions)
        self._positions = {topic: {part: positions.get((topic, part), 0) for part in partitions} for topic in topics}

    def notice(self, topics: set[str]) -> None:
        """Called by the log after an append."""
        if self._first in topics:
            self._first_grown.set()
        if not topics.isdisjoint(self._positions):
            self._grown.set()

    def assignment(self) -> Assignment:
        return Assignment(epoch=1, partitions=frozenset(range(self._source.partitions)))

    async def poll(self, limit: int, wait: timedelta) -> Sequence[Record]:
        self._grown.clear()
        self._first_grown.clear()
        records = await self._take(limit)
        if records or wait <= NO_TIME:
            return records
        if not await wait_set(self._grown, self._clock, wait):
            return []
        if self._gather > NO_TIME:
            await wait_set(self._first_grown, self._clock, self._gather)
        return await self._take(limit)

    async def _take(self, limit: int) -> list[Record]:
        records = await self._source.fetch(self._positions, limit)
        for record in records:
            self._positions[record.topic][record.partition] = record.offset + 1
        return records

    async def seek(self, positions: Positions) -> None:
        for (topic, part), pos in positions.items():
            if part in self._positions.get(topic, {}):
                self._positions[topic][part] = pos

    async def ends(self) -> Positions:
        return await self._source.heads(list(self._positions))

    async def commit(self, positions: Positions) -> None:
        owned = {
            (topic, part): pos for (topic, part), pos in positions.items() if part in self._positions.get(topic, {})
        }
        if self._group is not None and owned:
            await self._source.remember(self._group, owned)

    async def committed(self) -> Positions:
        return {} if self._group is None else await self._source.remembered(self._group, list(self._positions))

    async def close(self) -> None:
        self._source.forget(self)
