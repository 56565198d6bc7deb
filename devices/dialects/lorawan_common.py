"""Words of LoRaWAN codecs that mean the same with every vendor, for models that no table knows and beside those that do. Pure.

Keys are compared without case, blanks and underscores. What is a per cent for one vendor and a voltage for another
(`battery: 3.6`) or open for one and closed for another (`contact: true`) is read only where the value leaves no doubt.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    RAISED,
    FieldMap,
    Reader,
    call,
    charge,
    fahrenheit,
    gesture,
    measure,
    nothing,
    percent,
    rest,
    state,
    table,
    volts,
    words,
)
from devices.facts import event, level, other

_LEAK_ON = ("leak", "leaking", "leakage", "leak detected", "wet", "flooded", "small", "medium", "large")
_LEAK_OFF = ("noleak", "no leak", "no_leak", "no leakage", "dry")
_ALARM_OFF = ("no alarm", "noalarm", "no_alarm", "ok", "non-active")
# A word that names the call, and behind it only what says that it is made.
_CALLS = re.compile(
    r"(?:sos|panic|help|distress)(?: (?:alarm|alert|event|start|started|mode start|on|button|key|press|pressed|call|"
    r"triggered|active|activated|report|request))*\.?"
)
_CALL_KINDS = (Kind.SOS, Kind.FALL)
_DEVICES = ("button", "key")
_FALLS = frozenset({"fall detected", "fall alarm", "fall event"})
_KEY_LIMIT, _TEXT_LIMIT, _CHANNEL_LIMIT = 64, 64, 64
_NOISE = re.compile(r"[\s_\-]+")


def is_read(one: FieldMap, key: str, stated: JsonValue) -> bool:
    """Whether the table of a vendor says what the key means; a word that names a call is one though the table has it not."""
    row = one.rows.get(key)
    is_call = isinstance(stated, str) and bool(_called(stated))
    return row is not None and (row is nothing or not is_call or bool(row(stated)))


def _called(stated: JsonValue) -> list[Fact]:
    """A word that names the call itself: `event: "SOS"`."""
    said = word(stated).replace("_", " ")
    if said in _FALLS:
        return [event(Kind.FALL, "detected")]
    return [event(Kind.SOS, "active")] if _CALLS.fullmatch(said[:_TEXT_LIMIT]) else []


def _typed(stated: JsonValue) -> list[Fact]:
    """As `_called`; a `type` may be that of the device, which says "SOS button" all day."""
    return [] if word(stated).replace("_", " ").endswith(_DEVICES) else _called(stated)


def _alarmed(stated: JsonValue) -> list[Fact]:
    """As `_called`; a fall that is no alarm may be that of a level or an edge."""
    return [event(Kind.FALL, "detected")] if word(stated) == "fall" else _called(stated)


def _down(stated: JsonValue) -> list[Fact]:
    """Somebody lies still: it may be a fall."""
    is_down = flag(stated)
    return [] if is_down is None else [event(Kind.FALL, "suspected")] if is_down else [rest(Kind.FALL)]


def _tested(stated: JsonValue) -> list[Fact]:
    return [event(Kind.TEST, True)] if flag(stated) else []


# In words only: what a number here stands for is the maker's own.
_charged = table(
    {
        **dict.fromkeys(("low", "critical", "replace"), (replace(level(Kind.BATTERY_LOW, True), note=RAISED),)),
        **dict.fromkeys(("good", "ok", "normal", "high"), (rest(Kind.BATTERY_LOW),)),
    }
)


def _not_numbers(read: Reader) -> Reader:
    """A bare number under this key may be a concentration."""
    return lambda stated: [] if isinstance(stated, int | float) and not isinstance(stated, bool) else read(stated)


def _each(reader: Reader, *keys: str) -> dict[str, Reader]:
    return dict.fromkeys(keys, reader)


COMMON: Mapping[str, Reader] = {
    **_each(
        measure(Kind.TEMPERATURE),
        *("temperature", "temp", "tempc", "temperaturec", "airtemperature", "roomtemperature", "sensortemperature"),
        "ambienttemperature",
    ),
    **_each(measure(Kind.TEMPERATURE), "tempcsht", "tempcsht31", "tempcsht41"),
    **_each(fahrenheit, "tempf", "temperaturef"),
    **_each(measure(Kind.HUMIDITY), "humidity", "hum", "humi", "relativehumidity", "airhumidity", "rh"),
    **_each(measure(Kind.HUMIDITY), "humsht", "humsht31", "humsht41"),
    **_each(measure(Kind.CO2), "co2", "co2ppm", "co2concentration", "co2level"),
    **_each(charge, "battery", "batterylevel", "bat", "batt", "batlevel", "battlevel"),
    **_each(
        percent, "batterypct", "batterypercent", "batterypercentage", "batterylevelinpercentage", "batterylifetimepct"
    ),
    **_each(
        volts, "batv", "batteryv", "batteryvoltage", "batvoltage", "battvoltage", "batteryvolt", "batvolt", "battvolt"
    ),
    **_each(volts, "vbat", "vdd", "batterymv", "batmv", "batteryvolts"),
    **_each(
        state(
            Kind.MOTION,
            ("triggered", "motion", "motion detected"),
            ("no motion", "no motion detected", "not triggered"),
        ),
        *("pir", "pirstatus", "motion", "motiondetected", "pirtrigger"),
    ),
    **_each(
        state(Kind.PRESENCE, ("occupied", "presence", "present"), ("vacant", "absent", "unoccupied", "free")),
        *("occupancy", "presence", "occupancystatus"),
    ),
    **_each(
        words(Kind.CONTACT, ("open", "opened"), ("close", "closed")),
        *(
            "contact",
            "door",
            "doorstatus",
            "doorstate",
            "window",
            "windowstatus",
            "magnetstatus",
            "reedstatus",
            "doorsensor",
        ),
    ),
    **_each(state(Kind.CONTACT), "dooropen", "windowopen", "dooropenstatus"),
    **_each(
        state(Kind.WATER, _LEAK_ON, _LEAK_OFF),
        *("leakagestatus", "waterleak", "waterleakage", "waterleakstatus", "flood", "flooddetected", "leakdetected"),
        *(
            "waterstatus",
            "leak",
            "leakstatus",
            "leakstate",
            "leakage",
            "waterdetected",
            "waterleakdetected",
            "floodalarm",
        ),
    ),
    **_each(words(Kind.WATER, ("wet",), ("dry",)), "moisture", "moisturestatus"),
    **_each(
        state(
            Kind.TAMPER,
            ("uninstalled", "uninstall", "removed", "triggered"),
            ("installed", "install", "no alarm", "not triggered"),
        ),
        *("tamper", "tamperstatus", "tamperdetected", "tamperalarm", "tamperdetection"),
    ),
    **_each(state(Kind.BATTERY_LOW, ("low", "critical")), "lowbattery", "batterylow", "lowbatteryalarm", "lowbatt"),
    **_each(_charged, "batterystatus", "batterystate"),
    **_each(_not_numbers(state(Kind.SMOKE, off=_ALARM_OFF)), "smoke", "smokedetected"),
    **_each(state(Kind.SMOKE, off=_ALARM_OFF), "smokealarm", "smokestatus", "firealarm"),
    **_each(state(Kind.CO, off=_ALARM_OFF), "coalarm", "codetected", "carbonmonoxidealarm", "carbonmonoxidedetected"),
    **_each(state(Kind.GAS, off=_ALARM_OFF), "gasstatus", "gasalarm", "gasleak", "gasleakage", "gasdetected"),
    **_each(state(Kind.HEAT, off=_ALARM_OFF), "heatalarm", "heatdetected", "hightempalarm"),
    **_each(
        call(),
        "sos",
        "sosalarm",
        "sosalert",
        *("sosevent", "sosstatus", "sosstate", "sosactive", "sosbutton", "sospressed", "soskey"),
        *("panic", "panicalarm", "panicbutton", "panicpressed", "emergencybutton", "emergencycall", "helpbutton"),
    ),
    **_each(call(Kind.FALL), "fall", "falldetected", "fallalarm", "fallevent"),
    **_each(_alarmed, "alarm", "alarmtype", "alarmevent", "alert", "alerttype"),
    **_each(_down, "mandown", "mandownalarm", "mandowndetected"),
    **_each(_called, "event", "eventtype", "eventname", "messagetype", "msgtype", "frametype", "packettype", "reason"),
    "type": _typed,
    **_each(_tested, "test", "testalarm", "testbuttonpressed"),
    **_each(gesture(counts={"1": "single", "true": "single"}), "buttonpressed", "ispressed"),
    **_each(gesture(), "press", "button", "buttonpress", "buttonevent", "buttonstatus", "buttonstate", "click"),
}


# They name a call in a word; how it stands may be said beside it.
_NAMING = (_called, _typed, _alarmed)
_STANDS = ("state", "status", "alarmstatus", "alarmstate", "eventstatus", "eventstate", "alarmaction", "action")
_OVER = frozenset(
    {
        *("clear", "cleared", "deactivated", "alarm deactivated", "alarm ignored", "inactive", "resolved"),
        *("end", "ended", "stop", "stopped", "cancel", "canceled", "cancelled"),
    }
)
_KINDS = ("type", "event", "eventtype", "messagetype", "msgtype", "frametype", "packettype")
# Objects and lists in which codecs gather what goes on.
_GATHERED = frozenset({"alarm", "alarms", "alert", "alerts", "flags", "status", "event", "events"})
_SETTINGS = frozenset({"config", "configuration", "configuration report", "config report", "settings", "parameters"})

# Cayenne LPP, which both network servers decode themselves: each in its own words, a value for each channel.
_LPP: Mapping[str, Reader] = {
    **_each(measure(Kind.TEMPERATURE), "temperatureSensor", "temperature"),
    **_each(measure(Kind.HUMIDITY), "humiditySensor", "relative_humidity"),
    **_each(state(Kind.PRESENCE), "presenceSensor", "presence"),
}
_LPP_KEY = re.compile(
    r"(digital_in|digital_out|analog_in|analog_out|luminosity|presence|temperature|relative_humidity|accelerometer|"
    r"barometric_pressure|gyrometer|gps|unixtime|concentration|power|voltage|current|altitude|direction|distance)_(\d{1,3})"
)


def cayenne_facts(values: Mapping[str, JsonValue]) -> Iterator[Fact]:
    """`{"temperatureSensor": {"1": 21.5}}` of ChirpStack, `{"temperature_1": 21.5}` of The Things Stack."""
    for name, stated in values.items():
        if name.endswith("Sensor") and isinstance(stated, dict):
            for channel, value in islice(stated.items(), _CHANNEL_LIMIT):
                yield from _on(channel, _LPP.get(name, nothing)(value))
    matches = [_LPP_KEY.fullmatch(name) for name in values]
    for match in matches if all(matches) else ():
        if match is not None:
            yield from _on(match.group(2), _LPP.get(match.group(1), nothing)(values[match.group()]))


def _on(channel: str, facts: list[Fact]) -> list[Fact]:
    return [replace(fact, channel=channel[:_CHANNEL_LIMIT]) for fact in facts]


def normal(key: str) -> str:
    """A key as the common words are compared."""
    return _NOISE.sub("", key[:_KEY_LIMIT]).casefold()


def common_facts(values: Mapping[str, JsonValue]) -> Iterator[Fact]:
    """What the keys say that need no model."""
    said = {normal(key): word(stated).replace("_", " ")[:_TEXT_LIMIT] for key, stated in values.items()}
    is_over = any(said.get(key) in _OVER for key in _STANDS)
    is_setting = any(said.get(key) in _SETTINGS for key in _KINDS)
    for key, stated in values.items():
        read = COMMON.get(normal(key), nothing) if stated is not None else nothing
        for fact in (*read(stated), *_gathered(key, stated)):
            is_call = fact.kind in _CALL_KINDS
            if is_call and is_setting:
                continue
            is_named = read in _NAMING or isinstance(stated, list)
            yield rest(fact.kind) if is_call and is_over and is_named else fact


def _gathered(key: str, stated: JsonValue) -> Iterator[Fact]:
    """The calls among `alarms: {"sos": true, "lid": false}` or `alarms: ["sos"]`; how a word in an object stands is not known."""
    if not isinstance(stated, dict | list) or normal(key) not in _GATHERED:
        return
    if isinstance(stated, list):
        for one in stated[:_CHANNEL_LIMIT]:
            yield from _alarmed(one)
        return
    for name, value in islice(stated.items(), _CHANNEL_LIMIT):
        read = COMMON.get(normal(name), nothing)
        yield from (fact for fact in read(value) if fact.kind in _CALL_KINDS and read not in _NAMING)


def unread(values: Mapping[str, JsonValue]) -> Iterator[Fact]:
    """Words and switches that no table knows, kept so that a press of an unknown model can be seen and bound."""
    for key, stated in values.items():
        if isinstance(stated, str | bool) and not COMMON.get(normal(key), nothing)(stated):
            yield other(stated, channel=key[:_KEY_LIMIT])
