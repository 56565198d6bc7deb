"""Time lines of falls that are found in acceleration: told with a pre-alarm, taken back, confirmed, and never in the way."""

from datetime import timedelta
from typing import Any

import pytest

from carebell.types import Alert, AlertStatus, DeviceProfile, HomeProfile, Reading, Severity
from rules_engine.rules.fall import FallRule
from tests.support.homeline import HomeLine, moment, reading, restarted
from tests.support.motion import Samples, fall_trial, in_bursts, lying, value, walking

# The impact of `fall_trial`, and when it can be told at the earliest: five seconds later, with the burst of then.
IMPACT = 5.54
HOME = HomeProfile(
    home_id="h",
    devices=(DeviceProfile(device_id="pendant", place="waist"), DeviceProfile(device_id="kitchen", place="kitchen")),
)


def burst(at: float, samples: Samples, **more: Any) -> Reading:
    return reading("acceleration", at, device_id="pendant", value=value(samples), **more)


def bursts(samples: Samples, since: float = 0) -> list[Reading]:
    """Each is received when it begins, as in a replay."""
    return [burst(since + at / 1000, part) for at, part in in_bursts(samples, start_ms=0)]


def line(*events: Reading, until: float, between: Any = lambda state: state) -> HomeLine:
    home = HomeLine(rules=(FallRule(),), between=between)
    home.follow(HOME)
    for event in sorted(events, key=lambda event: event.received_at):
        home.tick((event.received_at - moment(0)).total_seconds())
        home.hear(event)
    for second in range(round(until)):
        home.tick(second)
    return home


def brief(alerts: list[Alert]) -> list[tuple[str, timedelta]]:
    return [(alert.status.value, alert.pre_alarm) for alert in alerts]


SUSPECTED = ("opened", timedelta(seconds=20))
CONFIRMED = ("opened", timedelta(0))
RESOLVED = ("resolved", timedelta(0))


def test_a_fall_is_told_once_with_a_pre_alarm_and_the_bursts_around_it() -> None:
    told = bursts(fall_trial())
    [alert] = line(*told, until=60).alerts
    assert (alert.rule, alert.severity, alert.device_id) == ("fall", Severity.CRITICAL, "pendant")
    assert brief([alert]) == [SUSPECTED]
    assert set(alert.evidence) == {one.id for one in told[:6]}
    assert "pendant (worn at the waist) felt an impact of" in alert.summary
    assert "at 08:00, then stillness" in alert.summary
    assert "腰部" in alert.summary_zh


def test_a_fall_at_the_end_of_what_is_heard_is_told_by_a_tick() -> None:
    home = line(*bursts(fall_trial()[: 9 * 50]), until=60)
    assert brief(home.alerts) == [SUSPECTED]
    assert home.due_at is None


def test_who_walks_has_not_fallen() -> None:
    assert line(*bursts(walking(40)), until=60).alerts == []


def test_lying_still_confirms_it() -> None:
    suspected, confirmed = line(*bursts([*fall_trial(), *lying(20)]), until=60).alerts
    assert brief([suspected, confirmed]) == [SUSPECTED, CONFIRMED]
    assert confirmed.severity is Severity.CRITICAL
    assert confirmed.id != suspected.id
    assert (confirmed.at - suspected.at).total_seconds() <= 10
    assert "has lain still for 8s" in confirmed.summary


def test_getting_up_takes_it_back() -> None:
    suspected, resolved = line(*bursts([*fall_trial(), *walking(12)]), until=60).alerts
    assert (resolved.status, resolved.id) == (AlertStatus.RESOLVED, suspected.id)
    assert "up and moving again" in resolved.summary


def test_the_gesture_of_the_device_and_movement_elsewhere_take_it_back() -> None:
    fell = bursts(fall_trial())
    gesture = reading("button", 15, device_id="pendant", value="double")
    assert brief(line(*fell, gesture, until=60).alerts) == [SUSPECTED, RESOLVED]
    moves = [reading("motion", at, device_id=room, place=room) for at, room in ((-30, "bedroom"), (15, "kitchen"))]
    assert brief(line(*fell, *moves, until=60).alerts) == [SUSPECTED, RESOLVED]


def test_what_the_device_states_is_told_beside_what_was_found() -> None:
    for said in ("suspected", "detected"):
        home = line(*bursts(fall_trial()), reading("fall", 20, device_id="pendant", value=said), until=60)
        assert [alert.status for alert in home.alerts] == [AlertStatus.OPENED] * 2
        assert len({alert.id for alert in home.alerts}) == 2


def test_what_the_device_has_stated_is_not_told_again_as_found() -> None:
    home = line(*bursts(fall_trial()), reading("fall", 7, device_id="pendant", value="detected"), until=60)
    assert brief(home.alerts) == [CONFIRMED]


def test_a_fall_that_was_taken_back_before_it_was_found_is_none() -> None:
    fell = bursts(fall_trial())
    stated = reading("fall", 6, device_id="pendant", value="suspected")
    gesture = reading("button", 8, device_id="pendant", value="long")
    assert brief(line(*fell, stated, gesture, until=60).alerts) == [SUSPECTED, RESOLVED]


def test_a_second_fall_after_getting_up_is_told() -> None:
    first = [*fall_trial(), *walking(12)]
    home = line(*bursts(first), *bursts(fall_trial(), since=40), until=90)
    assert brief(home.alerts) == [SUSPECTED, RESOLVED, SUSPECTED]


def test_doubled_bursts_give_the_same_alerts() -> None:
    told = bursts([*fall_trial(), *lying(20)])
    once, twice = line(*told, until=60), line(*told, *told, until=60)
    assert twice.alerts == once.alerts


@pytest.mark.parametrize("error", [timedelta(0), timedelta(hours=7), timedelta(days=-9000)])
def test_a_clock_that_is_wrong_changes_nothing(error: timedelta) -> None:
    parts = in_bursts(fall_trial(), start_ms=0)
    wrong = [burst(at / 1000, part, observed_at=moment(at / 1000) - error) for at, part in parts]
    assert line(*wrong, until=60).alerts == line(*bursts(fall_trial()), until=60).alerts


def test_a_restart_between_any_two_events_changes_nothing() -> None:
    told = bursts([*fall_trial(), *lying(20)])
    plain, interrupted = line(*told, until=60), line(*told, until=60, between=restarted)
    assert interrupted.alerts == plain.alerts
    assert restarted(interrupted.state) == interrupted.state


def test_what_is_kept_of_the_devices_is_bounded() -> None:
    home = HomeLine(rules=(FallRule(),))
    for number in range(20):
        home.hear(reading("acceleration", number, device_id=f"d{number}", value=value(walking(2))))
    assert len(home.state.rules["fall"]["worn"]) == 8
    for number in range(100):
        home.hear(burst(100 + number, walking(1)))
    assert len(home.state.rules["fall"]["worn"]["pendant"]["recent"]) <= 41


def cleared(at: float) -> Reading:
    return reading("fall", at, device_id="pendant", value="cleared")


def test_the_device_takes_a_found_fall_back() -> None:
    home = line(*bursts(fall_trial()), cleared(13.5), until=60)
    assert brief(home.alerts) == [SUSPECTED, RESOLVED]


def test_the_message_in_which_a_fall_was_found_does_not_take_it_back() -> None:
    fell = bursts(fall_trial())
    [told] = line(*fell, until=60).alerts
    [source] = told.source_ids
    home = line(*fell, until=0)
    assert home.hear(reading("fall", 20, device_id="pendant", value="cleared", source=source)) == []
    assert brief(home.hear(cleared(21))) == [RESOLVED]


def test_a_fall_is_found_after_our_clock_was_set_back() -> None:
    home = line(*bursts([*fall_trial(), *walking(12)], since=3600), until=0)
    assert brief(home.alerts) == [SUSPECTED, RESOLVED]
    for one in bursts(fall_trial()):
        home.hear(one)
    assert brief(home.alerts) == [SUSPECTED, RESOLVED, SUSPECTED]


def test_a_device_that_always_says_that_nobody_fell_takes_no_found_fall_back() -> None:
    status = [cleared(at + 0.5) for at in range(0, 30, 3)]
    assert brief(line(*bursts(fall_trial()), *status, until=60).alerts) == [SUSPECTED]
