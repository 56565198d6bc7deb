"""A life cut into local days, as they are drawn: rooms, silences, alerts. In hours; pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from carebell.types import Alert
from deploy.life import STAY_MS, Life
from rules_engine.compare import opened
from rules_engine.local_time import DAY_MINUTES, local
from rules_engine.rule import ms

_HOUR_MS = 3_600_000
_HOUR_MINUTES = 60
# A single movement is drawn so long, in hours, that it can be seen.
_SEEN_H = 0.05


@dataclass(slots=True)
class Day:
    """`rooms`: from, to, room. `silences`: from, to, how long it had lasted by then, how long it might. `alerts`: when, its
    number, which."""

    number: int
    rooms: list[tuple[float, float, str]] = field(default_factory=list)
    silences: list[tuple[float, float, float, float | None]] = field(default_factory=list)
    alerts: list[tuple[float, int, Alert]] = field(default_factory=list)


def rooms_of(life: Life) -> list[str]:
    """The one with the most life first."""
    spent: Counter[str] = Counter()
    for stay in life.stays:
        spent[stay.room] += stay.to_ms - stay.from_ms + STAY_MS
    return sorted(spent, key=lambda room: (-spent[room], room))


def days_of(life: Life) -> list[Day]:
    """Every local day from the first reading to the end, the alerts that call somebody numbered through."""
    zone = life.home.timezone
    first, last = local(life.began_ms, zone).day, local(life.ended_ms, zone).day
    days = {number: Day(number) for number in range(first, last + 1)}
    for stay in life.stays:
        for day, begin, end in _parts(stay.from_ms, stay.to_ms, zone):
            days[day].rooms.append((begin, max(end, begin + _SEEN_H), stay.room))
    for quiet in life.silences:
        allowed = None if quiet.allowed_ms is None else quiet.allowed_ms / _HOUR_MS
        so_far = 0.0
        for day, begin, end in _parts(quiet.from_ms, quiet.to_ms, zone):
            days[day].silences.append((begin, end, so_far, allowed))
            so_far += end - begin
    for number, alert in enumerate(opened(life.alerts), 1):
        day, hour = _place(ms(alert.at), zone)
        days[day].alerts.append((hour, number, alert))
    return list(days.values())


def _place(at: int, zone: str) -> tuple[int, float]:
    place = local(at, zone)
    return place.day, place.minute / _HOUR_MINUTES


def _parts(began: int, ended: int, zone: str) -> Iterator[tuple[int, float, float]]:
    """Day, from and to of each day that a span touches."""
    (first, begin), (last, end) = _place(began, zone), _place(ended, zone)
    for day in range(first, last + 1):
        yield day, begin if day == first else 0.0, end if day == last else DAY_MINUTES / _HOUR_MINUTES
