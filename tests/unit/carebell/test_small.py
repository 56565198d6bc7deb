"""The small parts: durations, ids, topics, bell, logs, telemetry, steps, types."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.bell import Bell
from carebell.duration import duration_zh, format_duration, parse_duration
from carebell.ids import computed
from carebell.logs import open_logs
from carebell.step import earliest
from carebell.telemetry import Hop, Telemetry, known_kind
from carebell.topics import Topic, lane_of, partition_of
from carebell.types import URGENT_KINDS, Alert, AlertStatus, Kind, Reading, Severity, Tick

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20s", 20),
        ("5m", 300),
        ("25h", 90_000),
        ("2d", 172_800),
        ("1w", 604_800),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("1h30m", 5400),
        (" 1d12h ", 129_600),
        ("0s", 0),
    ],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", 5, 5.0, None, True, "s", "-5s", "5 s", "1h 30m", "5S", "5min", "1h30", "1e3s", "5s;", ".5s", [], "nans"],
)
def test_a_duration_without_a_plain_number_and_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="needs a number and a unit"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["99999999999d", "9" * 400 + "s"])
def test_a_duration_that_no_clock_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_duration(text)


@settings(deadline=None)
@given(st.integers(0, 100 * 366 * 86_400_000))
def test_a_duration_is_read_as_it_is_written(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (5400, "1h30m"), (86_400, "1d"), (60.25, "1m250ms")])
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=1, minutes=30), "1小时30分钟"),
        (timedelta(days=2), "2天"),
        (timedelta(seconds=1, milliseconds=500), "1秒500毫秒"),
        (timedelta(0), "0秒"),
    ],
)
def test_durations_are_written_in_chinese(length: timedelta, text: str) -> None:
    assert duration_zh(length) == text


def test_ids_never_change() -> None:
    assert computed("reading", "h1", "d1", "m1", "", "sos", "", 0) == "ead91a70fc0c677efc64afc7c7030482"
    assert computed("家", 1, None) == "0bb28f707a162696f748296db01ab657"


def test_ids_tell_causes_apart_and_keep_their_order() -> None:
    assert len({computed("a", "b"), computed("b", "a"), computed("ab"), computed("a", "b", ""), computed()}) == 5
    assert computed("\ud800") != computed("\ud801")


@pytest.mark.parametrize(
    ("home_id", "of_8", "of_64"),
    [("home-001", 0, 40), ("home-002", 2, 18), ("home-003", 4, 4), ("幸福里-3-101", 1, 17), ("", 0, 0)],
)
def test_a_home_is_in_its_partition_for_ever(home_id: str, of_8: int, of_64: int) -> None:
    assert (partition_of(home_id, 8), partition_of(home_id, 64)) == (of_8, of_64)


def reading(kind: str) -> Reading:
    return Reading(
        id="r",
        home_id="h",
        device_id="d",
        kind=kind,
        value=True,
        observed_at=AT,
        received_at=AT,
        source_message_id="m",
    )


def test_only_urgent_kinds_travel_in_the_urgent_lane() -> None:
    urgent = {kind for kind in Kind if lane_of(reading(kind)) is Topic.URGENT}
    assert urgent == URGENT_KINDS == {"sos", "fall", "smoke", "co", "gas", "water", "heat"}
    assert lane_of(reading("never heard of")) is Topic.TELEMETRY
    assert lane_of(Tick(at=AT, source="s")) is Topic.TELEMETRY


def test_severities_rank_by_urgency() -> None:
    assert sorted(Severity, key=lambda one: one.rank) == ["info", "low", "high", "critical"]


def test_a_bell_reaches_every_subscriber_until_it_leaves() -> None:
    bell = Bell()
    stays, leaves = bell.subscribe(), bell.subscribe()
    bell.unsubscribe(leaves)
    bell.unsubscribe(leaves)
    assert not stays.is_set()
    bell.ring()
    assert (stays.is_set(), leaves.is_set()) == (True, False)
    stays.clear()
    bell.ring()
    assert stays.is_set()


def test_the_earliest_of_no_times_is_none() -> None:
    assert earliest() is None
    assert earliest(None, None) is None
    assert earliest(None, AT, AT - timedelta(seconds=1)) == AT - timedelta(seconds=1)


def test_logs_are_json_lines_without_people() -> None:
    stream = io.StringIO()
    logger = open_logs(stream)
    personal = ("name", "person", "to", "phone", "email", "address", "payload", "body", "note", "by", "token", "who")
    logger.info("told", home_id="h1", **dict.fromkeys(personal, "李奶奶"))
    line = json.loads(stream.getvalue())
    assert (line["event"], line["home_id"], line["level"]) == ("told", "h1", "info")
    assert {line[key] for key in personal} == {"[redacted]"}
    assert "李" not in stream.getvalue()


def test_a_traceback_tells_where_but_not_with_which_values() -> None:
    stream = io.StringIO()
    logger = open_logs(stream)
    secret = "李奶奶 13800000000"

    def call(who: str) -> None:
        raise RuntimeError("broken")

    try:
        call(secret)
    except RuntimeError:
        logger.error("loop crashed", exc_info=True)
    assert "RuntimeError" in stream.getvalue()
    assert "13800000000" not in stream.getvalue()


def test_quiet_levels_are_not_written() -> None:
    stream = io.StringIO()
    open_logs(stream, "warning").info("nothing")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("kind", "label"),
    [("sos", "sos"), ("never heard of", "other"), ("", "other"), ("SOS", "other"), ("other", "other")],
)
def test_a_word_of_a_device_never_becomes_a_label(kind: str, label: str) -> None:
    assert known_kind(kind) == label


def alert(rule: str = "sos") -> Alert:
    return Alert(
        id="a",
        rule=rule,
        home_id="h",
        status=AlertStatus.OPENED,
        at=AT,
        severity=Severity.CRITICAL,
        summary="",
        summary_zh="",
        caused_at=AT,
        budget=timedelta(seconds=1),
    )


@pytest.mark.parametrize(("took", "missed"), [(0.5, 0), (1.0, 0), (1.001, 1)])
def test_an_alert_later_than_its_budget_is_counted(took: float, missed: int) -> None:
    telemetry = Telemetry()
    telemetry.alert_raised(alert(), timedelta(seconds=took))
    told = telemetry.exposition().decode()
    assert 'carebell_alerts_total{rule="sos",severity="critical",status="opened"} 1.0' in told
    assert ('carebell_budget_missed_total{rule="sos"} 1.0' in told) == bool(missed)


def test_a_clock_that_was_set_back_counts_as_no_time() -> None:
    telemetry = Telemetry()
    telemetry.observe(Hop.RECEIVED_TO_LOG, "made up", timedelta(seconds=-5))
    told = telemetry.exposition().decode()
    assert 'carebell_hop_seconds_sum{hop="received_to_log",kind="other"} 0.0' in told


def test_processes_do_not_share_metrics() -> None:
    first, second = Telemetry(), Telemetry()
    first.append_failed.inc()
    assert "carebell_log_append_failed_total 1.0" in first.exposition().decode()
    assert "carebell_log_append_failed_total 0.0" in second.exposition().decode()
