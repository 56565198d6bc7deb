"""What a worker works for: understands records, steps a state, and turns actions into entries of the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from carebell.log import Entry, Record
from carebell.step import Next

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")


@dataclass(frozen=True, slots=True)
class Heard(Generic[Event]):
    """A record understood: what it says and the time it carries. `key` is None where it concerns every key that is due."""

    event: Event
    at: datetime
    key: str | None


class Judge(Protocol[State, Event, Action]):
    """States are values: a step makes a new one and leaves the old one as it was."""

    def hear(self, record: Record) -> Heard[Event] | Entry:
        """The event of a record, or the entry that reports it as unreadable."""
        ...

    def start(self, key: str) -> State: ...

    def step(self, state: State, event: Event, now: datetime) -> Next[State, Action]: ...

    def encode(self, state: State) -> bytes: ...

    def decode(self, key: str, data: bytes) -> State:
        """Raises Unreadable."""
        ...

    def lost(self, key: str, detail: str, now: datetime) -> Sequence[Entry]:
        """The entries that report that what was remembered of a key cannot be used; of many keys where it is empty."""
        ...

    def entry(self, action: Action, now: datetime) -> Entry: ...
