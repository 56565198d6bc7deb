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


class Store(Protocol):
    """Scopes keep several users of one store apart."""

    async def claim(self, scope: str, partition: int) -> int:
        """Become the owner of a partition: a fence higher than every one before."""
        ...

    async def load(self, scope: str, partition: int) -> Snapshot: ...

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        """All or nothing. Raises Fenced where another owner has claimed one of the partitions since."""
        ...

    async def close(self) -> None: ...
