"""When somebody may be called: `08:00-22:00` in the time of their home, several of them, also over midnight. Pure."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

_SPAN = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY = 24 * 60


def check_hours(hours: Sequence[str]) -> None:
    """Raises ValueError."""
    for span in hours:
        first, last = _minutes(span)
        if first == last:
            raise ValueError(f"{span!r} lasts no time; leave the hours out where every hour will do")


def is_within(hours: Sequence[str], at: datetime, timezone: str) -> bool:
    """Whether `at` (aware) lies in one of the hours, by the clock of the home; always where there are none."""
    local = at.astimezone(ZoneInfo(timezone))
    minute = local.hour * 60 + local.minute
    return not hours or any(_is_in(minute, *_minutes(span)) for span in hours)


def _is_in(minute: int, first: int, last: int) -> bool:
    return first <= minute < last if first < last else minute >= first or minute < last


def _minutes(span: str) -> tuple[int, int]:
    """Minutes of the day, the second not included."""
    found = _SPAN.fullmatch(span)
    if found is None:
        raise ValueError(f"{span!r} are no hours; write them such as 08:00-22:00")
    hour, minute, last_hour, last_minute = map(int, found.groups())
    first, last = hour * 60 + minute, last_hour * 60 + last_minute
    if first >= _DAY or last > _DAY:
        raise ValueError(f"{span!r}: a day has the hours 00:00 to 24:00")
    return first, last
