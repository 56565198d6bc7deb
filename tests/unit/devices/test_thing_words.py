"""The words of thing models that mean the same nearly everywhere, and those that must not be taken for them."""

from typing import Any

import pytest

from devices.dialects.thing_values import call, fallen, gesture, switched
from devices.dialects.thing_words import meaning_of
from devices.products import Meaning


def kind_of(identifier: str) -> str | None:
    meaning = meaning_of(identifier)
    return meaning and meaning.kind


@pytest.mark.parametrize(
    ("kind", "identifiers"),
    [
        (
            "sos",
            "SOS sos_state SosAlarmState sosEvent EmergencyCall emergency_alarm PanicButton key_sos SOS1 one_key_alarm",
        ),
        ("sos", "HelpButton call_help NurseCall emergency PullCordAlarm UrgentCall duress_alarm"),
        ("fall", "fall FallDetected fall_down_alarm fall_state FallEvent TumbleAlarm"),
        ("smoke", "smoke SmokeSensorState smoke_alarm FireAlarm"),
        ("co", "COAlarmState co_state CarbonMonoxideAlarm"),
        ("gas", "GasSensorState gas_leak_alarm methane_alarm CH4Alarm"),
        ("water", "WaterSensorState water_leak LeakState flood_alarm WaterDetectorState"),
        ("heat", "overheat HeatAlarm high_temperature_alarm"),
        ("motion", "MotionAlarmState pir PIRState body_motion"),
        ("presence", "human_presence occupancy OccupancyState presence_state HumanExist SomeoneExists"),
        ("bed", "InBed on_bed LeaveBed bed_exit"),
        ("contact", "door_state DoorContact window_state contact"),
        ("tamper", "temper_alarm TamperState tamper_alarm"),
        ("battery", "battery BatteryPercentage battery_level"),
        ("battery_low", "LowBatteryAlarm battery_low battery_state"),
        ("temperature", "temp CurrentTemperature indoor_temperature temperature_1"),
        ("humidity", "humi RelativeHumidity air_humidity"),
        ("co2", "CO2 co2_value CarbonDioxide"),
        ("vital", "HeartRate blood_oxygen SpO2 body_temperature systolic_pressure DiastolicPressure blood_glucose"),
        ("test", "test_alarm"),
    ],
)
def test_words_that_are_known(kind: str, identifiers: str) -> None:
    assert {one: kind_of(one) for one in identifiers.split()} == dict.fromkeys(identifiers.split(), kind)


@pytest.mark.parametrize(
    "identifier",
    [
        *("sos_mode", "SOSMode", "SOSNumber", "sos_switch", "emergency_contact", "EmergencyLight", "help_text"),
        *(
            "fall_detection",
            "FallDetectionSwitch",
            "fall_sensitivity",
            "tumble_switch",
            "tumble_alarm_time",
            "rainfall",
        ),
        *("smoke_sensor_value", "SmokeAlarmSwitch", "gas_threshold", "co_value", "water_level", "water_temp"),
        *("flame_state", "bat", "pulse", "GasDetection", "SmokeWarning", "sos_message", "high_blood_pressure"),
        *("TargetTemperature", "temp_set", "temp_current", "soil_humidity", "temperature_unit", "va_temperature"),
        *(
            "alarm",
            "AlarmState",
            "DetectionAlarm",
            "mode",
            "temper",
            "voltage",
            "PowerSwitch",
            "",
            "1",
            "_",
            "呼救",
            "x" * 500,
        ),
    ],
)
def test_words_that_are_not_taken_for_others(identifier: str) -> None:
    assert kind_of(identifier) in (None, "other")


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [
        *(("FallDetection", "fall"), ("sos_message", "sos"), ("SmokeWarning", "smoke"), ("motion_detect", "motion")),
        *(("GasDetection", None), ("smoke_detect", None), ("detection", None)),
    ],
)
def test_an_event_of_a_detection_is_no_switch_of_it(identifier: str, kind: str | None) -> None:
    meaning = meaning_of(identifier, is_event=True)
    assert (meaning and meaning.kind) == kind
    assert kind_of(identifier) is None


def test_a_number_behind_a_word_tells_two_of_a_kind_apart() -> None:
    assert [getattr(meaning_of(one), "channel", None) for one in ("smoke_1", "smoke2", "smoke")] == ["1", "2", ""]


@pytest.mark.parametrize(
    ("kind", "value", "is_on"),
    [
        *(("smoke", value, True) for value in (True, 1, "1", "alarm", "ALARM", "smoke")),
        *(("smoke", value, False) for value in (False, 0, "normal", "FALSE", "ok")),
        *(("smoke", value, None) for value in (None, "muted", 7, 0.5, [], {}, "")),
        *(("contact", value, None) for value in (True, False, 0, 1, "1", "on")),
        *(("contact", value, True) for value in ("open", "Opened")),
        *(("contact", value, False) for value in ("closed", "close")),
        *(("presence", value, True) for value in ("presence", "somebody", 1)),
        *(("presence", value, False) for value in ("none", "nobody", 0)),
        *(("bed", value, None) for value in (1, 0, "?")),
        *(("bed", value, True) for value in ("occupied", "in_bed", True)),
        *(("battery_low", value, False) for value in ("middle", "high", False)),
        ("battery_low", "low", True),
        ("sensor_fault", 4, True),
        ("sensor_fault", 0, False),
    ],
)
def test_switches_are_read_where_they_are_plain(kind: str, value: Any, is_on: bool | None) -> None:
    assert switched(Meaning(kind=kind), value) is is_on


@pytest.mark.parametrize(
    ("value", "is_call"),
    [
        *((value, True) for value in (1, True, "1", "sos", "on", "left", 7, -1, "not cleared")),
        *((value, False) for value in (0, False, "0", "off", "normal", "cancel", "cleared", "release", "FALSE")),
        *((value, None) for value in (None, "", "ready", "Offline", "disabled")),
    ],
)
def test_whatever_is_not_plainly_over_is_a_call(value: Any, is_call: bool | None) -> None:
    assert call(value) is is_call


@pytest.mark.parametrize(
    ("value", "state"),
    [
        *((value, "detected") for value in (1, True, "fall", "alarm")),
        *((value, "suspected") for value in (2, "maybe_fall", "suspected", "warning")),
        *((value, "cleared") for value in (0, False, "none", "normal", "cancelled")),
        *((value, None) for value in (None, "standing", 9, [])),
    ],
)
def test_a_fall_is_read_where_it_is_plain(value: Any, state: str | None) -> None:
    assert fallen(value) == state


@pytest.mark.parametrize(
    ("value", "pressed"),
    [
        (1, "single"),
        ("double_click", "double"),
        ("long_press", "long"),
        ("left", "other"),
        (0, None),
        (None, None),
        ("", None),
    ],
)
def test_gestures(value: Any, pressed: str | None) -> None:
    assert gesture(value) == pressed
