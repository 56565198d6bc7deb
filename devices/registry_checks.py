"""What each value of a home must be like. A check raises ValueError, with what to write in its place."""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from carebell.types import Kind
from devices.binding import GESTURES_OF
from devices.confirm import LAMP, SIREN
from devices.ecosystems import BY_NAME
from devices.registry_hours import check_hours
from devices.registry_settings import check_settings

Path = tuple[str | int, ...]
MAX_ID_LENGTH = 64
MAX_TEXT_LENGTH = 10_000
MAX_GESTURE_LENGTH = 200
_FIRST_DAY, _LAST_DAY = date(1990, 1, 1), date(2199, 12, 31)
_PHONE_HINT = "write digits with spaces or -, perhaps with + in front (format the cells of a spreadsheet as text)"
_ZONE_HINT = ", write a name such as 'Asia/Shanghai'"
_PHONE = re.compile(r"\+?[0-9(][0-9 ()\-]{1,31}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Unfit(ValueError):
    """Values that do not fit. `places`: the path to each field inside its record, and what is wrong with it, in words."""

    def __init__(self, places: Sequence[tuple[Path, str]]) -> None:
        self.places = tuple(places)
        super().__init__("; ".join(said for _, said in places))


def closest(word: str, words: Sequence[str]) -> str:
    """`, did you mean …?` where there is something alike, else nothing; nor where looking would take minutes."""
    if len(word) > MAX_ID_LENGTH or len(words) > 1000:
        return ""
    by_lower = {known.lower(): known for known in words}
    found = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.7)
    return f", did you mean {by_lower[found[0]]!r}?" if found else ""


def _check_id(text: str) -> None:
    """An id is one level of an MQTT topic and one segment of a URL."""
    if not 1 <= len(text) <= MAX_ID_LENGTH:
        raise ValueError(f"an id needs 1 to {MAX_ID_LENGTH} characters, this one has {len(text)}")
    if text.isascii() and text.replace("-", "").replace("_", "").isalnum():
        return  # nearly all; every home that is read is checked
    for character in text:
        is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") or ord(character) & 0xFFFE == 0xFFFE
        if character in "/+#" or character.isspace() or is_hidden:
            raise ValueError(f"an id cannot have {character!r} in it, as {text!r} has; use letters, digits, - and _")
    if text in (".", ".."):
        raise ValueError(f"an id cannot be {text!r}; use letters, digits, - and _")


def _unless_empty(check: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: check(text) if text else None


def _unless_none(check: Callable[[str], None]) -> Callable[[str | None], None]:
    return lambda text: None if text is None else check(text)


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(f"at most {MAX_TEXT_LENGTH} characters, this has {len(text)}; make it shorter")
    if text.isprintable():
        return
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            raise ValueError(f"text cannot have the control character {character!r} in it; take it away")


def _check_name(text: str) -> None:
    _check_text(text)
    if not text.strip():
        raise ValueError("a name cannot be blank; write it")


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _check_timezone(name: str) -> None:
    if name not in _zones():
        raise ValueError(f"there is no time zone {name!r}{closest(name, sorted(_zones())) or _ZONE_HINT}")


def _check_language(tag: str) -> None:
    if not _LANGUAGE.fullmatch(tag):
        raise ValueError(f"{tag!r} is not a language tag; write one such as 'zh-CN' or 'en'")


def _check_phones(phones: Sequence[str]) -> None:
    for phone in phones:
        if not _PHONE.fullmatch(phone) or sum(map(str.isdigit, phone)) < 3:
            raise ValueError(f"{phone!r} is not a phone number; {_PHONE_HINT}")


def _check_email(text: str) -> None:
    _check_text(text)
    if not _EMAIL.fullmatch(text):
        raise ValueError(f"{text!r} is not an email address; write one such as 'li@example.org'")


def _check_webhook(text: str) -> None:
    _check_text(text)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, text)):
        raise ValueError(f"{text!r} is not a web address; write one such as 'https://example.org/hook'")


def _check_between(lowest: int, highest: int, number: int | None) -> None:
    if number is not None and not lowest <= number <= highest:
        raise ValueError(f"{number} is not between {lowest} and {highest}; write one that is")


def _check_interval(length: timedelta | None) -> None:
    if length is not None and (not timedelta(seconds=1) <= length <= timedelta(days=366) or length.microseconds % 1000):
        raise ValueError("an interval is between 1s and 366d, in whole milliseconds; write one such as 25h")


def _check_languages(tags: Sequence[str]) -> None:
    for tag in tags:
        _check_language(tag)


def _check_day(day: date | None) -> None:
    if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
        raise ValueError(f"{day} is not between {_FIRST_DAY} and {_LAST_DAY}; mend the year")


def _check_days(days: Sequence[date]) -> None:
    for day in days:
        _check_day(day)


def _check_one_of(words: Sequence[str], what: str, word: str) -> None:
    if word not in words:
        raise ValueError(f"there is no {what} {word!r}{closest(word, words) or ', write one of ' + ', '.join(words)}")


def _check_gesture(text: str | None) -> None:
    """A gesture or a channel, as the device writes it."""
    _check_text(text or "")
    if text is not None and (text != text.strip() or len(text) > MAX_GESTURE_LENGTH):
        raise ValueError(
            f"{text[:MAX_GESTURE_LENGTH]!r} has blanks around it or is too long; write what the device says"
        )


def _check_channel(text: str | None) -> None:
    if text == "":
        raise ValueError("a channel is not empty; leave it out where any will do")
    _check_gesture(text)


def _check_bindings(bindings: Sequence[Any]) -> None:
    for one in bindings:
        _check_name(one.kind)
        _check_gesture(one.gesture)
        _check_channel(one.channel)
        _unless_none(_check_name)(one.heard)


CHECKS: Mapping[str, Callable[[Any], None]] = {
    **dict.fromkeys(("home_id", "resident_id", "contact_id", "service_id", "device_id"), _check_id),
    **dict.fromkeys(("label", "address", "notes", "keys", "key_safe", "conditions", "medication"), _check_text),
    **dict.fromkeys(("consent_by", "relation", "vendor", "model", "description", "dialect", "place"), _check_text),
    "confirms": _check_text,
    "gateway_id": _unless_empty(_check_id),
    "name": _check_name,
    "timezone": _check_timezone,
    "language": _check_language,
    "languages": _check_languages,
    "hours": check_hours,
    "phones": _check_phones,
    "email": _unless_empty(_check_email),
    "webhook": _unless_empty(_check_webhook),
    "birth_year": partial(_check_between, 1880, 2100),
    "ability_level": partial(_check_between, 0, 4),
    "order": partial(_check_between, 0, 9999),
    "expected_every": _check_interval,
    **dict.fromkeys(("consent_on", "installed_on", "lent_on", "due_back_on", "returned_on"), _check_day),
    "battery_changes": _check_days,
    "bindings": _check_bindings,
    "gesture": _check_gesture,
    "channel": _check_channel,
    "heard": _unless_none(_check_name),
    "settings": check_settings,
}
# Words of which later versions may know more: whoever writes them is told, and what is kept stays readable.
WORD_CHECKS: Mapping[str, Callable[[Any], None]] = {
    "dialect": _unless_empty(partial(_check_one_of, list(BY_NAME), "dialect")),
    "kind": partial(_check_one_of, [kind.value for kind in Kind], "kind"),
    "heard": _unless_none(partial(_check_one_of, sorted(kind.value for kind in GESTURES_OF), "gesture that comes as")),
    "confirms": _unless_empty(partial(_check_one_of, [SIREN, LAMP], "confirms")),
}
