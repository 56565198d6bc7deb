"""Time lines of hazards: told at once, once for each, and resolved only by the detector that told of it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Reading, Severity
from rules_engine.rules.hazard import HazardRule
from tests.support.homeline import HomeLine, moment, reading, restarted

KINDS = ("smoke", "co", "gas", "heat", "water")
DAY = 86_400


@pytest.fixture
def home() -> HomeLine:
    return in_home()


def in_home() -> HomeLine:
    home = HomeLine(rules=(HazardRule(),))
    home.follow(HomeProfile(home_id="h", devices=(DeviceProfile(device_id="d", place="kitchen"),)))
    return home


def hazard(at: float, kind: str = "smoke", value: bool = True, device_id: str = "d", **more: Any) -> Reading:
    return reading(kind, at, device_id=device_id, value=value, **more)


def statuses(alerts: list[Alert]) -> list[str]:
    return [alert.status.value for alert in alerts]


@pytest.mark.parametrize(
    ("kind", "says", "says_zh"),
    [
        ("smoke", "Smoke, told by d in the kitchen: leave the home", "烟雾"),
        ("heat", "Heat as of a fire, told by d in the kitchen: leave the home", "高温"),
        ("co", "fresh air at once", "一氧化碳"),
        ("gas", "switch nothing on or off", "勿开关任何电器"),
        ("water", "shut the main tap", "关闭总水阀"),
    ],
)
def test_it_is_critical_at_once_and_says_what_to_do(home: HomeLine, kind: str, says: str, says_zh: str) -> None:
    told = hazard(5, kind)
    [alert] = home.hear(told)
    assert (alert.rule, alert.status, alert.severity) == ("hazard", AlertStatus.OPENED, Severity.CRITICAL)
    assert (alert.at, alert.evidence, alert.device_id) == (moment(5), (told.id,), "d")
    assert says in alert.summary
    assert says_zh in alert.summary_zh


def test_what_is_repeated_is_one_alert_and_told_again_after_a_while(home: HomeLine) -> None:
    told = [second for second in range(0, 1801, 60) if home.hear(hazard(second))]
    assert told == [0, 600, 1200, 1800]
    assert len({alert.id for alert in home.alerts}) == 4


def test_it_is_told_after_our_clock_was_set_back(home: HomeLine) -> None:
    home.hear(hazard(3600))
    assert statuses(home.hear(hazard(0))) == ["opened"]


def test_the_end_is_written_onto_the_last_alert(home: HomeLine) -> None:
    home.hear(hazard(0))
    [last] = home.hear(hazard(700))
    [over] = home.hear(hazard(800, value=False))
    assert (over.id, over.status) == (last.id, AlertStatus.RESOLVED)
    assert "a person still has to look" in over.summary
    assert home.hear(hazard(801, value=False)) == []
    assert statuses(home.hear(hazard(802))) == ["opened"]


def test_an_end_without_a_hazard_is_nothing(home: HomeLine) -> None:
    assert home.hear(hazard(0, value=False)) == []


def test_kinds_detectors_and_channels_are_told_apart(home: HomeLine) -> None:
    for kind in KINDS:
        assert len(home.hear(hazard(0, kind))) == 1
    assert len(home.hear(hazard(1, device_id="other"))) == 1
    assert len(home.hear(hazard(2, channel="2"))) == 1
    assert len(home.hear(hazard(3, sub_device="cellar"))) == 1
    assert home.hear(hazard(4, "gas", value=False, device_id="other")) == []
    assert len({alert.id for alert in home.alerts}) == 8


def test_a_test_is_for_information_and_hides_no_fire(home: HomeLine) -> None:
    [test] = home.hear(hazard(0, is_test=True))
    assert (test.severity, test.is_test) == (Severity.INFO, True)
    assert statuses(home.hear(hazard(1))) == ["opened"]
    [over] = home.hear(hazard(2, value=False, is_test=True))
    assert (over.severity, over.is_test, over.status) == (Severity.INFO, True, AlertStatus.RESOLVED)
    assert home.hear(hazard(3)) == []


@pytest.mark.parametrize("later", [1, 601, DAY])
def test_what_the_broker_kept_is_told_where_it_was_not_heard(home: HomeLine, later: float) -> None:
    assert statuses(home.hear(hazard(0, retained=True))) == ["opened"]
    assert home.hear(hazard(later, retained=True)) == []


def test_a_value_that_is_neither_is_a_hazard(home: HomeLine) -> None:
    assert statuses(home.hear(reading("gas", 0, value=None))) == ["opened"]


def test_a_detector_that_nobody_knows_is_believed(home: HomeLine) -> None:
    [alert] = home.hear(hazard(0, device_id="stranger"))
    assert "told by stranger: " in alert.summary


def test_what_is_remembered_is_bounded(home: HomeLine) -> None:
    for number in range(100):
        assert len(home.hear(hazard(number, device_id=f"d{number}"))) == 1
    assert len(home.state.rules["hazard"]["told"]) == 64
    assert home.hear(hazard(100, device_id="d99")) == []


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 599, 600, DAY]),
        st.sampled_from(KINDS),
        st.booleans(),
        st.sampled_from(["a", "b"]),
        st.sampled_from([{}, {}, {"retained": True}, {"is_test": True}]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_whatever_came_before_a_hazard_is_open_once_it_is_stated(events: list[Any]) -> None:
    plain, interrupted, now = in_home(), in_home(), 0.0
    interrupted.between = restarted
    for number, (later, kind, value, device_id, how) in enumerate(events):
        now += later
        event = hazard(now, kind, value, device_id, source=str(number), **how)
        for home in (plain, interrupted):
            home.hear(event)
        lines = [one for one in plain.alerts if one.device_id == device_id and one.is_test == event.is_test]
        of_kind = [one for one in lines if f"/{kind}" in subject_of(one, plain)]
        assert value is False or of_kind[-1].status is AlertStatus.OPENED
    assert interrupted.alerts == plain.alerts


def subject_of(alert: Alert, home: HomeLine) -> str:
    """The kind that an alert is about, found by its sentence."""
    starts = {"Smoke": "smoke", "Heat": "heat", "Carbon": "co", "Gas": "gas", "Water": "water"}
    first = alert.summary.removeprefix("Test: ")
    tells = first.partition("tells of ")[2].capitalize()
    return "/" + next(kind for word, kind in starts.items() if first.startswith(word) or tells.startswith(word))
