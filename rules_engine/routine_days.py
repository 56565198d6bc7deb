"""What is counted of each day of a home for rule `routine`: the ten-minute slots in which something moved, the visits to the
toilet at night, the hours in which the home was heard. Bits, so that order and repeats do not matter. Pure."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple, TypedDict

SLOT_MINUTES = 10
HOUR_SLOTS = 60 // SLOT_MINUTES
_WORD_BITS = 48
NOON = 720
DAY_SLOTS = 1440 // SLOT_MINUTES
Slots = list[int]


class OpenDay(TypedDict):
    """A local day that readings may still come for. `toilet` begins at noon, so that it holds a whole night; `heard` has a
    bit for each hour."""

    moved: Slots
    toilet: Slots
    heard: int


class Day(NamedTuple):
    """A finished day: its local number, slots with movement, visits to the toilet in the night that began on it."""

    day: int
    moved: int
    visits: int


def open_day() -> OpenDay:
    """A day of which nothing has been heard."""
    return OpenDay(moved=[0] * (DAY_SLOTS // _WORD_BITS), toilet=[0] * (DAY_SLOTS // _WORD_BITS), heard=0)


def is_set(slots: Slots, minute: int) -> bool:
    """Whether the slot of a minute is marked."""
    word, bit = divmod(minute // SLOT_MINUTES, _WORD_BITS)
    return bool(slots[word] >> bit & 1)


def marked(slots: Slots, minute: int) -> Slots:
    """With the slot of a minute marked."""
    word, bit = divmod(minute // SLOT_MINUTES, _WORD_BITS)
    changed = slots.copy()
    changed[word] |= 1 << bit
    return changed


def each_slot(slots: Slots) -> list[bool]:
    """The slots of a day, one after the other."""
    return [bool(bits >> bit & 1) for bits in slots for bit in range(_WORD_BITS)]


def runs(slots: Slots) -> int:
    """How often a marked slot follows one that is not: two marks with an empty slot between them are two visits."""
    return sum(now and not before for before, now in pairwise([False, *each_slot(slots)]))


def hours_heard(day: OpenDay) -> int:
    """In how many hours of a day the home was heard, by whatever it said."""
    moved = each_slot(day["moved"])
    by_hour = (any(moved[hour * HOUR_SLOTS : (hour + 1) * HOUR_SLOTS]) for hour in range(24))
    return sum(is_moved or bool(day["heard"] >> hour & 1) for hour, is_moved in enumerate(by_hour))


def closed(number: int, day: OpenDay) -> Day:
    """What is kept of a day."""
    return Day(number, sum(bits.bit_count() for bits in day["moved"]), runs(day["toilet"]))


def within(days: Iterable[Day], first: int, last: int) -> list[Day]:
    """The finished days from one to another, both included."""
    return [one for one in days if first <= one.day <= last]
