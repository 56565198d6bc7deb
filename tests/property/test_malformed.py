"""Whatever arrives, it is read or it is rejected with a reason: nothing is raised, nothing vanishes, no press is lost."""

from datetime import UTC, datetime
from typing import Any

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from carebell.types import DeviceProfile, HomeProfile, Kind
from carebell.wire import decode, encode
from deploy.cli.decode import Decoding
from devices.dialect import Message, Reason
from devices.listener import Listener
from ingest.accept import Accepted, accept
from ingest.decoding import OWN
from ingest.roster import Roster
from tests.support.corpus import ANYTHING, NEIGHBOURS, PAYLOADS, SOS, TOPICS, written

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOMES = [HomeProfile(home_id="h1", devices=(DeviceProfile(device_id="d1", is_sos=True),))]
TOPIC = "carebell/h1/d1/up"
FIELDS = {"kind", "value", "unit", "channel", "device_id", "is_test", "is_history"}
many = settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


def accepted(payload: bytes, topic: str = TOPIC, *, retained: bool = False) -> Accepted:
    return accept(Message(topic=topic, payload=payload, received_at=AT, retained=retained), Listener(Roster(HOMES)))


@many
@given(payload=PAYLOADS, topic=TOPICS, retained=st.booleans())
@example(payload=b'{"kind":"other","value":' + b"[" * 300 + b"]" * 300 + b"}", topic=TOPIC, retained=False)
@example(payload=b'{"kind":"sos","at":' + b"[" * 1020 + b"]" * 1020 + b"}", topic=TOPIC, retained=False)
@example(payload=b"{}", topic="carebell/\ud800/d1/up", retained=False)
def test_every_message_is_read_or_rejected_and_can_be_written(payload: bytes, topic: str, retained: bool) -> None:
    one = accepted(payload, topic, retained=retained)
    if not topic.endswith(OWN):
        assert one.readings or one.rejected
    if one.rejected is not None:
        assert one.rejected.reason in set(Reason)
        assert one.rejected.detail
        assert decode(encode(one.rejected)) == one.rejected
    for reading in one.readings:
        assert decode(encode(reading)) == reading
        assert reading.kind in set(Kind)
        assert reading.observed_at.tzinfo is not None
    assert len({reading.id for reading in one.readings}) == len(one.readings)
    assert accepted(payload, topic, retained=retained) == one


@some
@given(before=NEIGHBOURS, after=NEIGHBOURS, spelling=st.sampled_from(["sos", "SOS", " Sos"]))
def test_a_press_comes_out_whatever_stands_beside_it(before: list[Any], after: list[Any], spelling: str) -> None:
    one = accepted(written([*before, {**SOS, "kind": spelling}, *after]))
    assert [reading for reading in one.readings if reading.kind == "sos" and reading.value == "active"]
    assert [reply for reply in one.replies if orjson.loads(reply.payload)["type"] == "received"]


@some
@given(
    extra=st.dictionaries(st.sampled_from(["id", "at", "battery", "test", "unit", "type", "x"]), ANYTHING),
    value=ANYTHING,
)
def test_a_press_is_read_whatever_its_other_fields_hold(extra: dict[str, Any], value: Any) -> None:
    cleared = str(value).strip().casefold() in (
        "cleared", "clear", "false", "0", "off", "inactive", "released", "release", "cancel", "cancelled", "-0",
    )  # fmt: skip
    payload = written({**extra, "kind": "sos", "value": value})
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        cleared = False  # what it says of itself cannot be trusted then
    one = accepted(payload)
    assert [reading.value for reading in one.readings if reading.kind == "sos"] == ["cleared" if cleared else "active"]


def check_shape(answer: dict[str, Any]) -> None:
    assert set(answer) == {"readings", "rejected"}
    assert all(set(reading) == FIELDS for reading in answer["readings"])
    if answer["rejected"] is not None:
        assert set(answer["rejected"]) == {"reason", "detail"}
        assert answer["rejected"]["reason"] in set(Reason)
    orjson.dumps(answer)


@some
@given(payload=PAYLOADS, topic=TOPICS)
def test_the_command_answers_every_message_in_its_one_shape(payload: bytes, topic: str) -> None:
    as_text = {"topic": topic.encode("utf-8", "replace").decode(), "payload": payload.decode("utf-8", "replace")}
    answer = Decoding().answer(orjson.dumps(as_text))
    check_shape(answer)
    assert answer["readings"] or answer["rejected"]


@some
@given(line=PAYLOADS | st.builds(lambda payload: b'{"topic":"carebell/h1/d1/up","payload":' + payload + b"}", PAYLOADS))
def test_the_command_answers_every_line_in_its_one_shape(line: bytes) -> None:
    check_shape(Decoding().answer(line))


@some
@given(
    extra=st.dictionaries(st.sampled_from(["at", "retain", "device", "bindings", "topic", "payload"]), ANYTHING),
    bindings=st.lists(
        st.dictionaries(st.sampled_from(["gesture", "kind", "channel"]), ANYTHING) | ANYTHING, max_size=3
    ),
)
@example(extra={}, bindings=[{"gesture": "single", "kind": []}])
@example(extra={"payload": {"a": [[[]]]}}, bindings=[{"gesture": "", "kind": "sos"}])
def test_the_command_answers_whatever_a_line_holds(extra: dict[str, Any], bindings: list[Any]) -> None:
    content = {"topic": TOPIC, "payload": {"kind": "button", "value": "single"}, "bindings": bindings, **extra}
    check_shape(Decoding().answer(written(content)))
