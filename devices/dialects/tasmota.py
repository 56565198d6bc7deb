"""Tasmota with Zigbee2Tasmota: `tele/<topic>/SENSOR`, `stat/<topic>/RESULT` and the like, or with the prefix behind the topic.

The device is its topic; what it passes on from Zigbee or Bluetooth is of the device there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import tasmota_sensors as own
from devices.dialects import tasmota_zigbee as zigbee
from devices.dialects.native import cries
from devices.dialects.rtl_433_values import text_of
from devices.facts import alive, level, other

NAME = "tasmota"
ROOT = ""
FILTERS: tuple[str, ...] = ()
_PREFIXES = frozenset({"tele", "stat", "cmnd"})
_DISCOVERY = "tasmota/discovery/"
_ID_LIMIT = 200
# What it says of itself: that it lives.
_OF_ITSELF = re.compile(r"STATE|STATUS([1-79]|1[1-9])?|INFO\d?|POWER\d*|UPTIME|HEARTBEAT|MARGINS|EVENT")
_SPOKEN_TO_PEOPLE = frozenset({"LOGGING", "LOG"})
_OBJECTS = re.compile(r"SENSOR|RESULT|STATUS(0|8|10)")
_BY_RULES = {"PIR": Kind.MOTION, "MOTION": Kind.MOTION, "LEAK": Kind.WATER}
_INPUT = re.compile(r"(SWITCH|BUTTON)\d{0,2}")


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(_DISCOVERY) or _parted(topic) is not None


def _parted(topic: str) -> tuple[str, str, str] | None:
    """Prefix, the device's topic and the last level; in either order of prefix and topic."""
    levels = topic.split("/")
    if len(levels) < 3:
        return None
    if levels[0] in _PREFIXES:
        return levels[0], "/".join(levels[1:-1])[:_ID_LIMIT], levels[-1]
    if levels[-2] in _PREFIXES:
        return levels[-2], "/".join(levels[:-2])[:_ID_LIMIT], levels[-1]
    return None


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    if message.topic.startswith(_DISCOVERY):
        device_id = message.topic[len(_DISCOVERY) :].partition("/")[0][:_ID_LIMIT]
        return Decoded(device_id=device_id, facts=(Fact(kind=Kind.DISCOVERY, value=True),))
    parted = _parted(message.topic)
    if parted is None:
        problem = Problem(Reason.UNKNOWN_TOPIC, "expected tele/TOPIC/… or stat/TOPIC/…, or the prefix behind the topic")
        return Decoded(problems=(problem,))
    prefix, device_id, last = parted
    kind = last.upper()
    if prefix == "cmnd":
        return Decoded(device_id=device_id, facts=tuple(_pressed(message.payload, last)))
    if kind in _SPOKEN_TO_PEOPLE:
        return Decoded(device_id=device_id)
    if kind == "LWT":
        return _availability(message, device_id)
    if _OF_ITSELF.fullmatch(kind):
        return Decoded(device_id=device_id, facts=(alive(),), signal=_by_wifi(message.payload))
    return _said(message, device_id, last, known)


def _pressed(payload: bytes, last: str) -> list[Fact]:
    """A button with a `ButtonTopic` speaks as one who commands. Our own commands are other words."""
    said = payload[:16].decode("utf-8", "replace").strip().upper()
    is_press = last.upper().startswith("POWER") and said in ("TOGGLE", "HOLD")
    return own.input_of("Button", said, is_state=False) if is_press else []


def _by_wifi(payload: bytes) -> int | float | None:
    """How well its Wi-Fi is heard, in dBm; its `RSSI` is a percentage."""
    read, _ = _read(payload, is_object=True)
    state = read.get("StatusSTS", read) if isinstance(read, dict) else None
    wifi = state.get("Wifi") if isinstance(state, dict) else None
    strength = number(wifi.get("Signal")) if isinstance(wifi, dict) else None
    return strength if strength is not None and strength < 0 else None


def _by_radio(body: Mapping[str, JsonValue], facts: Sequence[Fact]) -> int | float | None:
    """How well the gateway hears the one device that a message is about; of several, of none."""
    inner = body.get("ZbReceived")
    spoken: Mapping[str, JsonValue] = inner if isinstance(inner, dict) else body
    parts = [spoken, *islice((one for one in spoken.values() if isinstance(one, dict)), 100)]
    heard = [one.get("LinkQuality", one.get("RSSI")) for one in parts if {"LinkQuality", "RSSI"} & one.keys()]
    addresses = {fact.sub_device for fact in facts}
    is_gone = any(fact.kind == Kind.AVAILABILITY and fact.value == "offline" for fact in facts)
    is_told = len(heard) == len(addresses) == 1 and "" not in addresses and not is_gone
    return number(heard[0]) or None if is_told else None


def _availability(message: Message, device_id: str) -> Decoded:
    is_online = flag(message.payload[:64].decode("utf-8", "replace"))
    if is_online is None:
        return Decoded(device_id=device_id, problems=(Problem(Reason.BAD_VALUE, "expected Online or Offline"),))
    return Decoded(device_id=device_id, facts=(level(Kind.AVAILABILITY, is_online),), is_gateway=True)


def _said(message: Message, device_id: str, last: str, known: Known) -> Decoded:
    read, problem = _read(message.payload, is_object=_OBJECTS.fullmatch(last.upper()) is not None)
    if problem is not None:
        return Decoded(device_id=device_id, facts=tuple(cries(message.payload)), problems=(problem,))
    if _INPUT.fullmatch(last.upper()):
        facts = own.input_of(last.capitalize(), read, is_state=False)
        return Decoded(device_id=device_id, facts=tuple(facts) or (alive(),))
    if not isinstance(read, dict):
        return Decoded(device_id=device_id, facts=(_by_a_rule(last[:64], text_of(read)),))
    return _object(read, device_id, last, known)


def _by_a_rule(last: str, said: str) -> Fact:
    """A rule of the installer publishes what it likes. Three names are in the documents; others need a binding."""
    is_on = flag(said)
    kind = _BY_RULES.get(last.rstrip("0123456789").upper())
    return other(said, channel=last) if kind is None or is_on is None else level(kind, is_on, channel=last)


def _read(payload: bytes, *, is_object: bool) -> tuple[JsonValue, Problem | None]:
    if len(payload) > PAYLOAD_LIMIT:
        return None, Problem(Reason.TOO_LARGE, f"{len(payload)} bytes; the limit is {PAYLOAD_LIMIT}")
    try:
        read = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        if is_object or payload[:1] in (b"{", b"["):
            return None, Problem(Reason.NOT_JSON, f"not JSON: {error}")
        return payload[:256].decode("utf-8", "replace").strip(), None
    if is_object and not isinstance(read, dict):
        return None, Problem(Reason.WRONG_SHAPE, "expected a JSON object")
    return read, None


def _object(read: Mapping[str, JsonValue], device_id: str, last: str, known: Known) -> Decoded:
    inner = read.get("StatusSNS")
    body: Mapping[str, JsonValue] = inner if isinstance(inner, dict) else read
    coded = own.radio(body)
    # One Bluetooth device on a topic of its own, or every sensor by its name.
    sensed = own.sensors({last: dict(body)} if "mac" in body or "MAC" in body else _wired(body))
    heard, troubles = _zigbee(body, known, device_id)
    told, lessons = _zigbee_status(body, known, device_id)
    facts = (
        *coded,
        *heard,
        *told,
        *own.inputs(body, is_state=last.upper() != "RESULT"),
        *own.for_bindings(body),
        *own.beacons(body),
        *sensed,
    )
    is_repeated = bool(coded) or any(fact.sub_device for fact in sensed)
    return Decoded(
        device_id=device_id,
        facts=facts or (alive(),),
        lessons=(*troubles, *lessons),
        is_repeated=is_repeated,
        signal=_by_radio(body, facts),
    )


def _wired(body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Without what is of Zigbee devices, whose words are others."""
    return {
        name: stated
        for name, stated in body.items()
        if not name.startswith("Zb") and not (isinstance(stated, dict) and zigbee.is_zigbee(stated))
    }


def _zigbee(body: Mapping[str, JsonValue], known: Known, gateway: str) -> tuple[list[Fact], list[Lesson]]:
    facts: list[Fact] = []
    lessons: list[Lesson] = []
    for name, device in _zigbee_devices(body, gateway):
        found, learnt = zigbee.received(name, device, known, gateway)
        facts += found
        lessons += learnt
    return facts, lessons


def _zigbee_devices(body: Mapping[str, JsonValue], gateway: str) -> Iterator[tuple[str, Mapping[str, JsonValue]]]:
    if "ZbReceived" in body:
        yield from zigbee.bodies(body["ZbReceived"])
    elif zigbee.is_zigbee(body):
        # SetOption119: the device stands in the topic only, or in the message itself.
        yield gateway.rpartition("/")[2], body
    else:
        yield from ((name, device) for name, device in zigbee.bodies(dict(body)) if zigbee.is_zigbee(device))


def _zigbee_status(body: Mapping[str, JsonValue], known: Known, gateway: str) -> tuple[list[Fact], list[Lesson]]:
    facts: list[Fact] = []
    lessons: list[Lesson] = []
    for key, stated in body.items():
        if not key.startswith(("ZbInfo", "ZbStatus")):
            continue
        listed = stated if isinstance(stated, list) else [stated]
        for one in listed[:100]:
            for name, device in zigbee.bodies(one):
                found, learnt = zigbee.told(name, device, known, gateway)
                facts += found
                lessons += learnt
    unreachable = body.get("ZbUnreachable")
    if isinstance(unreachable, dict):
        facts += [
            replace(level(Kind.AVAILABILITY, False), sub_device=zigbee.address_of(name, device))
            for name, device in zigbee.bodies(unreachable)
        ]
    return facts, lessons
