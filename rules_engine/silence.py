"""The silences of a home by the time of day at which they began, and how long one may be before it is unusual. Pure.

    usual  =  the mean of the longest that began about this time of day, one for each `one_in` of the last `remember_for`
    limit  =  times × usual + margin, and night_extra more by night; at least `least`, at most `most`

By the beginning, not by the present hour: who is silent from nine in the evening has not gone to bed as always if every other
evening something still moved at eleven.
"""

from datetime import timedelta
from math import ceil
from typing import NamedTuple

from pydantic import Field

from carebell.duration import Duration
from rules_engine.local_time import DAY_MINUTES, MINUTE_MS, local
from rules_engine.night import TimeOfDay, minutes_into
from rules_engine.rule import RuleParameters

MILLISECOND = timedelta(milliseconds=1)
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)

# [the minute at which it began, counted in local time since 1970; its length in minutes]
Silence = list[int]


class SilenceParameters(RuleParameters):
    """`around`: how far from the same time of day others count; `remember_from`: none but longer ones are remembered;
    `until_learned`: the limit before `learn_for` has passed."""

    until_learned: Duration = timedelta(hours=8)
    learn_for: Duration = timedelta(days=7)
    remember_for: Duration = timedelta(days=42)
    remember_from: Duration = timedelta(minutes=30)
    around: Duration = timedelta(hours=2)
    one_in: Duration = timedelta(days=7)
    times: float = Field(default=1.4, ge=1, le=10)
    margin: Duration = timedelta(minutes=30)
    least: Duration = timedelta(hours=2, minutes=45)
    most: Duration = timedelta(hours=10)
    night_from: TimeOfDay = "23:00"
    night_to: TimeOfDay = "06:00"
    night_extra: Duration = timedelta(hours=1, minutes=30)


class Learned(NamedTuple):
    """The limit in milliseconds; the usual in minutes, None where too little is known."""

    limit: int
    usual: int | None


def learned(silences: list[Silence], since_day: int, at: int, zone: str, parameters: SilenceParameters) -> Learned:
    """What holds for a silence that begins at a moment, in milliseconds. `since_day`: the local day on which learning began."""
    usual = _usual(silences, since_day, at, zone, parameters)
    limit = parameters.until_learned // MILLISECOND
    if usual is not None:
        limit = round(parameters.times * usual * MINUTE_MS) + parameters.margin // MILLISECOND
    if minutes_into(at, zone, parameters.night_from, parameters.night_to) is not None:
        limit += parameters.night_extra // MILLISECOND
    least, most = parameters.least // MILLISECOND, parameters.most // MILLISECOND
    return Learned(min(max(limit, least), most), None if usual is None else round(usual))


def _usual(silences: list[Silence], since_day: int, at: int, zone: str, parameters: SilenceParameters) -> float | None:
    day, minute, _ = local(at, zone)
    known_for = min((day - since_day) * _DAY, parameters.remember_for)
    if known_for < parameters.learn_for:
        return None
    count = ceil(known_for / parameters.one_in)
    oldest, around = _oldest(day, parameters), parameters.around // _MINUTE
    near = [length for begun, length in silences if begun >= oldest and _apart(begun % DAY_MINUTES, minute) <= around]
    return sum(sorted(near)[-count:]) / count


def _oldest(day: int, parameters: SilenceParameters) -> int:
    return day * DAY_MINUTES - parameters.remember_for // _MINUTE


def _apart(one: int, other: int) -> int:
    """Minutes between two times of day, the shorter way round."""
    apart = abs(one - other)
    return min(apart, DAY_MINUTES - apart)


def remembered(
    silences: list[Silence], began: int, ended: int, zone: str, parameters: SilenceParameters
) -> list[Silence]:
    """With one more silence, in milliseconds. One longer than `most` counts as that long: an absence must not raise every limit
    for weeks. Of each hour of the day twice as many are kept as are used, so that enough are left when the oldest go."""
    length = min(ended - began, parameters.most // MILLISECOND) // MINUTE_MS
    day, minute, _ = local(began, zone)
    oldest = _oldest(day, parameters)
    kept = [one for one in silences if one[0] >= oldest] + [[day * DAY_MINUTES + minute, length]]
    same_hour = [one for one in kept if one[0] % DAY_MINUTES // 60 == minute // 60]
    if len(same_hour) > 2 * ceil(parameters.remember_for / parameters.one_in):
        kept.remove(min(same_hour, key=lambda one: one[1]))
    return kept
