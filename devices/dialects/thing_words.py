"""The words of thing models that mean the same nearly everywhere, for products without a mapping file. Pure.

An identifier is read only if every part of its name is known: `SosAlarmState` is a call, `sos_mode` a setting and
`fall_detection` a switch. Numbers whose scale differs by product (Tuya's `temp_current`, often ten times) need a mapping.
"""

import re
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.products import Meaning

_LONGEST = 64
# Only words say anything of it, numbers do not.
BARE = "bare"
# What an event that says nothing but its name is found under in `values`.
NO_WORD = ""
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# `ch4` alone is as often the fourth channel of a relay.
_METHANE = re.compile(r"(?i)(?<![a-z])ch4(?=_?(?:alarm|alert|leak|gas|sensor|detect|warn|concentration))")
# Says only that something is stated.
_PLAIN = frozenset(
    {
        *("alarm", "alert", "event", "state", "status", "flag", "report", "sensor"),
        *("detected", "trigger", "triggered", "happened", "occurred"),
        *("detector", "is", "exist", "exists"),
    }
)
# Of an event these say no more; of a property they name the switch of a detection, or its setting.
_HAPPENING = frozenset(
    {"detect", "detection", "detector", "warn", "warning", "notify", "notice", "message", "push", "upload"}
)
# The detection of smoke or gas may as well be its measuring, and an upload is one of a meter.
_FOUND = frozenset({"detect", "detection", "upload"})
_MOVES = frozenset({Kind.SOS, Kind.FALL, Kind.MOTION, Kind.PRESENCE, Kind.TAMPER, Kind.VIBRATION})
_PRESS = _PLAIN | frozenset(["button", "key", "press", "pressed", "call", "calling", "one"])
_NUMBER = frozenset(["value", "level", "now"])
_SUBJECTS: dict[str, tuple[str, ...]] = {
    Kind.SOS: (
        *("sos", "panic", "emergency", "emergencyhelp", "soshelp", "distress", "callforhelp"),
        *("askhelp", "askforhelp", "requesthelp", "helprequest", "seekhelp", "urgentcall", "urgenthelp", "duress"),
        *("pullcord", "pullrope", "emergencyrescue"),
    ),
    Kind.FALL: (
        *("fall", "falldown", "fallen", "falling", "tumble", "tumbledown"),
        *("humanfall", "personfall", "peoplefall", "bodyfall", "elderfall"),
    ),
    Kind.SMOKE: ("smoke", "fire", "smokefire"),
    Kind.CO: ("co", "carbonmonoxide", "monoxide"),
    Kind.GAS: (
        *("gas", "gasleak", "gasleakage", "methane", "lpg", "combustiblegas", "naturalgas"),
        *("flammablegas", "coalgas", "propane"),
    ),
    Kind.WATER: (
        *("water", "waterleak", "waterleakage", "waterleach", "leak", "leakage", "flood", "flooding"),
        *("waterimmersion", "immersion", "watersensor", "waterlogging", "watersoak", "waterintrusion"),
    ),
    Kind.HEAT: ("heat", "overheat", "hightemperature"),
    Kind.MOTION: (
        *("motion", "pir", "movement", "bodymotion", "humanmotion"),
        *("infrared", "humaninfrared", "bodyinfrared", "bodymovement"),
    ),
    Kind.PRESENCE: (
        *("presence", "occupancy", "occupied", "human", "humanpresence", "people", "person", "somebody"),
        *("someone", "humanbody"),
    ),
    Kind.CONTACT: ("contact", "doorcontact", "door", "window", "doorwindow", "doormagnetic", "windowcontact"),
    Kind.BED: ("bed", "bedoccupancy", "bedpresence"),
    Kind.VIBRATION: ("vibration", "shock"),
    Kind.TAMPER: (
        *("tamper", "tampered", "disassemble", "dismantle", "antidismantle"),
        *("antitamper", "pry", "prying", "antipry", "disassembly", "antidisassembly", "demolition", "antidemolition"),
    ),
    Kind.BATTERY_LOW: (
        *("lowbattery", "batterylow", "lowpower", "lowvoltage", "batterylowpower"),
        *("undervoltage", "batteryundervoltage", "lowbatteryvoltage", "lowbat", "batlow"),
    ),
    Kind.SENSOR_FAULT: ("fault", "malfunction"),
}
# A bare number of these is a measure: 1 ppm of carbon monoxide, a litre of water.
_NEEDS_MORE = frozenset({"co", "carbonmonoxide", "monoxide", "water", "methane", "propane"})
_MEASURES: dict[str, Meaning] = {
    **dict.fromkeys(
        (
            *("battery", "batterypercentage", "batterypercent", "batterycapacity", "batterysoc"),
            *("batterylevelpercentage", "batpercent", "batpercentage", "batteryremaining", "remainingbattery"),
            "residualelectricity",
        ),
        Meaning(kind=Kind.BATTERY),
    ),
    **dict.fromkeys(("batteryvoltage", "batvoltage"), Meaning(kind=Kind.BATTERY_VOLTAGE)),
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
    **dict.fromkeys(
        ("heartrate", "heartbeatrate", "pulserate"),
        Meaning(kind=Kind.VITAL, channel="heart_rate", unit="bpm"),
    ),
    **dict.fromkeys(
        ("spotwo", "bloodoxygen", "oxygensaturation", "bloodoxygensaturation"),
        Meaning(kind=Kind.VITAL, channel="spo2", unit="%"),
    ),
    **dict.fromkeys(
        ("systolic", "systolicpressure", "systolicbloodpressure", "systolicbp", "sbp", "bloodpressurehigh"),
        Meaning(kind=Kind.VITAL, channel="systolic_pressure", unit="mmHg"),
    ),
    **dict.fromkeys(
        ("diastolic", "diastolicpressure", "diastolicbloodpressure", "diastolicbp", "dbp", "bloodpressurelow"),
        Meaning(kind=Kind.VITAL, channel="diastolic_pressure", unit="mmHg"),
    ),
    **dict.fromkeys(("bloodglucose", "bloodsugar"), Meaning(kind=Kind.VITAL, channel="blood_glucose", unit="mmol/L")),
    **dict.fromkeys(
        ("breathrate", "respiratoryrate", "respirationrate", "breathingrate", "breathfrequency"),
        Meaning(kind=Kind.VITAL, channel="respiratory_rate", unit="/min"),
    ),
    **dict.fromkeys(("bodytemperature", "bodytemp"), Meaning(kind=Kind.VITAL, channel="body_temperature", unit="°C")),
}
_OF_SUBJECT = {subject: kind for kind, subjects in _SUBJECTS.items() for subject in subjects}


# Said in words, the state is the same whichever of the two the identifier names.
_SAID_OF: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {
    Kind.BED: (
        (("occupied", "in_bed", "inbed", "on_bed", "onbed"), "occupied"),
        (("vacant", "out_of_bed", "outbed", "off_bed", "offbed", "left"), "vacant"),
    ),
    Kind.CONTACT: ((("open", "opened"), "open"), (("close", "closed", "shut"), "closed")),
}


def _switch(kind: str, on: JsonValue, off: JsonValue) -> Meaning:
    """An identifier that names one state of two; an event of it that says no more states it too."""
    said = {**dict.fromkeys(("1", "true", "on", "yes", NO_WORD), on), **dict.fromkeys(("0", "false", "off", "no"), off)}
    words = {word: state for words, state in _SAID_OF.get(kind, ()) for word in words}
    return Meaning(kind=kind, values={**said, **words})


_SUSPECTED = _switch(Kind.FALL, "suspected", "cleared")
_WHOLE: dict[str, Meaning] = {
    "help": Meaning(kind=Kind.OTHER),
    **dict.fromkeys(("suspectedfall", "maybefall", "fallsuspected"), _SUSPECTED),
    # As an event without a word it is as often the fall itself.
    "fallwarning": replace(
        _SUSPECTED, values={said: one for said, one in _SUSPECTED.values.items() if said != NO_WORD}
    ),
    **dict.fromkeys(
        ("leavebed", "leftbed", "outofbed", "offbed", "outbed", "getoutofbed", "bedexit", "leavebedalarm"),
        _switch(Kind.BED, "vacant", "occupied"),
    ),
    **dict.fromkeys(("inbed", "onbed", "bedoccupied"), _switch(Kind.BED, "occupied", "vacant")),
    **dict.fromkeys(("dooropen", "dooropened", "windowopen", "windowopened"), _switch(Kind.CONTACT, "open", "closed")),
    **dict.fromkeys(("batteryalarm", "batteryalert", "batterywarning"), Meaning(kind=Kind.BATTERY_LOW)),
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


def meaning_of(identifier: str, *, is_event: bool = False) -> Meaning | None:
    """What an identifier means nearly everywhere; a number behind it counts its like. None for a product's own word.

    `is_event`: it names what happened, so `FallDetection` is a fall and no switch.
    """
    if len(identifier) > _LONGEST:
        return None
    parts = parts_of(identifier)
    counted: list[str] = []
    while len(parts) > 1 and parts[-1].isdigit():
        counted.insert(0, parts.pop())
    meaning = _meaning(parts)
    if meaning is None and is_event:
        meaning = _meaning([part for part in parts if part not in _HAPPENING])
        if meaning is not None and meaning.kind not in _MOVES and not _FOUND.isdisjoint(parts):
            return None
    if meaning is None or not counted or meaning.channel:
        return meaning
    return replace(meaning, channel="_".join(counted))


def _meaning(parts: list[str]) -> Meaning | None:
    if (whole := _WHOLE.get("".join(parts))) is not None:
        return whole
    if (measure := _measure(parts)) is not None:
        return measure
    subject = "".join(part for part in parts if part not in _PLAIN)
    if (state := _WHOLE.get(subject)) is not None and state.kind in _SAID_OF:
        return state
    kind = _OF_SUBJECT.get(subject)
    if kind == Kind.FALL and "detector" in parts:
        # Of a radar it is the switch of it, like `fall_detection`.
        return None
    if kind is None and "".join(part for part in parts if part not in _PRESS) in _SUBJECTS[Kind.SOS]:
        kind = Kind.SOS
    if kind is None:
        return None
    is_bare = len(parts) == 1 and subject in _NEEDS_MORE
    return Meaning(kind=kind, mode=BARE if is_bare else "")


def parts_of(identifier: str) -> list[str]:
    """`SmokeSensorState` and `smoke_sensor_state` as smoke, sensor, state."""
    text = _METHANE.sub("Methane", re.sub(r"(?i)co2", "Cotwo", identifier))
    return [part.lower() for part in _PARTS.findall(re.sub(r"(?i)spo2", "Spotwo", text))]


def _measure(parts: list[str]) -> Meaning | None:
    if not parts or ("level" in parts and parts[0] != "battery"):
        return None
    named = parts[1:] if parts[0] == "current" else parts
    return _MEASURES.get("".join(part for part in named if part not in _NUMBER))
