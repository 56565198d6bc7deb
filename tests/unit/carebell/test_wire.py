"""Old bytes stay readable; what is none of ours is Unreadable and nothing else."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, CaseFact, DeviceProfile, HomeProfile, Reading, Rejected, Severity, Tick
from carebell.wire import Unreadable, Wire, decode, encode, headers

GOLDEN = Path(__file__).parents[2] / "golden" / "wire"
AT = datetime(2026, 3, 1, 8, 30, 0, 125000, tzinfo=UTC)
LATER = AT + timedelta(seconds=1)
# Every field has a value that is not its default, so that a field that was dropped or renamed is seen.
EXPECTED: dict[str, Wire] = {
    "carebell.reading.v1": Reading(
        id="r1", home_id="h1", device_id="d1", kind="vital", value={"name": "呼吸", "rate": [12, 12.5, None, True]},
        observed_at=AT, received_at=LATER, source_message_id="m1", fact_index=2, sub_device="s1", channel="c1",
        unit="1/min", place="卧室", dialect="chirpstack", retained=True, is_test=True, is_history=True, note="n",
    ),
    "carebell.tick.v1": Tick(at=LATER, source="carebell/ingest", listening_since=AT),
    "carebell.home.v1": HomeProfile(
        home_id="h1", timezone="Asia/Shanghai", revision=7, removed=True,
        devices=(
            DeviceProfile(device_id="d1", model="one-key", place="bedroom", gateway_id="gw", is_sos=True),
            DeviceProfile(device_id="gw", is_gateway=True, expected_every=timedelta(minutes=5)),
        ),
    ),
    "carebell.alert.v1": Alert(
        id="a1", rule="sos", home_id="h1", status=AlertStatus.RESOLVED, at=LATER, severity=Severity.CRITICAL, summary="s",
        summary_zh="呼救", caused_at=AT, evidence=("r1",), source_ids=("m1",), device_id="d1",
        budget=timedelta(milliseconds=1500), rulebook="1+abc", is_test=True, pre_alarm=timedelta(seconds=20),
    ),
    "carebell.rejected.v1": Rejected(
        id="x1", topic="carebell/h1/d1/up", reason="not_json", detail="d", payload="\\xff", received_at=AT, device_id="d1"
    ),
    "carebell.case_fact.v1": CaseFact(
        id="f1", case_id="c1", home_id="h1", at=AT, what="opened", status="open", severity=Severity.HIGH, why="w",
        cause_id="a1", data={"step": 1, "who": None},
    ),
}  # fmt: skip
BARE = {
    "carebell.reading.v1": {
        "id": "r", "home_id": "h", "device_id": "d", "kind": "never_heard_of", "value": None,
        "observed_at": "2026-03-01T08:30:00Z", "received_at": "2026-03-01T16:30:00+08:00", "source_message_id": "m",
    },
    "carebell.tick.v1": {"at": "2026-03-01T08:30:00Z", "source": "s"},
    "carebell.home.v1": {"home_id": "h"},
    "carebell.alert.v1": {
        "id": "a", "rule": "sos", "home_id": "h", "status": "opened", "at": "2026-03-01T08:30:00Z", "severity": "low",
        "summary": "", "summary_zh": "", "caused_at": "2026-03-01T08:30:00Z",
    },
    "carebell.rejected.v1": {
        "id": "x", "topic": "t", "reason": "r", "detail": "", "payload": "", "received_at": "2026-03-01T08:30:00Z",
    },
    "carebell.case_fact.v1": {
        "id": "f", "case_id": "c", "home_id": "h", "at": "2026-03-01T08:30:00Z", "what": "w", "status": "s",
        "severity": "info",
    },
}  # fmt: skip


def test_every_type_has_a_golden_file() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(EXPECTED) == set(BARE)


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_bytes_are_read_as_ever(name: str) -> None:
    assert decode((GOLDEN / f"{name}.json").read_bytes()) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_golden_bytes_are_written_as_ever(name: str) -> None:
    written = json.loads(encode(EXPECTED[name]))
    golden = json.loads((GOLDEN / f"{name}.json").read_bytes())
    assert _as_far_as(golden, written) == golden


def _as_far_as(golden: Any, written: Any) -> Any:
    """What was written, without fields that are younger than the golden file."""
    if isinstance(golden, dict):
        return {key: _as_far_as(one, written[key]) for key, one in golden.items()}
    if isinstance(golden, list):
        return [_as_far_as(*pair) for pair in zip(golden, written, strict=True)]
    return written


@pytest.mark.parametrize("name", BARE)
def test_the_first_fields_of_a_type_are_enough(name: str) -> None:
    assert decode(json.dumps({**BARE[name], "type": name}).encode()).type == name


@pytest.mark.parametrize("name", BARE)
def test_unknown_fields_are_ignored(name: str) -> None:
    plain = {**BARE[name], "type": name}
    assert decode(json.dumps({**plain, "invented_later": {"a": [1]}}).encode()) == decode(json.dumps(plain).encode())


@pytest.mark.parametrize("name", BARE)
def test_a_missing_field_is_unreadable_and_named(name: str) -> None:
    field = next(iter(BARE[name]))
    content = {key: value for key, value in BARE[name].items() if key != field}
    with pytest.raises(Unreadable, match=field):
        decode(json.dumps({**content, "type": name}).encode())


READING = {**BARE["carebell.reading.v1"], "type": "carebell.reading.v1"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b"\xff\xfe",
        b'{"type": "carebell.reading.v2"}',
        b'{"type": "carebell.reading.v1"}',
        b'{"type": 1}',
        json.dumps(READING).encode()[:-1],
        json.dumps({**READING, "type": "reading"}).encode(),
        json.dumps({**READING, "value": float("nan")}).encode(),
        json.dumps({**READING, "value": [float("inf")]}).encode(),
        json.dumps({**READING, "value": {"x": -float("inf")}}).encode(),
        json.dumps({**READING, "observed_at": "2026-03-01T08:30:00"}).encode(),
        json.dumps({**READING, "received_at": "yesterday"}).encode(),
        json.dumps({**READING, "home_id": None}).encode(),
        b'{"type":"carebell.reading.v1","value":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_none_of_ours_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


def test_the_word_nan_in_a_text_is_only_a_word() -> None:
    reading = decode(json.dumps({**READING, "value": "NaN Infinity"}).encode())
    assert isinstance(reading, Reading)
    assert reading.value == "NaN Infinity"


def test_headers_are_cloudevents() -> None:
    tick = Tick(at=AT, source="s")
    assert headers(tick, id="i", source="carebell/x", at=AT) == {
        "ce_specversion": "1.0",
        "ce_id": "i",
        "ce_source": "carebell/x",
        "ce_type": "carebell.tick.v1",
        "ce_time": "2026-03-01T08:30:00.125000+00:00",
        "content-type": "application/json",
    }


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))])
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=ZONES)
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=4000))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


PROFILES = st.builds(
    DeviceProfile,
    device_id=TEXT, model=TEXT, place=TEXT, gateway_id=TEXT, is_gateway=st.booleans(), is_sos=st.booleans(),
    expected_every=st.none() | LENGTHS,
)  # fmt: skip
WIRES: dict[str, st.SearchStrategy[Wire]] = {
    "reading": st.builds(
        Reading, id=TEXT, home_id=TEXT, device_id=TEXT, kind=TEXT, value=VALUES, observed_at=TIMES, received_at=TIMES,
        source_message_id=TEXT, fact_index=st.integers(0), sub_device=TEXT, channel=TEXT, unit=TEXT, place=TEXT,
        dialect=TEXT, retained=st.booleans(), is_test=st.booleans(), is_history=st.booleans(), note=TEXT,
    ),
    "tick": st.builds(Tick, at=TIMES, source=TEXT, listening_since=st.none() | TIMES),
    "home": st.builds(
        HomeProfile, home_id=TEXT, timezone=TEXT, devices=st.lists(PROFILES, max_size=3).map(tuple),
        revision=st.integers(0), removed=st.booleans(),
    ),
    "alert": st.builds(
        Alert, id=TEXT, rule=TEXT, home_id=TEXT, at=TIMES, summary=TEXT, summary_zh=TEXT, caused_at=TIMES,
        evidence=st.lists(TEXT, max_size=3).map(tuple), source_ids=st.lists(TEXT, max_size=3).map(tuple),
        device_id=TEXT, budget=LENGTHS, rulebook=TEXT, is_test=st.booleans(),
    ),
    "rejected": st.builds(Rejected, id=TEXT, topic=TEXT, reason=TEXT, detail=TEXT, payload=TEXT, received_at=TIMES),
    "case_fact": st.builds(
        CaseFact, id=TEXT, case_id=TEXT, home_id=TEXT, at=TIMES, what=TEXT, status=TEXT, why=TEXT, cause_id=TEXT,
        data=st.dictionaries(TEXT, VALUES, max_size=3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WIRES)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    value = data.draw(WIRES[name])
    assert decode(encode(value)) == value
