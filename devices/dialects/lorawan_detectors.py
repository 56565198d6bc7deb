"""Detectors and loggers with a language of their own: Nexelec, Watteco, Yobiiq, Laiier, Zenner. Pure."""

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import (
    FieldMap,
    Frame,
    gesture,
    has,
    items,
    measure,
    nothing,
    percent,
    plain,
    raised,
    state,
    volts,
)
from devices.facts import event

_FAULT = ("hardware fault detected", "hw fault detected", "smoke sensor fault", "sensor fault", "error")
_FINE = ("hardware working correctly", "hw working correctly", "smoke sensor ok", "sensor ok", "ok")
_SMOKE_OFF = ("smoke alarm non-activated", "non-active", "non-activated", "no alarm")
_SMOKE_ON = ("local smoke alarm activated", "remote smoke alarm activated", "activated")
_TORN = ("product removed from its based just now", "product just undetected", "just removed from the base")
_SEATED = ("product installed on its base just now", "product just detected", "just installed from the base")
_TESTED = ("local smoke test was done", "remote smoke test was done", "product test is running", "active")
_INACTIVE = ("not active", "non-active", "inactive")


def _tested(stated: JsonValue) -> list[Fact]:
    return [event(Kind.TEST, True)] if word(stated) in _TESTED else []


def _plain_co2(stated: JsonValue) -> list[Fact]:
    """Read where it is a number alone; the stations that write an object grade it themselves."""
    return [] if isinstance(stated, dict) else measure(Kind.CO2)(stated)


def _merged(frame: Frame) -> Iterable[Fact]:
    """Older codecs write a list of objects with one key each."""
    for one in items(frame.values.get("payload")):
        for key, stated in one.items():
            yield from NEXELEC.rows.get(key, nothing)(stated)


_is_typed = has("typeOfProduct", "Type_of_Product")
_LOW_WORDS = raised(Kind.BATTERY_LOW, ("low", "critical"), ("high", "medium", "external power supply"))
NEXELEC = FieldMap(
    vendor="Nexelec",
    named=re.compile(r"\bnexelec\b|\binsafe\b"),
    tells=lambda values: any(map(_is_typed, (values, *items(values.get("payload"))))),
    rows={
        **dict.fromkeys(("temperature", "Temperature_(°C)", "Temperature(°C)"), measure(Kind.TEMPERATURE)),
        "humidity": measure(Kind.HUMIDITY),
        "Relative_Humidity_(%RH)": measure(Kind.HUMIDITY),
        "buttonPress": gesture(),
        "presence": state(Kind.PRESENCE, ("presence",), ("absent",)),
        "roomPresence": state(Kind.PRESENCE, ("presence",), ("absent",)),
        **dict.fromkeys(("smokeAlarm", "Smoke_Alarm"), state(Kind.SMOKE, _SMOKE_ON, _SMOKE_OFF)),
        # The detectors of carbon monoxide; a pre-alarm is below what alarms.
        "localAlarm": state(Kind.CO, ("active",), _INACTIVE),
        **dict.fromkeys(("smokeLocalProductTest", "smokeTest", "Smoke_Test", "productTest"), _tested),
        **dict.fromkeys(
            (
                *("hardwareStatus", "productHwStatus", "statusProduct", "smokeSensorStatus"),
                *("Smoke_sensor_fault_mode", "coSensorStatus"),
            ),
            raised(Kind.SENSOR_FAULT, _FAULT, _FINE),
        ),
        **dict.fromkeys(
            ("antiTearDetectionStatus", "antiTearSensorStatus", "statusAntiTear"), raised(Kind.TAMPER, _TORN, _SEATED)
        ),
        **dict.fromkeys(("batteryLevel", "Battery_level", "energyStatus"), _LOW_WORDS),
        "batteryVoltage": lambda stated: volts(stated) if plain(stated)[1] == "mv" else [],
        **dict.fromkeys(("co2", "Total_CO2(ppm)"), _plain_co2),
    },
    frames=(_merged,),
)


def _last_samples(frame: Frame) -> Iterable[Fact]:
    """Watteco says every value twice: as a sample with its date and flat. A batch has samples alone; its last is now."""
    last: dict[str, dict[str, JsonValue]] = {}
    for one in items(frame.values.get("samples")):
        name = one.get("variable")
        if isinstance(name, str) and name not in frame.values:
            last[name] = max(last.get(name, one), one, key=lambda sampled: word(sampled.get("date")))
    for name, one in last.items():
        yield from WATTECO.rows.get(name, nothing)(one.get("value"))


WATTECO = FieldMap(
    vendor="Watteco",
    named=re.compile(r"\bwatteco\b|\bnke\b"),
    tells=lambda values: any("variable" in one for one in items(values.get("samples"))),
    rows={
        **dict.fromkeys(("temperature", "temperature_1", "temperature_2", "Temperature"), measure(Kind.TEMPERATURE)),
        **dict.fromkeys(("humidity", "humidity_1", "humidity_2", "RelativeHumidity"), measure(Kind.HUMIDITY)),
        **dict.fromkeys(("co2", "CO2"), measure(Kind.CO2)),
        **dict.fromkeys(("occupancy", "Occupancy"), state(Kind.MOTION)),
        "open": state(Kind.CONTACT),
        "violation_detection": state(Kind.TAMPER),
        "case_violation": state(Kind.TAMPER),
        "disposable_battery_voltage": volts,
        "rechargeable_battery_voltage": volts,
        "battery_voltage": volts,
        # Of the batches of older versions, in volts.
        "BatteryLevel": volts,
    },
    frames=(_last_samples,),
)


def _obeyed(frame: Frame) -> Iterable[Fact]:
    """The answer to a command, in words."""
    for key in ("info", "warning"):
        said = word(frame.values.get(key))
        if said.startswith("downlink command "):
            yield event(Kind.DOWNLINK_ACK, said.endswith("succeeded"))


YOBIIQ = FieldMap(
    vendor="Yobiiq",
    named=re.compile(r"\byobiiq\b|\bsd ?1001\b"),
    tells=lambda values: (
        "yobiiq" in word(values.get("manufacturer")) or has("interconnectAlarm", "testButtonPressed")(values)
    ),
    rows={
        "batteryLevelInPercentage": percent,
        "lowBatteryAlarm": state(Kind.BATTERY_LOW),
        "faultAlarm": state(Kind.SENSOR_FAULT),
        "smokeAlarm": state(Kind.SMOKE),
        "testButtonPressed": state(Kind.TEST, ("pushed", "pressed")),
    },
    frames=(_obeyed,),
)


def _wet(frame: Frame) -> Iterable[Fact]:
    """What is wet while the sensor tests itself is no leak. Its word Emergency means a leak, nobody's call."""
    if word(frame.values.get("event_type")) == "self_test":
        yield event(Kind.TEST, True)
    else:
        yield from state(Kind.WATER)(frame.values.get("critically_wet"))


def _when_apart(stated: JsonValue) -> list[Fact]:
    is_connected = flag(stated)
    return [] if is_connected is None else raised(Kind.SENSOR_FAULT)(not is_connected)


LAIIER = FieldMap(
    vendor="Laiier",
    named=re.compile(r"\blaiier\b|\bsevern\b"),
    tells=has("critically_wet"),
    rows={
        "temp_c": measure(Kind.TEMPERATURE),
        "batt": volts,
        "self_test_failed": raised(Kind.SENSOR_FAULT),
        "sensor_connected": _when_apart,
    },
    frames=(_wet,),
)

_STATES: Mapping[str, Fact] = {
    "removal": event(Kind.TAMPER, True),
    "battery end of life": event(Kind.BATTERY_LOW, True),
    **dict.fromkeys(("horn drive level failure", "acoustic alarm failure"), event(Kind.SENSOR_FAULT, True)),
}


def _found(stated: JsonValue) -> list[Fact]:
    """What the detector found, as a word or a list of words. Its alarm it sounds, and sends only where that was agreed."""
    said = [word(one) for one in (stated[:_ANSWERS] if isinstance(stated, list) else [stated])]
    burning = [event(Kind.SMOKE, True)] if any(one.startswith("smoke alarm") for one in said) else []
    return [*burning, *(_STATES[one] for one in said if one in _STATES)]


_ANSWERS = 16
ZENNER = FieldMap(
    vendor="Zenner",
    named=re.compile(r"\bzenner\b|\beasy protect\b"),
    tells=has("status_interpretation"),
    rows={"status_interpretation": _found},
)

MAPS: tuple[FieldMap, ...] = (NEXELEC, WATTECO, YOBIIQ, LAIIER, ZENNER)
