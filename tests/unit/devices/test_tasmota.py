"""Tasmota where a row shows nothing: how well a device is heard, and what a device for calls may come as."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from devices.dialect import Message
from devices.listener import Devices, Heard, Listener, Registered

AT = datetime(2026, 1, 15, tzinfo=UTC)
WIFI = {"AP": 1, "RSSI": 64, "Signal": -68}
DOOR = {"Device": "0x1A2B", "Contact": 1, "Endpoint": 1, "LinkQuality": 120}


class Called:
    """A home where everything is registered as a device for calls."""

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return Registered(home_id="h1", device_id=address, is_sos=True)

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


class Nobody:
    """A home without devices."""

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


def hear(topic: str, payload: Any, devices: Devices | None = None) -> Heard:
    data = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
    message = Message(topic=f"carebell/h1/tasmota/{topic}", payload=data, received_at=AT)
    return Listener(devices or Nobody()).hear(message)


@pytest.mark.parametrize(
    ("topic", "payload", "signal"),
    [
        ("tele/bath/STATE", {"Uptime": "0T01", "Wifi": WIFI}, -68),
        ("stat/bath/STATUS11", {"StatusSTS": {"Wifi": WIFI}}, -68),
        ("tele/bath/STATE", {"Wifi": {"RSSI": 64}}, None),
        ("tele/bath/STATE", {"Wifi": {"Signal": 0}}, None),
        ("tele/bath/STATE", {"Wifi": 3}, None),
        ("tele/bath/STATE", "{", None),
        ("stat/bath/POWER", "ON", None),
        ("tele/zb/SENSOR", {"ZbReceived": {"0x1A2B": DOOR}}, 120),
        ("tele/zb/Door/SENSOR", {"Door": DOOR}, 120),
        ("tele/zb/Door/SENSOR", DOOR, 120),
        ("tele/zb/SENSOR", {"ZbReceived": {"0x1A2B": DOOR, "0x1A2C": {**DOOR, "Device": "0x1A2C"}}}, None),
        ("tele/zb/SENSOR", {"ZbInfo": {"0x1A2B": {**DOOR, "Reachable": True}}}, None),
        ("tele/hall/SENSOR", {"MJYD2S-1a2b3c": {"mac": "50ec501a2b3c", "PIR": 1, "RSSI": -70}}, -70),
        ("tele/hall/SENSOR", {"DHT11": {"Temperature": 21, "RSSI": -70}}, None),
        ("tele/hall/SENSOR", {"IBEACON": {"MAC": "A4C138000001", "RSSI": -56, "STATE": "ON"}}, -56),
        ("tele/hall/SENSOR", {"IBEACON": {"MAC": "A4C138000001", "RSSI": -56, "STATE": "OFF"}}, None),
    ],
)
def test_how_well_a_device_is_heard_is_of_that_device_alone(topic: str, payload: Any, signal: int | None) -> None:
    assert hear(topic, payload).decoded.signal == signal


@pytest.mark.parametrize(
    ("topic", "payload", "is_call"),
    [
        ("stat/cord/RESULT", {"Switch1": {"Action": "ON"}}, True),
        ("stat/cord/RESULT", {"Pull_Cord": {"Action": "ON"}}, True),
        ("stat/cord/RESULT", {"Pull_Cord": {"Action": "OFF"}}, False),
        ("tele/cord/SENSOR", {"Pull_Cord": "ON"}, False),
        ("tele/cord/RESULT", {"TuyaReceived": {"DpType1Id1": 1}}, False),
    ],
)
def test_a_switch_of_a_device_for_calls_is_a_call_whatever_its_name(topic: str, payload: Any, is_call: bool) -> None:
    kinds = [reading.kind for reading in hear(topic, payload, Called()).readings]
    assert ("sos" in kinds) is is_call
