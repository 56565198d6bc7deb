"""Time lines of calls for help: every press is an alert, a repeat of a press is not, only people end one."""

from typing import Any

import pytest

from carebell.types import AlertStatus, Kind, Severity
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


def test_a_late_press_is_a_press(home: HomeLine) -> None:
    home.hear(reading("heartbeat", 50_000))
    late = reading("sos", 0, observed_at=moment(-DAY))
    [alert] = home.hear(late)
    assert alert.at == moment(50_000)
    assert alert.caused_at == moment(0)


def test_other_kinds_are_none_of_its_business(home: HomeLine) -> None:
    for number, kind in enumerate(kind for kind in Kind if kind not in ("sos", "battery_low")):
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
