"""What a worker remembers of one partition. A state stays the bytes it was saved as until it is needed.

Of a large partition most are bytes again once they are saved: bytes are a fraction of the memory, and the collector of
garbage, which stops everything while it looks at every object, need not look at them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from carebell.log import Positions
from carebell.store import Saved

State = TypeVar("State")
AWAKE_AT_MOST = 500
# A call for help waits for the record that is being judged. After an outage, or where a city begins, all homes are due at
# once: the rest is woken by the ticks that follow.
WOKEN_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Handed(Generic[State]):
    """What has changed in a partition up to one moment, on its way to the store."""

    states: Mapping[str, tuple[State | bytes, datetime | None]]
    positions: Positions


class Memory(Generic[State]):
    """States with their due times, the positions they stand for, and what of it the store does not have yet.

    `fence` is that of the last claim, 0 where there was none. `is_whole` is false where it was begun without the store.
    `is_doubted` since a save was refused: the store may hold less than was saved. `is_new` until something was saved of it.
    """

    def __init__(
        self, number: int, positions: Positions, saved: Iterable[Saved] = (), *, fence: int = 0, is_whole: bool = True
    ) -> None:
        self.number = number
        self.positions = dict(positions)
        self.is_new = not any(self.positions.values())
        self.due: dict[str, datetime] = {}
        self.fence = fence
        self.is_claimed = fence > 0
        self.is_whole = is_whole
        self.is_doubted = False
        self.has_moved = False
        self._bytes: dict[str, bytes] = {}
        self._states: dict[str, State] = {}
        self._changed: set[str] = set()
        self._woken_last = ""
        for one in saved:
            self._bytes[one.key] = one.value
            if one.due_at is not None:
                self.due[one.key] = one.due_at

    def state(self, key: str) -> State | bytes | None:
        """As it is at hand."""
        return self._states.get(key, self._bytes.get(key))

    def put(self, key: str, state: State, due_at: datetime | None) -> None:
        self._states[key] = state
        self._bytes.pop(key, None)
        self._changed.add(key)
        self.has_moved = True
        if due_at is None:
            self.due.pop(key, None)
        else:
            self.due[key] = due_at

    def move(self, place: tuple[str, int], offset: int) -> None:
        """Everything before this offset has been heard."""
        self.positions[place] = offset
        self.has_moved = True

    def due_at(self, now: datetime) -> list[str]:
        """The keys to wake. Where they are too many, each has its turn, also beside such as stay due."""
        due = sorted(key for key, at in self.due.items() if at <= now)
        if len(due) > WOKEN_AT_ONCE:
            first = bisect_right(due, self._woken_last)
            due = [*due[first:], *due[:first]][:WOKEN_AT_ONCE]
            self._woken_last = due[-1]
        return due

    def own(self, fence: int) -> None:
        """It is ours in the store too."""
        self.fence = fence
        self.is_claimed = True
        self.is_doubted = False

    def disown(self) -> None:
        """A save was refused: whether it is still ours is seen at the next claim."""
        self.is_claimed = False
        self.is_doubted = True

    def save_all(self) -> None:
        """Nothing of it is in the store any longer."""
        self._changed = {*self._states, *self._bytes}
        self.has_moved = True

    def hand_over(self) -> Handed[State]:
        states = {key: (self._held(key), self.due.get(key)) for key in sorted(self._changed)}
        self._changed = set()
        self.has_moved = False
        return Handed(states, dict(self.positions))

    def _held(self, key: str) -> State | bytes:
        return self._states[key] if key in self._states else self._bytes[key]

    def take_back(self, handed: Handed[State]) -> None:
        """It was not saved. What has changed since is newer and goes with it the next time."""
        self._changed.update(handed.states)
        self.has_moved = True

    def was_saved(self, handed: Handed[State], states: Sequence[Saved]) -> None:
        """It is in the store. What has not changed since may be bytes again."""
        self.is_new = False
        for one in states[: max(0, len(self._states) - AWAKE_AT_MOST)]:
            if self._states.get(one.key) is handed.states[one.key][0]:
                del self._states[one.key]
                self._bytes[one.key] = one.value
