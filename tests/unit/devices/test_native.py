"""The native dialect: a call for help is read however oddly it is formed; everything else is read strictly."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from carebell.types import Kind, Reading
from devices.dialect import PAYLOAD_LIMIT, Decoded, Message, Reason, readings_of
from devices.dialects import native

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
TOPIC = "carebell/h1/d1/up"


def message(payload: Any, topic: str = TOPIC, **more: Any) -> Message:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(topic=topic, payload=data, received_at=more.pop("received_at", AT), **more)


def decode(payload: Any, topic: str = TOPIC) -> Decoded:
    return native.decode(message(payload, topic))


def stated(payload: Any) -> list[tuple[str, Any]]:
    return [(fact.kind, fact.value) for fact in decode(payload).facts]


def reasons(payload: Any) -> list[Reason]:
    return [problem.reason for problem in decode(payload).problems]


ACTIVE = [("sos", "active")]
SOS = {"kind": "sos", "value": "active"}
DEEP = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize(
    "payload",
    [
        SOS,
        {"kind": "sos"},
        {"kind": "SOS"},
        {"kind": " Sos \n"},
        {"kind": "emergency"},
        {"kind": "PANIC"},
        {"kind": "sos", "value": None},
        {"kind": "sos", "value": True},
        {"kind": "sos", "value": 1},
        {"kind": "sos", "value": ""},
        {"kind": "sos", "value": "pressed"},
        {"kind": "sos", "value": "not cleared"},
        {"kind": "sos", "value": {"cleared": True}},
        {"kind": "sos", "value": ["cleared"]},
        {"kind": "sos", "value": -1},
        {"kind": "sos", "at": "yesterday", "id": {"a": 1}},
        {"kind": "sos", "unit": 5, "test": "maybe"},
        [SOS],
        [None, 7, "x", [], {}, SOS, {"kind": 3}],
        {"sos": True},
        {"SOS": "1"},
        {"kind": None, "sos": {}},
        {"type": "sos"},
        {"event": "SOS", "id": "4"},
        {"kind": ["sos"]},
        {"kind": {"kind": "sos"}},
        {"data": {"kind": "sos", "value": "active"}},
        [[SOS]],
        "sos",
        "SOS",
        ["SOS"],
        '{"kind": "sos", "value": "active"}',
        b"sos",
        b" SOS\r\n",
        b"'sos'",
        b'{"kind": "sos"',
        b'{"kind": "sos", "value": "act',
        b'{"id": "1", "kind":"sos","at": ',
        b"{kind: sos}",
        b"{'kind': 'sos', 'value': 'active'}",
        b"kind=sos&value=active",
        b'[{"kind":"motion","value":tru},{"kind":"sos"}]',
        b'{"kind": "sos", "value": NaN}',
        b'{"kind": "sos", "value": 1e999}',
        b'{"kind": "sos"}{"kind": "sos"}',
        b'{"kind": "sos"}\x00\x00',
        b'\xef\xbb\xbf{"kind": "sos"}',
        b'\xff\xfe\x80{"kind": "sos"',
        '{"kind": "sos"}'.encode("utf-16"),
        b'{"type":"Emergency","x":' + b"[" * 5000,
        b'"{\\"kind\\": \\"sos\\", \\"val',
        b'{"kind":"sos","value":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"kind":"sos","at":' + b"[" * 1015 + b"]" * 1015 + b"}",
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_a_press_is_one_press_however_it_is_formed(payload: Any) -> None:
    assert stated(payload) == ACTIVE


@pytest.mark.parametrize(
    "value", ["cleared", "Clear", " CLEARED ", False, 0, "0", "off", "inactive", "released", "release", "cancel"]
)
def test_only_a_plain_word_for_cleared_is_cleared(value: Any) -> None:
    assert stated({"kind": "sos", "value": value}) == [("sos", "cleared")]


@pytest.mark.parametrize(
    "payload",
    [
        {"kind": "motion", "value": True},
        {"kind": "sosa"},
        {"kind": "no sos here"},
        {"sos": False},
        {"sos": None},
        {"sos": 0},
        {"text": "sos"},
        {"type": "sos_settings"},
        "sos!",
        b"kind: sosage",
        b'{"kind": "mot',
        b"",
        b"so",
        b"\x00",
        [],
        7,
        None,
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_what_is_no_press_is_none(payload: Any) -> None:
    assert [fact for fact in decode(payload).facts if fact.kind == Kind.SOS] == []


def test_broken_neighbours_do_not_spoil_a_press_and_are_told() -> None:
    payload = [{"kind": "battery", "value": 900}, {"value": 1}, SOS, "?", {"kind": "motion", "value": "maybe"}]
    assert stated(payload) == ACTIVE
    assert reasons(payload) == [Reason.BAD_VALUE, Reason.MISSING_KIND, Reason.WRONG_SHAPE, Reason.BAD_VALUE]
    assert "item 4: motion" in decode(payload).problems[-1].detail


def test_a_bad_battery_does_not_spoil_a_press() -> None:
    payload = {**SOS, "battery": "empty"}
    assert stated(payload) == ACTIVE
    assert reasons(payload) == [Reason.BAD_VALUE]


@pytest.mark.parametrize("kind", ["sos", "fall", "smoke"])
def test_urgent_items_behind_the_limit_of_a_list_are_read(kind: str) -> None:
    payload = [{"kind": "motion", "value": True}] * 1200 + [{"kind": kind, "value": True}]
    assert [fact.kind for fact in decode(payload).facts if fact.kind != "motion"] == [kind]
    assert len(decode(payload).facts) == 1001
    assert reasons(payload) == [Reason.TOO_LARGE]


def test_a_press_at_the_start_of_a_message_too_large_to_read_is_read() -> None:
    payload = b'{"kind": "sos", "value": "' + b"x" * PAYLOAD_LIMIT + b'"}'
    assert stated(payload) == ACTIVE
    assert reasons(payload) == [Reason.TOO_LARGE]


def test_a_search_for_a_press_in_long_rubbish_is_quick() -> None:
    for rubbish in (b'"' * 900_000, b"kind" + b" " * 900_000, b"kind:" * 180_000, b'kind"=[' * 100_000):
        assert stated(rubbish) == []


VALUES: list[tuple[str, Any, Any]] = [
    # A detector that says nothing but its kind has found something.
    *((kind, None, True) for kind in ("smoke", "co", "gas", "water", "heat")),
    *((kind, True, True) for kind in ("smoke", "co", "gas", "water", "heat", "motion", "presence", "vibration")),
    *((kind, "OFF", False) for kind in ("tamper", "test", "sensor_fault", "battery_low", "motion", "smoke")),
    ("motion", "detected", True),
    ("motion", "TRUE", True),
    ("motion", 0, False),
    ("water", "1", True),
    ("gas", "normal", False),
    ("fall", "detected", "detected"),
    ("fall", None, "detected"),
    ("fall", "strange", "detected"),
    ("fall", "Suspected", "suspected"),
    ("fall", "maybe", "suspected"),
    ("fall", "cleared", "cleared"),
    ("fall", False, "cleared"),
    ("contact", "Open", "open"),
    ("contact", "closed", "closed"),
    ("bed", "occupied", "occupied"),
    ("bed", " Vacant", "vacant"),
    ("availability", "ONLINE", "online"),
    ("availability", "offline", "offline"),
    ("button", "Single", "single"),
    ("button", "rf_code", "rf_code"),
    ("button", "tripple", "other"),
    ("button", None, "other"),
    ("button", [], "other"),
    ("arm", " arm_away ", "arm_away"),
    ("battery", 87, 87),
    ("battery", 87.0, 87),
    ("battery", "87.5", 87.5),
    ("battery", 0, 0),
    ("battery", 100, 100),
    ("battery_voltage", 2.95, 2.95),
    ("temperature", -40, -40),
    ("humidity", "55", 55),
    ("co2", 100_000, 100_000),
    ("heartbeat", None, True),
    ("heartbeat", {"any": 1}, True),
    ("vital", {"name": "pulse", "value": 60}, {"name": "pulse", "value": 60}),
    ("position", [1, 2], [1, 2]),
    ("discovery", None, None),
    ("downlink_ack", "scheduled", "scheduled"),
    ("other", "text", "text"),
    ("sunshine", {"lux": 3}, {"lux": 3}),
]


@pytest.mark.parametrize(("kind", "value", "expected"), VALUES)
def test_a_value_is_kept_in_its_one_form(kind: str, value: Any, expected: Any) -> None:
    [(_, found)] = stated({"kind": kind, "value": value})
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_read_by_its_name_in_any_case(kind: Kind) -> None:
    examples = {"contact": "open", "bed": "vacant", "availability": "online", "arm": "disarm"}
    burst = {"rate_hz": 50, "samples": [[0, 0, 1000]]}
    value = burst if kind == "acceleration" else examples.get(kind, 1)
    assert [fact.kind for fact in decode({"kind": f" {kind.upper()} ", "value": value}).facts] == [kind]


BAD: list[tuple[str, Any]] = [
    ("motion", None),
    ("motion", "maybe"),
    ("motion", 2),
    ("motion", []),
    ("smoke", "255"),
    ("contact", True),
    ("contact", "ajar"),
    ("bed", 1),
    ("availability", "away"),
    ("arm", ""),
    ("arm", None),
    ("arm", 3),
    ("battery", -1),
    ("battery", 101),
    ("battery", "full"),
    ("battery", True),
    ("battery", None),
    ("battery", [50]),
    ("battery", "nan"),
    ("battery", "inf"),
    ("battery", 10**18),
    ("temperature", 201),
    ("temperature", -101),
    ("humidity", 100.5),
    ("co2", -1),
    ("battery_voltage", "3,1"),
    ("other", DEEP),
    ("position", DEEP),
    ("vital", {"a": DEEP}),
    ("sunshine", DEEP),
]


@pytest.mark.parametrize(("kind", "value"), BAD, ids=lambda one: str(one)[:20])
def test_a_value_that_cannot_be_is_a_problem_and_no_fact(kind: str, value: Any) -> None:
    decoded = decode({"kind": kind, "value": value})
    assert decoded.facts == ()
    assert [problem.reason for problem in decoded.problems] == [Reason.BAD_VALUE]
    assert "expected" in decoded.problems[0].detail


def test_units_are_the_units_of_the_kind_but_for_a_vital_sign() -> None:
    units = {
        "battery": "%", "battery_voltage": "V", "temperature": "°C", "humidity": "%", "co2": "ppm", "motion": "",
        "sos": "", "sunshine": "",
    }  # fmt: skip
    for kind, unit in units.items():
        [fact] = decode({"kind": kind, "value": 1, "unit": "furlong"}).facts
        assert fact.unit == unit
    assert decode({"kind": "vital", "value": 60, "unit": "bpm" * 9}).facts[0].unit == "bpmbpmbpmbpmbpmb"
    assert decode({"kind": "vital", "value": 60, "unit": 9}).facts[0].unit == ""


SAMPLE = [0, -12.5, 1000]


@pytest.mark.parametrize(
    "burst",
    [
        {"rate_hz": 50, "unit": "mg", "samples": [SAMPLE] * 3000},
        {"rate_hz": 12.5, "samples": [SAMPLE]},
        {"rate_hz": 1000, "samples": [[1e6, 0, -1e6]]},
        {"rate_hz": 50, "unit": "mg", "samples": [SAMPLE], "extra": 1},
    ],
)
def test_a_burst_is_kept_whole(burst: dict[str, Any]) -> None:
    [(kind, value)] = stated({"kind": "acceleration", "value": burst})
    assert kind == "acceleration"
    assert value == {"rate_hz": burst["rate_hz"], "unit": "mg", "samples": burst["samples"]}


@pytest.mark.parametrize(
    "burst",
    [
        None,
        [],
        "burst",
        {},
        {"rate_hz": 50},
        {"rate_hz": 50, "samples": []},
        {"rate_hz": 50, "samples": "xyz"},
        {"rate_hz": 50, "samples": [SAMPLE] * 3001},
        {"rate_hz": 0, "samples": [SAMPLE]},
        {"rate_hz": -50, "samples": [SAMPLE]},
        {"rate_hz": 1001, "samples": [SAMPLE]},
        {"rate_hz": "50", "samples": [SAMPLE]},
        {"rate_hz": True, "samples": [SAMPLE]},
        {"rate_hz": 50, "unit": "g", "samples": [SAMPLE]},
        {"rate_hz": 50, "samples": [[0, 0]]},
        {"rate_hz": 50, "samples": [[0, 0, 0, 0]]},
        {"rate_hz": 50, "samples": [SAMPLE, [0, 0, "1"]]},
        {"rate_hz": 50, "samples": [[0, 0, True]]},
        {"rate_hz": 50, "samples": [[0, 0, None]]},
        {"rate_hz": 50, "samples": [0, 0, 1]},
        {"rate_hz": 50, "samples": DEEP},
    ],
    ids=lambda one: str(one)[:50],
)
def test_a_burst_that_cannot_be_is_refused(burst: Any) -> None:
    assert reasons({"kind": "acceleration", "value": burst}) == [Reason.BAD_VALUE]


def test_a_battery_beside_a_kind_is_a_second_fact() -> None:
    decoded = decode({"id": "7", "kind": "motion", "value": True, "battery": 12, "at": "2026-03-01T07:00:00Z"})
    assert [(fact.kind, fact.value, fact.unit, fact.message_id) for fact in decoded.facts] == [
        ("motion", True, "", "7"),
        ("battery", 12, "%", "7"),
    ]
    assert {fact.observed_at for fact in decoded.facts} == {datetime(2026, 3, 1, 7, tzinfo=UTC)}


def test_a_battery_message_is_one_fact() -> None:
    assert stated({"kind": "battery", "value": 50, "battery": 60}) == [("battery", 50)]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T08:00:00Z", AT),
        ("2026-03-01T16:00:00+08:00", AT),
        (" 2026-03-01T08:00:00.000Z ", AT),
        (int(AT.timestamp() * 1000), AT),
        (AT.timestamp() * 1000, AT),
        (int(AT.timestamp()), AT),
        (946_684_800_000, datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_rfc_3339_or_an_epoch(at: Any, expected: datetime) -> None:
    [fact] = decode({"kind": "sos", "at": at}).facts
    assert (fact.observed_at, fact.note) == (expected, "")


@pytest.mark.parametrize(
    ("at", "doubt"),
    [
        ("2026-03-01T08:00:00", "cannot be read"),
        ("2026-03-01", "cannot be read"),
        ("08:00", "cannot be read"),
        ("", "cannot be read"),
        ("1772352000000", "cannot be read"),
        (True, "cannot be read"),
        ([], "cannot be read"),
        ({"epoch": 1}, "cannot be read"),
        (1e300, "cannot be read"),
        (-(2**63), "cannot be read"),
        ("0001-01-01T00:00:00+08:00", "cannot be read"),
        (0, "out of range"),
        (5000, "out of range"),
        ("1970-01-01T00:00:00Z", "out of range"),
        ("2199-01-01T00:00:00Z", "out of range"),
        (9_999_999_999_999, "out of range"),
    ],
)
def test_a_time_that_cannot_be_used_leaves_ours_and_a_doubt(at: Any, doubt: str) -> None:
    given = message({"kind": "sos", "at": at})
    [reading] = readings_of(native.decode(given), given, dialect=native.NAME)
    assert (reading.kind, reading.observed_at) == ("sos", AT)
    assert doubt in reading.note


@pytest.mark.parametrize(
    ("stated_id", "expected"),
    [("a-1", "a-1"), (7, "7"), (7.5, "7.5"), ("x" * 500, "x" * 200), ("家", "家")],
)
def test_an_id_is_kept_as_text(stated_id: Any, expected: str) -> None:
    assert decode({"kind": "sos", "id": stated_id}).facts[0].message_id == expected


@pytest.mark.parametrize("stated_id", [None, True, "", [], {"a": 1}])
def test_an_id_that_is_none_is_none(stated_id: Any) -> None:
    assert decode({"kind": "sos", "id": stated_id}).facts[0].message_id == ""


@pytest.mark.parametrize(
    ("test", "is_test"), [(True, True), (False, False), ("true", False), (1, False), (None, False)]
)
def test_only_true_makes_a_message_a_test(test: Any, is_test: bool) -> None:
    assert decode({"kind": "sos", "test": test}).facts[0].is_test is is_test


def test_a_kind_in_other_words_is_kept_in_a_note() -> None:
    assert decode({"kind": "Sunshine" * 20}).facts[0].note == "stated as " + ("sunshine" * 20)[:64]
    assert decode({"kind": "PANIC"}).facts[0].note == "stated as panic"
    assert decode({"kind": "sos"}).facts[0].note == ""


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", Reason.UNKNOWN_TOPIC),
        ("carebell/h1/d1", Reason.UNKNOWN_TOPIC),
        ("carebell/h1/d1/down", Reason.UNKNOWN_TOPIC),
        ("carebell/h1/d1/up/", Reason.UNKNOWN_TOPIC),
        ("/carebell/h1/d1/up", Reason.UNKNOWN_TOPIC),
        ("Carebell/h1/d1/up", Reason.UNKNOWN_TOPIC),
        ("carebell/h1/zigbee2mqtt/x/up", Reason.UNKNOWN_TOPIC),
        ("carebell//d1/up", Reason.BAD_ADDRESS),
        ("carebell/h1//up", Reason.BAD_ADDRESS),
        ("carebell/ /d1/up", Reason.BAD_ADDRESS),
        ("carebell/h\x00/d1/up", Reason.BAD_ADDRESS),
        ("carebell/h\ud800/d1/up", Reason.BAD_ADDRESS),
        ("carebell/" + "h" * 201 + "/d1/up", Reason.BAD_ADDRESS),
    ],
)
def test_a_topic_that_names_no_device_is_rejected(topic: str, reason: Reason) -> None:
    decoded = decode(SOS, topic)
    assert decoded.facts == ()
    assert [problem.reason for problem in decoded.problems] == [reason]


def test_a_topic_names_the_home_and_the_device() -> None:
    decoded = decode(SOS, "carebell/幸福里 3/按钮-1/up")
    assert (decoded.home_id, decoded.device_id) == ("幸福里 3", "按钮-1")


def readings(payload: Any, **more: Any) -> tuple[Reading, ...]:
    given = message(payload, **more)
    return readings_of(native.decode(given), given, dialect=native.NAME)


def ids(payload: Any, **more: Any) -> list[str]:
    return [reading.id for reading in readings(payload, **more)]


LATER = datetime(2026, 3, 1, 8, 0, 7, tzinfo=UTC)


def test_the_same_message_has_the_same_ids_whenever_it_comes() -> None:
    payload = [{"id": "1", "kind": "sos", "battery": 5}, {"id": "2", "kind": "motion", "value": 1}]
    assert ids(payload) == ids(payload, received_at=LATER) == ids(payload, retained=True)
    assert len(set(ids(payload))) == 3


def test_the_same_id_at_another_time_of_the_device_is_another_press() -> None:
    first, second = ({"id": "1", "kind": "sos", "at": at} for at in ("2026-03-01T07:00:00Z", "2026-03-01T07:00:01Z"))
    assert ids(first) != ids(second)
    assert ids({"id": "1", "kind": "sos", "at": 5}) != ids({"id": "1", "kind": "sos", "at": 6})


def test_the_same_id_in_another_home_or_of_another_device_or_kind_is_another() -> None:
    sos = {"id": "1", "kind": "sos"}
    others = [ids(sos, topic=f"carebell/{where}/up")[0] for where in ("h1/d1", "h1/d2", "h2/d1")]
    assert len({*others, ids({"id": "1", "kind": "fall"})[0]}) == 4


def test_without_an_id_two_presses_are_two_and_retained_copies_are_one() -> None:
    sos = {"kind": "sos"}
    assert ids(sos) != ids(sos, received_at=LATER)
    assert ids(sos, retained=True) == ids(sos, retained=True, received_at=LATER)


def test_urgent_readings_come_first_and_keep_the_place_they_had_in_the_message() -> None:
    payload = [{"kind": "motion", "value": 1}, {"kind": "fall"}, {"kind": "battery", "value": 9}, {"kind": "sos"}]
    assert [(one.kind, one.fact_index) for one in readings(payload)] == [
        ("fall", 1), ("sos", 3), ("motion", 0), ("battery", 2),
    ]  # fmt: skip
