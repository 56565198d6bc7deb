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
    """The partitions a reader owns now, none while a group divides them anew. A new epoch means: load again, forget what
    was in memory."""

    epoch: int
    partitions: frozenset[int]


class Reader(Protocol):
    """One member of a group. Co-partitioned topics: who owns partition p of one owns p of all.

    Whatever it is asked raises OSError when the log cannot be reached or it can no longer do its work: close it and ask
    the log for another.
    """

    def assignment(self) -> Assignment: ...

    async def poll(self, limit: int, wait: timedelta) -> Sequence[Record]:
        """Up to `limit` records behind the position, topics in the order they were asked for; waits when there are none.

        Without a wait it gives what stands in the log now. It gives only what belongs to the assignment it began with: a
        new assignment ends it at once.
        """
        ...

    async def seek(self, positions: Positions) -> None:
        """Read on from these offsets (the next record to read). Partitions not owned are passed over."""
        ...

    async def commit(self, positions: Positions) -> None:
        """Remember offsets (the next record to read) for the group. Partitions not owned are passed over: their new owner
        reads them again. A follower has nothing to remember."""
        ...

    async def committed(self) -> Positions:
        """The offsets that the group has committed for the partitions owned; missing where it never has."""
        ...

    async def ends(self) -> Positions:
        """The offset behind the newest record of each partition owned; 0 where there was never one."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    """Append and read. An append that returned is on stable storage.

    One that raised OSError may be there in part: append all of it again, in the same order. One that raised TooLarge will
    never be taken as it is.
    """

    @property
    def partitions(self) -> int: ...

    async def append(self, entries: Sequence[Entry], at: datetime) -> None: ...

    async def reader(self, group: str | None, topics: Sequence[str], gather: timedelta = NO_TIME) -> Reader:
        """A member of a group. Records of the first topic are given at once; those of the others may be gathered for
        so long, so that work done per batch is not done per record.

        Without a group it is a follower: it owns every partition, begins at the beginning and shares with nobody.
        """
        ...

    async def waiting_since(self, group: str, topic: str) -> datetime | None:
        """When the oldest record of the topic was appended that the group has not committed; None when nothing waits."""
        ...

    async def tail(self, topic: str, limit: int) -> Sequence[Record]:
        """The newest records of a topic, newest first."""
        ...

    async def trim(self, topic: str, before: datetime) -> int:
        """Forget records appended before a moment; how many went. Nothing, where the log has its own retention."""
        ...

    async def close(self) -> None: ...
