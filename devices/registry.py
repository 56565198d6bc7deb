"""The registry of homes: who lives where, whom to call, which devices are there. Values, their checks, and the port.

Personal data stays in here: ingest and rules see only `Home.profile`.
"""

import re
import unicodedata
import zoneinfo
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import cache, partial
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import JsonValue

from carebell.duration import Duration
from carebell.types import DeviceProfile, HomeProfile

MAX_ID_LENGTH = 64
MAX_TEXT_LENGTH = 10_000
_GATEWAY_HINT = "; add it with is_gateway: true"
_PHONE_HINT = "write digits with spaces or -, perhaps with + in front (format the cells of a spreadsheet as text)"
_ZONE_HINT = ", write a name such as 'Asia/Shanghai'"
_PHONE = re.compile(r"\+?[0-9(][0-9 ()\-]{1,31}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Role(StrEnum):
    """What a contact is to the home; the ladder of a rulebook names these."""

    FAMILY = "family"
    NEIGHBOUR = "neighbour"
    PROVIDER = "provider"
    HEALTH_CENTRE = "health_centre"
    DESK = "desk"


class _Checked:
    """A record that cannot be built with a value that a check in `CHECKS` refuses."""

    __slots__ = ()

    def __post_init__(self) -> None:
        found = []
        for field in fields(self):  # type: ignore[arg-type]
            try:
                if check := CHECKS.get(field.name):
                    check(getattr(self, field.name))
            except ValueError as refusal:
                found.append(f"{field.name}: {refusal}")
        if found:
            raise ValueError("; ".join(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident(_Checked):
    """A person who lives there. `ability_level` as in GB/T 42195-2022: 0 (able) to 4 (wholly dependent)."""

    resident_id: str
    name: str
    birth_year: int | None = None
    language: str = "zh-CN"
    ability_level: int | None = None
    notes: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(_Checked):
    """Whom to call; the lowest `order` first."""

    contact_id: str
    name: str
    relation: str = ""
    role: Role = Role.FAMILY
    phones: tuple[str, ...] = ()
    email: str = ""
    webhook: str = ""
    language: str = "zh-CN"
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(_Checked):
    """A device in a home; `gateway_id` names the gateway of the same home that it speaks through."""

    device_id: str
    model: str = ""
    place: str = ""
    gateway_id: str = ""
    is_gateway: bool = False
    is_sos: bool = False
    expected_every: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Home(_Checked):
    """One home. `keys` says where the keys are, `notes` what a helper at the door must know."""

    home_id: str
    label: str = ""
    timezone: str = "Asia/Shanghai"
    address: str = ""
    notes: str = ""
    keys: str = ""
    residents: tuple[Resident, ...] = ()
    contacts: tuple[Contact, ...] = ()
    devices: tuple[Device, ...] = ()

    def __post_init__(self) -> None:
        _Checked.__post_init__(self)
        found = _repeated("resident_id", [one.resident_id for one in self.residents])
        found += _repeated("contact_id", [one.contact_id for one in self.contacts])
        found += _repeated("device_id", [device.device_id for device in self.devices])
        known = {device.device_id: device.is_gateway for device in self.devices}
        for device in self.devices:
            refusal = gateway_refusal(device.device_id, device.gateway_id, known)
            found += [f"gateway_id of {device.device_id}: {refusal}"] if refusal else []
        if found:
            raise ValueError("; ".join(found))

    def profile(self, revision: int) -> HomeProfile:
        """What ingest and rules may know: no names, no addresses."""
        return HomeProfile(
            home_id=self.home_id,
            timezone=self.timezone,
            revision=revision,
            devices=tuple(
                DeviceProfile(
                    device_id=device.device_id,
                    model=device.model,
                    place=device.place,
                    gateway_id=device.gateway_id,
                    is_gateway=device.is_gateway,
                    is_sos=device.is_sos,
                    expected_every=device.expected_every,
                )
                for device in self.devices
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One change of one home. `before` is None where it was added, `after` is None where it was removed."""

    home_id: str
    revision: int
    at: datetime
    by: str
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None


class Registry(Protocol):
    """Where homes are kept. Revisions are global, rise with every changed home, and become visible in their order."""

    async def home(self, home_id: str) -> Home | None: ...

    async def homes(self, after: str = "", limit: int = 100) -> Sequence[Home]:
        """The next homes by id, beginning behind `after`."""
        ...

    async def put(self, homes: Sequence[Home], *, by: str, at: datetime) -> int:
        """Add or replace all of them or none; returns how many changed. Unchanged homes keep their revision."""
        ...

    async def remove(self, home_id: str, *, by: str, at: datetime) -> bool: ...

    async def changes(self, after: int, limit: int) -> Sequence[tuple[int, HomeProfile]]:
        """The newest state of each home that changed behind revision `after`, oldest change first."""
        ...

    async def audit(self, home_id: str) -> Sequence[AuditLine]:
        """Every change of a home, oldest first."""
        ...

    async def close(self) -> None: ...


def gateway_refusal(device_id: str, gateway_id: str, known: Mapping[str, bool]) -> str:
    """Why a device cannot speak through that gateway, "" where it can. `known`: device id -> is it a gateway."""
    if not gateway_id:
        return ""
    if gateway_id == device_id:
        return "a device is not its own gateway; leave gateway_id out"
    if gateway_id not in known:
        return f"this home has no device {gateway_id!r}{closest(gateway_id, list(known)) or _GATEWAY_HINT}"
    return "" if known[gateway_id] else f"device {gateway_id!r} is not a gateway; give it is_gateway: true"


def closest(word: str, words: Sequence[str]) -> str:
    """`, did you mean …?` where there is something alike, else nothing; nor where looking would take minutes."""
    if len(word) > MAX_ID_LENGTH or len(words) > 1000:
        return ""
    by_lower = {known.lower(): known for known in words}
    found = get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.7)
    return f", did you mean {by_lower[found[0]]!r}?" if found else ""


def _repeated(name: str, ids: Sequence[str]) -> list[str]:
    return [f"{name}: {one!r} is there more than once" for one, count in Counter(ids).items() if count > 1]


def _check_id(text: str) -> None:
    """An id is one level of an MQTT topic and one segment of a URL."""
    if not 1 <= len(text) <= MAX_ID_LENGTH:
        raise ValueError(f"an id needs 1 to {MAX_ID_LENGTH} characters, this one has {len(text)}")
    for character in text:
        is_hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs") or ord(character) & 0xFFFE == 0xFFFE
        if character in "/+#" or character.isspace() or is_hidden:
            raise ValueError(f"an id cannot have {character!r} in it, as {text!r} has; use letters, digits, - and _")
    if text in (".", ".."):
        raise ValueError(f"an id cannot be {text!r}; use letters, digits, - and _")


def _unless_empty(check: Callable[[str], None]) -> Callable[[str], None]:
    return lambda text: check(text) if text else None


def _check_text(text: str) -> None:
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError(f"at most {MAX_TEXT_LENGTH} characters, this has {len(text)}; make it shorter")
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


CHECKS: Mapping[str, Callable[[Any], None]] = {
    **dict.fromkeys(("home_id", "resident_id", "contact_id", "device_id"), _check_id),
    **dict.fromkeys(("label", "address", "notes", "keys", "relation", "model", "place"), _check_text),
    "gateway_id": _unless_empty(_check_id),
    "name": _check_name,
    "timezone": _check_timezone,
    "language": _check_language,
    "phones": _check_phones,
    "email": _unless_empty(_check_email),
    "webhook": _unless_empty(_check_webhook),
    "birth_year": partial(_check_between, 1880, 2100),
    "ability_level": partial(_check_between, 0, 4),
    "order": partial(_check_between, 0, 9999),
    "expected_every": _check_interval,
}
