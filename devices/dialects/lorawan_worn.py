"""What people wear or carry: Abeeway, AN301 and its kin, Moko, Mutelcor, GlobalSat, Digital Matter, OsCall, bands. Pure.

A tracker says its call as an event and then as a flag with every position: the event is the call, the flag tells that it goes
on, and is the call only where the event was lost.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    RAISED,
    FieldMap,
    Frame,
    Reader,
    at,
    call,
    charge,
    gesture,
    has,
    measure,
    nothing,
    percent,
    raised,
    rest,
    state,
    table,
    vital,
    volts,
)
from devices.facts import event, level

_ACTIVE, _CLEARED = event(Kind.SOS, "active"), event(Kind.SOS, "cleared")
_MAN_DOWN = event(Kind.FALL, "suspected")
_OFFLINE = (event(Kind.AVAILABILITY, "offline"),)
_LOW = (replace(level(Kind.BATTERY_LOW, True), note=RAISED),)
_MOVES: dict[str, tuple[Fact, ...]] = {
    "motion_start": (level(Kind.MOTION, True),),
    "motion_end": (level(Kind.MOTION, False),),
}
_SHAKEN = (event(Kind.VIBRATION, True),)


def _positive(read: Reader) -> Reader:
    """0 stands for unknown, as while charging."""
    return lambda stated: [fact for fact in read(stated) if fact.value]


_is_abeeway = has("sosFlag", "trackingMode", "dynamicMotionState", "notification")
ABEEWAY = FieldMap(
    vendor="Abeeway",
    named=re.compile(r"\babeeway\b"),
    tells=lambda values: _is_abeeway(values) or at(values, "header.sos") is not None,
    rows={
        "batteryLevel": _positive(percent),
        "batteryVoltage": volts,
        "temperatureMeasure": measure(Kind.TEMPERATURE),
        "sosFlag": raised(Kind.SOS),
        "eventType": table({"sos_mode_start": (_ACTIVE,), "sos_mode_end": (_CLEARED,), **_MOVES}),
        "messageType": table({"shutdown": _OFFLINE, "shock_detection": _SHAKEN}),
        "header.batteryLevel": _positive(percent),
        "header.sos": raised(Kind.SOS),
        "notification.notificationType": table(
            {
                "sos_on": (_ACTIVE,),
                "sos_off": (_CLEARED,),
                "low_battery": _LOW,
                "shutdown": _OFFLINE,
                "shock": _SHAKEN,
                **_MOVES,
            }
        ),
        "notification.temperature": measure(Kind.TEMPERATURE),
        "notification.telemetryMeasurements.temperature.record": measure(Kind.TEMPERATURE),
        "notification.telemetryMeasurements.humidity.record": measure(Kind.HUMIDITY),
        "notification.system.tamperDetection.state": state(Kind.TAMPER, ("casing_open",), ("casing_closed",)),
        "notification.system.status.batteryVoltage": volts,
        "notification.system.lowBattery.batteryVoltage": volts,
    },
)


def _older_call(frame: Frame) -> Iterable[Fact]:
    """The call under the names of older versions; newer ones say it again under them."""
    if "sosEvent" not in frame.values:
        yield from _CALL(frame.values.get("sosAlert"))
        yield from _CALL(frame.values.get("emergencyAlert"))
        yield from _ALERTS(frame.values.get("alertType"))


_CALL, _ALERTS = call(), table(dict.fromkeys(("sos", "panic", "emergency"), (_ACTIVE,)))
_AN_MODEL = re.compile(r"an-[1-3][0-9]{2}[a-d]?")
AN301 = FieldMap(
    vendor="AN301",
    named=re.compile(r"\ban ?[1-3][0-9]{2}[a-d]?\b"),
    tells=lambda values: (
        has("sosEventRaw", "batteryLowEventRaw")(values) or bool(_AN_MODEL.fullmatch(word(values.get("model"))[:16]))
    ),
    rows={
        "sosEvent": call(),
        "doorState": state(Kind.CONTACT),
        **dict.fromkeys(("sosAlert", "batteryVoltageMV", "alertType", "emergencyAlert"), nothing),
        "tamperStatus": state(Kind.TAMPER),
        "tamperEvent": raised(Kind.TAMPER),
        "batteryVoltage": volts,
        "batteryVoltageState": state(Kind.BATTERY_LOW, ("low",), ("normal",)),
        "batteryLowEvent": raised(Kind.BATTERY_LOW),
        "batteryLevel": percent,
    },
    frames=(_older_call,),
)


def _band_call(stated: JsonValue) -> list[Fact]:
    """The band's alarm key; a fire that somebody reports by it is a call for help too."""
    return [_ACTIVE] if word(stated) in ("sos", "fire") else [rest(Kind.SOS)]


BAND = FieldMap(
    vendor="wrist band",
    named=re.compile(r"\bwearable\b|\bwrist ?band\b"),
    tells=lambda values: word(values.get("data_type")) in ("sos", "vitals") and has("alarm", "device_mac")(values),
    rows={
        "alarm": _band_call,
        # A flag among the measurements of this band, not the setting that other makers call so.
        "fall_detection": call(Kind.FALL),
        "heart_rate": vital("heart_rate", "/min"),
        "blood_oxygen": vital("blood_oxygen", "%"),
        "body_temperature": vital("body_temperature", "°C"),
        "battery": percent,
    },
)

_MOKO_EVENTS: Mapping[str, tuple[Fact, ...]] = {
    "sosstart": (_ACTIVE,),
    "alertstart": (_ACTIVE,),
    "mandownstart": (_MAN_DOWN,),
    **dict.fromkeys(("sosstop", "sosend", "alertstop", "alertend"), (_CLEARED,)),
    **dict.fromkeys(("mandownstop", "mandownend"), (event(Kind.FALL, "cleared"),)),
}
_MOKO_STATES: Mapping[str, tuple[Fact, ...]] = {
    "sos": (replace(level(Kind.SOS, True), note=RAISED),),
    "alert": (replace(level(Kind.SOS, True), note=RAISED),),
    "mandown": (replace(_MAN_DOWN, is_level=True, note=RAISED),),
    **dict.fromkeys(("none", "no"), (rest(Kind.SOS), rest(Kind.FALL))),
}


def _moko(facts_of: Mapping[str, tuple[Fact, ...]]) -> Reader:
    """Its words are written together, with blanks or with underscores, by the age of the codec."""
    return lambda stated: list(facts_of.get(word(stated).replace(" ", "").replace("_", ""), ()))


_IDLE: Mapping[str, tuple[Fact, ...]] = {"in idle": _MOKO_STATES["mandown"], "not in idle": (rest(Kind.FALL),)}


def _moko_battery(stated: JsonValue) -> list[Fact]:
    """A word with some models, per cent with others."""
    return (
        raised(Kind.BATTERY_LOW, ("low battery",), ("normal",))(stated) if word(stated) in _BATTERY else charge(stated)
    )


_BATTERY = ("low battery", "normal")
_is_moko = has(
    *(
        "batterylevle",
        "a_batterylevle",
        "b_alarmstatus",
        "dev_status",
        "mandown_status",
        "mandownStatus",
        "pos_data_sign",
    )
)
MOKO = FieldMap(
    vendor="Moko",
    named=re.compile(r"\bmoko(?:smart)?\b|\blw00[1-9][a-z]{0,2}\b"),
    tells=lambda values: _is_moko(values) or all(key in values for key in ("batt_level", "event_type")),
    rows={
        **dict.fromkeys(("batterylevle", "a_batterylevle", "batt_level"), percent),
        **dict.fromkeys(("battery_level", "batteryLevel"), _moko_battery),
        **dict.fromkeys(
            ("alarmstatus", "b_alarmstatus"), raised(Kind.SOS, ("alarm mode",), ("non-alarm mode", "non alarm mode"))
        ),
        # Only where somebody switched the watch for lying still on.
        **dict.fromkeys(("mandown_status", "mandownStatus"), table(_IDLE)),
        **dict.fromkeys(("tamper_alarm", "tamperAlarm"), state(Kind.TAMPER, ("triggered",), ("not triggered",))),
        "event_type": _moko(_MOKO_EVENTS),
        **dict.fromkeys(("dev_status", "device_status"), _moko(_MOKO_STATES)),
        "pack_type": table({"low_battery": _LOW, "sys_close": _OFFLINE}),
        "turn_off_mode": lambda stated: list(_OFFLINE) if word(stated) else [],
    },
)

_HELP = re.compile(r"\bsos\b|\bhelp\b|\bpanic\b", re.IGNORECASE)
_FELL = re.compile(r"\bfall (?:advisory|alert|alarm|report)\b", re.IGNORECASE)
_DOWN = re.compile(r"\bman ?down\b", re.IGNORECASE)


def _report(stated: JsonValue) -> list[Fact]:
    """The kind of a report in words: "Help report", "Fall advisory report"."""
    text = stated[:64].replace("_", " ") if isinstance(stated, str) else ""
    if _HELP.search(text):
        return [_ACTIVE]
    if _FELL.search(text):
        return [event(Kind.FALL, "detected")]
    return [_MAN_DOWN] if _DOWN.search(text) else []


def _skin(frame: Frame) -> Iterable[Fact]:
    """A watch that counts the heart measures its wearer under a name that a tracker uses for the air."""
    read = vital("skin_temperature", "°C") if "hr" in frame.values else measure(Kind.TEMPERATURE)
    yield from read(frame.values.get("temp"))


_REPORTS = (
    *("report_type", "reportType", "ReportType", "Report Type", "reporttype", "type", "alarm_type"),
    "messageType.description",
)
GLOBALSAT = FieldMap(
    vendor="GlobalSat",
    named=re.compile(r"\bglobalsat\b|\blw ?360(?: ?hr)?\b|\blt ?[125]0[01][a-z]?\b"),
    tells=lambda values: has("gpsFixStatus", "reporttype")(values) or at(values, "messageType.description") is not None,
    rows={
        **dict.fromkeys(_REPORTS, _report),
        "batteryCapacity": percent,
        **dict.fromkeys(("heartRate", "hr"), vital("heart_rate", "/min")),
        "skinTemperature": vital("skin_temperature", "°C"),
        "temp": nothing,
    },
    frames=(_skin,),
)


def _lora_button(frame: Frame) -> Iterable[Fact]:
    """Mutelcor writes its keys with a number before them: "[04] OpCode": "Alarm"; or short, with numbers for words."""
    by_name = {key.split("] ")[-1].casefold(): stated for key, stated in frame.values.items()}
    if word(by_name.get("opcode")) in ("alarm", "1"):
        yield _ACTIVE
    yield from volts(by_name.get("voltage battery/input [v]", by_name.get("voltage")))
    measured = by_name.get("measurements", by_name.get("meas"))
    for key, stated in (measured if isinstance(measured, dict) else {}).items():
        yield from _MUTELCOR.get(key.split("] ")[-1].casefold(), nothing)(stated)


_MUTELCOR: Mapping[str, Reader] = {
    **dict.fromkeys(("temperature [°c]", "temp"), measure(Kind.TEMPERATURE)),
    **dict.fromkeys(("relative humidity [%]", "rh"), measure(Kind.HUMIDITY)),
    **dict.fromkeys(("co₂ [ppm]", "co2"), measure(Kind.CO2)),
}

MUTELCOR = FieldMap(
    vendor="Mutelcor",
    named=re.compile(r"\bmutelcor\b|\bmtc (?:pb|au|cf|mf|mh|aq|aqb|scb|co2)\b"),
    tells=has("[04] OpCode"),
    frames=(_lora_button,),
)


def _acknowledged(frame: Frame) -> Iterable[Fact]:
    if "downlink ack" in (word(frame.values.get("type")), word(frame.values.get("_type"))):
        yield event(Kind.DOWNLINK_ACK, flag(frame.values.get("accepted")) is True)


DIGITAL_MATTER = FieldMap(
    vendor="Digital Matter",
    named=re.compile(r"\bdigital matter\b|\boyster ?\d?\b|\byabby ?\d?\b|\bg62\b"),
    tells=has("manDown"),
    rows={
        "batV": volts,
        "manDown": lambda stated: [_MAN_DOWN] if flag(stated) else [rest(Kind.FALL)] if stated is False else [],
        "type": nothing,
    },
    frames=(_acknowledged,),
)

OSCALL = FieldMap(
    vendor="EMiot",
    named=re.compile(r"\bemiot\b|\boscall\b"),
    tells=lambda values: {"reason", "voltage", "mac", "rssi"} <= values.keys(),
    rows={"voltage": volts, "reason": gesture(counts={"1": "single"})},
)

MAPS: tuple[FieldMap, ...] = (ABEEWAY, AN301, BAND, MOKO, GLOBALSAT, MUTELCOR, DIGITAL_MATTER, OSCALL)
