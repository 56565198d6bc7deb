"""What the table of examples cannot show of LoRaWAN: ids, times, what is kept between frames, and that nothing is raised."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Kind
from devices.dialect import Decoded, DeviceRecord, Fact, Message
from devices.dialects import chirpstack, tts
from devices.dialects.lorawan import MAPS
from devices.dialects.lorawan_common import COMMON
from devices.listener import Heard, Listener

_NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
_UP = "application/7/device/70B3D5E75E00A1B2/event/up"
_PRESS = {"Device": "R312A", "Alarm": 1}


class Nothing:
    """Nothing is known and nobody is registered."""

    def device(self, address: str) -> DeviceRecord | None:
        return None

    def lesson(self, key: str) -> Mapping[str, Any] | None:
        return None

    def product(self, key: str) -> Mapping[str, Any] | None:
        return None

    def find(self, dialect: str, home_id: str, address: str) -> None:
        return None

    def gateway(self, dialect: str, home_id: str) -> None:
        return None


def message(topic: str, body: Any, *, after: float = 0) -> Message:
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    return Message(topic=topic, payload=payload, received_at=_NOW + timedelta(seconds=after))


def of(decoded: Decoded, kind: str) -> Fact:
    return next(fact for fact in decoded.facts if fact.kind == kind)


def calls(*heard: Heard) -> int:
    return sum(reading.kind == Kind.SOS and reading.value == "active" for one in heard for reading in one.readings)


def test_an_answer_carries_the_id_of_what_it_answers() -> None:
    ack = chirpstack.decode(
        message("application/7/device/0101/event/ack", {"queueItemId": "q-1", "acknowledged": True}), Nothing()
    )
    assert of(ack, Kind.DOWNLINK_ACK).correlation_id == "q-1"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("sent", {"correlation_ids": ["as:downlink:01", "alert-42", "ns:02"]}),
        ("ack", {"correlation_ids": ["ns:02"], "downlink_ack": {"correlation_ids": ["as:01", "alert-42"]}}),
        ("failed", {"downlink_failed": {"downlink": {"correlation_ids": ["alert-42"]}, "error": {}}}),
    ],
)
def test_ours_is_the_id_that_no_part_of_the_server_added(what: str, body: dict[str, Any]) -> None:
    decoded = tts.decode(message(f"v3/a@t/devices/bell/down/{what}", body), Nothing())
    assert of(decoded, Kind.DOWNLINK_ACK).correlation_id == "alert-42"


def test_the_address_is_the_eui_in_small_letters_or_the_device_id() -> None:
    assert chirpstack.decode(message(_UP, {}), Nothing()).device_id == "70b3d5e75e00a1b2"
    assert tts.decode(message("v3/a@t/devices/bell-1/up", {}), Nothing()).device_id == "bell-1"


def test_the_time_is_the_servers_unless_its_clock_is_wrong() -> None:
    for stated, wanted in (("2026-01-15T11:59:58Z", _NOW - timedelta(seconds=2)), ("2021-01-01T00:00:00Z", None)):
        decoded = chirpstack.decode(message(_UP, {"time": stated, "object": {"sos": True}}), Nothing())
        assert of(decoded, Kind.SOS).observed_at == wanted


def test_a_past_record_has_its_own_time() -> None:
    body = {"object": {"history": [{"timestamp": 1765000000, "leakage_status": "leak"}]}}
    water = of(chirpstack.decode(message(_UP, body), Nothing()), Kind.WATER)
    assert water.is_history
    assert water.observed_at == datetime.fromtimestamp(1765000000, UTC)


def test_a_server_that_gives_every_uplink_one_id_swallows_no_call() -> None:
    listener = Listener(Nothing())
    first = listener.hear(message(_UP, {"deduplicationId": "one", "fCnt": 1, "object": _PRESS}))
    second = listener.hear(message(_UP, {"deduplicationId": "one", "fCnt": 2, "object": _PRESS}, after=5))
    other = listener.hear(message(_UP, {"deduplicationId": "one", "fCnt": 2, "object": {"press": "short"}}, after=6))
    assert calls(first, second) == 2
    assert len(other.readings) == 1


def test_a_frame_that_is_sent_again_is_one_call_and_after_a_lost_connection_it_is_news() -> None:
    listener = Listener(Nothing())
    press = {"devAddr": "01", "fCnt": 9, "object": _PRESS}
    first = listener.hear(message(_UP, {"deduplicationId": "a", **press}))
    again = listener.hear(message(_UP, {"deduplicationId": "b", **press}, after=8))
    assert calls(first, again) == 1
    listener.forget()
    after = listener.hear(message(_UP, {"deduplicationId": "b", **press}, after=9))
    assert calls(after) == 1
    assert after.readings[0].id == first.readings[0].id


_FIRST: dict[str, Any] = {"deduplicationId": "one", "data": "AQ==", "object": _PRESS}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"devAddr": "01"}, {"devAddr": "02"}),
        ({"time": "2026-01-15T12:00:00.1Z"}, {"time": "2026-01-15T12:00:30.1Z"}),
        # The time of an example too: only when they come tells them apart.
        ({"time": "2022-07-18T09:34:15Z"}, {"time": "2022-07-18T09:34:15Z"}),
        ({}, {}),
    ],
)
@pytest.mark.parametrize("said", [_PRESS, {"press": "short"}], ids=["call", "button"])
def test_no_press_of_frames_without_a_number_is_swallowed_by_the_one_before(
    first: dict[str, Any], second: dict[str, Any], said: dict[str, Any]
) -> None:
    listener = Listener(Nothing())
    presses = [
        listener.hear(message(_UP, {**_FIRST, "object": said, **body}, after=after))
        for body, after in ((first, 0), (second, 30))
    ]
    told = [reading for one in presses for reading in one.readings if reading.kind in (Kind.SOS, Kind.BUTTON)]
    assert len({reading.id for reading in told}) == 2


@pytest.mark.parametrize("time", [{}, {"time": "2022-07-18T09:34:15Z"}, {"time": "2026-01-15T12:00:00Z"}])
def test_a_frame_without_a_number_that_is_delivered_again_is_one_call(time: dict[str, Any]) -> None:
    listener = Listener(Nothing())
    assert calls(*(listener.hear(message(_UP, {**_FIRST, **time}, after=at)) for at in (0, 0.2, 8, 16))) == 1


def test_an_id_with_a_time_that_is_believed_is_one_call_however_late_it_comes_again() -> None:
    listener = Listener(Nothing())
    body = {**_FIRST, "time": "2026-01-15T12:00:00Z"}
    assert calls(*(listener.hear(message(_UP, body, after=at)) for at in (0, 3600))) == 1


def test_a_button_that_never_has_a_number_calls_every_time() -> None:
    """It starts anew with each press, so its server leaves every zero out."""
    listener = Listener(Nothing())
    topic, body = "v3/a@t/devices/bell/up", {"uplink_message": {"decoded_payload": _PRESS}}
    assert calls(*(listener.hear(message(topic, body, after=at)) for at in (0, 5, 86_400, 86_405))) == 2


def test_a_call_after_the_rest_of_the_one_before_is_another_however_soon() -> None:
    listener = Listener(Nothing())
    topic = "v3/a@t/devices/bell/up"
    said = [(0, {"sos": 1}), (3, {"sos": 0}), (6, {"sos": 1})]
    heard = [
        listener.hear(message(topic, {"uplink_message": {"decoded_payload": body}}, after=at)) for at, body in said
    ]
    assert calls(*heard) == 2


def test_a_number_that_begins_anew_after_a_join_is_another_frame() -> None:
    listener = Listener(Nothing())
    body = {"devAddr": "01", "fCnt": 1, "object": _PRESS}
    first = listener.hear(message(_UP, {"deduplicationId": "a", **body}))
    listener.hear(message(_UP.replace("/up", "/join"), {"devAddr": "01"}, after=20))
    assert calls(first, listener.hear(message(_UP, {"deduplicationId": "b", **body}, after=30))) == 2


def test_the_first_frame_of_a_session_that_is_delivered_again_is_the_same_reading() -> None:
    listener = Listener(Nothing())
    up = {"received_at": "2026-01-15T12:00:00Z", "decoded_payload": _PRESS}
    heard = []
    for at in (0, 40):
        listener.forget()
        heard.append(listener.hear(message("v3/a@t/devices/bell/up", {"uplink_message": up}, after=at)))
    assert calls(*heard) == 2
    assert heard[0].readings[0].id == heard[1].readings[0].id


def test_a_call_without_any_identity_is_heard_again_after_a_lost_connection() -> None:
    listener = Listener(Nothing())
    topic, body = "v3/a@t/devices/bell/up", {"uplink_message": {"decoded_payload": _PRESS}}
    assert calls(*(listener.hear(message(topic, body, after=at)) for at in (0, 5, 9))) == 1
    listener.forget()
    assert calls(listener.hear(message(topic, body, after=20))) == 1


def test_a_call_that_goes_on_is_told_again_after_half_a_day() -> None:
    listener = Listener(Nothing())
    listener.hear(
        message(_UP, {"fCnt": 1, "time": "a", "object": {"eventType": "SOS_MODE_START"}, "deviceInfo": _badge()})
    )
    position = {"object": {"sosFlag": 1}, "deviceInfo": _badge()}
    soon = listener.hear(message(_UP, {"fCnt": 2, **position}, after=3600))
    late = listener.hear(message(_UP, {"fCnt": 3, **position}, after=13 * 3600))
    assert (calls(soon), calls(late)) == (0, 1)


def _badge() -> dict[str, str]:
    return {"deviceProfileName": "abeeway/smart-badge"}


_KEYS = sorted(
    {path.split(".")[0] for one in MAPS for path in one.rows}
    | set(COMMON)
    | {"messages", "events", "history", "fall_alarm", "alarms", "status", "detection_status"}
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["TRUE", "R312A", "alarm", "2.3(low battery)", "sos", "fall", "4200"])
)
_KEY = st.sampled_from(_KEYS) | st.sampled_from(
    [
        "measurementId",
        "measurementValue",
        "id",
        "value",
        "unit",
        "variable",
        "data",
        "alarm_status",
        "alarm_type",
        "sos",
    ]
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEY, inner, max_size=4), max_leaves=20
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(_KEY, _VALUES, max_size=6), _SCALARS, _SCALARS)
def test_nothing_is_raised_and_facts_are_bounded(values: dict[str, Any], counter: Any, identity: Any) -> None:
    body = {"object": values, "fCnt": counter, "deduplicationId": identity, "deviceInfo": values}
    up = {"uplink_message": {"decoded_payload": values, "f_cnt": counter, "version_ids": values}}
    for decode, topic, one in ((chirpstack.decode, _UP, body), (tts.decode, "v3/a@t/devices/bell/up", up)):
        decoded = decode(message(topic, one), Nothing())
        assert 0 < len(decoded.facts) < 1000
        assert not any(fact.note in ("at rest", "raised") for fact in decoded.facts)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.binary(max_size=60))
def test_whatever_the_topic_and_the_bytes_nothing_is_raised(topic: str, payload: bytes) -> None:
    for decode, root in ((chirpstack.decode, "application/"), (tts.decode, "v3/")):
        decode(message(root + topic, payload), Nothing())
    for what in ("up", "ack", "txack", "status", "log", "location", "join"):
        chirpstack.decode(message(f"application/7/device/01/event/{what}", payload), Nothing())
