"""The Things Stack v3: `v3/<application>@<tenant>/devices/<device>/<what>`.

The address of a device is the device id of the topic. What is empty or zero is left out by the server, so a missing counter is
the first frame of a session. `up/normalized` is the same uplink once more and is not read; what an uplink itself carries in the
server's own words is read where the device's words say nothing of the kind.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import flag, number, word
from devices.dialect import Decoded, DeviceRecord, Known, Message, Problem, Reason
from devices.dialects.lorawan import ID_LIMIT, Uplink, decoded_of, names_of, parsed, released, section
from devices.dialects.lorawan_rows import Reader, at, items, measure, percent, state, volts, words
from devices.facts import alive, event

NAME = "tts"
ROOT = ""
FILTERS: tuple[str, ...] = ("v3/#",)
# How the server's own components mark what passes through them; the rest of the list is ours.
_OF_THE_SERVER = ("as:", "gs:", "ns:", "rpc:", "js:", "is:", "pba:", "ncs:", "cs:", "webhook:")
_LIST_LIMIT = 50
# The server's own words, which formatters of vendors may give beside theirs.
_NORMALIZED: Mapping[str, Reader] = {
    "air.temperature": measure(Kind.TEMPERATURE),
    "air.relativeHumidity": measure(Kind.HUMIDITY),
    "air.co2": measure(Kind.CO2),
    "action.motion.detected": state(Kind.MOTION),
    "action.contactState": words(Kind.CONTACT, ("open",), ("closed",)),
    "water.leak": state(Kind.WATER),
    "battery": volts,
}


@dataclass(frozen=True, slots=True)
class _Heard:
    address: str
    body: Mapping[str, JsonValue]
    message: Message
    known: Known


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("v3/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/", 4)
    if len(parts) < 5 or parts[0] != "v3" or parts[2] != "devices":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "expected v3/APPLICATION@TENANT/devices/DEVICE/WHAT"),))
    address, what = parts[3].strip(), parts[4]
    if not address or len(address) > ID_LIMIT or not address.isprintable():
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no device"),))
    if what in _SILENT:
        return Decoded(device_id=address)
    read = _EVENTS.get(what)
    if read is None:
        problem = Problem(Reason.UNKNOWN_TOPIC, f"no message that is known here: {what[:64]}")
        return Decoded(device_id=address, problems=(problem,))
    body, failed = parsed(message)
    return replace(failed, device_id=address) if failed.problems else read(_Heard(address, body, message, known))


def _up(heard: _Heard) -> Decoded:
    """An uplink. Without a decoded payload there is no formatter, and it says that the device lives."""
    up = section(heard.body, "uplink_message")
    version = section(up, "version_ids")
    record = heard.known.device(heard.address) or DeviceRecord()
    counter = number(up.get("f_cnt"))
    port = number(up.get("f_port"))
    uplink = Uplink(
        address=heard.address,
        values=section(up, "decoded_payload"),
        names=names_of(record.vendor, record.model, version.get("brand_id"), version.get("model_id"), heard.address),
        port=port if isinstance(port, int) else None,
        # A zero is left out: without a number the time of the server is no identity either, for a retry has another.
        identity=word(up.get("received_at") or heard.body.get("received_at")) if counter else "",
        session=word(up.get("session_key_id")) or word(section(heard.body, "end_device_ids").get("dev_addr")),
        counter=counter if isinstance(counter, int) else 0,
        stated_at=up.get("received_at") or heard.body.get("received_at"),
        receptions=up.get("rx_metadata"),
    )
    decoded = _with_normalized(decoded_of(uplink, heard.message, heard.known), up.get("normalized_payload"))
    if flag(heard.body.get("simulated")):
        return _tried(decoded)
    if any(fact.kind == Kind.BATTERY for fact in decoded.facts):
        return decoded
    # LoRaWAN's own report of the battery, which the server adds to every uplink.
    battery = percent(section(up, "last_battery_percentage").get("value"))
    return replace(decoded, facts=(*decoded.facts, *battery))


def _tried(decoded: Decoded) -> Decoded:
    """Somebody tries it at the console. The device itself is not being tested: its next press is a call, what it called for
    is not over, and nothing is learnt that could hide a call of it."""
    tried = [replace(fact, is_test=fact.kind in URGENT_KINDS) for fact in decoded.facts if fact.value != "cleared"]
    return replace(decoded, facts=tuple(tried), lessons=())


def _with_normalized(decoded: Decoded, stated: JsonValue) -> Decoded:
    """With what the server's own words add to those of the device."""
    known, first = {fact.kind for fact in decoded.facts}, decoded.facts[0]
    read = [
        fact for one in items(stated)[:_LIST_LIMIT] for path, row in _NORMALIZED.items() for fact in row(at(one, path))
    ]
    added = {fact.kind: fact for fact in reversed(read) if fact.kind not in known}
    dated = [replace(one, message_id=first.message_id, observed_at=first.observed_at) for one in added.values()]
    return replace(decoded, facts=(*decoded.facts, *dated))


def _join(heard: _Heard) -> Decoded:
    return released(heard.address, heard.known)


def _downlink(field: str, value: bool | str) -> Callable[[_Heard], Decoded]:
    def read(heard: _Heard) -> Decoded:
        about = section(heard.body, field)
        correlation_id = _ours(section(about, "downlink")) or _ours(about) or _ours(heard.body)
        return Decoded(device_id=heard.address, facts=(event(Kind.DOWNLINK_ACK, value, correlation_id=correlation_id),))

    return read


def _ours(about: Mapping[str, JsonValue]) -> str:
    """The first correlation id that no component of the server added."""
    stated = about.get("correlation_ids")
    listed = [one for one in (stated if isinstance(stated, list) else [])[:_LIST_LIMIT] if isinstance(one, str)]
    return next((one[:ID_LIMIT] for one in listed if not one.startswith(_OF_THE_SERVER)), "")


def _location(heard: _Heard) -> Decoded:
    where = section(heard.body, "location_solved.location")
    found = {key: read for key in ("latitude", "longitude") if (read := number(where.get(key))) is not None}
    facts = (event(Kind.POSITION, {**found}),) if len(found) == 2 else (alive(),)
    return Decoded(device_id=heard.address, facts=facts)


_SILENT = frozenset({"up/normalized", "down/push", "down/replace", "service/data"})
_EVENTS: Mapping[str, Callable[[_Heard], Decoded]] = {
    "up": _up,
    "join": _join,
    # Waiting at the server, and sent to a gateway: neither says that the device heard it.
    "down/queued": _downlink("downlink_queued", "scheduled"),
    "down/sent": _downlink("downlink_sent", "scheduled"),
    "down/ack": _downlink("downlink_ack", True),
    "down/nack": _downlink("downlink_nack", False),
    "down/failed": _downlink("downlink_failed", False),
    "location/solved": _location,
}
