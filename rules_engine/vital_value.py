"""What a reading of `vital` measured: each value with the name and in the unit in which limits are written. Pure.

Devices write it in many ways: a number with the name in its channel or told by its unit, {"name", "value", "unit"}, or
{"systolic": 128, "diastolic": 80}. What has no name that can be told is left out: nobody knows what it is.
"""

import math
import re
from typing import NamedTuple

from pydantic import JsonValue

from carebell.types import Reading

_ALSO = {
    "hr": "heart_rate",
    "heartrate": "heart_rate",
    "pulse": "heart_rate",
    "pulse_rate": "heart_rate",
    "oxygen": "spo2",
    "sp_o2": "spo2",
    "blood_oxygen": "spo2",
    "oxygen_saturation": "spo2",
    "sys": "systolic",
    "systolic_pressure": "systolic",
    "dia": "diastolic",
    "diastolic_pressure": "diastolic",
    "temperature": "body_temperature",
    "temp": "body_temperature",
    "blood_glucose": "glucose",
    "blood_sugar": "glucose",
    "breathing_rate": "respiration",
    "respiration_rate": "respiration",
    "respiratory_rate": "respiration",
}
_BY_UNIT = {
    "bpm": "heart_rate",
    "beats/min": "heart_rate",
    "breaths/min": "respiration",
    "%": "spo2",
    "°c": "body_temperature",
    "°f": "body_temperature",
    "mmol/l": "glucose",
    "mg/dl": "glucose",
}
# mmol/L of glucose to mg/dL (molar mass 180.16 g/mol); kPa to mmHg.
_MG_PER_MMOL, _MMHG_PER_KPA = 18.016, 7.50062
_PRESSURES = frozenset({"systolic", "diastolic"})
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


class Measured(NamedTuple):
    """In beats or breaths a minute, %, mmHg, °C, mmol/L."""

    name: str
    value: float


def measured(reading: Reading) -> list[Measured]:
    value = reading.value
    if not isinstance(value, dict):
        return _one(reading.channel, value, reading.unit)
    if "value" in value:
        unit = value.get("unit", reading.unit)
        name = value.get("name", value.get("type", reading.channel))
        return _one(name, value["value"], unit)
    return [one for name, inner in value.items() for one in _one(name, inner, "")]


def name_of(stated: JsonValue) -> str:
    """`Heart Rate` -> heart_rate; empty where nothing is stated."""
    word = re.sub(r"[^a-z0-9]+", "_", stated.casefold()).strip("_") if isinstance(stated, str) else ""
    return _ALSO.get(word, word)


def _one(stated: JsonValue, value: JsonValue, unit: JsonValue) -> list[Measured]:
    number = _number(value)
    unit = unit.strip().casefold() if isinstance(unit, str) else ""
    name = name_of(stated) or _BY_UNIT.get(unit, "")
    if number is None or not name:
        return []
    return [Measured(name, round(_converted(name, number, unit), 2))]


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _converted(name: str, number: float, unit: str) -> float:
    if name == "glucose" and unit == "mg/dl":
        return number / _MG_PER_MMOL
    if name == "body_temperature" and unit in ("°f", "f"):
        return (number - 32) / 1.8
    if name in _PRESSURES and unit == "kpa":
        return number * _MMHG_PER_KPA
    return number
