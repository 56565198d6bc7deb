"""Sparkplug B in protobuf: births teach, data follows by alias, wills are told from deaths."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carebell.types import Reading
from devices.dialect import Message
from devices.dialects.sparkplug_payload import PROTOBUF, read_payload, signed
from devices.listener import Heard, Listener, Registered
from devices.products import read_product

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NOW = 1772352000000
INT16, INT32, FLOAT, BOOLEAN = 2, 3, 9, 11


class Nobody:
    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        return None

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


class Node:
    """What a listener makes of the messages of one group."""

    def __init__(self, mapping: str = "") -> None:
        self.listener = Listener(Nobody(), read_product(mapping, "m.yaml") if mapping else {})
        self.at = AT

    def hear(self, path: str, metrics: list[dict[str, Any]], seq: int | None = None) -> Heard:
        self.at += timedelta(seconds=1)
        payload = encoded(metrics, seq)
        return self.listener.hear(Message(topic=f"spBv1.0/oak/{path}", payload=payload, received_at=self.at))

    def says(self, path: str, metrics: list[dict[str, Any]], seq: int | None = None) -> list[tuple[str, Any]]:
        return [(one.kind, one.value) for one in self.hear(path, metrics, seq).readings]


def encoded(metrics: list[dict[str, Any]], seq: int | None = None) -> bytes:
    payload = PROTOBUF(timestamp=NOW)
    if seq is not None:
        payload.seq = seq
    for metric in metrics:
        payload.metrics.add(**metric)
    data: bytes = payload.SerializeToString()
    return data


def bdseq(number: int) -> dict[str, Any]:
    return {"name": b"bdSeq", "datatype": 8, "long_value": number}


SMOKE = {"name": b"Hall/Smoke Alarm", "alias": 7, "datatype": BOOLEAN, "boolean_value": False}
COLD = {"name": b"Balcony/Temperature", "alias": 8, "datatype": INT16, "int_value": 4}


def test_data_by_alias_means_what_the_birth_said() -> None:
    node = Node()
    assert node.says("DBIRTH/n/d", [SMOKE, COLD], 1) == [
        ("smoke", False),
        ("availability", "online"),
        ("temperature", 4),
    ]
    heard = node.hear("DDATA/n/d", [{"alias": 7, "boolean_value": True}, {"alias": 8, "int_value": 65531}], 2)
    smoke, cold = heard.readings
    assert (smoke.kind, smoke.value, smoke.channel, smoke.device_id) == ("smoke", True, "Hall", "oak/n/d")
    assert (cold.kind, cold.value) == ("temperature", -5)


def test_an_alias_without_a_birth_is_reported() -> None:
    heard = Node().hear("DDATA/n/d", [{"alias": 7, "boolean_value": True}], 2)
    assert [one.kind for one in heard.readings] == ["heartbeat"]
    assert "rebirth" in heard.decoded.problems[0].detail


def test_aliases_of_one_device_are_not_those_of_another() -> None:
    node = Node()
    node.says("DBIRTH/n/d", [SMOKE], 1)
    assert node.says("DDATA/n/e", [{"alias": 7, "boolean_value": True}], 2) == [("heartbeat", True)]


def test_two_presses_are_two_and_a_rebirth_repeats_none() -> None:
    node = Node()
    sos = {"name": b"Cord/SOS", "datatype": BOOLEAN}
    assert ("sos", "cleared") in node.says("DBIRTH/n/d", [{**sos, "boolean_value": False}], 1)
    assert node.says("DDATA/n/d", [{**sos, "boolean_value": True, "timestamp": NOW}], 2) == [("sos", "active")]
    assert node.says("DDATA/n/d", [{**sos, "boolean_value": True, "timestamp": NOW + 9000}], 3) == [("sos", "active")]
    assert node.says("DBIRTH/n/d", [{**sos, "boolean_value": True}], 4) == [("heartbeat", True)]
    assert node.says("DBIRTH/n/d", [{**sos, "boolean_value": False}], 5) == [("sos", "cleared")]
    assert node.says("DBIRTH/n/d", [{**sos, "boolean_value": True}], 6) == [("sos", "active")]


def test_a_death_counts_for_its_own_birth_only() -> None:
    node = Node()
    node.says("NBIRTH/n", [bdseq(1)], 0)
    node.says("NBIRTH/n", [bdseq(2)], 0)
    late = node.hear("NDEATH/n", [bdseq(1)])
    assert [(one.kind, one.channel) for one in late.readings] == [("other", "bdSeq")]
    death = node.hear("NDEATH/n", [bdseq(2)])
    assert [(one.kind, one.value, one.device_id) for one in death.readings] == [("availability", "offline", "oak/n")]
    assert death.decoded.is_gateway


@pytest.mark.parametrize(
    ("seqs", "missing"), [((0, 1, 2), []), ((0, 3), [2]), ((255, 0), []), ((254, 1), [2]), ((5, 4), [])]
)
def test_gaps_are_told(seqs: tuple[int, ...], missing: list[int]) -> None:
    node = Node()
    found: list[Reading] = []
    for seq in seqs:
        found += node.hear("NDATA/n", [{"name": b"Volume", "int_value": 1}], seq).readings
    assert [one.value for one in found if one.kind == "other"] == missing


def test_history_is_history() -> None:
    metric = {"name": b"SOS", "boolean_value": True, "is_historical": True}
    heard = Node().hear("DDATA/n/d", [metric], 1)
    assert [(one.kind, one.is_history) for one in heard.readings] == [("sos", True)]


def test_a_group_may_have_a_mapping_file() -> None:
    mapping = """\
products: [sparkplug/oak]
identifiers:
  Inputs/A: {kind: sos, channel: cord}
  Level: {kind: water, values: {"2": true, "0": false}}
"""
    heard = Node(mapping).hear(
        "DDATA/n/d", [{"name": b"Inputs/A", "boolean_value": True}, {"name": b"Tank/Level", "int_value": 2}]
    )
    assert [(one.kind, one.value, one.channel) for one in heard.readings] == [
        ("sos", "active", "cord"),
        ("water", True, "Tank"),
    ]


def test_no_value_is_no_reading() -> None:
    assert Node().says("DDATA/n/d", [{"name": b"Smoke", "is_null": True}], 1) == [("heartbeat", True)]


def test_a_name_that_is_not_utf8_is_a_name() -> None:
    assert read_payload(encoded([{"name": b"\xff/Smoke", "boolean_value": True}])).metrics[0].name.endswith("/Smoke")


def test_a_float_keeps_the_digits_that_it_has() -> None:
    assert read_payload(encoded([{"name": b"Temperature", "float_value": 21.7}])).metrics[0].value == 21.7


@pytest.mark.parametrize(
    ("value", "datatype", "number"),
    [
        *((255, 1, -1), (65531, INT16, -5), (4294967295, INT32, -1), (18446744073709551615, 4, -1)),
        *((5, 1, 5), (255, 5, 255), (True, 1, True), (2.5, 1, 2.5), (-3, 1, -3)),
    ],
)
def test_whole_numbers_below_zero(value: Any, datatype: int, number: Any) -> None:
    assert signed(value, datatype) == number


@pytest.mark.parametrize("data", [b"\x12\xff", b"{", b'{"a"', b"\xff" * 20, b"\x0b" * 200])
def test_what_is_no_payload_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's
        read_payload(data)
