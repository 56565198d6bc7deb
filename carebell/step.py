"""The one form of a decision: (state, event, now) -> Next. Pure: no clock, no awaits, no logging inside."""

from collections.abc import Callable
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")


class Next(NamedTuple, Generic[State, Action]):
    """What follows: the new state, actions as values, and when to be woken (data, kept with the state).

    A tuple, as it is made for every reading and rule: a frozen dataclass takes twice as long.
    """

    state: State
    actions: tuple[Action, ...] = ()
    due_at: datetime | None = None


Step = Callable[[State, Event, datetime], Next[State, Action]]


def earliest(*times: datetime | None) -> datetime | None:
    """The first of several due times; None where none is due."""
    return min((time for time in times if time is not None), default=None)
