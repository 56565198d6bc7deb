"""The port of the log: topics of ordered partitions, durable when `append` returns, read by groups that keep positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

NO_TIME = timedelta(0)
TopicPartition = tuple[str, int]
Positions = Mapping[TopicPartition, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record to append. The key decides the partition unless one is given."""

    topic: str
    key: str
    value: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it stands in the log. Offsets of a partition rise; `appended_at` was given by the writer."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, str]
    appended_at: datetime

    @property
    def place(self) -> TopicPartition:
        return (self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Assignment:
    """The partitions a reader owns now. A new epoch means: load again, forget what was in memory."""

    epoch: int
    partitions: frozenset[int]


class Reader(Protocol):
    """One member of a group. Co-partitioned topics: who owns partition p of one owns p of all."""

    def assignment(self) -> Assignment: ...

    async def poll(self, limit: int, wait: timedelta) -> Sequence[Record]:
        """Up to `limit` records behind the position, topics in the order they were asked for; waits when there are none."""
        ...

    async def seek(self, positions: Positions) -> None:
        """Read on from these offsets (the next record to read)."""
        ...

    async def commit(self, positions: Positions) -> None:
        """Remember offsets (the next record to read) for the group."""
        ...

    async def ends(self) -> Positions:
        """The offset behind the newest record of each partition owned; 0 where there was never one."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    """Append and read. An append that returned is on stable storage."""

    @property
    def partitions(self) -> int: ...

    async def append(self, entries: Sequence[Entry], at: datetime) -> None: ...

    async def reader(self, group: str, topics: Sequence[str], gather: timedelta = NO_TIME) -> Reader:
        """A member of a group. Records of the first topic are given at once; those of the others may be gathered for
        so long, so that work done per batch is not done per record."""
        ...

    async def tail(self, topic: str, limit: int) -> Sequence[Record]:
        """The newest records of a topic, newest first."""
        ...

    async def trim(self, topic: str, before: datetime) -> int:
        """Forget records appended before a moment; how many went."""
        ...

    async def close(self) -> None: ...
