"""The local time of a home, cheap enough to be asked for every reading: offsets are looked up once per quarter of an hour."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
DAY_MINUTES = 1440
# Offsets of all zones in use change at quarters of an hour only.
_QUARTER_MS = 15 * MINUTE_MS
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class LocalTime(NamedTuple):
    """`day`: local days since 1970-01-01; `minute`: of the local day, 0 to 1439; `weekday`: 0 is Monday."""

    day: int
    minute: int
    weekday: int


@lru_cache(maxsize=8192)
def _offset_minutes(quarter: int, timezone: str) -> int:
    try:
        zone = ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):
        return 0  # the registry checks names; a name it does not know must not silence a home
    at = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC)
    return round((at.astimezone(zone).utcoffset() or timedelta(0)) / timedelta(minutes=1))


def local(at_ms: int, timezone: str) -> LocalTime:
    """The local time of a moment, in milliseconds since 1970, in a zone such as Asia/Shanghai; UTC where it is unknown."""
    minutes = at_ms // MINUTE_MS + _offset_minutes(at_ms // _QUARTER_MS, timezone)
    day, minute = divmod(minutes, DAY_MINUTES)
    return LocalTime(day, minute, (day + _EPOCH_WEEKDAY) % 7)


def clock_text(at_ms: int, timezone: str) -> str:
    """The local time of day as people write it: 07:05."""
    minute = local(at_ms, timezone).minute
    return f"{minute // 60:02}:{minute % 60:02}"


def moment_text(at_ms: int, timezone: str) -> str:
    """The local day and time of day: 2026-03-01 07:05."""
    day = date.fromordinal(_EPOCH_ORDINAL + local(at_ms, timezone).day)
    return f"{day.isoformat()} {clock_text(at_ms, timezone)}"
