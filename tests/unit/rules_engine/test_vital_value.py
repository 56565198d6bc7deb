"""What readings of vital values measured, in the many ways in which devices write them."""

from typing import Any

import pytest

from rules_engine.vital_value import measured, name_of
from tests.support.homeline import reading


def told(value: Any, channel: str = "", unit: str = "") -> list[tuple[str, float]]:
    return [tuple(one) for one in measured(reading("vital", value=value, channel=channel, unit=unit))]


@pytest.mark.parametrize(
    ("value", "channel", "unit", "expected"),
    [
        (72, "heart_rate", "", [("heart_rate", 72)]),
        ("72", "Heart Rate", "", [("heart_rate", 72)]),
        (72, "", "bpm", [("heart_rate", 72)]),
        (96, "", "%", [("spo2", 96)]),
        (36.6, "", "°C", [("body_temperature", 36.6)]),
        (98.6, "", "°F", [("body_temperature", 37)]),
        (90, "", "mg/dL", [("glucose", 5)]),
        (5.5, "blood glucose", "mmol/L", [("glucose", 5.5)]),
        (16, "systolic", "kPa", [("systolic", 120.01)]),
        ({"name": "SpO2", "value": 95, "unit": "%"}, "", "", [("spo2", 95)]),
        ({"type": "pulse", "value": "61"}, "", "", [("heart_rate", 61)]),
        ({"value": 61, "unit": "bpm"}, "", "", [("heart_rate", 61)]),
        ({"value": 61}, "pulse", "", [("heart_rate", 61)]),
        ({"value": 61}, "", "bpm", [("heart_rate", 61)]),
        ({"systolic": 128, "diastolic": "80", "note": "sitting"}, "", "", [("systolic", 128), ("diastolic", 80)]),
        ({"weight": 70}, "", "kg", [("weight", 70)]),
    ],
)
def test_a_value_is_read_with_its_name(value: Any, channel: str, unit: str, expected: list[tuple[str, float]]) -> None:
    assert told(value, channel, unit) == expected


@pytest.mark.parametrize(
    ("value", "channel", "unit"),
    [
        (72, "", ""),
        (120, "", "mmHg"),
        (True, "heart_rate", ""),
        (None, "heart_rate", ""),
        ("high", "heart_rate", ""),
        ("1e999", "heart_rate", ""),
        (10**400, "heart_rate", ""),
        ("9" * 400, "heart_rate", ""),
        (float("nan"), "heart_rate", ""),
        ([72], "heart_rate", ""),
        ({"name": 7, "value": 72}, "", ""),
        ({"name": "pulse", "value": {"x": 1}}, "", ""),
        ({}, "", ""),
    ],
)
def test_what_nobody_can_name_or_count_is_left_out(value: Any, channel: str, unit: str) -> None:
    assert told(value, channel, unit) == []


def test_names_are_compared_without_case_blanks_and_hyphens() -> None:
    assert {name_of(one) for one in ("Heart Rate", "heart-rate", " HEART_RATE ", "hr")} == {"heart_rate"}
