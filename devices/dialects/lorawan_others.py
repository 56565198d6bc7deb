"""Vendors with one small table each: Adeunis, Radio Bridge, TG563A, IMBuildings, Ewattch, IoT Factory, dnt. Pure."""

import re
from collections.abc import Iterable

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    FieldMap,
    Frame,
    Reader,
    at,
    gesture,
    has,
    items,
    measure,
    nothing,
    percent,
    raised,
    state,
    volts,
    words,
)
from devices.facts import event, level


def _newest(kind: str) -> Reader:
    """Adeunis sends what it logged, the newest first; what came before has no time of its own and is not read."""

    def read(stated: JsonValue) -> list[Fact]:
        logged = stated.get("values") if isinstance(stated, dict) else None
        return measure(kind)(logged[0]) if isinstance(logged, list) and logged else []

    return read


ADEUNIS = FieldMap(
    vendor="Adeunis",
    named=re.compile(r"\badeunis\b"),
    tells=lambda values: "frameCounter" in values or at(values, "status.frameCounter") is not None,
    rows={
        "temperature": _newest(Kind.TEMPERATURE),
        "humidity": _newest(Kind.HUMIDITY),
        "co2": _newest(Kind.CO2),
        "alarmTemperature.temperature": measure(Kind.TEMPERATURE),
        "alarmHumidity.humidity": measure(Kind.HUMIDITY),
        # The share of the time that somebody was there.
        "presence": nothing,
        "presenceDetectedWhenSending": state(Kind.MOTION),
        "alarmPresence.alarmStatus": words(Kind.MOTION, ("active",), ("inactive",)),
        "status.lowBattery": raised(Kind.BATTERY_LOW),
        "status.hardwareError": raised(Kind.SENSOR_FAULT),
    },
)


def _which_button(frame: Frame) -> Iterable[Fact]:
    """`Button: {Event: "Button 2", State: "Held"}`."""
    channel = word(at(frame.values, "Button.Event")).removeprefix("button").removesuffix("buttons").strip()[:64]
    return gesture(channel=channel)(at(frame.values, "Button.State"))


RADIO_BRIDGE = FieldMap(
    vendor="Radio Bridge",
    named=re.compile(r"\bradio bridge\b|\brbs30[1456]\b"),
    tells=lambda values: all(key in values for key in ("Protocol", "Counter", "Type")),
    rows={
        "DoorWindow.Event": words(Kind.CONTACT, ("open",), ("closed",)),
        "Contact.Event": words(Kind.CONTACT, ("contacts opened",), ("contacts shorted",)),
        "Water.Event": words(Kind.WATER, ("water present",), ("water not present",)),
        "Tamper.Event": words(Kind.TAMPER, ("open",), ("closed",)),
        "Temperature.Temperature": measure(Kind.TEMPERATURE),
        "ATH.Temperature": measure(Kind.TEMPERATURE),
        "ATH.Humidity": measure(Kind.HUMIDITY),
        "Supervisory.Battery": volts,
        "Supervisory.BatteryLow": raised(Kind.BATTERY_LOW),
        "Supervisory.TamperState": raised(Kind.TAMPER),
    },
    frames=(_which_button,),
)

_FAULTS = ("smokeChamberFailure", "fouledSmokeChamber", "infraredSensorFailure", "ultrasonicSensorFailure")
TG563A = FieldMap(
    vendor="TG563A",
    named=re.compile(r"\btg563a?\b"),
    tells=lambda values: at(values, "status.smokeAlarm") is not None,
    rows={
        "status.smokeAlarm": state(Kind.SMOKE),
        "status.batteryLow": raised(Kind.BATTERY_LOW),
        **{f"status.{fault}": raised(Kind.SENSOR_FAULT) for fault in (*_FAULTS, "buzzerFailure")},
    },
)

IMBUILDINGS = FieldMap(
    vendor="IMBuildings",
    named=re.compile(r"\bimbuildings\b"),
    tells=has("device_type_variant"),
    rows={"button_pressed": gesture(counts={"1": "single"})},
)

_DATAPOINTS: dict[str, Reader] = {
    "temperature": measure(Kind.TEMPERATURE),
    "humidity": measure(Kind.HUMIDITY),
    "co2": measure(Kind.CO2),
    "batterylevel": percent,
}


def _datapoints(frame: Frame) -> Iterable[Fact]:
    """Ewattch: a list of {"type", "value", "unit"}."""
    for one in items(frame.values.get("datapoints")):
        yield from _DATAPOINTS.get(word(one.get("type")), nothing)(one.get("value"))


EWATTCH = FieldMap(
    vendor="Ewattch",
    named=re.compile(r"\bewattch\b"),
    tells=lambda values: any("type" in one for one in items(values.get("datapoints"))),
    frames=(_datapoints,),
)

_MOVED, _SHAKEN = level(Kind.MOTION, True), event(Kind.VIBRATION, True)
_BY_REASON: dict[str, tuple[Fact, ...]] = {
    "shock_detect": (_SHAKEN,),
    "start_movement": (_MOVED,),
    "stop_movement": (level(Kind.MOTION, False),),
}
_WET = words(Kind.WATER, ("wet", "wet_break"), ("normal1", "normal2", "normal3", "normal4", "normal5"))


def _taiga(frame: Frame) -> Iterable[Fact]:
    """IoT Factory: a list of frames, each with its type and what it was sent for."""
    for one in items(frame.values.get("frames")):
        said = word(one.get("type"))
        if said == "sos":
            yield event(Kind.SOS, "active")
        elif said == "odk":
            yield from _WET(one.get("state"))
        yield from _BY_REASON.get(word(one.get("reason")), ())
        yield from state(Kind.MOTION)(one.get("is_movement"))
        yield from measure(Kind.TEMPERATURE)(one.get("temperature_cel"))
        yield from measure(Kind.HUMIDITY)(one.get("humidity_pct"))


IOT_FACTORY = FieldMap(
    vendor="IoT Factory",
    named=re.compile(r"\biot factory\b|\btaiga[a-z]*\b"),
    tells=lambda values: any("frame_unixtime" in one for one in items(values.get("frames"))),
    rows={"battery_pct": percent},
    frames=(_taiga,),
)


def _room(stated: JsonValue) -> list[Fact]:
    """The wall thermostat states tenths of a degree; no room has 60 °C."""
    read = number(stated)
    return measure(Kind.TEMPERATURE, 0.1 if read is not None and read > 60 else 1)(stated)


DNT = FieldMap(
    vendor="dnt",
    named=re.compile(r"\bdnt\b"),
    rows={
        **dict.fromkeys(("voltage", "battery_voltage"), volts),
        "room_temperature": _room,
        "heating_control.room_temperature": measure(Kind.TEMPERATURE),
        **dict.fromkeys(("room_humidity", "humidity"), measure(Kind.HUMIDITY)),
    },
)

MAPS: tuple[FieldMap, ...] = (ADEUNIS, RADIO_BRIDGE, TG563A, IMBUILDINGS, EWATTCH, IOT_FACTORY, DNT)
