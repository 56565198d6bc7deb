"""The acceleration of the devices that are worn in a home: on whose clock, from which readings, and when to look again.

A device's bursts are joined by its own clock, which runs evenly where messages do not; what is found is told by ours. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from carebell.types import Reading
from rules_engine.fall_motion import Impact, MotionFound, MotionParameters, finish_motion, follow_motion
from rules_engine.rule import at_ms, ms

WORN_KEPT = 8
# The readings around a fall: those that began so long before its impact, and after it.
_BEFORE_MS, _AFTER_MS = 8_000, 6_000
_RECENT_MS = 20_000
_RECENT_KEPT = 40


class Worn(TypedDict):
    """`motion`: what `follow_motion` keeps; `ahead`: our clock minus the device's; `due`: by ours; `recent`: the readings
    heard lately, each with when it began, by ours; all in milliseconds."""

    motion: dict[str, Any]
    place: str
    ahead: int
    due: int | None
    recent: list[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What the last burst, or its absence, shows; `at` and the times of the impacts by our clock."""

    worn: dict[str, Worn]
    device_id: str
    place: str
    at: int
    impacts: tuple[tuple[Impact, int], ...]
    is_still: bool | None
    is_up: bool | None

    def evidence(self, at: int) -> tuple[str, ...]:
        """The readings around a moment."""
        recent = self.worn[self.device_id]["recent"]
        return tuple(reading_id for began, reading_id in recent if at - _BEFORE_MS <= began <= at + _AFTER_MS)


def follow(worn: Mapping[str, Worn], burst: Reading, place: str, happened: int, parameters: MotionParameters) -> Found:
    """A burst came; `happened`: when it began, by our clock."""
    known, observed = worn.get(burst.device_id), ms(burst.observed_at)
    recent: list[Any] = [] if known is None else known["recent"]
    if [happened, burst.id] not in recent:
        lately = [one for one in recent if happened - one[0] < _RECENT_MS]
        recent = [*lately[-_RECENT_KEPT:], [happened, burst.id]]
    motion = follow_motion({} if known is None else known["motion"], burst.value, observed, place, parameters)
    return _told(worn, burst.device_id, place, happened - observed, recent, happened, motion)


def woken(worn: Mapping[str, Worn], now: int, parameters: MotionParameters) -> Iterator[Found]:
    """Those whose bursts have been waited for long enough, each on top of the one before."""
    for device_id, one in worn.items():
        if one["due"] is not None and one["due"] <= now:
            motion = finish_motion(one["motion"], now - one["ahead"], one["place"], parameters)
            found = _told(worn, device_id, one["place"], one["ahead"], one["recent"], now, motion)
            worn = found.worn
            yield found


def next_due(worn: Mapping[str, Worn]) -> datetime | None:
    """When the next burst has been waited for long enough."""
    if not worn:
        return None
    due = min((one["due"] for one in worn.values() if one["due"] is not None), default=None)
    return None if due is None else at_ms(due)


def _told(
    worn: Mapping[str, Worn],
    device_id: str,
    place: str,
    ahead: int,
    recent: list[Any],
    at: int,
    motion: MotionFound,
) -> Found:
    due = None if motion.due_ms is None else motion.due_ms + ahead
    one = Worn(motion=motion.state, place=place, ahead=ahead, due=due, recent=recent)
    others = [(key, kept) for key, kept in worn.items() if key != device_id]
    impacts = tuple((impact, impact.at_ms + ahead) for impact in motion.impacts)
    kept = dict([*others[-(WORN_KEPT - 1) :], (device_id, one)])
    return Found(kept, device_id, place, at, impacts, motion.is_still, motion.is_up)
