"""How a dialect states facts: events, levels and samples, each in its kind's unit and form. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import flag, number
from devices.dialect import Fact
from devices.values import unit_of

_WORDS: dict[str, tuple[JsonValue, JsonValue]] = {
    Kind.SOS: ("active", "cleared"),
    Kind.FALL: ("detected", "cleared"),
    Kind.CONTACT: ("open", "closed"),
    Kind.BED: ("occupied", "vacant"),
    Kind.AVAILABILITY: ("online", "offline"),
}


def event(kind: str, value: JsonValue, **about: Any) -> Fact:
    """Something that happened: every message of it is news, unless its own identity says otherwise."""
    return Fact(kind=kind, value=value, unit=unit_of(kind), **about)


def level(kind: str, is_on: bool, **about: Any) -> Fact:
    """A state in the words of its kind: `contact` open or closed, `bed` occupied or vacant, and so on."""
    on, off = _WORDS.get(kind, (True, False))
    return Fact(kind=kind, value=on if is_on else off, unit=unit_of(kind), is_level=True, **about)


def level_of(kind: str, stated: JsonValue, **about: Any) -> list[Fact]:
    """The level where the value is plainly a switch; otherwise `other`, which says nothing and alarms nobody."""
    is_on = flag(stated)
    return [other(stated, **about)] if is_on is None else [level(kind, is_on, **about)]


def sample(kind: str, stated: JsonValue, *, factor: float = 1, **about: Any) -> list[Fact]:
    """A measured number, times `factor`, in the unit of its kind; nothing where it is none."""
    value = number(stated)
    if value is None:
        return []
    return [Fact(kind=kind, value=value if factor == 1 else round(value * factor, 6), unit=unit_of(kind), **about)]


def other(value: JsonValue, **about: Any) -> Fact:
    """A word or key without a meaning here; kept for people and for bindings."""
    kept = value if isinstance(value, str | int | float | bool) else None
    return Fact(kind=Kind.OTHER, value=kept if not isinstance(kept, str) else kept[:64], **about)


def alive(**about: Any) -> Fact:
    """The message says nothing else than that the device lives."""
    return Fact(kind=Kind.HEARTBEAT, value=True, **about)


def with_test(facts: Iterable[Fact]) -> list[Fact]:
    """`{smoke: true, test: true}` is smoke by a test: a test in a message marks the calls beside it."""
    listed = list(facts)
    if not any(fact.kind == Kind.TEST and fact.value is True for fact in listed):
        return listed
    return [replace(fact, is_test=True) if fact.kind in URGENT_KINDS else fact for fact in listed]
