"""Made-up days with something in them, and how a run is scored by the truth about them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from carebell.types import Alert, AlertStatus, Severity
from devices.simulator.day import DAY_S
from devices.simulator.score import read_truth, score, write_truth
from devices.simulator.trouble import EXPECTED, Truth, live_day
from devices.simulator.village import make_village

VILLAGE = make_village(24, 1, is_mixed=True)
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = AT + timedelta(days=1)
CALL = Truth(home_id="h", what="sos", device_id="button", at=AT, until=AT + timedelta(minutes=5))


def alert(rule: str = "sos", after_s: float = 1, **more: object) -> Alert:
    at = AT + timedelta(seconds=after_s)
    made = Alert(
        id="a",
        rule=rule,
        home_id="h",
        status=AlertStatus.OPENED,
        at=at,
        severity=Severity.CRITICAL,
        summary="",
        summary_zh="",
        caused_at=at,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_same_numbers_give_the_same_trouble() -> None:
    assert live_day(VILLAGE[0], 1, 5, incidents=0.5) == live_day(VILLAGE[0], 1, 5, incidents=0.5)
    days = [live_day(home, 1, day, incidents=1) for home in VILLAGE for day in range(12)]
    assert {one.what for day in days for one in day.incidents} == set(EXPECTED)


def test_nothing_happens_where_nothing_shall_but_gateways_drop() -> None:
    days = [live_day(home, 1, day, incidents=0) for home in VILLAGE for day in range(12)]
    assert {one.what for day in days for one in day.incidents} == {"gateway_down"}


def test_a_day_is_in_order_and_what_happened_is_said() -> None:
    for home in VILLAGE:
        for day in (live_day(home, 1, number, incidents=1) for number in range(4)):
            assert [one.second for one in day.said] == sorted(one.second for one in day.said)
            assert all(0 <= one.second < DAY_S for one in day.said)
            for incident in day.incidents:
                told = {(one.device_id, one.kind) for one in day.said if one.second == incident.second}
                is_silent = incident.what in ("collapse", "gateway_down")
                assert is_silent or (incident.device_id, incident.what) in told


def test_who_has_collapsed_moves_no_more_and_a_dead_gateway_lets_nothing_through() -> None:
    for home in VILLAGE:
        for day in (live_day(home, 1, number, incidents=1) for number in range(8)):
            for incident in day.incidents:
                silent = [one for one in day.said if incident.second <= one.second < min(incident.until, DAY_S)]
                if incident.what == "collapse":
                    assert {one.kind for one in silent} <= {"heartbeat"}
                if incident.what == "gateway_down":
                    assert silent == []


def test_batteries_run_down() -> None:
    home = VILLAGE[0]
    levels = [
        [one.battery for one in live_day(home, 1, day, incidents=0).said if one.battery and one.device_id == "door"]
        for day in range(120)
    ]
    told = [level[0] for level in levels if level]
    assert len(set(told)) > 5
    assert sum(after < before for before, after in pairwise(told)) > sum(
        after > before for before, after in pairwise(told)
    )


def test_a_truth_is_read_as_it_was_written() -> None:
    assert read_truth(write_truth(CALL).encode()) == CALL
    with pytest.raises(ValueError, match="not a line"):
        read_truth(b"{}")
    with pytest.raises(ValueError, match="an unknown incident"):
        read_truth(write_truth(replace(CALL, what="flood")).encode())


def test_what_was_told_in_time_is_counted_with_its_delay() -> None:
    found = score([CALL], [alert(after_s=2)], LATER)
    [row] = found.rows
    assert (row.what, row.incidents, row.told, row.median_s, row.worst_s) == ("sos", 1, 1, 2.0, 2.0)
    assert (found.missed, found.false_alarms) == ((), ())


@pytest.mark.parametrize(
    "late",
    [alert(after_s=11), alert(after_s=-1), alert(rule="fall"), alert(home_id="x"), alert(status=AlertStatus.RESOLVED)],
)
def test_what_was_not_told_in_time_is_missed(late: Alert) -> None:
    assert score([CALL], [late], LATER).missed == (CALL,)


def test_what_may_still_be_told_is_not_missed() -> None:
    assert score([CALL], [], AT + timedelta(seconds=9)).rows == ()


def test_a_call_where_nothing_happened_is_for_nothing() -> None:
    strange = alert(home_id="x")
    tests = [alert(home_id="x", is_test=True), alert(home_id="x", severity=Severity.LOW), alert("supervision")]
    assert score([CALL], [alert(), strange, *tests], LATER).false_alarms == (strange,)
    assert score([CALL], [alert(), alert(after_s=3 * 3600)], LATER).false_alarms == (alert(after_s=3 * 3600),)
