"""The words of thing models that mean the same nearly everywhere, for products without a mapping file. Pure.

An identifier is read only if every part of its name is known: `SosAlarmState` is a call, `sos_mode` a setting and
`fall_detection` a switch. Numbers whose scale differs by product (Tuya's `temp_current`, often ten times) need a mapping.
"""

import re
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.products import Meaning

_LONGEST = 64
# Only words say anything of it, numbers do not.
BARE = "bare"
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Says only that something is stated.
_PLAIN = frozenset(
    {
        *("alarm", "alert", "event", "state", "status", "flag", "report", "sensor"),
        *("detected", "trigger", "triggered", "happened", "occurred"),
    }
)
_PRESS = _PLAIN | frozenset(["button", "key", "press", "pressed", "call", "calling", "one"])
_NUMBER = frozenset(["value", "level", "now"])
_SUBJECTS: dict[str, tuple[str, ...]] = {
    Kind.SOS: ("sos", "panic", "emergency", "emergencyhelp", "soshelp", "distress", "callforhelp"),
    Kind.FALL: ("fall", "falldown", "fallen", "falling", "tumble", "tumbledown"),
    Kind.SMOKE: ("smoke", "fire", "smokefire"),
    Kind.CO: ("co", "carbonmonoxide", "monoxide"),
    Kind.GAS: ("gas", "gasleak", "gasleakage", "methane", "lpg", "combustiblegas", "naturalgas"),
    Kind.WATER: (
        *("water", "waterleak", "waterleakage", "waterleach", "leak", "leakage", "flood", "flooding"),
        *("waterimmersion", "immersion", "watersensor", "waterlogging", "waterdetector"),
    ),
    Kind.HEAT: ("heat", "overheat", "hightemperature"),
    Kind.MOTION: ("motion", "pir", "movement", "bodymotion", "humanmotion"),
    Kind.PRESENCE: ("presence", "occupancy", "occupied", "human", "humanpresence", "people", "person", "somebody"),
    Kind.CONTACT: ("contact", "doorcontact", "door", "window", "doorwindow", "doormagnetic", "windowcontact"),
    Kind.BED: ("bed", "bedoccupancy", "bedpresence", "inbed", "onbed"),
    Kind.VIBRATION: ("vibration", "shock"),
    Kind.TAMPER: ("tamper", "tampered", "disassemble", "dismantle", "antidismantle"),
    Kind.BATTERY_LOW: ("lowbattery", "batterylow", "lowpower", "lowvoltage", "batterylowpower"),
    Kind.SENSOR_FAULT: ("fault", "malfunction"),
}
# A bare number of these is a measure: 1 ppm of carbon monoxide, a litre of water.
_NEEDS_MORE = frozenset({"co", "carbonmonoxide", "monoxide", "water", "methane"})
_MEASURES: dict[str, Meaning] = {
    **dict.fromkeys(
        ("battery", "batterypercentage", "batterypercent", "batterycapacity", "batterysoc", "batterylevelpercentage"),
        Meaning(kind=Kind.BATTERY),
    ),
    "batteryvoltage": Meaning(kind=Kind.BATTERY_VOLTAGE),
    **dict.fromkeys(
        (
            *("temperature", "temp", "roomtemperature", "indoortemperature", "airtemperature", "airtemp"),
            *("environmenttemperature", "ambienttemperature", "roomtemp", "indoortemp", "envtemperature"),
        ),
        Meaning(kind=Kind.TEMPERATURE),
    ),
    **dict.fromkeys(
        (
            *("humidity", "humi", "hum", "relativehumidity", "airhumidity", "indoorhumidity", "roomhumidity"),
            *("environmenthumidity", "ambienthumidity", "airhumi", "envhumidity"),
        ),
        Meaning(kind=Kind.HUMIDITY),
    ),
    **dict.fromkeys(("cotwo", "carbondioxide", "cotwoconcentration"), Meaning(kind=Kind.CO2)),
    **dict.fromkeys(("heartrate", "heartbeatrate"), Meaning(kind=Kind.VITAL, channel="heart_rate", unit="bpm")),
    **dict.fromkeys(("spotwo", "bloodoxygen"), Meaning(kind=Kind.VITAL, channel="spo2", unit="%")),
    **dict.fromkeys(
        ("breathrate", "respiratoryrate", "respirationrate", "breathingrate"),
        Meaning(kind=Kind.VITAL, channel="respiratory_rate", unit="/min"),
    ),
    **dict.fromkeys(("bodytemperature", "bodytemp"), Meaning(kind=Kind.VITAL, channel="body_temperature", unit="°C")),
}
_OF_SUBJECT = {subject: kind for kind, subjects in _SUBJECTS.items() for subject in subjects}
_SUSPECTED = Meaning(kind=Kind.FALL, values={"1": "suspected", "true": "suspected", "0": "cleared", "false": "cleared"})
_WHOLE: dict[str, Meaning] = {
    "help": Meaning(kind=Kind.OTHER),
    **dict.fromkeys(("fallwarning", "suspectedfall", "maybefall", "fallsuspected"), _SUSPECTED),
    **dict.fromkeys(
        (
            *("helpbutton", "helpalarm", "callhelp", "helpcall", "helpevent", "nursecall", "callnurse"),
            *("onekeyalarm", "onekeyhelp", "onekeycall"),
        ),
        Meaning(kind=Kind.SOS),
    ),
    "testalarm": Meaning(kind=Kind.TEST),
    "temperalarm": Meaning(kind=Kind.TAMPER),  # so spelled by Tuya
    **dict.fromkeys(("batterystate", "batterystatus"), Meaning(kind=Kind.BATTERY_LOW, mode=BARE)),
    **dict.fromkeys(
        (
            *("button", "buttonevent", "buttonpress", "buttonclick", "buttonstate", "buttonpressed", "click"),
            *("keyevent", "keypress", "keyclick", "keypressed"),
        ),
        Meaning(kind=Kind.BUTTON),
    ),
}
_ON: dict[str, frozenset[str]] = {
    Kind.SMOKE: frozenset({"smoke", "fire", "alarming"}),
    Kind.CO: frozenset({"co", "alarming"}),
    Kind.GAS: frozenset({"gas", "leak", "alarming"}),
    Kind.WATER: frozenset({"water", "leak", "leaking", "wet", "flood", "alarming"}),
    Kind.HEAT: frozenset({"heat", "hot", "alarming"}),
    Kind.MOTION: frozenset({"pir", "motion", "move", "moving"}),
    Kind.PRESENCE: frozenset({"presence", "present", "occupied", "somebody", "human", "person", "people"}),
    Kind.BED: frozenset({"occupied", "in_bed", "inbed", "on_bed", "onbed"}),
    Kind.VIBRATION: frozenset({"vibration", "shock"}),
    Kind.TAMPER: frozenset({"tamper", "temper", "tampered"}),
    Kind.BATTERY_LOW: frozenset({"low", "critical"}),
}
_OFF: dict[str, frozenset[str]] = {
    Kind.WATER: frozenset({"dry"}),
    Kind.MOTION: frozenset({"no_motion", "still"}),
    Kind.PRESENCE: frozenset({"nobody", "vacant", "unoccupied", "absent", "no_presence"}),
    Kind.BED: frozenset({"vacant", "out_of_bed", "outbed", "off_bed", "offbed", "left"}),
    Kind.BATTERY_LOW: frozenset({"middle", "medium", "high", "full", "ok"}),
}
_CALM = frozenset({"ok", "safe", "standby", "restored", "recovered", "released", "release", "cancel", "cancelled"})
_OPEN, _SHUT = frozenset({"open", "opened"}), frozenset({"close", "closed", "shut"})
_GESTURES: dict[str, str] = {
    **dict.fromkeys(("1", "true", "click", "single", "single_click", "singleclick", "press", "pressed"), "single"),
    **dict.fromkeys(("2", "double", "double_click", "doubleclick"), "double"),
    **dict.fromkeys(("triple", "triple_click", "tripleclick"), "triple"),
    **dict.fromkeys(("long", "long_press", "longpress", "long_click"), "long"),
    **dict.fromkeys(("release", "released"), "release"),
    "hold": "hold",
}


def meaning_of(identifier: str) -> Meaning | None:
    """What an identifier means nearly everywhere; a number behind it counts its like. None for a product's own word."""
    if len(identifier) > _LONGEST:
        return None
    parts = _parts(identifier)
    counted: list[str] = []
    while len(parts) > 1 and parts[-1].isdigit():
        counted.insert(0, parts.pop())
    meaning = _meaning(parts)
    if meaning is None or not counted or meaning.channel:
        return meaning
    return replace(meaning, channel="_".join(counted))


def _meaning(parts: list[str]) -> Meaning | None:
    if (whole := _WHOLE.get("".join(parts))) is not None:
        return whole
    if (measure := _measure(parts)) is not None:
        return measure
    subject = "".join(part for part in parts if part not in _PLAIN)
    kind = _OF_SUBJECT.get(subject)
    if kind is None and "".join(part for part in parts if part not in _PRESS) in _SUBJECTS[Kind.SOS]:
        kind = Kind.SOS
    if kind is None:
        return None
    is_bare = len(parts) == 1 and subject in _NEEDS_MORE
    return Meaning(kind=kind, mode=BARE if is_bare else "")


def _parts(identifier: str) -> list[str]:
    """`SmokeSensorState` and `smoke_sensor_state` as smoke, sensor, state."""
    text = re.sub(r"(?i)co2", "Cotwo", identifier)
    return [part.lower() for part in _PARTS.findall(re.sub(r"(?i)spo2", "Spotwo", text))]


def _measure(parts: list[str]) -> Meaning | None:
    if not parts or ("level" in parts and parts[0] != "battery"):
        return None
    named = parts[1:] if parts[0] == "current" else parts
    return _MEASURES.get("".join(part for part in named if part not in _NUMBER))


def switched(meaning: Meaning, value: JsonValue) -> bool | None:
    """The switch that a stated value plainly is for a kind; None where it is not plain."""
    said, kind = word(value), meaning.kind
    if kind == Kind.CONTACT:
        return True if said in _OPEN else False if said in _SHUT else None
    if kind == Kind.SENSOR_FAULT and isinstance(value, int | float):
        return value != 0
    if said in _ON.get(kind, ()):
        return True
    if said in _OFF.get(kind, ()) or said in _CALM:
        return False
    if kind == Kind.BED and not isinstance(value, bool | str):
        return None
    if meaning.mode == BARE and number(value) is not None:
        return None
    return flag(value)


def gesture(value: JsonValue) -> str | None:
    """The gesture of a button; None where nothing was pressed, "other" for a word that is not known."""
    said = word(value)
    if said in ("", "0", "false", "none", "idle"):
        return None
    return _GESTURES.get(said, "other")


def call(value: JsonValue) -> bool | None:
    """Whether a stated value of a call for help is one: whatever does not plainly say that it is over. None for nothing."""
    if value is None or value == "":
        return None
    said = word(value)
    return not (said in _CALM or said in ("clear", "cleared", "inactive") or flag(value) is False)


def fallen(value: JsonValue) -> str | None:
    """The state that a stated value of a fall is; None where it is not plain."""
    said = word(value)
    if said in ("fall", "fallen", "fall_down", "falldown", "falling", "confirmed", "fall_alarm", "alarm"):
        return "detected"
    if said in ("maybe_fall", "suspected", "suspected_fall", "maybe", "fall_warning", "warning", "2"):
        return "suspected"
    if said in _CALM:
        return "cleared"
    is_on = flag(value)
    return None if is_on is None else "detected" if is_on else "cleared"
