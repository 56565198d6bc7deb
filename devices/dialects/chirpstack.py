"""ChirpStack v4: `application/<application>/device/<devEui>/event/<what>`.

The address of a device is its devEui in small letters. A `txack` says that a gateway took the downlink, an `ack` that the
device confirmed it. Where the codec of a profile fails, presses arrive as bytes only; the log then says so, and it is a fault
of that device.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Decoded, DeviceRecord, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects.lorawan import (
    ID_LIMIT,
    Uplink,
    decoded_of,
    held_key,
    names_of,
    observed,
    parsed,
    released,
    section,
)
from devices.dialects.lorawan_rows import percent
from devices.facts import alive, event, level

NAME = "chirpstack"
ROOT = ""
FILTERS: tuple[str, ...] = ("application/#",)
_TAG_LIMIT = 10
_CODEC = "codec"


@dataclass(frozen=True, slots=True)
class _Heard:
    address: str
    body: Mapping[str, JsonValue]
    message: Message
    known: Known


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("application/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/")
    if len(parts) < 6 or parts[0] != "application" or parts[2] != "device":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "expected application/ID/device/DEVEUI/event/WHAT"),))
    address, branch = parts[3].strip().lower(), parts[4]
    if not address or len(address) > ID_LIMIT or not address.isprintable():
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no device"),))
    if branch == "command":
        return Decoded(device_id=address)
    read = _EVENTS.get(parts[5]) if branch == "event" and len(parts) == 6 else None
    if read is None:
        problem = Problem(Reason.UNKNOWN_TOPIC, f"no event that is known here: {'/'.join(parts[4:])[:64]}")
        return Decoded(device_id=address, problems=(problem,))
    body, failed = parsed(message)
    return replace(failed, device_id=address) if failed.problems else read(_Heard(address, body, message, known))


def _up(heard: _Heard) -> Decoded:
    """An uplink. Without an object there is no codec, and it says that the device lives."""
    body, info = heard.body, section(heard.body, "deviceInfo")
    tags = list(section(info, "tags").values())[:_TAG_LIMIT]
    record = heard.known.device(heard.address) or DeviceRecord()
    server = [word(body.get(key)) for key in ("deduplicationId", "time", "data")]
    uplink = Uplink(
        address=heard.address,
        values=section(body, "object") or _of_text(body.get("objectJSON")),
        names=names_of(record.vendor, record.model, info.get("deviceProfileName"), info.get("deviceName"), *tags),
        port=_whole(body.get("fPort")),
        identity=" ".join(server) if server[0] or server[1] else "",
        session=word(body.get("devAddr")),
        counter=_whole(body.get("fCnt")) or 0,
        stated_at=body.get("time"),
        receptions=body.get("rxInfo"),
    )
    decoded = decoded_of(uplink, heard.message, heard.known)
    key = held_key(heard.address, Kind.SENSOR_FAULT, _CODEC)
    if not uplink.values or heard.known.lesson(key) is None:
        return decoded
    mended = level(Kind.SENSOR_FAULT, False, channel=_CODEC)
    return replace(decoded, facts=(*decoded.facts, mended), lessons=(*decoded.lessons, Lesson(key, None)))


def _of_text(stated: JsonValue) -> Mapping[str, JsonValue]:
    """The object as version 3 may write it: JSON in a text."""
    try:
        found = orjson.loads(stated) if isinstance(stated, str) else None
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _whole(stated: JsonValue) -> int | None:
    read = number(stated)
    return read if isinstance(read, int) else None


def _join(heard: _Heard) -> Decoded:
    return released(heard.address, heard.known)


def _ack(heard: _Heard) -> Decoded:
    """The device confirmed a confirmed downlink, or did not."""
    return _of_downlink(heard, flag(heard.body.get("acknowledged")) is True)


def _txack(heard: _Heard) -> Decoded:
    """A gateway took the downlink; that says nothing of the device."""
    return _of_downlink(heard, "scheduled")


def _of_downlink(heard: _Heard, value: bool | str) -> Decoded:
    item = heard.body.get("queueItemId")
    correlation_id = item[:ID_LIMIT] if isinstance(item, str) else ""
    fact = event(Kind.DOWNLINK_ACK, value, correlation_id=correlation_id, message_id=_server_id(heard))
    return Decoded(device_id=heard.address, facts=(fact,))


def _server_id(heard: _Heard) -> str:
    stated = [
        word(heard.body.get(key)) for key in ("deduplicationId", "downlinkId", "queueItemId", "time", "acknowledged")
    ]
    return " ".join(stated).strip()[:ID_LIMIT]


def _status(heard: _Heard) -> Decoded:
    """The battery as LoRaWAN itself reports it, for every device."""
    body = heard.body
    is_known = not flag(body.get("externalPowerSource")) and not flag(body.get("batteryLevelUnavailable"))
    facts: list[Fact] = percent(body.get("batteryLevel")) if is_known else []
    dated = [replace(fact, observed_at=observed(body.get("time"), heard.message)) for fact in facts]
    return Decoded(device_id=heard.address, facts=tuple(dated or [alive()]))


def _log(heard: _Heard) -> Decoded:
    if word(heard.body.get("code")) != "uplink_codec":
        return Decoded(device_id=heard.address)
    fact = replace(level(Kind.SENSOR_FAULT, True, channel=_CODEC), note="its codec fails: presses arrive as bytes only")
    lesson = Lesson(held_key(heard.address, Kind.SENSOR_FAULT, _CODEC), {"by": "state"})
    return Decoded(device_id=heard.address, facts=(fact,), lessons=(lesson,))


def _location(heard: _Heard) -> Decoded:
    where = section(heard.body, "location")
    found = {key: read for key in ("latitude", "longitude") if (read := number(where.get(key))) is not None}
    facts = (event(Kind.POSITION, {**found}),) if len(found) == 2 else (alive(),)
    return Decoded(device_id=heard.address, facts=facts)


def _integration(heard: _Heard) -> Decoded:
    return Decoded(device_id=heard.address)


_EVENTS: Mapping[str, Callable[[_Heard], Decoded]] = {
    "up": _up,
    "join": _join,
    "ack": _ack,
    "txack": _txack,
    "status": _status,
    "log": _log,
    "location": _location,
    "integration": _integration,
}
