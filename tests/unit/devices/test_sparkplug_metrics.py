"""What Sparkplug B says beside a value: its unit, its quality, and the template that it is a member of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from devices.dialect import Message
from devices.dialects.sparkplug_payload import METRIC_LIMIT, PROTOBUF, read_payload
from devices.listener import Listener, Registered

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW = 1772352000000
INT32, FLOAT, BOOLEAN, TEMPLATE = 3, 9, 11, 19
Said = list[tuple[str, Any]]


class Nobody:
    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


class Device:
    """What a listener makes of the messages of one device."""

    def __init__(self) -> None:
        self.listener = Listener(Nobody())
        self.seq = 0

    def says(self, kind: str, *metrics: dict[str, Any]) -> Said:
        self.seq += 1
        payload = PROTOBUF(timestamp=NOW + self.seq, seq=self.seq)
        for metric in metrics:
            payload.metrics.add(**metric)
        return self._heard(kind, payload.SerializeToString())

    def says_json(self, *metrics: dict[str, Any]) -> Said:
        return self._heard("DDATA", orjson.dumps({"timestamp": NOW, "seq": 1, "metrics": metrics}))

    def _heard(self, kind: str, payload: bytes) -> Said:
        at = AT + timedelta(seconds=self.seq)
        heard = self.listener.hear(Message(topic=f"spBv1.0/oak/{kind}/n/d", payload=payload, received_at=at))
        return [
            (one.kind, one.value) for one in heard.readings if one.kind not in ("other", "heartbeat", "availability")
        ]


def told(**properties: str | int) -> list[dict[str, Any]]:
    """The properties of a metric."""
    fields = {str: "string_value", int: "long_value"}
    values = [
        {fields[type(value)]: value.encode() if isinstance(value, str) else value} for value in properties.values()
    ]
    return [{"keys": [name.encode() for name in properties], "values": values}]


def instance(*members: dict[str, Any], is_definition: bool = False) -> list[dict[str, Any]]:
    return [{"metrics": list(members), "is_definition": is_definition}]


def warm(**properties: str | int) -> dict[str, Any]:
    return {"name": b"Temperature", "datatype": FLOAT, "float_value": 68.0, "properties": told(**properties)}


SOS = {"name": b"SOS", "datatype": BOOLEAN, "boolean_value": True}
CALM = {**SOS, "boolean_value": False}


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"engUnit": "°F"}, [("temperature", 20)]),
        ({"Eng Unit": "degF"}, [("temperature", 20)]),
        ({"engUnit": "°C"}, [("temperature", 68)]),
        ({"engUnit": "mood"}, [("temperature", 68)]),
        ({"units": "K"}, []),  # far below zero
        ({"Quality": 192}, [("temperature", 68)]),
        ({"Quality": 0}, []),
        ({"Quality": 500}, []),
    ],
)
def test_a_number_is_kept_in_our_unit_if_its_publisher_vouches_for_it(
    properties: dict[str, str | int], said: Said
) -> None:
    assert Device().says("DDATA", warm(**properties)) == said
    by_json = {
        "name": "Temperature",
        "value": 68,
        "properties": {key: {"value": one} for key, one in properties.items()},
    }
    assert Device().says_json(by_json) == said


def test_volts_are_no_percentage() -> None:
    battery = {"name": b"Battery", "float_value": 3.0, "properties": told(engUnit="V")}
    assert Device().says("DDATA", battery) == []
    volts = {"name": b"Battery Voltage", "int_value": 2900, "properties": told(engUnit="mV")}
    assert Device().says("DDATA", volts) == [("battery_voltage", 2.9)]


def test_the_unit_that_a_birth_states_goes_for_its_alias() -> None:
    device = Device()
    device.says("DBIRTH", {**warm(engUnit="F"), "alias": 4})
    assert device.says("DDATA", {"alias": 4, "float_value": 50.0}) == [("temperature", 10)]


def test_a_call_of_bad_quality_is_a_call_and_its_end_is_none() -> None:
    device = Device()
    assert device.says("DDATA", {**SOS, "properties": told(Quality=0)}) == [("sos", "active")]
    assert device.says("DDATA", {**CALM, "properties": told(Quality=500)}) == []


def test_a_call_after_an_end_of_bad_quality_is_no_repeat() -> None:
    """Some publishers vouch for nothing that they say: the second fire must be told as the first was."""
    device = Device()
    smoke = {"name": b"Smoke", "datatype": BOOLEAN, "boolean_value": True}
    doubted, over = {"properties": told(Quality=0)}, {"boolean_value": False}
    assert device.says("DDATA", {**smoke, **doubted}) == [("smoke", True)]
    assert device.says("DDATA", {**smoke, **doubted}) == []
    assert device.says("DDATA", {**smoke, **doubted, **over}) == []
    assert device.says("DDATA", {**smoke, **doubted}) == [("smoke", True)]
    assert device.says("DDATA", smoke) == []
    assert device.says("DDATA", {**smoke, **over}) == [("smoke", False)]


def test_a_member_of_a_template_is_read_by_its_own_name() -> None:
    pendant = {"name": b"Pendant", "datatype": TEMPLATE}
    battery = {"name": b"Battery", "datatype": INT32, "int_value": 51}
    stated = {**pendant, "template_value": instance(SOS, battery)}
    assert Device().says("DDATA", stated) == [("sos", "active"), ("battery", 51)]
    assert Device().says("DDATA", {**pendant, "template_value": instance(SOS, is_definition=True)}) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("Bath/SOS Button/Pressed", [("sos", "active")]), ("Emergency/Active", [("sos", "active")])),
        *(("Bed/Fall/Detected", [("fall", "detected")]), ("Kitchen/Smoke/Alarm", [("smoke", True)])),
        *(
            ("Kitchen/CO/Detected", [("co", True)]),
            ("Settings/SOS/Active", []),
            ("SOS/Enabled", []),
            ("SOS Lamp/State", []),
        ),
        *(
            ("Gas/Active", []),
            ("Heat/Active", []),
            ("Water/State", []),
            ("Fall Detection/Active", []),
            ("Alarm/Active", []),
        ),
        *(("Active", []), ("/Active", []), ("State/State", [])),
    ],
)
def test_the_part_of_a_path_that_says_only_that_it_is_so(name: str, said: Said) -> None:
    assert Device().says("DDATA", {"name": name.encode(), "datatype": BOOLEAN, "boolean_value": True}) == said


def test_a_measure_may_be_named_by_its_folder() -> None:
    device = Device()
    assert device.says("DDATA", {"name": b"Hall/Temperature/Value", "float_value": 21.5}) == [("temperature", 21.5)]
    assert device.says("DDATA", {"name": b"Hall/CO/Value", "float_value": 1.0}) == []
    assert device.says("DDATA", {"name": b"Hall/Temperature/State", "int_value": 1}) == []


def test_a_template_by_its_alias_is_the_one_that_the_birth_named() -> None:
    device = Device()
    named = {"name": b"Pendant", "alias": 7, "datatype": TEMPLATE}
    device.says("DBIRTH", {**named, "template_value": instance(CALM)})
    assert device.says("DDATA", {"alias": 7, "template_value": instance(SOS)}) == [("sos", "active")]
    assert device.says("DBIRTH", {**named, "template_value": instance(SOS)}) == []
    assert device.says("DDATA", {"alias": 7, "template_value": instance(CALM)}) == [("sos", "cleared")]


def test_a_template_in_json() -> None:
    value = {"templateRef": "Pendant", "metrics": [{"name": "SOS", "dataType": "Boolean", "value": True}]}
    assert Device().says_json({"name": "Pendant", "dataType": "Template", "value": value}) == [("sos", "active")]
    assert Device().says_json({"name": "Pendant", "value": {**value, "isDefinition": True}}) == []
    assert Device().says_json({"name": "SOS", "isNull": True, "value": True}) == []


def test_a_time_that_stands_still_swallows_no_later_press() -> None:
    """Without a number of its own, a message is known by its time alone."""
    device, heard = Device(), []
    for at in (0, 20, 60, 70):
        device.seq = at
        heard += device.says_json({"name": "SOS", "value": True, "timestamp": NOW})
    assert heard == [("sos", "active")] * 3


def test_templates_in_templates_end() -> None:
    inner: dict[str, Any] = SOS
    for _ in range(40):
        inner = {"name": b"x", "template_value": instance(inner)}
    payload = PROTOBUF(timestamp=NOW)
    payload.metrics.add(**inner)
    assert len(read_payload(payload.SerializeToString()).metrics) < 20
    many = {"name": b"x", "template_value": instance(*[SOS] * 3000)}
    payload.metrics.add(**many)
    assert len(read_payload(payload.SerializeToString()).metrics) == METRIC_LIMIT
