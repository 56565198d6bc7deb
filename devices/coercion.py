"""Values as ecosystems write them, in the one form that Carebell keeps. Pure; what cannot be read is None, never a guess.

Python's bool("FALSE") is true: nothing here or in a dialect calls bool() on a text.
"""

import math
from datetime import UTC, datetime

from pydantic import JsonValue

_TRUE = frozenset({"true", "1", "on", "online", "yes", "y", "open", "opened", "detected", "alarm", "active", "trigger"})
_FALSE = frozenset(
    {
        "false",
        "0",
        "off",
        "offline",
        "no",
        "n",
        "close",
        "closed",
        "clear",
        "cleared",
        "normal",
        "inactive",
        "idle",
        "none",
    }
)
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_SECONDS_UNTIL = 1e11


def word(value: JsonValue) -> str:
    """A scalar as it is compared: text without case and blanks; empty for nothing, a list or an object."""
    return "" if value is None or isinstance(value, dict | list) else str(value).strip().casefold()


def flag(value: JsonValue) -> bool | None:
    """The switch that a value plainly is; None where it is not plain."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return {0: False, 1: True, 255: True}.get(int(value)) if math.isfinite(value) and value == int(value) else None
    text = word(value)
    return True if text in _TRUE else False if text in _FALSE else None


def number(value: JsonValue) -> int | float | None:
    """A finite number, also where it is written as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(read):
        return None
    return int(read) if read.is_integer() and abs(read) < 1e15 else read


def moment(value: JsonValue) -> datetime | None:
    """A time in RFC 3339, seconds or milliseconds since 1970; None without a time zone or out of range."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value.strip())
            if at.tzinfo is None:
                return None
            at = at.astimezone(UTC)
        else:
            at = datetime.fromtimestamp(value if abs(value) < _SECONDS_UNTIL else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if _EARLIEST <= at <= _LATEST else None
