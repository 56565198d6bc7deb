"""Messages of thing models where examples would be too long, and what makes a repeat."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from devices.dialect import Decoded, Message
from devices.dialects import alink
from devices.listener import Listener

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
TOPIC = "/sys/a1P/d/thing/event/property/post"
NOW = int(AT.timestamp() * 1000)


class Nothing:
    def device(self, address: str) -> None:
        return None

    def lesson(self, key: str) -> None:
        return None

    def product(self, key: str) -> None:
        return None


class Nobody:
    """Nobody is registered."""

    def find(self, dialect: str, home_id: str, address: str) -> None:
        return None

    def gateway(self, dialect: str, home_id: str) -> None:
        return None


def decoded(content: Any, topic: str = TOPIC) -> Decoded:
    return alink.decode(Message(topic=topic, payload=orjson.dumps(content), received_at=AT), Nothing())


def identity(message_id: Any, stated: Any) -> tuple[str, str]:
    (fact,) = decoded({"id": message_id, "params": {"SOS": {"value": 1, "time": stated}}}).facts
    return fact.message_id, fact.stated_at


def calls(content: Any, *, at: tuple[float, ...]) -> int:
    """How many calls come of the same message heard so many seconds after the first."""
    listener = Listener(Nobody())
    times = (AT + timedelta(seconds=one) for one in at)
    heard = [listener.hear(Message(topic=TOPIC, payload=orjson.dumps(content), received_at=one)) for one in times]
    return sum(reading.kind == "sos" for one in heard for reading in one.readings)


@pytest.mark.parametrize(
    ("message_id", "stated", "kept"),
    [
        ("7", NOW, ("7", str(NOW))),
        (7, NOW - 300_000, ("7", str(NOW - 300_000))),
        ("", NOW, ("", "")),
        (None, NOW, ("", "")),
    ],
)
def test_a_number_makes_a_repeat_only_with_a_time_of_its_own(
    message_id: Any, stated: Any, kept: tuple[str, str]
) -> None:
    assert identity(message_id, stated) == kept


@pytest.mark.parametrize("message_id", ["123", "0123456789"])
@pytest.mark.parametrize("stated", [1524448722000, NOW - 3600_000, None, 0, "soon"])
def test_an_id_of_an_example_swallows_no_later_press(message_id: str, stated: Any) -> None:
    """It was copied into a firmware, with its time or without one: only what comes at once is a copy."""
    body = {"id": message_id, "params": {"SOS": {"value": 1, "time": stated}}}
    assert calls(body, at=(0, 0.5)) == 1
    assert calls(body, at=(0, 4)) == 2
    assert identity(message_id, stated)[1] == ""


def test_an_id_and_a_time_that_never_go_on_swallow_no_later_press() -> None:
    """A clock that was set once, and an id that is the same for ever."""
    body = {"id": "123", "params": {"SOS": {"value": 1, "time": NOW}}}
    assert calls(body, at=(0, 20)) == 1
    assert calls(body, at=(0, 31, 31.5)) == 2
    assert calls(body, at=(0, 31, 40, 50, 599)) == 5


def test_who_says_two_things_under_one_id_and_time_has_no_identity() -> None:
    listener, heard = Listener(Nobody()), []
    for place, value in enumerate((1, 0, 1, 0, 1)):
        body = {"id": "123", "params": {"SOS": {"value": value, "time": NOW}, "a": 1, "b": 2}}
        message = Message(topic=TOPIC, payload=orjson.dumps(body), received_at=AT + timedelta(seconds=place))
        heard += [one.value for one in listener.hear(message).readings if one.kind == "sos"]
    assert heard == ["active", "cleared", "active", "cleared", "active"]


def test_a_late_copy_of_an_earlier_call_is_no_call() -> None:
    """Between the call and its copy the device said that it was over, under an id of its own."""
    listener, heard = Listener(Nobody()), []
    for place, (number, value) in enumerate([("1", 1), ("2", 0), ("1", 1)]):
        stated = NOW + 1000 * int(number)
        body = {"id": number, "params": {"SOS": {"value": value, "time": stated}, "a": 1, "b": 2}}
        message = Message(topic=TOPIC, payload=orjson.dumps(body), received_at=AT + timedelta(seconds=place))
        heard += [one.value for one in listener.hear(message).readings if one.kind == "sos"]
    assert heard == ["active", "cleared"]


def test_what_is_remembered_of_calls_is_bounded() -> None:
    packs = [
        {"identity": {"productKey": "p", "deviceName": str(n)}, "events": {"SOS": {"time": NOW}}} for n in range(99)
    ]
    (lesson,) = decoded({"id": "1", "params": packs}, "/sys/a1P/d/thing/event/property/pack/post").lessons
    assert lesson.value is not None
    assert len(lesson.value) < 70


def test_ids_that_come_in_turns_swallow_no_later_press() -> None:
    """One id for every call and one for every end of it, under a clock that stands still."""
    listener, heard = Listener(Nobody()), []
    for place, (number, value) in enumerate([("1", 1), ("2", 0)] * 3):
        body = {"id": number, "params": {"SOS": {"value": value, "time": NOW}}}
        message = Message(topic=TOPIC, payload=orjson.dumps(body), received_at=AT + timedelta(seconds=40 * place))
        heard += [one.value for one in listener.hear(message).readings if one.kind == "sos"]
    assert heard.count("active") == 3


def test_behind_a_large_gateway_nobodys_later_press_is_swallowed() -> None:
    listener = Listener(Nobody())
    packs = [
        {"identity": {"productKey": "p", "deviceName": str(n)}, "events": {"SOS": {"time": NOW}}} for n in range(99)
    ]
    payload = orjson.dumps({"id": "1", "params": packs})
    for place in range(3):
        at = AT + timedelta(minutes=place)
        topic = "/sys/a1P/d/thing/event/property/pack/post"
        heard = listener.hear(Message(topic=topic, payload=payload, received_at=at))
        assert sum(one.kind == "sos" for one in heard.readings) == 99


def test_a_gesture_that_is_bound_to_be_a_call_is_swallowed_no_more_than_a_call() -> None:
    body = {"id": "123", "params": {"PowerKey": {"value": "pushed", "time": NOW}}}
    listener, heard = Listener(Nobody()), 0
    for place in (0, 20, 60):
        message = Message(topic=TOPIC, payload=orjson.dumps(body), received_at=AT + timedelta(seconds=place))
        heard += sum(one.kind == "other" for one in listener.hear(message).readings)
    assert heard == 2


def test_calls_are_remembered_before_gestures() -> None:
    packs = [{"identity": {"productKey": "p", "deviceName": str(n)}, "properties": {"Key": "x"}} for n in range(90)]
    content = {"id": "1", "params": [{"events": {"SOS": {"time": NOW}}}, *packs]}
    dated = orjson.loads(orjson.dumps(content).replace(b'"x"', b'{"value": "x", "time": %d}' % NOW))
    (lesson,) = decoded(dated, "/sys/a1P/d/thing/event/property/pack/post").lessons
    assert lesson.value is not None
    assert any(place.startswith("sos|") for place in lesson.value)


def test_what_is_no_press_has_no_identity_without_a_time() -> None:
    """A door that opens and closes within a second says two things under one id."""
    facts = [decoded({"id": "123", "params": {"ContactState": state}}).facts[0] for state in (1, 0)]
    assert [(fact.value, fact.message_id) for fact in facts] == [("open", ""), ("closed", "")]


def test_the_devices_own_time_is_kept() -> None:
    (fact,) = decoded({"id": "1", "params": {"SOS": {"value": 1, "time": NOW - 5000}}}).facts
    assert fact.observed_at == AT - timedelta(seconds=5)


def test_a_call_behind_very_many_identifiers_is_a_call() -> None:
    packs = [{"properties": {f"k{place}": 1 for place in range(900)}} for _ in range(3)]
    content = {"id": "1", "params": [*packs, {"events": {"SosEvent": {"value": {}}}}]}
    found = decoded(content, "/sys/a1P/d/thing/event/property/pack/post").facts
    assert [fact.value for fact in found if fact.kind == "sos"] == ["active"]
    assert len(found) < 200
