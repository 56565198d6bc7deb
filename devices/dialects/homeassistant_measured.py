"""What a measuring entity of Home Assistant says: by its class, its unit, and for what is measured of a person its name. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.homeassistant_names import is_named, words_of
from devices.facts import other, sample
from devices.values import unit_of

Spec = Mapping[str, Any]
_SAMPLES = {
    "battery": Kind.BATTERY,
    "temperature": Kind.TEMPERATURE,
    "humidity": Kind.HUMIDITY,
    "carbon_dioxide": Kind.CO2,
}
_FAHRENHEIT = frozenset({"°f", "f", "℉"})
_DEGREES = frozenset({"°c", "℃", "°f", "℉"})
_BEATS = frozenset({"bpm", "beats/min", "breaths/min", "br/min"})
_A_MINUTE = frozenset({"", "/min", "1/min", "min⁻¹", "次/分", "次/分钟", "rpm", *_BEATS})
# Of a person only where the name says so: a motor turns too, a room's air has a pressure, and half of all units is a percent.
# Per unit: names, of which all words must be there.
_OF_A_PERSON: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        _A_MINUTE,
        (
            "heartrate",
            "heart rate",
            "respiratory rate",
            "respiration rate",
            "breath rate",
            "breathing rate",
            "心率",
            "脉搏",
            "呼吸",
        ),
    ),
    (frozenset({"%"}), ("spo2", "blood oxygen", "oxygen saturation", "血氧")),
    (frozenset({"mmhg", "kpa"}), ("blood pressure", "systolic", "diastolic", "收缩压", "舒张压", "血压")),
    (frozenset({"mg/dl", "mmol/l"}), ("glucose", "血糖")),
)
_GLUCOSE = "blood_glucose_concentration"


def measured(spec: Spec, value: JsonValue) -> list[Fact]:
    """A number in the unit of its kind; `other` for what is measured of nothing that counts here."""
    channel = str(spec.get("object") or "")[:200]
    device_class, unit = word(spec.get("device_class")), word(spec.get("unit_of_measurement"))
    found: list[Fact] = []
    if device_class == "temperature" or (not device_class and unit in _DEGREES):
        found = [] if spec.get("entity_category") == "diagnostic" else temperature(value, spec, unit)
    elif device_class == "voltage" or (device_class == "battery" and unit in ("v", "mv")):
        found = _voltage(spec, value, unit)
    elif device_class in _SAMPLES and unit not in ("v", "mv"):
        found = sample(_SAMPLES[device_class], value, channel=channel)
    elif _is_of_a_person(spec, device_class, unit) and (read := number(value)) is not None:
        found = [
            Fact(kind=Kind.VITAL, value=read, unit=str(spec.get("unit_of_measurement") or "")[:16], channel=channel)
        ]
    return found or [other(value, channel=channel)]


def temperature(value: Any, spec: Spec, unit: str) -> list[Fact]:
    """In °C; nothing where the value is no number."""
    stated = number(value) if isinstance(value, str | int | float) else None
    if stated is None:
        return []
    if unit in _FAHRENHEIT:
        stated = round((stated - 32) / 1.8, 2)
    elif unit == "k":
        stated = round(stated - 273.15, 2)
    channel = str(spec.get("object") or "")[:200]
    return [Fact(kind=Kind.TEMPERATURE, value=stated, unit=unit_of(Kind.TEMPERATURE), channel=channel)]


def _is_of_a_person(spec: Spec, device_class: str, unit: str) -> bool:
    if device_class not in ("", "pressure", _GLUCOSE) or spec.get("entity_category"):
        return False
    if device_class == _GLUCOSE or (not device_class and unit in _BEATS):
        return True
    said = words_of(spec.get("object"), spec.get("name"))
    return any(unit in units and any(is_named(name, said) for name in names) for units, names in _OF_A_PERSON)


def _voltage(spec: Spec, value: JsonValue, unit: str) -> list[Fact]:
    """Of a battery only where the entity says so: most voltages are of the mains."""
    said = {*words_of(spec.get("object"), spec.get("name")), word(spec.get("device_class"))}
    if not said & {"battery", "batt", "bat"}:
        return []
    factor = 0.001 if unit == "mv" else 1
    return sample(Kind.BATTERY_VOLTAGE, value, factor=factor, channel=str(spec.get("object") or "")[:200])
