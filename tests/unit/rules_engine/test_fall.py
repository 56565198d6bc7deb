"""Time lines of falls that devices state: told at once, a suspicion after a pre-alarm, and what takes one back."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, ResidentProfile, Severity
from rules_engine.rules.fall import FallRule
from tests.support.homeline import HomeLine, moment, reading, restarted

DEVICES = (
    DeviceProfile(device_id="gateway", is_gateway=True),
    DeviceProfile(device_id="radar", place="bathroom"),
    DeviceProfile(device_id="pendant", place="waist"),
    DeviceProfile(device_id="kitchen", place="kitchen"),
    DeviceProfile(device_id="hall", place="hall"),
    DeviceProfile(device_id="bath", place="bathroom"),
)


def home_with(residents: int = 1) -> HomeLine:
    home = HomeLine(rules=(FallRule(),))
    people = tuple(ResidentProfile() for _ in range(residents))
    assert home.follow(HomeProfile(home_id="h", devices=DEVICES, residents=people, timezone="Asia/Shanghai")) == []
    return home


@pytest.fixture
def home() -> HomeLine:
    return home_with()


def fall(at: float, value: str = "suspected", device_id: str = "radar", **more: Any) -> Any:
    return reading("fall", at, device_id=device_id, value=value, **more)


def motion(at: float, device_id: str, value: bool = True, **more: Any) -> Any:
    return reading("motion", at, device_id=device_id, value=value, **more)


def brief(alerts: list[Alert]) -> list[tuple[str, str]]:
    return [(alert.device_id, alert.status.value) for alert in alerts]


def test_a_fall_that_is_certain_is_an_alert_at_once(home: HomeLine) -> None:
    stated = fall(5, "detected")
    [alert] = home.hear(stated)
    assert (alert.rule, alert.status, alert.severity) == ("fall", AlertStatus.OPENED, Severity.CRITICAL)
    assert (alert.pre_alarm, alert.at, alert.evidence) == (timedelta(0), moment(5), (stated.id,))
    assert alert.summary == "Fall: radar in the bathroom says that somebody has fallen."
    assert "radar（bathroom）" in alert.summary_zh


def test_a_suspected_fall_is_an_alert_at_once_with_a_pre_alarm(home: HomeLine) -> None:
    [alert] = home.hear(fall(5))
    assert (alert.status, alert.severity, alert.pre_alarm) == (
        AlertStatus.OPENED,
        Severity.CRITICAL,
        timedelta(seconds=20),
    )
    assert "the home has 20 s to say that all is well" in alert.summary


def test_a_statement_that_is_repeated_is_one_alert(home: HomeLine) -> None:
    home.hear(fall(0, "detected"))
    assert [home.hear(fall(second, "detected")) for second in range(5, 300, 5)] == [[]] * 59
    [again] = home.hear(fall(300, "detected"))
    assert again.id != home.alerts[0].id


@pytest.mark.parametrize("later", [60, 7200])
def test_a_retained_statement_that_was_told_is_not_told_again(home: HomeLine, later: float) -> None:
    home.hear(fall(0, "detected"))
    assert home.hear(fall(later, "detected", retained=True)) == []


def test_a_retained_statement_that_was_not_heard_is_told(home: HomeLine) -> None:
    assert brief(home.hear(fall(0, "detected", retained=True))) == [("radar", "opened")]


def test_suspected_and_then_certain_is_confirmed_at_once(home: HomeLine) -> None:
    [suspected] = home.hear(fall(0))
    [confirmed] = home.hear(fall(4, "detected"))
    assert (confirmed.status, confirmed.pre_alarm, confirmed.severity) == (
        AlertStatus.OPENED,
        timedelta(0),
        Severity.CRITICAL,
    )
    assert confirmed.id != suspected.id
    assert home.hear(fall(8, "detected")) == []
    assert home.hear(fall(9)) == []


def test_falls_of_two_devices_are_two(home: HomeLine) -> None:
    home.hear(fall(0))
    assert brief(home.hear(fall(1, device_id="pendant"))) == [("pendant", "opened")]


def test_a_test_is_for_information_and_begins_nothing(home: HomeLine) -> None:
    [test] = home.hear(fall(0, is_test=True))
    assert (test.severity, test.is_test, test.pre_alarm) == (Severity.INFO, True, timedelta(0))
    assert brief(home.hear(fall(1))) == [("radar", "opened")]
    assert home.hear(fall(2, "cleared", is_test=True)) == []


WELL = {
    "the device": fall(10, "cleared"),
    "a gateway": fall(10, "cleared", "gateway"),
    "a call cleared on it": reading("sos", 10, device_id="radar", value="cleared"),
    "a call cleared by a gateway": reading("sos", 10, device_id="gateway", value="cleared"),
    "a gesture": reading("button", 10, device_id="radar", value="long"),
    "movement": motion(10, "kitchen"),
}


@pytest.mark.parametrize("how", WELL)
def test_a_suspected_fall_is_taken_back(home: HomeLine, how: str) -> None:
    [opened] = home.hear(fall(0))
    [resolved] = home.hear(WELL[how])
    assert (resolved.id, resolved.status, resolved.at) == (opened.id, AlertStatus.RESOLVED, moment(10))
    assert resolved.evidence == (WELL[how].id,)
    assert resolved.summary.startswith("The fall told by radar at 16:00: ")
    assert "still has to close" not in resolved.summary
    assert home.hear(fall(11, "cleared")) == []
    assert brief(home.hear(fall(20))) == [("radar", "opened")]


@pytest.mark.parametrize("how", set(WELL) - {"the device"})
def test_a_certain_fall_is_not_taken_back(how: str) -> None:
    for statements in (["detected"], ["suspected", "detected"]):
        home = home_with()
        for number, value in enumerate(statements):
            home.hear(fall(number, value))
        assert home.hear(WELL[how]) == []


def test_cleared_after_a_certain_fall_is_only_written_down(home: HomeLine) -> None:
    [opened] = home.hear(fall(0, "detected"))
    [line] = home.hear(fall(7200, "cleared"))
    assert (line.id, line.status) == (opened.id, AlertStatus.RESOLVED)
    assert "a person still has to close it" in line.summary


def test_what_comes_after_the_pre_alarm_is_written_down_and_closes_nothing(home: HomeLine) -> None:
    home.hear(fall(0))
    [line] = home.hear(motion(20, "kitchen"))
    assert (line.status, "a person still has to close it" in line.summary) == (AlertStatus.RESOLVED, True)


NOT_WELL = {
    "another device": fall(10, "cleared", "pendant"),
    "the same message": fall(0, "cleared", source="radar-0"),
    "what was retained": fall(10, "cleared", retained=True),
    "a gesture elsewhere": reading("button", 10, device_id="pendant", value="long"),
    "another gesture": reading("button", 10, device_id="radar", value="single"),
    "a gesture before": reading("button", -1, device_id="radar", value="long"),
    "movement where it was": motion(10, "bath"),
    "movement too soon": motion(4.999, "kitchen"),
    "movement before": motion(-3, "kitchen"),
    "no movement": motion(10, "kitchen", False),
    "a call": reading("sos", 10),
    "a call cleared, retained": reading("sos", 10, device_id="radar", value="cleared", retained=True),
    "a call cleared as a test": reading("sos", 10, device_id="radar", value="cleared", is_test=True),
    "a call cleared on the button of somebody else": reading("sos", 10, value="cleared"),
}


@pytest.mark.parametrize("how", NOT_WELL)
def test_nothing_else_takes_it_back(home: HomeLine, how: str) -> None:
    home.hear(fall(0))
    assert home.hear(NOT_WELL[how]) == []
    assert brief(home.hear(fall(15, "cleared"))) == [("radar", "resolved")]


@pytest.mark.parametrize("how", set(WELL) - {"the device"})
def test_whoever_called_for_help_is_not_taken_for_well(home: HomeLine, how: str) -> None:
    home.hear(fall(0))
    home.hear(reading("sos", 3))
    assert home.hear(WELL[how]) == []
    assert brief(home.hear(fall(12, "detected"))) == [("radar", "opened")]


def test_movement_elsewhere_proves_nothing_where_two_people_live() -> None:
    home = home_with(residents=2)
    home.hear(fall(0))
    assert home.hear(motion(10, "kitchen")) == []


def test_a_sensor_that_repeats_what_it_saw_before_the_fall_proves_nothing(home: HomeLine) -> None:
    home.hear(motion(-10, "hall"))
    home.hear(fall(0))
    assert home.hear(motion(8, "hall")) == []
    assert home.hear(motion(12, "hall")) == []


def test_a_sensor_that_was_quiet_again_sees_somebody_move(home: HomeLine) -> None:
    home.hear(motion(-90, "hall"))
    home.hear(motion(-30, "hall", False))
    home.hear(fall(0))
    [resolved] = home.hear(motion(8, "hall"))
    assert resolved.summary.endswith("somebody has moved to the hall.")


def test_a_worn_device_fell_in_the_room_where_somebody_moved_last(home: HomeLine) -> None:
    home.hear(motion(-60, "kitchen"))
    home.hear(motion(-40, "hall"))
    home.hear(fall(0, device_id="pendant"))
    assert home.hear(motion(6, "hall")) == []
    [resolved] = home.hear(motion(9, "bath"))
    assert resolved.summary.endswith("somebody has moved to the bathroom.")


def test_where_nobody_knows_the_room_of_the_fall_two_rooms_are_needed(home: HomeLine) -> None:
    home.hear(fall(0, device_id="pendant"))
    assert home.hear(motion(6, "hall")) == []
    assert home.hear(motion(7, "hall")) == []
    assert [alert.status for alert in home.hear(motion(9, "kitchen"))] == [AlertStatus.RESOLVED]


def test_movement_that_is_told_late_is_judged_by_when_it_happened(home: HomeLine) -> None:
    home.hear(reading("battery", -100, device_id="kitchen", observed_at=moment(-101)))
    home.hear(fall(0))
    assert home.hear(motion(12, "kitchen", observed_at=moment(1))) == []


def test_a_suspicion_is_forgotten_after_a_while(home: HomeLine) -> None:
    home.hear(fall(0))
    assert home.hear(motion(300, "kitchen")) == []


def test_a_cancelled_fall_that_is_certain_after_all_is_an_alert_at_once(home: HomeLine) -> None:
    home.hear(fall(0))
    home.hear(fall(5, "cleared"))
    [alert] = home.hear(fall(8, "detected"))
    assert (alert.status, alert.pre_alarm) == (AlertStatus.OPENED, timedelta(0))


def test_a_cancel_that_happened_before_the_fall_and_comes_late_takes_nothing_back(home: HomeLine) -> None:
    home.hear(fall(-100, "cleared", observed_at=moment(-100.1)))
    home.hear(fall(0))
    assert home.hear(fall(10, "cleared", observed_at=moment(-90))) == []
    assert len(home.hear(fall(11, "cleared", observed_at=moment(10.9)))) == 1


def test_a_fall_and_its_cancel_that_both_come_late_are_taken_back(home: HomeLine) -> None:
    home.hear(reading("battery", -100, device_id="radar", observed_at=moment(-100.1)))
    home.hear(fall(300, observed_at=moment(0)))
    assert brief(home.hear(fall(301, "cleared", observed_at=moment(10)))) == [("radar", "resolved")]


def test_a_second_certain_fall_is_told_although_the_first_was_just_told(home: HomeLine) -> None:
    [first] = home.hear(fall(0, "detected"))
    home.hear(fall(25, "detected"))
    assert home.hear(fall(54, "detected")) == []
    [second] = home.hear(fall(84, "detected"))
    assert (second.status, second.id != first.id) == (AlertStatus.OPENED, True)


def test_what_is_remembered_of_falls_is_bounded(home: HomeLine) -> None:
    for number in range(100):
        assert len(home.hear(fall(number, "detected", f"d{number}"))) == 1
    assert len(home.state.rules["fall"]["episodes"]) == 64
    assert home.hear(fall(100, "detected", "d99")) == []


def test_a_fall_is_told_after_our_clock_was_set_back(home: HomeLine) -> None:
    home.hear(fall(3600, "detected"))
    assert brief(home.hear(fall(0, "detected", source="after"))) == [("radar", "opened")]


@pytest.mark.parametrize("place", ["Waist", " neck ", "颈部", "腕", "watch"])
def test_where_a_device_is_worn_is_no_room(home: HomeLine, place: str) -> None:
    home.hear(motion(-10, "bath"))
    home.hear(motion(-5, "bath", False))
    home.hear(fall(0, device_id="pendant", place=place))
    assert home.hear(motion(10, "bath")) == []


def test_what_is_remembered_of_rooms_is_bounded(home: HomeLine) -> None:
    for number in range(200):
        home.hear(motion(number, f"sensor-{number}"))
    assert len(home.state.rules["fall"]["active"]) == 32
    home.hear(motion(1000, "kitchen"))
    assert set(home.state.rules["fall"]["active"]) == {"kitchen"}


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 5, 20, 60, 301, 4000]),
        st.sampled_from(["fall", "fall", "motion", "button", "sos"]),
        st.sampled_from(["gateway", "radar", "pendant", "kitchen", "hall", "stranger"]),
        st.sampled_from(["suspected", "detected", "cleared", "active", "long", True, False]),
        st.sampled_from([{}, {}, {}, {"retained": True}, {"is_test": True}]),
    ),
    max_size=30,
)


def lived(events: list[Any], *, is_restarted: bool = False) -> HomeLine:
    home, now = home_with(), 0.0
    if is_restarted:
        home.between = restarted
    for number, (later, kind, device_id, value, how) in enumerate(events):
        now += later
        home.hear(reading(kind, now, device_id=device_id, value=value, source=str(number), **how))
    return home


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_a_restart_between_any_two_events_changes_nothing(events: list[Any]) -> None:
    assert lived(events, is_restarted=True).alerts == lived(events).alerts


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_a_certain_statement_is_always_told(events: list[Any]) -> None:
    """Unless the same device's certain fall was told within `again_after` and not taken back."""
    home = lived(events)
    now = sum(event[0] for event in events)
    last = [alert for alert in home.alerts if alert.device_id == "radar" and not alert.is_test]
    is_told = bool(last) and last[-1].status is AlertStatus.OPENED and last[-1].pre_alarm == timedelta(0)
    is_new = not is_told or moment(now + 1) - last[-1].at >= timedelta(minutes=5)
    found = home.hear(fall(now + 1, "detected", source="last"))
    if is_new:
        assert brief(found) == [("radar", "opened")]
        assert found[0].pre_alarm == timedelta(0)


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_only_what_was_opened_is_resolved_and_only_once(events: list[Any]) -> None:
    open_: set[str] = set()
    for alert in lived(events).alerts:
        if alert.status is AlertStatus.RESOLVED:
            assert alert.id in open_
            open_.remove(alert.id)
        else:
            open_.add(alert.id)
