"""From a message to what goes into the log, and what the device is told."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from carebell.types import DeviceProfile, HomeProfile
from devices.dialect import KEPT_PAYLOAD, Message
from devices.listener import Listener
from ingest.accept import Accepted, accept, down_topic
from ingest.roster import Roster

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOMES = {
    "h1": HomeProfile(
        home_id="h1",
        devices=(DeviceProfile(device_id="d1", place="bedroom"), DeviceProfile(device_id="remote", is_sos=True)),
    ),
    "gone": HomeProfile(home_id="gone", removed=True, devices=(DeviceProfile(device_id="d1", is_sos=True),)),
}


def accepted(payload: Any, topic: str = "carebell/h1/d1/up", **more: Any) -> Accepted:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return accept(Message(topic=topic, payload=data, received_at=AT, **more), Listener(Roster(HOMES.values())))


def told(one: Accepted) -> list[dict[str, Any]]:
    return [json.loads(reply.payload) for reply in one.replies]


def received(source_id: str) -> dict[str, str]:
    return {"id": source_id, "type": "received"}


def test_a_press_is_a_reading_and_the_device_is_told() -> None:
    one = accepted({"id": "7", "kind": "sos", "at": "2026-03-01T07:59:58Z"})
    [reading] = one.readings
    assert (reading.home_id, reading.device_id, reading.kind, reading.value) == ("h1", "d1", "sos", "active")
    assert (reading.source_message_id, reading.place, reading.dialect) == ("7", "bedroom", "native")
    assert reading.observed_at == datetime(2026, 3, 1, 7, 59, 58, tzinfo=UTC)
    assert reading.received_at == AT
    assert [(reply.topic, json.loads(reply.payload)) for reply in one.replies] == [
        ("carebell/h1/d1/down", received("7"))
    ]
    assert one.rejected is None


def test_each_id_is_told_once_and_telemetry_without_an_id_is_not() -> None:
    payload = [
        {"id": "a", "kind": "motion", "value": 1, "battery": 50},
        {"kind": "motion", "value": 1},
        {"id": "b", "kind": "sos"},
        {"id": "a", "kind": "heartbeat"},
    ]
    assert told(accepted(payload)) == [received("b"), received("a")]


def test_a_call_without_an_id_is_told_by_the_id_it_was_given() -> None:
    one = accepted({"kind": "sos"})
    assert told(one) == [received(one.readings[0].source_message_id)]
    assert one.readings[0].source_message_id


def test_what_is_rejected_is_told_with_its_reason() -> None:
    one = accepted(b"{")
    assert one.rejected is not None
    assert (one.rejected.reason, one.rejected.topic, one.rejected.payload) == ("not_json", "carebell/h1/d1/up", "{")
    [answer] = told(one)
    assert (answer["id"], answer["type"], answer["reason"]) == (None, "rejected", "not_json")


def test_a_half_good_list_is_told_of_both() -> None:
    one = accepted([{"id": "1", "kind": "sos"}, {"id": "2", "kind": "battery", "value": 900}])
    assert [reading.source_message_id for reading in one.readings] == ["1"]
    assert one.rejected is not None
    assert [answer["type"] for answer in told(one)] == ["received", "rejected"]


@pytest.mark.parametrize("topic", ["nowhere", "carebell/h1/d1", "carebell//d1/up"])
def test_who_cannot_be_addressed_is_told_nothing_but_kept_for_people(topic: str) -> None:
    one = accepted({"kind": "sos"}, topic)
    assert (one.readings, one.replies) == ((), ())
    assert one.rejected is not None
    assert one.rejected.topic == topic


def test_a_rejected_copy_is_bounded() -> None:
    one = accepted(b"\xff" * 100_000, "x/" + "t" * 60_000)
    assert one.rejected is not None
    assert len(one.rejected.payload) <= KEPT_PAYLOAD * 4
    assert len(one.rejected.topic) <= KEPT_PAYLOAD
    many = accepted([0] * 900)
    assert many.rejected is not None
    assert len(many.rejected.detail) <= 1000
    assert len(many.replies[-1].payload) < 400


@pytest.mark.parametrize(
    ("where", "is_registered"),
    [("h1/d1", True), ("h1/unknown", False), ("unknown/d1", False), ("gone/d1", False)],
)
def test_an_unknown_home_or_device_goes_through_and_is_counted(where: str, is_registered: bool) -> None:
    one = accepted({"kind": "sos"}, f"carebell/{where}/up")
    assert [reading.kind for reading in one.readings] == ["sos"]
    assert one.is_registered is is_registered


def test_a_message_without_readings_counts_as_no_unknown_device() -> None:
    assert accepted(b"{", "carebell/unknown/d1/up").is_registered


@pytest.mark.parametrize(
    ("where", "kinds"),
    [("h1/remote", ["sos", "button"]), ("h1/d1", ["button"]), ("gone/d1", ["button"]), ("unknown/remote", ["button"])],
)
def test_a_press_of_a_registered_sos_device_is_a_call(where: str, kinds: list[str]) -> None:
    one = accepted({"id": "1", "kind": "button", "value": "single"}, f"carebell/{where}/up")
    assert [reading.kind for reading in one.readings] == kinds


def test_a_message_read_twice_comes_to_the_same() -> None:
    payload = [{"id": "1", "kind": "sos"}, {"kind": "motion", "value": "?"}]
    assert accepted(payload) == accepted(payload)


def test_where_a_device_listens() -> None:
    assert down_topic("h1", "d1") == "carebell/h1/d1/down"
