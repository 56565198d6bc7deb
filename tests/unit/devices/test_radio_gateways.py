"""Gateways of radio devices: what the grid of examples cannot show."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from carebell.types import Kind
from devices.dialect import Decoded, DeviceRecord, Dialect, Message
from devices.dialects import tasmota, theengs
from devices.ecosystems import dialect_of

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


class Nobody:
    """Knows of no device."""

    def device(self, address: str) -> DeviceRecord | None:
        return None

    def lesson(self, key: str) -> Mapping[str, JsonValue] | None:
        return None

    def product(self, key: str) -> Mapping[str, JsonValue] | None:
        return None


def read(dialect: Dialect, topic: str, payload: bytes) -> Decoded:
    return dialect.decode(Message(topic=topic, payload=payload, received_at=NOW), Nobody())


@pytest.mark.parametrize(
    ("topic", "name"),
    [
        ("tele/house/hall/SENSOR", "tasmota"),
        ("home/kitchen/plug/tele/LWT", "tasmota"),
        ("home/kitchen/BTtoMQTT/AABBCCDDEEFF", "theengs"),
        ("gateways/kitchen/BTtoMQTT/AABBCCDDEEFF", "theengs"),
        ("home/kitchen/LWT", "theengs"),
        ("rtl_433/hall/events", "rtl_433"),
    ],
)
def test_a_topic_is_of_its_ecosystem(topic: str, name: str) -> None:
    dialect = dialect_of(topic)
    assert dialect is not None
    assert name == dialect.NAME


@pytest.mark.parametrize("topic", ["home/garden/lamp", "home", "tele", "tele/LWT"])
def test_what_is_not_of_a_gateway_is_left_to_others(topic: str) -> None:
    assert not theengs.matches(topic)
    assert not tasmota.matches(topic)


@pytest.mark.parametrize(
    ("topic", "payload", "signal"),
    [
        ("rtl_433/hall/events", b'{"model":"Nexus-TH","id":4,"rssi":-0.4,"snr":21.5,"noise":-22}', -0.4),
        ("rtl_433/hall/events", b'{"model":"Nexus-TH","id":4,"snr":21.5}', 21.5),
        ("rtl_433/hall/events", b'{"model":"Nexus-TH","id":4,"rssi":"?"}', None),
        ("rtl_433/hall/devices/Nexus-TH/2/4/rssi", b"-0.4", -0.4),
        ("rtl_433/hall/devices/Nexus-TH/2/4/noise", b"-22", None),
        ("home/hall/RTL_433toMQTT/Nexus-TH/2/4", b'{"model":"Nexus-TH","id":4,"rssi":-71}', -71),
    ],
)
def test_a_receiver_that_states_levels_tells_how_well_it_hears(
    topic: str, payload: bytes, signal: float | None
) -> None:
    dialect = dialect_of(topic)
    assert dialect is not None
    assert read(dialect, topic, payload).signal == signal


def test_a_message_with_thousands_of_sensors_says_a_bounded_number_of_facts() -> None:
    many = {f"S{index}": {f"Temperature{part}": 20 for part in range(99)} for index in range(1000)}
    assert len(read(tasmota, "tele/x/SENSOR", json.dumps(many).encode()).facts) <= 100 * 40


def test_a_packet_has_an_identity_and_a_press_without_one_has_none() -> None:
    def ids(content: dict[str, Any]) -> set[str]:
        decoded = read(theengs, "home/g/BTtoMQTT/AA", json.dumps(content).encode())
        return {fact.message_id for fact in decoded.facts if fact.kind == Kind.BUTTON}

    assert ids({"model_id": "SBBT-002C", "button": 1}) == {""}
    assert ids({"model_id": "SBBT-002C", "button": 1, "packet": 7}) != ids(
        {"model_id": "SBBT-002C", "button": 1, "packet": 8}
    )


def test_the_gateway_teaches_the_model_of_a_device() -> None:
    content = {"ZbInfo": [{"0x1": {"Device": "0x1", "Name": "Call", "Manufacturer": "ACME", "ModelId": "sos1"}}]}
    decoded = read(tasmota, "stat/bridge/RESULT", json.dumps(content).encode())
    assert [(one.key, one.value) for one in decoded.lessons] == [("tasmota bridge Call", {"model": "ACME sos1"})]
