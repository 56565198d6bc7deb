"""Zigbee2MQTT beyond single rows: what the gateway teaches, under which address a device speaks, and payloads of any kind."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from carebell.types import Kind
from devices.dialect import PAYLOAD_LIMIT, Decoded, DeviceRecord, Message, Reason
from devices.dialects import zigbee2mqtt

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
IEEE = "0x00124b0001020304"
LISTED = {
    "ieee_address": IEEE,
    "friendly_name": "hall/strap",
    "definition": {
        "vendor": "Tuya",
        "model": "TS0601_bed_presence_sensor",
        "description": "Bed Occupancy Sensor",
        "exposes": [
            {"type": "binary", "property": "occupancy", "access": 1, "value_on": True, "value_off": False},
            {"type": "binary", "property": "trouble", "access": 5, "value_on": True, "value_off": False},
            {"type": "light", "features": [{"property": "state", "access": 7, "value_on": "ON", "value_off": "OFF"}]},
            {"type": "binary", "property": "sos", "access": 3, "value_on": True, "value_off": False},
        ],
    },
}
MORE_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEY_NAMES = """
    action action_l1 alarm_state battery battery_low breathing_rate click co2 contact fall_status fault gas occupancy
    pressure pressure_state presence_state self_test smoke sos state status temperature test trouble vibration voltage
    testing water alarm_mode water_leak_zone_1 input_1_leak_detect
"""
KEYS = st.sampled_from(KEY_NAMES.split())
TOPICS = st.sampled_from(
    [
        "hall",
        "a/b",
        "a/action",
        "a/availability",
        "bridge/state",
        "bridge/devices",
        "bridge/event",
        "bridge/logging",
        "bridge/response/x",
        "bridge/health",
        "bridge",
        "/",
        "a/set",
    ]
)


class Home:
    """What a dialect may look up; lessons are kept."""

    def __init__(self, devices: Mapping[str, DeviceRecord] | None = None) -> None:
        self.devices = devices or {}
        self.lessons: dict[str, Mapping[str, JsonValue]] = {}

    def device(self, address: str) -> DeviceRecord | None:
        return self.devices.get(address)

    def lesson(self, key: str) -> Mapping[str, JsonValue] | None:
        return self.lessons.get(key)

    def product(self, key: str) -> Mapping[str, JsonValue] | None:
        return None

    def hear(self, name: str, payload: Any) -> Decoded:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        message = Message(topic=f"zigbee2mqtt/{name}", payload=data, received_at=AT)
        decoded = zigbee2mqtt.decode(message, self)
        for lesson in decoded.lessons:
            if lesson.value is None:
                self.lessons.pop(lesson.key, None)
            else:
                self.lessons[lesson.key] = lesson.value
        return decoded


def stated(decoded: Decoded) -> list[tuple[str, Any]]:
    return [(fact.kind, fact.value) for fact in decoded.facts]


@pytest.mark.parametrize("name", ["hall/strap", IEEE])
def test_the_gateway_teaches_what_a_device_is_by_both_its_names(name: str) -> None:
    home = Home()
    home.hear("bridge/devices", [LISTED])
    assert stated(home.hear(name, {"occupancy": True})) == [("bed", "occupied")]


def test_a_device_is_addressed_as_the_registry_has_it() -> None:
    home = Home({IEEE: DeviceRecord(model="C3007")})
    home.hear("bridge/devices", [LISTED])
    assert home.hear("hall/strap", {"occupancy": True}).device_id == IEEE
    assert home.hear("hall/strap/availability", {"state": "online"}).device_id == IEEE
    assert Home().hear("hall/strap", {"occupancy": True}).device_id == "hall/strap"


def test_what_the_registry_says_of_a_device_goes_before_what_the_gateway_says() -> None:
    home = Home({"hall/strap": DeviceRecord(model="RTCGQ11LM", description="Motion sensor")})
    home.hear("bridge/devices", [LISTED])
    assert stated(home.hear("hall/strap", {"occupancy": True})) == [("motion", True)]


def test_a_bit_that_the_model_has_is_read_when_it_is_false_too() -> None:
    home = Home()
    home.hear("bridge/devices", [LISTED])
    assert stated(home.hear("hall/strap", {"trouble": False})) == [("sensor_fault", False)]


def test_a_call_for_help_is_never_taken_for_a_setting() -> None:
    home = Home()
    home.hear("bridge/devices", [LISTED])
    assert stated(home.hear("hall/strap", {"sos": True})) == [("sos", "active")]


def test_a_device_with_a_slash_in_its_name_is_not_taken_for_a_key_of_another() -> None:
    home = Home()
    home.hear("bridge/devices", [LISTED | {"friendly_name": "hall/smoke"}])
    assert [problem.reason for problem in home.hear("hall/smoke", b"true").problems] == [Reason.WRONG_SHAPE]


def test_an_action_is_an_event_and_what_lasts_is_a_level() -> None:
    facts = Home().hear("x", {"action": "single", "sos": True, "contact": False}).facts
    assert {fact.kind: fact.is_level for fact in facts} == {"button": False, "sos": True, "contact": True}
    assert {fact.message_id for fact in facts} == {""}


def test_the_code_that_somebody_typed_is_in_no_fact() -> None:
    decoded = Home().hear("keypad", {"action": "disarm", "action_code": "4711", "pin_code": {"pin_code": "4711"}})
    assert "4711" not in repr(decoded)


@pytest.mark.parametrize("name", ["bridge/state", "bridge/health", "bridge/devices", "bridge/event", "bridge/info"])
def test_the_gateway_speaks_of_itself(name: str) -> None:
    decoded = Home().hear(name, {"state": "online"})
    assert decoded.is_gateway
    assert decoded.device_id == "bridge"


def test_a_payload_without_end_is_refused_but_a_call_in_it_is_heard() -> None:
    decoded = Home().hear("x", b'{"action": "panic", "more": "' + b"x" * PAYLOAD_LIMIT + b'"}')
    assert stated(decoded) == [("sos", "active")]
    assert [problem.reason for problem in decoded.problems] == [Reason.TOO_LARGE]


def test_a_state_with_thousands_of_keys_gives_few_facts_and_loses_no_call() -> None:
    state = {f"temperature_{key}": 20 for key in range(100)} | {f"battery_l{key}": 9 for key in range(100)}
    state |= {f"humidity_th{key}": 9 for key in range(100)} | {f"tamper_s{key}": True for key in range(100)}
    state |= {f"gas_wire_{key}": False for key in range(100)} | {f"presence_zone_{key}": True for key in range(100)}
    facts = Home().hear("x", {**state, "sos": True}).facts
    assert len(facts) == 500
    assert Kind.SOS in {fact.kind for fact in facts}


@pytest.mark.parametrize("payload", [b"\xff\xfe\x00", b"NaN", b"[" * 5000, b"1e999", b'{"contact": 1e999}', b"{}"])
@pytest.mark.parametrize("name", ["x", "x/contact", "bridge/devices", "bridge/event", "x/availability"])
def test_odd_bytes_never_raise_and_never_call(name: str, payload: bytes) -> None:
    assert Kind.SOS not in {fact.kind for fact in Home().hear(name, payload).facts}


@given(name=TOPICS, payload=st.dictionaries(KEYS, MORE_JSON, max_size=4) | MORE_JSON)
def test_any_json_is_read_or_refused(name: str, payload: JsonValue) -> None:
    decoded = Home().hear(name, payload)
    assert all(isinstance(fact.value, str | int | float | bool | None) for fact in decoded.facts)


@given(exposes=MORE_JSON, definition=st.dictionaries(st.sampled_from(["vendor", "model", "exposes"]), MORE_JSON))
def test_any_list_of_devices_is_learnt_or_left(exposes: JsonValue, definition: dict[str, JsonValue]) -> None:
    home = Home()
    home.hear("bridge/devices", [{"friendly_name": "x", "definition": definition | {"exposes": exposes}}, exposes])
    assert stated(home.hear("x", {"smoke": True})) == [("smoke", True)]
