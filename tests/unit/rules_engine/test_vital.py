"""Time lines of measured values: told only where they stay outside the limits, and over only where they stay inside."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, HomeProfile, Reading, Severity
from rules_engine.in_force import explain
from rules_engine.rules.vital import VitalParameters, VitalRule
from tests.support.homeline import HomeLine, moment, reading, restarted, shipped_rulebook

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.fixture
def home() -> HomeLine:
    return HomeLine(rules=(VitalRule(),))


def pulse(at: float, value: Any, device_id: str = "watch", **more: Any) -> Reading:
    return reading("vital", at, device_id=device_id, value=value, **{"channel": "heart_rate", **more})


def told(home: HomeLine, values: list[Any], every: float = 5 * MINUTE, since: float = 0) -> list[Alert]:
    return [alert for number, value in enumerate(values) for alert in home.hear(pulse(since + number * every, value))]


def test_three_in_a_row_outside_are_told(home: HomeLine) -> None:
    readings = [pulse(number * 300, value) for number, value in enumerate((44, 43, 42))]
    assert [len(home.hear(one)) for one in readings] == [0, 0, 1]
    [alert] = home.alerts
    assert (alert.rule, alert.severity, alert.status) == ("vital", Severity.HIGH, AlertStatus.OPENED)
    assert alert.evidence == tuple(one.id for one in readings)
    assert alert.summary == (
        "Heart rate 42 /min, below the limit of 45: 3 measurements by watch since 2026-03-01 08:00."
    )
    assert "心率 42 /min，低于限值 45" in alert.summary_zh


@pytest.mark.parametrize(
    "values",
    [
        [44],
        [44, 44],
        [44, 44, 60, 44, 44],
        [44, 44, 130, 130, 44, 44],
        [45, 45, 45, 120, 120, 120],
        [0, 0, 0, 0],
        [400, 400, 400],
        ["?", None, True, []],
    ],
)
def test_less_is_not_told(home: HomeLine, values: list[Any]) -> None:
    assert told(home, values) == []


def test_an_impossible_value_neither_counts_nor_ends_the_row(home: HomeLine) -> None:
    assert len(told(home, [44, 0, 44, 999, 44])) == 1


def test_a_row_must_last(home: HomeLine) -> None:
    assert told(home, [44] * 60, every=10) == []
    assert len(told(home, [44], since=600)) == 1


def test_what_is_measured_twice_a_day_counts_over_days(home: HomeLine) -> None:
    assert len(told(home, [130, 130, 130], every=12 * HOUR)) == 1


def test_what_is_measured_too_seldom_is_no_row(home: HomeLine) -> None:
    assert told(home, [130] * 6, every=37 * HOUR) == []


def test_far_outside_is_told_sooner_and_louder(home: HomeLine) -> None:
    critical, high = told(home, [160, 165, 162], every=5 * MINUTE)
    assert (critical.severity, high.severity) == (Severity.CRITICAL, Severity.HIGH)
    assert "above the limit of 150: 2 measurements" in critical.summary
    assert critical.id != high.id


def test_one_value_far_outside_is_not_told(home: HomeLine) -> None:
    assert told(home, [160, 100, 160, 100]) == []
    assert told(home, [160] * 6, every=10, since=DAY) == []


def test_what_stays_outside_is_told_once_a_day(home: HomeLine) -> None:
    found = told(home, [130] * (2 * 24 + 2), every=HOUR)
    assert [alert.at for alert in found] == [moment(2 * HOUR), moment(DAY + 2 * HOUR)]


def test_it_is_over_once_two_lie_well_inside(home: HomeLine) -> None:
    [opened] = told(home, [44, 44, 44])
    assert told(home, [46, 47, 46, 47, 50, 46], since=HOUR) == []
    [over] = told(home, [50, 52], since=2 * HOUR)
    assert (over.id, over.status) == (opened.id, AlertStatus.RESOLVED)
    assert over.summary == "Heart rate 52 /min, within the limits again."
    assert told(home, [50, 52, 50], since=3 * HOUR) == []
    assert len(told(home, [44, 44, 44], since=4 * HOUR)) == 1


def test_who_sways_about_a_limit_is_told_of_now_and_then(home: HomeLine) -> None:
    for half_hour in range(20):
        told(home, [44, 44, 44, 50, 50], since=half_hour * HOUR / 2)
    opened = [alert.at for alert in home.opened]
    assert opened == [moment(10 * MINUTE + hours * 2 * HOUR) for hours in range(5)]
    assert [alert.status for alert in home.alerts] == [AlertStatus.OPENED, AlertStatus.RESOLVED] * 5


def test_who_is_far_outside_anew_is_told_of_each_time(home: HomeLine) -> None:
    for half_hour in range(3):
        told(home, [160, 160, 100, 100], since=half_hour * HOUR / 2)
    assert [alert.severity for alert in home.opened] == [Severity.CRITICAL] * 3


def test_doubled_and_older_values_are_not_judged(home: HomeLine) -> None:
    first = pulse(0, 44)
    for _ in range(5):
        home.hear(first)
    home.hear(pulse(300, 44))
    home.hear(pulse(200, 60))
    home.hear(pulse(100, 44))
    assert home.alerts == []
    assert len(home.hear(pulse(600, 44))) == 1


def test_a_repeat_that_comes_later_does_not_count(home: HomeLine) -> None:
    for second in (0, 300, 600, 900):
        home.hear(pulse(second, 44, source="same"))
    assert home.alerts == []


def test_two_people_and_two_values_are_told_apart(home: HomeLine) -> None:
    for number in range(4):
        home.hear(pulse(number * 600, 44, "his" if number % 2 else "hers"))
        home.hear(reading("vital", number * 600, device_id="hers", value=85 + 10 * (number % 2), channel="spo2"))
    assert home.alerts == []


def test_a_test_is_not_measured_on_anybody(home: HomeLine) -> None:
    for second in (0, 600, 1200):
        assert home.hear(pulse(second, 44, is_test=True)) == []


def test_a_home_changes_single_limits(home: HomeLine) -> None:
    home.follow(HomeProfile(home_id="h", settings={"vital": {"limits": {"heart_rate": {"low": 40}}}}))
    assert told(home, [42, 42, 42]) == []
    assert len(told(home, [130, 130, 130], since=HOUR)) == 1
    assert len(told(home, [38, 38, 38], since=2 * HOUR)) == 1


def test_a_home_adds_a_limit_of_its_own_and_sees_it_explained(home: HomeLine) -> None:
    weight = {"high": 80, "possible_from": 20, "possible_to": 300}
    profile = HomeProfile(home_id="h", settings={"vital": {"limits": {"weight": weight}}})
    assert home.follow(profile) == []
    for day in range(3):
        home.hear(reading("vital", day * DAY, device_id="scale", value={"name": "weight", "value": 82}))
    assert [alert.summary.split(":")[0] for alert in home.alerts] == ["weight 82, above the limit of 80"]
    [limits] = [one for one in explain(shipped_rulebook(), profile) if (one.rule, one.parameter) == ("vital", "limits")]
    assert limits.source == "this home's own settings"


@pytest.mark.parametrize(
    "limits",
    [{"heart_rate": {"low": 130}}, {"heart_rate": {"hihg": 100}}, {"weight": {"high": 80}}, {"heart_rate": 7}, 7],
)
def test_limits_that_make_no_sense_are_refused(home: HomeLine, limits: Any) -> None:
    [refused] = home.follow(HomeProfile(home_id="h", settings={"vital": {"limits": limits}}))
    assert "limits" in refused.summary
    assert len(told(home, [44, 44, 44])) == 1


def test_without_limits_nothing_is_judged() -> None:
    assert VitalParameters().limits == {}


def test_what_is_remembered_is_bounded(home: HomeLine) -> None:
    for number in range(300):
        home.hear(pulse(number * 60, 44, f"watch-{number % 100}"))
    for number in range(100):
        home.hear(pulse(DAY + number * 60, 44))
    rows = home.state.rules["vital"]["rows"]
    assert len(rows) == 32
    assert len(rows["watch/heart_rate"]["readings"]) == 12


VALUES = st.lists(
    st.tuples(st.sampled_from([1, 60, 300, 600, DAY, 2 * DAY]), st.sampled_from([0, 30, 44, 46, 60, 118, 130, 160])),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_no_odd_value_is_ever_told_and_restarts_change_nothing(values: list[tuple[int, int]]) -> None:
    plain, interrupted = HomeLine(rules=(VitalRule(),)), HomeLine(rules=(VitalRule(),), between=restarted)
    now, before = 0, 60
    for later, value in values:
        now += later
        found = plain.hear(pulse(now, value))
        interrupted.hear(pulse(now, value))
        for alert in found:
            if alert.status is AlertStatus.OPENED:
                assert (value < 45 and before < 45) or (value > 120 and before > 120)
        before = value if value else before
    assert interrupted.alerts == plain.alerts
