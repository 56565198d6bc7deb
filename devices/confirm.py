"""Telling the home: what a device is sent so that it shows that a call was heard, and what it says when it has.

A person who called needs to know that somebody heard it, and must not be frightened into a second fall: lights before
sounds, sounds at the lowest level, ten seconds at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

import orjson
from pydantic import JsonValue

from carebell.types import DeviceProfile

SIREN, LAMP = "siren", "lamp"
PAYLOAD_LIMIT = 65_536
_NATIVE = "native"
_NIGHT_BEGINS, _NIGHT_ENDS = 22, 7


class Signal(StrEnum):
    """What the home is told: that the call went out (short), that a person is coming (long)."""

    RECEIVED = "received"
    COMING = "coming"


class Stage(StrEnum):
    """How far a signal has come. `refused_by_device`: the device, or whoever carries it there, said no."""

    REQUESTED = "requested"
    ACCEPTED = "accepted_by_broker"
    SCHEDULED = "scheduled"
    REFUSED = "refused_by_device"
    CONFIRMED = "confirmed_by_device"

    @property
    def rank(self) -> int:
        return list(Stage).index(self)


@dataclass(frozen=True, slots=True)
class Publication:
    """One message to publish with QoS 1."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What would be said on `topic` when a signal has reached `stage`.

    `mentions`: texts that stand in the payload; `has`: values by their path in its JSON, the path empty for a payload that
    is the bare word; `holds`: a path that leads somewhere.
    """

    topic: str
    stage: Stage
    mentions: tuple[str, ...] = ()
    has: tuple[tuple[str, JsonValue], ...] = ()
    holds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to publish, and what to listen for meanwhile. `best` is the surest stage that can be hoped for."""

    publications: tuple[Publication, ...]
    echoes: tuple[Echo, ...] = ()
    best: Stage = Stage.ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A signal for one device. `id` computed, the same at every attempt; `is_quiet`: no sound now.

    `route`: the part of the topic before what is said, where only the device's own messages tell it (see confirm_routes).
    """

    id: str
    home_id: str
    device: DeviceProfile
    signal: Signal
    at: datetime
    who: str = ""
    is_quiet: bool = False
    route: str = ""

    @property
    def address(self) -> str:
        return self.device.address or self.device.device_id

    def in_home(self, dialect: str, rest: str) -> str:
        """A topic of a gateway of this home."""
        return f"carebell/{self.home_id}/{dialect}/{rest}"


def is_native(device: DeviceProfile) -> bool:
    """Whether it hears its own down topic; what is not known better is taken to."""
    return device.dialect in ("", _NATIVE)


def confirming(devices: tuple[DeviceProfile, ...], caller_id: str = "") -> tuple[DeviceProfile, ...]:
    """Those of a home that matter for telling it: what is there for that, and who called."""
    return tuple(device for device in devices if device.confirms or device.device_id == caller_id)


def is_quiet(at: datetime, timezone: str, *, is_sos: bool) -> bool:
    """At night nothing sounds, but for who pressed a button and is awake."""
    if is_sos:
        return False
    try:
        zone = ZoneInfo(timezone)
    except (OSError, ValueError, KeyError):
        zone = ZoneInfo("UTC")
    hour = at.astimezone(zone).hour
    return hour >= _NIGHT_BEGINS or hour < _NIGHT_ENDS


def is_echo(echo: Echo, payload: bytes) -> bool:
    """Whether a message on its topic is what was listened for. Never raises."""
    if len(payload) > PAYLOAD_LIMIT:
        return False
    text = payload.decode("utf-8", "replace")
    if not all(mention in text for mention in echo.mentions):
        return False
    try:
        content = orjson.loads(payload)
    except orjson.JSONDecodeError:
        content = text.strip()
    is_held = not echo.holds or _at(content, echo.holds) is not None
    return is_held and all(_is_same(_at(content, path), value) for path, value in echo.has)


def _is_same(found: JsonValue, value: JsonValue) -> bool:
    """1 is not true: a reply code is not a flag."""
    return type(found) is type(value) and found == value


def _at(content: JsonValue, path: str) -> JsonValue:
    for name in path.split(".") if path else ():
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.astimezone(UTC).timestamp() * 1000)
