"""Durations as people write them in files: a number with its unit (`20s`, `1h30m`). A bare number is refused."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# `ms` goes before the units that it is written with.
_WORDS_ZH = (("ms", "毫秒"), ("s", "秒"), ("m", "分钟"), ("h", "小时"), ("d", "天"))
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+")


def parse_duration(text: Any) -> timedelta:
    """`1h30m` -> timedelta. Raises ValueError for anything without a unit."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not _WHOLE.fullmatch(text.strip()):
        raise ValueError(f"a duration needs a number and a unit, such as 20s, 5m, 25h or 2d, not {text!r}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise ValueError(f"this duration is too long: {text!r}") from None


def format_duration(length: timedelta) -> str:
    """The shortest way to write a duration that `parse_duration` reads back."""
    milliseconds = round(length.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def duration_zh(length: timedelta) -> str:
    """The same for people who read Chinese: 1小时30分钟."""
    text = format_duration(length)
    for unit, word in _WORDS_ZH:
        text = text.replace(unit, word)
    return text


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")]
