"""Times of day as people write them in a rulebook, and whether a moment of a home lies in its night. Pure."""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator

from rules_engine.local_time import DAY_MINUTES, MINUTE_MS, local

_FORM = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")


def _time_of_day(text: Any) -> str:
    # Without quotes YAML reads 22:00 as the number 1320.
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise ValueError(f'a time of day is written in quotes, such as "22:00" or "06:30", not {text!r}')
    return text


TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


@lru_cache(maxsize=1440)
def minute_of(time_of_day: str) -> int:
    """`22:00` -> 1320."""
    return int(time_of_day[:2]) * 60 + int(time_of_day[3:])


def minutes_past(minute: int, night_from: str, night_to: str) -> int | None:
    """How many minutes of the night had passed at a minute of the local day, None by day. One that ends when it begins
    lasts all day.

    22:00 ─────────── 02:10 ─────── 06:00        02:10 is 250 minutes into the night
    """
    start = minute_of(night_from)
    passed = (minute - start) % DAY_MINUTES
    length = (minute_of(night_to) - start) % DAY_MINUTES or DAY_MINUTES
    return passed if passed < length else None


def minutes_into(at_ms: int, timezone: str, night_from: str, night_to: str) -> int | None:
    """The same of a moment, in milliseconds since 1970, in the home's zone."""
    return minutes_past(local(at_ms, timezone).minute, night_from, night_to)


def is_same_night(before_ms: int, now_ms: int, timezone: str, night_from: str, night_to: str) -> bool:
    """Whether it is night now, and still the night in which `before_ms` lay."""
    passed = minutes_into(now_ms, timezone, night_from, night_to)
    return passed is not None and now_ms - before_ms <= (passed + 1) * MINUTE_MS
