"""BLU devices, heard by a Shelly near them: as components of the gateway, or as a script tells their BTHome adverts. Pure."""

from collections.abc import Mapping
from typing import Any

from carebell.types import Kind
from devices.coercion import flag, number
from devices.dialect import Fact, Message
from devices.dialects.shelly_bthome import unpacked
from devices.dialects.shelly_frames import pressed
from devices.facts import alive, event, level, other, sample

_PRESSES = {1: "single", 2: "double", 3: "triple", 4: "long", 5: "other", 6: "other", 128: "hold", 254: "hold"}
_LIST_LIMIT = 16
_WINDOW_S = 600
# The number of a BTHome object: what its value says. 1 of `safety` means safe, so that it is left out.
_SAMPLES_BY_ID = {
    0x01: Kind.BATTERY,
    0x02: Kind.TEMPERATURE,
    0x03: Kind.HUMIDITY,
    0x12: Kind.CO2,
    0x2E: Kind.HUMIDITY,
    0x45: Kind.TEMPERATURE,
    0x57: Kind.TEMPERATURE,
    0x58: Kind.TEMPERATURE,
}
_FLAGS_BY_ID = {
    0x11: Kind.CONTACT,
    0x15: Kind.BATTERY_LOW,
    0x17: Kind.CO,
    0x1A: Kind.CONTACT,
    0x1B: Kind.CONTACT,
    0x1C: Kind.GAS,
    0x1D: Kind.HEAT,
    0x20: Kind.WATER,
    0x21: Kind.MOTION,
    0x23: Kind.PRESENCE,
    0x25: Kind.PRESENCE,
    0x26: Kind.SENSOR_FAULT,
    0x29: Kind.SMOKE,
    0x2B: Kind.TAMPER,
    0x2C: Kind.VIBRATION,
    0x2D: Kind.CONTACT,
}
_SAMPLES = {
    "battery": Kind.BATTERY,
    "temperature": Kind.TEMPERATURE,
    "humidity": Kind.HUMIDITY,
    "co2": Kind.CO2,
}
_FLAGS = {
    "window": Kind.CONTACT,
    "door": Kind.CONTACT,
    "garage_door": Kind.CONTACT,
    "opening": Kind.CONTACT,
    "problem": Kind.SENSOR_FAULT,
    "motion": Kind.MOTION,
    "occupancy": Kind.PRESENCE,
    "presence": Kind.PRESENCE,
    "vibration": Kind.VIBRATION,
    "tamper": Kind.TAMPER,
    "smoke": Kind.SMOKE,
    "carbon_monoxide": Kind.CO,
    "gas": Kind.GAS,
    "heat": Kind.HEAT,
    "water": Kind.WATER,
    "battery_low": Kind.BATTERY_LOW,
}


def of_component(family: str, status: Mapping[str, Any], lesson: Mapping[str, Any]) -> list[Fact]:
    """The status of a `bthomedevice` or a `bthomesensor`; a sensor's bare value means what the gateway taught of it."""
    if family == "bthomedevice":
        return sample(Kind.BATTERY, status.get("battery")) or [alive()]
    if "value" not in status:
        return [alive()]
    obj_id, value = number(lesson.get("obj_id")), status["value"]
    if obj_id in _SAMPLES_BY_ID:
        return sample(_SAMPLES_BY_ID[int(obj_id)], value) or [other(value)]
    is_on = flag(value)
    if obj_id in _FLAGS_BY_ID and is_on is not None:
        return [level(_FLAGS_BY_ID[int(obj_id)], is_on)]
    return [other(value, is_level=True)]


def of_advert(stated: Mapping[str, Any], message: Message) -> tuple[str, list[Fact]] | None:
    """The address of a BLU device and what it said; None where the object is no advert.

    Its packet number goes round after 255, so that it is an identity for minutes only.
    """
    named = {str(key).casefold(): value for key, value in list(_opened(stated).items())[:64]}
    mac = named.get("address") or named.get("addr") or named.get("mac")
    if not isinstance(mac, str) or not mac or len(mac) > 32:
        return None
    packet = number(named.get("pid", named.get("packet_id")))
    window = int(message.received_at.timestamp() // _WINDOW_S)
    message_id = "" if packet is None else f"{packet}/{window}"
    facts = _presses(named.get("button"), message_id)
    for name, kind in _SAMPLES.items():
        for channel, value in _each(named.get(name)):
            facts += sample(kind, value, channel=channel)
    for name, kind in _FLAGS.items():
        for channel, value in _each(named.get(name)):
            is_on = flag(value)
            facts += [] if is_on is None else [level(kind, is_on, channel=channel)]
    if named.get("encryption") is True and not facts:
        facts = [other("encrypted", channel="bthome")]
    return mac.lower(), facts or [alive()]


def _each(stated: Any) -> list[tuple[str, Any]]:
    """One value, or a list where the device has several objects of a kind."""
    if not isinstance(stated, list):
        return [("", stated)]
    return [(str(index), value) for index, value in enumerate(stated[:_LIST_LIMIT])]


def _opened(stated: Mapping[str, Any]) -> Mapping[str, Any]:
    """The advert in the envelope of ioBroker's script: who sent it beside what it said, as an object or as its bytes."""
    source, payload = stated.get("srcBle"), stated.get("payload")
    if not isinstance(source, dict) or not isinstance(payload, dict | str):
        return stated
    said = unpacked(payload) if isinstance(payload, str) else payload
    return {**said, "address": source.get("mac") or said.get("address")}


def _presses(stated: Any, message_id: str) -> list[Fact]:
    """One code a button, or a list with one for each; 0 is none."""
    codes = stated if isinstance(stated, list) else [stated]
    facts: list[Fact] = []
    for index, code in enumerate(codes[:_LIST_LIMIT]):
        about = {"channel": str(index), "message_id": message_id}
        gesture = _PRESSES.get(int(number(code) or 0))
        named = pressed(code, **about) if isinstance(code, str) else None
        if gesture is not None:
            facts.append(event(Kind.BUTTON, gesture, **about))
        elif named is not None:
            facts.append(named)
    return facts
