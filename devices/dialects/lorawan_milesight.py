"""Milesight: every model speaks one vocabulary, with a few tables of its own (VS373, GS524N, GS601). Pure.

Older codecs call the door of WS301 and the gas of GS101 `state`; the model, or what stands beside it, tells which it is.
VS373: trust `detection_status`; the flags of the regions are inverted between firmware versions and are not read, and
`lying_down` and `motionless` are no falls.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    RAISED,
    FieldMap,
    Frame,
    Reader,
    gesture,
    has,
    items,
    measure,
    percent,
    raised,
    rest,
    state,
    table,
    words,
)
from devices.facts import event, level

_MODEL = re.compile(
    r"\b(?:milesight|ursalink|(?:em|ws|vs|am|gs|ts|ct|ft|wts|wt|uc)[1-9]\d{2,3}[a-z]{0,2}|at101|ds3604|cth01)\b"
)
_SMOKE_CALM = tuple(rest(kind) for kind in (Kind.SENSOR_FAULT, Kind.BATTERY_LOW, Kind.TAMPER))
_LOW = replace(level(Kind.BATTERY_LOW, True), note=RAISED)
_SMOKE_EVENTS: Mapping[str, tuple[Fact, ...]] = {
    "alarm": (level(Kind.SMOKE, True),),
    # Silenced by somebody at the detector; the smoke is still there.
    "silent": (level(Kind.SMOKE, True),),
    "normal": (level(Kind.SMOKE, False), *_SMOKE_CALM),
    "low battery": (_LOW,),
    "failover": (replace(level(Kind.SENSOR_FAULT, True), note=RAISED),),
    "removed": (replace(level(Kind.TAMPER, True), note=RAISED),),
    "installed": (level(Kind.TAMPER, False),),
    "testing alarm with normal battery": (event(Kind.TEST, True),),
    "testing alarm with low battery": (event(Kind.TEST, True), _LOW),
}
_DETECTED: Mapping[str, tuple[Fact, ...]] = {
    "fall": (replace(level(Kind.FALL, True), note=RAISED),),
    "in_bed": (level(Kind.BED, True), rest(Kind.FALL)),
    "out_of_bed": (level(Kind.BED, False), rest(Kind.FALL)),
    "vacant": (level(Kind.PRESENCE, False), rest(Kind.FALL)),
    "normal": (level(Kind.PRESENCE, True), rest(Kind.FALL)),
}
_ALARMS: Mapping[tuple[str, str], Fact] = {
    ("fall", "alarm_triggered"): event(Kind.FALL, "detected"),
    ("fall", "alarm_deactivated"): event(Kind.FALL, "cleared"),
    ("fall", "alarm_ignored"): event(Kind.FALL, "cleared"),
    ("out_of_bed", "alarm_triggered"): level(Kind.BED, False),
    ("occupied", "alarm_triggered"): level(Kind.PRESENCE, True),
    ("vacant", "alarm_triggered"): level(Kind.PRESENCE, False),
}
_BURNING: Mapping[str, tuple[Fact, ...]] = {
    "burning alarm": (replace(level(Kind.HEAT, True), note=RAISED),),
    "burning alarm trigger": (replace(level(Kind.HEAT, True), note=RAISED),),
    "burning alarm release": (level(Kind.HEAT, False),),
    "burning alarm deactivation": (level(Kind.HEAT, False),),
}
_GAS_DETECTOR, _GAS_KEYS = re.compile(r"\bgs101\b"), frozenset({"life_remain", "valve", "relay"})
_DOOR = re.compile(r"\bws301\b|\bmcs\b")
_FAULTY = ("device fault", "device invalid", "sensor failure", "sensor failed")
_BUTTON = re.compile(r"(?:button|btn)_?(\d{1,2})(?:_event|_status|_state)?")


def _smoke(frame: Frame) -> Iterable[Fact]:
    """GS524N and GS534N: one word says what the detector is about."""
    if word(frame.values.get("type")) != "smoke sensor":
        return ()
    return _SMOKE_EVENTS.get(word(frame.values.get("event")), ())


def _radar_alarms(frame: Frame) -> Iterable[Fact]:
    """VS373: the alarms of the radar, and in a record of history the alarm itself."""
    for one in (*items(frame.values.get("events")), frame.values):
        found = _ALARMS.get((word(one.get("alarm_type")), word(one.get("alarm_status"))))
        if found is not None:
            yield found


def _burning(frame: Frame) -> Iterable[Fact]:
    """GS601: heat as of a fire, in words, as {"type": …} or as the object that is there."""
    stated = frame.values.get("temperature_alarm")
    if not isinstance(stated, dict):
        return _BURNING.get(_words(stated), ())
    keys = [_words(stated.get("type")), *(key.replace("_", " ") for key in stated if key.startswith("burning"))]
    return [fact for key in keys for fact in _BURNING.get(key, ())]


def _buttons(frame: Frame) -> Iterable[Fact]:
    """Switches with several buttons: `button_1: "short press"`, and `button_1: 1` for the one that was pressed."""
    for key, stated in frame.values.items():
        match = _BUTTON.fullmatch(key)
        if match:
            yield from gesture(channel=match.group(1), counts={"1": "single", "trigger": "single"})(stated)


def _probes(frame: Frame) -> Iterable[Fact]:
    """TS302: two probes, each of which measures or is a door."""
    for key, stated in frame.values.items():
        match = _PROBE.fullmatch(key)
        for fact in _PROBED[match.group(1)](stated) if match else ():
            yield replace(fact, channel=key[-1])


def _states(frame: Frame) -> list[Fact]:
    stated = frame.values.get("state")
    if _GAS_DETECTOR.search(frame.names) or not _GAS_KEYS.isdisjoint(frame.values):
        return words(Kind.GAS, ("abnormal", "alarm"), ("normal",))(stated)
    if _DOOR.search(frame.names) or "install" in frame.values:
        return words(Kind.CONTACT, ("open",), ("close", "closed"))(stated)
    return []


def _words(stated: JsonValue) -> str:
    return word(stated).replace("_", " ")


def _tampered(stated: JsonValue) -> list[Fact]:
    """GS601: {"type": "alarm trigger"}."""
    about = stated.get("type") if isinstance(stated, dict) else stated
    return raised(Kind.TAMPER, ("alarm trigger",), ("alarm deactivation",))(_words(about))


def _breath(frame: Frame) -> Iterable[Fact]:
    rate = number(frame.values.get("respiratory_rate"))
    if rate:
        yield replace(event(Kind.VITAL, rate), channel="respiratory_rate", unit="/min")


def _faults(stated: JsonValue) -> list[Fact]:
    """GS101: `alarm` is about the detector, not about gas."""
    said = word(stated)
    if said in _FAULTY:
        return [replace(level(Kind.SENSOR_FAULT, True), note=RAISED)]
    return [level(Kind.SENSOR_FAULT, False)] if said in ("device fault recovered", "sensor recover") else []


_MAGNET = state(Kind.CONTACT, ("open", "opened"), ("close", "closed"))
_PROBE = re.compile(r"(temperature|humidity|magnet)_chn[1-9]")
_PROBED: Mapping[str, Reader] = {
    "temperature": measure(Kind.TEMPERATURE),
    "humidity": measure(Kind.HUMIDITY),
    "magnet": _MAGNET,
}

_is_milesight = has(
    *(
        "detection_status",
        "magnet_status",
        "leakage_status",
        "button_event",
        "ipso_version",
        "tsl_version",
        "life_remain",
    )
)


def _is_detector(values: Mapping[str, JsonValue]) -> bool:
    """GS524N by its type, VS373 by its alarms: neither says anything else that tells it."""
    alarms = (*items(values.get("events")), values)
    return word(values.get("type")) == "smoke sensor" or any(
        {"alarm_type", "alarm_status"} <= one.keys() for one in alarms
    )


MAP = FieldMap(
    vendor="Milesight",
    named=_MODEL,
    tells=lambda values: _is_milesight(values) or _is_detector(values),
    rows={
        **dict.fromkeys(("battery", "batteryLevel"), percent),
        "temperature": measure(Kind.TEMPERATURE),
        "humidity": measure(Kind.HUMIDITY),
        "press": gesture(is_loud=True),
        "button": gesture(is_loud=True),
        "button_event": gesture(is_loud=True),
        "button_status": gesture(is_loud=True),
        "pir": state(Kind.MOTION, ("trigger", "triggered"), ("idle",)),
        "pir_status": state(Kind.MOTION, ("trigger", "triggered"), ("idle",)),
        "occupancy": state(Kind.PRESENCE, ("occupied",), ("vacant",)),
        "occupancy_status": state(Kind.PRESENCE, ("occupied",), ("vacant",)),
        **dict.fromkeys(("magnet_status", "magnet"), _MAGNET),
        "tamper_status": state(Kind.TAMPER, ("uninstalled", "uninstall", "triggered"), ("installed", "install")),
        "tamper_status_alarm": _tampered,
        "install": state(Kind.TAMPER, ("no",), ("yes",)),
        "leakage_status": state(Kind.WATER, ("leak", "leakage"), ("normal", "no leak")),
        "water_leak": state(Kind.WATER, ("leak",), ("normal", "no leak")),
        "gas_status": state(Kind.GAS, ("alarm",), ("normal",)),
        "low_battery": raised(Kind.BATTERY_LOW),
        "detection_status": table(_DETECTED),
        "alarm": _faults,
    },
    frames=(_smoke, _radar_alarms, _burning, _buttons, _probes, _breath, _states),
)
