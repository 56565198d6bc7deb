"""Milesight: every model speaks one vocabulary, with a few tables of its own (VS373, GS524N, GS601). Pure.

Older codecs call the door of WS301 and the gas of GS101 `state`; the model, or what stands beside it, tells which it is.
VS373: trust `detection_status`; the flags of the regions are inverted between firmware versions and are not read, and
`lying_down` and `motionless` are no falls. Its codecs write "in bed" or "in_bed", an alarm in `events` or as `fall_alarm`,
and words or their numbers (RAW_VALUE).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

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
    nothing,
    percent,
    raised,
    rest,
    state,
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
# The numbers that stand for these words where a codec is set to write numbers.
_DETECTED_RAW: Mapping[str, str] = {"0": "normal", "1": "vacant", "2": "in_bed", "3": "out_of_bed", "4": "fall"}
_ALARMS_RAW: Mapping[str, str] = {"0": "fall", "3": "out_of_bed", "4": "occupied", "5": "vacant"}
_STANDS_RAW: Mapping[str, str] = {"1": "alarm_triggered", "2": "alarm_deactivated", "3": "alarm_ignored"}
_ALARM_KEYS = ("fall_alarm", "out_of_bed_alarm", "occupied", "vacant", "0")
_RADAR = re.compile(r"\bvs373\b")
_PRESS = gesture(counts={"1": "single", "2": "long", "3": "double"}, is_loud=True)
_PANEL = re.compile(r"\bws1(?:36|56|x6)\b")
_BURNING: Mapping[str, tuple[Fact, ...]] = {
    **dict.fromkeys(("burning alarm", "burning alarm trigger", "33"), (replace(level(Kind.HEAT, True), note=RAISED),)),
    **dict.fromkeys(("burning alarm release", "burning alarm deactivation", "32"), (level(Kind.HEAT, False),)),
}
_GAS_DETECTOR, _GAS_KEYS = re.compile(r"\bgs101\b"), frozenset({"life_remain", "valve", "relay"})
_DOOR = re.compile(r"\bws301\b|\bmcs\b")
_FAULTY = ("device fault", "device invalid", "sensor failure", "sensor failed")
_TEXT_LIMIT = 256
_BUTTON = re.compile(r"(?:button|btn)_?(\d{1,2})(?:_event|_status|_state)?")


def _smoke(frame: Frame) -> Iterable[Fact]:
    """GS524N and GS534N: one word says what the detector is about."""
    if word(frame.values.get("type")) != "smoke sensor":
        return ()
    return _SMOKE_EVENTS.get(word(frame.values.get("event")), ())


def _radar_alarms(frame: Frame) -> Iterable[Fact]:
    """VS373: the alarms of the radar, and in a record of history the alarm itself."""
    for one in (*items(frame.values.get("events")), frame.values):
        kind, stands = (_joined(one.get(key)) for key in ("alarm_type", "alarm_status"))
        if "alarm_id" in one or _RADAR.search(frame.names):
            kind, stands = _ALARMS_RAW.get(kind, kind), _STANDS_RAW.get(stands, stands)
        found = _ALARMS.get((kind.removesuffix("_alarm"), stands))
        if found is not None:
            yield found


def _named_alarms(frame: Frame) -> Iterable[Fact]:
    """VS373: `fall_alarm: {"alarm_id": "4, 5", "alarm_status": "2, 1"}`, all that was raised and ended since the last frame."""
    for key in _ALARM_KEYS:
        stated = frame.values.get(key)
        if not _is_alarm(stated):
            continue
        kind = _ALARMS_RAW.get(key, key).removesuffix("_alarm")
        listed = [_joined(one) for one in word(stated.get("alarm_status"))[:_TEXT_LIMIT].split(",")]
        # A fall that ended beside another is still a call; of what goes on, the last word counts.
        for one in listed if kind == "fall" else listed[-1:]:
            found = _ALARMS.get((kind, _STANDS_RAW.get(one, one)))
            if found is not None:
                yield found


def _is_alarm(stated: JsonValue) -> TypeGuard[dict[str, JsonValue]]:
    return isinstance(stated, dict) and "alarm_status" in stated


def _detected(frame: Frame) -> Iterable[Fact]:
    """VS373. VS321 says under the same key whether its detection works: "normal", or 0."""
    said = _joined(frame.values.get("detection_status"))
    if "target_status" in frame.values or _RADAR.search(frame.names):
        said = _DETECTED_RAW.get(said, said)
    elif said == "normal":
        # Of either it says that nobody lies there: without that a second fall were no news.
        return (rest(Kind.FALL),)
    return _DETECTED.get(said, ())


def _burning(frame: Frame) -> Iterable[Fact]:
    """GS601: heat as of a fire, in words, as {"type": …} or as the object that is there."""
    stated = frame.values.get("temperature_alarm")
    if not isinstance(stated, dict):
        return _BURNING.get(_words(stated), ())
    keys = [_words(stated.get("type")), *(key.replace("_", " ") for key in stated if key.startswith("burning"))]
    return [fact for key in keys for fact in _BURNING.get(key, ())]


def _buttons(frame: Frame) -> Iterable[Fact]:
    """Switches with several buttons: `button_1: "short press"`, and `button_1: 1` for the one that was pressed. The number under
    `button` is that of the key of a panel, and the gesture of a single button."""
    stated = frame.values.get("button")
    if _PANEL.search(frame.names) and number(stated) is not None:
        yield event(Kind.BUTTON, "single", channel=word(stated)[:2])
    else:
        yield from _PRESS(stated)
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


def _joined(stated: JsonValue) -> str:
    return word(stated).replace(" ", "_")


def _tampered(stated: JsonValue) -> list[Fact]:
    """GS601: {"type": "alarm trigger"}."""
    about = stated.get("type") if isinstance(stated, dict) else stated
    return raised(Kind.TAMPER, ("alarm trigger", "33"), ("alarm deactivation", "32"))(_words(about))


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
    if word(values.get("type")) == "smoke sensor" or any(_is_alarm(values.get(key)) for key in _ALARM_KEYS):
        return True
    return any({"alarm_type", "alarm_status"} <= one.keys() for one in alarms)


MAP = FieldMap(
    vendor="Milesight",
    named=_MODEL,
    tells=lambda values: _is_milesight(values) or _is_detector(values),
    rows={
        **dict.fromkeys(("battery", "batteryLevel"), percent),
        "temperature": measure(Kind.TEMPERATURE),
        "humidity": measure(Kind.HUMIDITY),
        **dict.fromkeys(("press", "button_event", "button_status"), _PRESS),
        # Read with the name of the model.
        "button": nothing,
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
        "alarm": _faults,
    },
    frames=(_smoke, _detected, _radar_alarms, _named_alarms, _burning, _buttons, _probes, _breath, _states),
)
