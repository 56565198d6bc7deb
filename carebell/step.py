"""The one form of a decision: (state, event, now) -> Next. Pure: no clock, no awaits, no logging inside."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")


@dataclass(frozen=True, slots=True)
class Next(Generic[State, Action]):
    """What follows: the new state, actions as values, and when to be woken (data, kept with the state)."""

    state: State
    actions: tuple[Action, ...] = ()
    due_at: datetime | None = None


Step = Callable[[State, Event, datetime], Next[State, Action]]


def earliest(*times: datetime | None) -> datetime | None:
    """The first of several due times; None where none is due."""
    return min((time for time in times if time is not None), default=None)
