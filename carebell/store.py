"""The port of the rules' memory: states with due times and the input positions they stand for, in one fenced write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carebell.log import Positions


@dataclass(frozen=True, slots=True)
class Saved:
    """The state of one key as bytes, and when it wants to be woken."""

    key: str
    value: bytes
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All states of a partition and the positions up to which they have read."""

    states: Mapping[str, Saved]
    positions: Positions


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a batch changed in a partition: states, and the positions they stand for. `fence` is the owner's."""

    partition: int
    fence: int
    states: Sequence[Saved]
    positions: Positions


@dataclass(frozen=True, slots=True)
class Claim:
    """The new owner's fence, and the one that stood before it: 0 where the store knew of no owner, or is seen to have
    forgotten something that was saved under it."""

    fence: int
    previous: int


def next_fence(previous: int, at: datetime) -> int:
    """Higher than the one before, and taken from the clock, so that it is higher even after the store was emptied."""
    return max(previous + 1, int(at.timestamp() * 1000))


class Store(Protocol):
    """Scopes keep several users of one store apart. Whatever it is asked raises TryLater when it cannot be reached."""

    async def claim(self, scope: str, partition: int, at: datetime) -> Claim:
        """Become the owner of a partition."""
        ...

    async def load(self, scope: str, partition: int) -> Snapshot:
        """In pieces, so that nobody waits for long. Raises Fenced where the owner changed meanwhile."""
        ...

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        """All or nothing; the same may be saved twice. Raises Fenced where another owner has claimed one of the partitions
        since, or where the store has forgotten the claim or something saved under it."""
        ...

    async def close(self) -> None: ...
