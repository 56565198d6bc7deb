"""Sensors of rooms: MClimate, MerryIoT and Browan, Tektelic, Elsys, Sensative, Thermokon. Pure."""

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
    measure,
    nothing,
    percent,
    raised,
    state,
    table,
    vital,
    volts,
)
from devices.facts import event, level

_MCLIMATE_REASONS: Mapping[str, tuple[Fact, ...]] = {
    "testbuttonpressed": (event(Kind.TEST, True),),
    "flooddetected": (level(Kind.WATER, True),),
    "frauddetected": (replace(level(Kind.TAMPER, True), note=RAISED),),
    "push button": (event(Kind.BUTTON, "single"),),
    "pirtrigger": (level(Kind.MOTION, True),),
}


def _cell(stated: JsonValue) -> list[Fact]:
    """The air sensor states its cell as `voltage`; the mains under this name have more."""
    read = number(stated)
    return volts(stated) if read is not None and read <= 5 else []


def _mclimate(frame: Frame) -> Iterable[Fact]:
    """`occupied` is the state after a timeout; where the infrared sensor's own word stands beside it, that is the reading."""
    values = frame.values
    for key in ("reason", "event"):
        yield from _MCLIMATE_REASONS.get(word(values.get(key)), ())
    if "pirSensorValue" in values or "pirSensorStatus" in values:
        words = state(Kind.MOTION, ("motion detected",), ("no motion detected",))
        yield from words(values.get("pirSensorValue")) or words(values.get("pirSensorStatus"))
    else:
        yield from state(Kind.PRESENCE)(values.get("occupied"))
    if "counter" in values and "thermistorProperlyConnected" in values:
        yield from state(Kind.CONTACT)(values.get("status"))


MCLIMATE = FieldMap(
    vendor="MClimate",
    named=re.compile(r"\bmclimate\b|\bvicki\b|\bt valve\b"),
    tells=has("thermistorProperlyConnected", "pirSensorStatus", "pirTriggerCount", "boxTamper", "powerSourceStatus"),
    rows={
        "sensorTemperature": measure(Kind.TEMPERATURE),
        "temperature": measure(Kind.TEMPERATURE),
        "relativeHumidity": measure(Kind.HUMIDITY),
        "batteryVoltage": volts,
        "voltage": _cell,
        # The flood sensor and the valve state volts under this name.
        "battery": volts,
        "CO2": measure(Kind.CO2),
        "pir": state(Kind.MOTION),
        "flood": state(Kind.WATER),
        "boxTamper": state(Kind.TAMPER),
        "brokenSensor": raised(Kind.SENSOR_FAULT),
        "pressEvent": gesture(
            counts={"1": "single", "01": "single", "2": "double", "02": "double", "3": "triple", "03": "triple"}
        ),
    },
    frames=(_mclimate,),
)


def _is_settings(frame: Frame) -> bool:
    """On port 204 the sensor tells its versions and settings; every state beside them is a placeholder."""
    return frame.port == 204 or number(frame.values.get("fPort")) == 204


MERRYIOT = FieldMap(
    vendor="MerryIoT",
    named=re.compile(r"\bmerryiot\b|\bbrowan\b|\btb(?:hh|ms|dw|wl|pb|hv|am|sl)1[01]0\b"),
    tells=has("battery_volt"),
    silences=_is_settings,
    rows={
        "battery_volt": volts,
        "temperature": measure(Kind.TEMPERATURE),
        "humi": measure(Kind.HUMIDITY),
        "humidity": measure(Kind.HUMIDITY),
        "co2_ppm": measure(Kind.CO2),
        "open": state(Kind.CONTACT),
        "motion": state(Kind.MOTION),
        "mot_motionst": state(Kind.MOTION),
        "water": state(Kind.WATER),
        "tamper": state(Kind.TAMPER),
        # On a sensor it is the key for joining and testing; never a call.
        "button": gesture(counts={"1": "single"}),
        **dict.fromkeys(("battery", "batt"), volts),
    },
    frames=(lambda frame: _tabs(frame),),
)
_TABS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    (re.compile(r"\btbms100\b"), state(Kind.MOTION)),
    (re.compile(r"\btbdw100\b"), state(Kind.CONTACT)),
    (re.compile(r"\btbwl100\b"), state(Kind.WATER)),
    (re.compile(r"\btbpb100\b"), gesture(counts={"1": "single"})),
)


def _tabs(frame: Frame) -> list[Fact]:
    """Browan's small sensors call everything `status`."""
    stated = frame.values.get("status")
    return [fact for name, read in _TABS if name.search(frame.names) for fact in read(stated)]


def _written(frame: Frame) -> Iterable[Fact]:
    """The answers to the commands of a downlink, one sentence each."""
    stated = frame.values.get("response")
    said = [word(one) for one in stated[:_ANSWERS]] if isinstance(stated, list) else []
    if said and all("write command" in one for one in said):
        yield event(Kind.DOWNLINK_ACK, all(one.startswith("all write commands") for one in said))


_ANSWERS = 16
TEKTELIC = FieldMap(
    vendor="Tektelic",
    named=re.compile(r"\btektelic\b|\bkona\b"),
    tells=has("safety_status", "motion_event_state", "hall_effect_state", "reed_state", "rem_batt_capacity_sensor"),
    rows={
        "safety_status.safety_status_eb": raised(Kind.SOS, ("active",), ("inactive",)),
        "safety_status.safety_status_fall": raised(Kind.FALL, ("active",), ("fall cleared", "inactive")),
        "battery_voltage": volts,
        "battery_lifetime_pct": percent,
        "battery": percent,
        "heart_rate": vital("heart_rate", "/min"),
        "respiratory_rate": vital("respiratory_rate", "/min"),
        "body_temperature": vital("body_temperature", "°C"),
        "rem_batt_capacity": percent,
        "rem_batt_capacity_sensor": percent,
        "temperature": measure(Kind.TEMPERATURE),
        "ambient_temperature": measure(Kind.TEMPERATURE),
        "relative_humidity": measure(Kind.HUMIDITY),
        "co2_pressure_compensated": measure(Kind.CO2),
        "motion_event_state": state(Kind.MOTION, ("detected",), ("none",)),
        "hall_effect_state": state(Kind.CONTACT, ("magnet absent",), ("magnet present",)),
        "reed_state": state(Kind.CONTACT, ("magnet absent",), ("magnet present",)),
        "moisture": state(Kind.WATER, ("wet",), ("dry",)),
        "impact_alarm": raised(Kind.VIBRATION, ("impact alarm active",), ("impact alarm inactive",)),
    },
    frames=(_written,),
)


def _counted(stated: JsonValue) -> list[Fact]:
    read = number(stated)
    return [] if read is None else [level(Kind.MOTION, read > 0)]


ELSYS = FieldMap(
    vendor="Elsys",
    named=re.compile(r"\belsys\b|\bers(?: (?:co2|eye|lite|desk|sound|voc))?\b"),
    tells=lambda values: "vdd" in values and has("motion", "occupancy", "accMotion", "waterleak")(values),
    rows={
        "vdd": volts,
        "motion": _counted,
        "occupancy": state(Kind.PRESENCE, ("1", "2"), ("0",)),
        "waterleak": lambda stated: [level(Kind.WATER, read > 0)] if (read := number(stated)) is not None else [],
    },
)

STRIPS = FieldMap(
    vendor="Sensative",
    named=re.compile(r"\bsensative\b|\bstrips\b"),
    tells=has(
        "historySeqNr", "historyStart", "batteryReport", "tempReport", "tempHumReport", "floodAlarm", "BatteryReport"
    ),
    rows={
        **dict.fromkeys(("batteryReport", "BatteryReport", "vsm.batteryPercent"), percent),
        **dict.fromkeys(
            (
                *("tempReport", "tempHumReport.temp", "tempDoorReport.temp"),
                *("TempReport", "TempHumReport.temp", "TempDoorReport.temp"),
            ),
            measure(Kind.TEMPERATURE),
        ),
        **dict.fromkeys(
            ("humidityReport", "HumidityReport", "tempHumReport.humidity", "TempHumReport.humidity"),
            measure(Kind.HUMIDITY),
        ),
        **dict.fromkeys(("tamperReport", "tamperAlarm", "TamperReport", "TamperAlarm"), state(Kind.TAMPER)),
        **dict.fromkeys(("floodAlarm", "FloodAlarm"), state(Kind.WATER)),
        **dict.fromkeys(("presenceReport", "PresenceReport", "occupied"), state(Kind.PRESENCE)),
        # Wetness in per cent; whether that is a flood is said by the alarm.
        "flood": nothing,
    },
)

_DRY, _WET = (level(Kind.WATER, False),), (level(Kind.WATER, True),)
THERMOKON = FieldMap(
    vendor="Thermokon",
    named=re.compile(r"\bthermokon\b|\bquandify\b|\bcubicmeter\b"),
    tells=has("OCCU0_STATE", "REED0_STATE"),
    rows={
        "details.leak_status_text": state(Kind.WATER, ("medium", "large", "small"), ("noleak",)),
        "leakState": table(
            {**dict.fromkeys(("0", "1", "2"), _DRY), **dict.fromkeys(("3", "4", "medium", "large"), _WET)}
        ),
        **dict.fromkeys(("TEMP", "SENSOR_INTERN"), measure(Kind.TEMPERATURE)),
        "RHUM": measure(Kind.HUMIDITY),
        **dict.fromkeys(("CO2", "CO2_INTERNAL_SENSOR"), measure(Kind.CO2)),
        **dict.fromkeys(("VBAT", "VBAT_HI_RES"), volts),
        "OCCU0_STATE": state(Kind.MOTION),
        "battery_level": nothing,
    },
)

MAPS: tuple[FieldMap, ...] = (
    MCLIMATE,
    MERRYIOT,
    TEKTELIC,
    ELSYS,
    STRIPS,
    THERMOKON,
)
