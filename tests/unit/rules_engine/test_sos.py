"""Time lines of calls for help: every press is an alert, a repeat of a press is not, only people end one."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Kind, Severity
from devices.binding import RELEASED
from rules_engine.rules.sos import SosParameters, SosRule
from tests.support.homeline import HomeLine, moment, reading, restarted

DAY = 86_400


@pytest.fixture
def home() -> HomeLine:
    return HomeLine()


def test_a_press_is_an_alert_at_once(home: HomeLine) -> None:
    press = reading("sos", 5, source="7", place="bedroom")
    [alert] = home.hear(press)
    assert (alert.rule, alert.status, alert.severity) == ("sos", AlertStatus.OPENED, Severity.CRITICAL)
    assert (alert.home_id, alert.device_id, alert.at, alert.caused_at) == ("h", "button", moment(5), moment(5))
    assert (alert.evidence, alert.source_ids) == ((press.id,), ("7",))
    assert "button in the bedroom was pressed" in alert.summary
    assert "（bedroom）" in alert.summary_zh
    assert alert.rulebook.startswith("1+")
    assert alert.is_test is False


def test_a_press_that_is_repeated_with_its_id_is_one(home: HomeLine) -> None:
    home.hear(reading("sos", 0, source="7"))
    for second in (2, 4, 6, 599):
        assert home.hear(reading("sos", second, source="7")) == []


def test_without_a_time_the_same_id_is_a_new_press_after_ten_minutes(home: HomeLine) -> None:
    [first] = home.hear(reading("sos", 0, source="7"))
    assert home.hear(reading("sos", 599.999, source="7")) == []
    [second] = home.hear(reading("sos", 600, source="7"))
    assert first.id != second.id


def test_two_presses_are_two(home: HomeLine) -> None:
    home.hear(reading("sos", 0, source="7"))
    home.hear(reading("sos", 0, source="8"))
    home.hear(reading("sos", 0, source="7", device_id="other"))
    assert len({alert.id for alert in home.opened}) == 3


def test_with_its_time_the_same_id_is_a_new_press_after_a_day(home: HomeLine) -> None:
    pressed_at = moment(-1)
    [first] = home.hear(reading("sos", 0, source="7", observed_at=pressed_at))
    assert home.hear(reading("sos", DAY - 0.001, source="7", observed_at=pressed_at)) == []
    [second] = home.hear(reading("sos", DAY, source="7", observed_at=pressed_at))
    assert first.id != second.id
    assert home.hear(reading("sos", DAY + 2, source="7", observed_at=pressed_at)) == []


@pytest.mark.parametrize("later", [0, 60, DAY - 1, DAY, 30 * DAY])
def test_a_retained_repeat_is_never_a_new_press(home: HomeLine, later: float) -> None:
    home.hear(reading("sos", 0, source="7"))
    assert home.hear(reading("sos", later, source="7", retained=True)) == []


def test_a_retained_press_that_was_not_heard_before_is_a_press(home: HomeLine) -> None:
    assert len(home.hear(reading("sos", 0, source="7", retained=True))) == 1


def test_repeats_are_known_after_many_other_presses(home: HomeLine) -> None:
    for number in range(500):
        home.hear(reading("sos", number, source=str(number)))
    assert home.hear(reading("sos", 550, source="0")) == []
    assert len(home.opened) == 500


def test_what_is_remembered_of_repeats_is_bounded(home: HomeLine) -> None:
    for number in range(700):
        home.hear(reading("sos", number, source=str(number)))
    assert len(home.state.heard) == 512
    assert len(home.opened) == 700
    assert [home.hear(reading("sos", 700, source=str(number))) for number in range(188, 700)] == [[]] * 512


def test_cleared_is_written_onto_the_alert_of_the_press(home: HomeLine) -> None:
    [press] = home.hear(reading("sos", 0, source="1"))
    [cleared] = home.hear(reading("sos", 9, source="2", value="cleared"))
    assert (cleared.id, cleared.status, cleared.at) == (press.id, AlertStatus.RESOLVED, moment(9))
    assert "a person still has to close it" in cleared.summary
    assert home.hear(reading("sos", 10, source="3", value="cleared")) == []


def test_the_end_of_a_trial_says_nothing_of_a_call(home: HomeLine) -> None:
    home.hear(reading("sos", 0, source="1"))
    assert home.hear(reading("sos", 5, source="2", value="cleared", is_test=True)) == []
    [cleared] = home.hear(reading("sos", 9, source="3", value="cleared"))
    assert cleared.status == AlertStatus.RESOLVED


def test_cleared_without_a_press_is_nothing(home: HomeLine) -> None:
    assert home.hear(reading("sos", 0, value="cleared")) == []


def test_a_press_after_cleared_is_a_new_alert(home: HomeLine) -> None:
    [first] = home.hear(reading("sos", 0))
    home.hear(reading("sos", 5, value="cleared"))
    [second] = home.hear(reading("sos", 9))
    assert (second.status, second.id != first.id) == (AlertStatus.OPENED, True)


@pytest.mark.parametrize("value", ["active", None, True, "", "odd", {"x": 1}, []])
def test_whatever_is_not_cleared_is_a_press(home: HomeLine, value: Any) -> None:
    assert len(home.hear(reading("sos", 0, value=value))) == 1


def test_history_is_nothing(home: HomeLine) -> None:
    home.hear(reading("sos", 0, source="0"))
    assert home.hear(reading("sos", 1, is_history=True)) == []
    assert home.hear(reading("sos", 2, is_history=True, value="cleared")) == []


def test_a_test_is_for_information(home: HomeLine) -> None:
    [alert] = home.hear(reading("sos", 0, is_test=True))
    assert (alert.severity, alert.is_test) == (Severity.INFO, True)
    assert alert.summary == "Test: button button works."


def test_a_late_press_is_a_press(home: HomeLine) -> None:
    home.hear(reading("heartbeat", 50_000))
    late = reading("sos", 0, observed_at=moment(-DAY))
    [alert] = home.hear(late)
    assert alert.at == moment(50_000)
    assert alert.caused_at == moment(0)


def test_other_kinds_are_none_of_its_business() -> None:
    home = HomeLine(rules=(SosRule(),))
    for number, kind in enumerate(kind for kind in Kind if kind != Kind.SOS):
        assert home.hear(reading(kind, number)) == []


def test_a_restart_between_any_two_events_changes_nothing() -> None:
    plain, interrupted = HomeLine(), HomeLine(between=restarted)
    for home in (plain, interrupted):
        home.hear(reading("sos", 0, source="1"))
        home.hear(reading("sos", 2, source="1"))
        home.hear(reading("sos", 3, source="2", value="cleared"))
        home.hear(reading("sos", DAY, source="1"))
    assert plain.alerts == interrupted.alerts
    assert plain.state == restarted(interrupted.state)


# The weekly test


def in_test(device_id: str, at: float = 0, *, on: bool = True, **how: Any) -> HomeLine:
    """A home with a gateway and two buttons, whose test mode was opened by a device."""
    home = HomeLine(rules=(SosRule(),))
    devices = (DeviceProfile(device_id="gateway", is_gateway=True), DeviceProfile(device_id="button"))
    home.follow(HomeProfile(home_id="h", devices=devices))
    assert home.hear(reading("test", at, device_id=device_id, value=on, **how)) == []
    return home


def told(alerts: list[Alert]) -> list[tuple[str, bool]]:
    return [(alert.severity.value, alert.is_test) for alert in alerts]


TEST, CALL = [("info", True)], [("critical", False)]


@pytest.mark.parametrize("opened_by", ["gateway", "desk"])
def test_in_test_mode_the_first_press_of_each_button_is_its_test(opened_by: str) -> None:
    home = in_test(opened_by)
    assert told(home.hear(reading("sos", 10))) == TEST
    assert told(home.hear(reading("sos", 20, device_id="bath"))) == TEST
    assert "Weekly test: button button works" in home.alerts[0].summary
    for second in (30, 40):
        assert told(home.hear(reading("sos", second))) == CALL
        assert told(home.hear(reading("sos", second, device_id="bath"))) == CALL


def test_a_button_opens_its_own_test_only() -> None:
    home = in_test("button")
    assert told(home.hear(reading("sos", 1, device_id="bath"))) == CALL
    assert told(home.hear(reading("sos", 2))) == TEST


def test_a_button_that_was_tested_with_the_home_has_no_second_test_of_its_own() -> None:
    home = in_test("gateway")
    assert told(home.hear(reading("sos", 1))) == TEST
    home.hear(reading("test", 2, device_id="button"))
    assert told(home.hear(reading("sos", 3))) == CALL


def test_a_button_that_was_tested_just_before_the_homes_test_ended_has_no_second_one() -> None:
    home = in_test("gateway")
    assert told(home.hear(reading("sos", 300))) == TEST
    home.hear(reading("test", 301, device_id="button"))
    assert told(home.hear(reading("sos", 601))) == CALL


def test_test_mode_ends_by_itself_to_the_moment() -> None:
    assert told(in_test("gateway").hear(reading("sos", 599.999))) == TEST
    assert told(in_test("gateway").hear(reading("sos", 600))) == CALL


def test_test_mode_can_be_ended() -> None:
    home = in_test("gateway")
    home.hear(reading("test", 5, device_id="gateway", value=False))
    assert told(home.hear(reading("sos", 6))) == CALL


def test_the_home_ends_every_test_and_a_button_only_its_own() -> None:
    home = in_test("button")
    home.hear(reading("test", 1, device_id="bath", value=False))
    home.hear(reading("test", 2, device_id="desk", value=False))
    assert told(home.hear(reading("sos", 3))) == CALL


@pytest.mark.parametrize("how", [{"retained": True}, {"is_history": True}])
def test_what_was_said_before_opens_no_test(how: dict[str, bool]) -> None:
    assert told(in_test("gateway", **how).hear(reading("sos", 1))) == CALL


@pytest.mark.parametrize("every", [60, 3600, DAY - 1])
def test_a_test_that_is_stuck_opens_nothing_again(every: int) -> None:
    home = in_test("gateway")
    for second in range(every, 5 * DAY, every):
        home.hear(reading("test", second, device_id="gateway"))
        home.hear(reading("test", second + 0.5, device_id="gateway", value=False))
        home.hear(reading("test", second + 0.6, device_id="gateway"))
        if second > 600:
            assert told(home.hear(reading("sos", second + 0.7))) == CALL
        if second > 20_000:
            break


def test_a_test_that_is_stuck_in_a_daily_heartbeat_opens_nothing_again() -> None:
    home = in_test("gateway")
    for day in range(1, 10):
        home.hear(reading("test", day * (DAY + 5), device_id="gateway"))
        assert told(home.hear(reading("sos", day * (DAY + 5) + 1))) == CALL


def test_a_week_later_there_is_a_test_again() -> None:
    home = in_test("gateway")
    home.hear(reading("sos", 1))
    home.hear(reading("test", 7 * DAY, device_id="gateway"))
    assert told(home.hear(reading("sos", 7 * DAY + 1))) == TEST


def test_a_press_that_was_made_before_the_test_is_a_call() -> None:
    home = in_test("gateway", at=100)
    assert told(home.hear(reading("sos", 90))) == CALL
    assert told(home.hear(reading("sos", 101))) == TEST


def test_a_press_that_was_kept_back_by_the_button_is_a_call() -> None:
    home = in_test("gateway", at=100)
    home.hear(reading("battery", 0, device_id="button", observed_at=moment(-1)))
    assert told(home.hear(reading("sos", 130, observed_at=moment(60)))) == CALL


def test_a_press_that_the_broker_kept_is_a_call() -> None:
    home = in_test("gateway")
    assert told(home.hear(reading("sos", 1, retained=True))) == CALL
    assert told(home.hear(reading("sos", 2))) == TEST


def test_what_is_remembered_of_tests_is_bounded() -> None:
    home = in_test("gateway")
    for number in range(100):
        assert told(home.hear(reading("sos", number, device_id=f"b{number}"))) == (TEST if number < 64 else CALL)
        home.hear(reading("test", number, device_id=f"d{number}"))
    testing = home.state.rules["sos"]["testing"]
    assert (len(testing), max(len(mode["pressed"]) for mode in testing.values())) == (64, 64)


@pytest.mark.parametrize("change", [{"test_for": "52w"}, {"test_again_after": "0s"}])
def test_a_test_lasts_not_long_and_comes_not_often(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="should be"):
        SosParameters(budget=timedelta(seconds=1)).changed(change)


def test_a_test_that_is_told_late_is_over() -> None:
    home = HomeLine(rules=(SosRule(),))
    home.hear(reading("battery", 0, device_id="desk", observed_at=moment(-1)))
    home.hear(reading("test", 5000, device_id="desk", observed_at=moment(4000)))
    assert told(home.hear(reading("sos", 5001))) == CALL


def test_a_press_that_the_device_calls_a_test_does_not_use_up_the_test() -> None:
    home = in_test("gateway")
    assert told(home.hear(reading("sos", 1, is_test=True))) == TEST
    assert told(home.hear(reading("sos", 2))) == TEST


def test_what_a_test_press_clears_is_a_test() -> None:
    home = in_test("gateway")
    home.hear(reading("sos", 1))
    [cleared] = home.hear(reading("sos", 2, value="cleared"))
    assert (cleared.status, cleared.severity, cleared.is_test) == (AlertStatus.RESOLVED, Severity.INFO, True)


def test_a_state_that_was_saved_before_there_was_a_test_mode_is_read() -> None:
    home = HomeLine(rules=(SosRule(),))
    home.state = home.state._replace(rules={"sos": {"last": None}})
    home.hear(reading("test", 0, device_id="desk"))
    assert told(home.hear(reading("sos", 1))) == TEST


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0.5, 30, 300, 601, DAY]),
        st.sampled_from(["press", "press", "test on", "test off", "restart"]),
        st.sampled_from(["gateway", "desk", "button", "bath"]),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(EVENTS)
def test_no_button_has_more_than_one_test_in_the_time_of_one(events: list[tuple[float, str, str]]) -> None:
    home, now = in_test("gateway"), 0.0
    presses: list[tuple[float, str, bool]] = []
    for later, what, device_id in events:
        now += later
        if what == "press":
            [alert] = home.hear(reading("sos", now, device_id=device_id))
            presses.append((now, device_id, alert.is_test))
        elif what == "restart":
            home.state = restarted(home.state)
        else:
            home.hear(reading("test", now, device_id=device_id, value=what == "test on"))
    for number, (at, button, is_test) in enumerate(presses):
        before = [one for one in presses[:number] if one[1] == button and one[2] and at - one[0] < 600]
        assert not (is_test and before)


def test_a_level_that_is_said_again_is_one_call_until_it_was_cleared(home: HomeLine) -> None:
    assert len(home.hear(reading("sos", 0, is_level=True))) == 1
    for second in (30, 3600, 5 * DAY):
        assert home.hear(reading("sos", second, is_level=True)) == []
    home.hear(reading("sos", 5 * DAY + 1, value="cleared", is_level=True))
    assert len(home.hear(reading("sos", 5 * DAY + 2, is_level=True))) == 1


def test_the_level_of_one_channel_hides_no_other_and_no_press(home: HomeLine) -> None:
    home.hear(reading("sos", 0, is_level=True, channel="1"))
    assert len(home.hear(reading("sos", 1, is_level=True, channel="2"))) == 1
    assert len(home.hear(reading("sos", 2, is_level=True, channel="1", device_id="other"))) == 1
    assert len(home.hear(reading("sos", 3, channel="1"))) == 1


def test_a_call_that_the_broker_had_kept_asks_a_person(home: HomeLine) -> None:
    [alert] = home.hear(reading("sos", 0, retained=True))
    assert alert.severity == Severity.CRITICAL
    assert "perhaps an old one" in alert.summary


def test_what_a_device_tells_of_its_past_is_no_call(home: HomeLine) -> None:
    assert home.hear(reading("sos", 0, is_history=True)) == []


def test_another_button_at_rest_does_not_clear_a_call(home: HomeLine) -> None:
    home.hear(reading("sos", 0, source="1"))
    assert home.hear(reading("sos", 9, device_id="other", value="cleared", is_level=True)) == []


def test_a_bound_state_that_is_over_lets_the_next_call_through_and_says_nothing_of_the_first(home: HomeLine) -> None:
    [first] = home.hear(reading("sos", 0, is_level=True))
    assert home.hear(reading("sos", 1, value="cleared", is_level=True, note=RELEASED)) == []
    [second] = home.hear(reading("sos", 2, is_level=True))
    assert first.id != second.id
