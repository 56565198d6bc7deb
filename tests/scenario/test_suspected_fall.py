"""A suspected fall waits in the open: shown at once, told when its pre-alarm has passed, cancelled by the home before."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from carebell.types import Alert, AlertStatus, Severity
from notifier.case_value import CaseStatus, Move
from tests.support import build
from tests.support.build import START, seconds
from tests.support.house import House, coming, reminded, told, told_again, waits

FALL = waits("pendant-1", "source-of-fall-1")


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.power_off()


def fallen(house: House, **more: float) -> House:
    return house.device("pendant-1").falls(**more)  # type: ignore[arg-type]


def test_it_is_a_case_from_its_first_second_and_people_are_told_when_the_pre_alarm_has_passed(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    case = house.case()
    assert (case.status, case.severity, case.due_at) == (CaseStatus.OPEN, Severity.CRITICAL, START + seconds(20))
    assert case.pre_alarm_until == START + seconds(20)
    house.at("00:19").expect_nothing()
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    assert house.case().pre_alarm_until is None
    house.at("01:20").expect(told("provider-1"))
    house.at("03:20").expect(told("health-1"))
    assert house.whats()[:5] == ["opened", "signal", "pre_alarm", "escalated", "step"]


def test_getting_up_closes_it_into_the_record_and_nobody_is_told(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:19").device("pendant-1").gets_up().expect_nothing()
    house.until("23:00:00").expect_nothing()
    case = house.case()
    assert (case.status, case.outcome, case.due_at) == (CaseStatus.CLOSED, "cancelled", None)
    last = house.timeline()[-1]
    assert (last.what, last.by, last.data["outcome"]) == ("closed", "home", "cancelled")
    assert last.why


def test_once_people_are_called_only_a_human_closes(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    house.device("pendant-1").gets_up().expect_nothing()
    assert house.case().status is CaseStatus.OPEN
    house.at("01:20").expect(told("provider-1"))


def test_the_end_of_another_alert_cancels_nothing(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:10").device("pendant-1").gets_up(id="another").expect_nothing()
    house.at("00:20").expect(told("desk-1"), told("family-1"))


def test_a_press_ends_the_pre_alarm_at_once(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:05").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert (house.case().rule, house.case().pre_alarm_until) == ("sos", None)
    house.at("01:04").expect_nothing()
    house.at("01:05").expect(told("provider-1"))
    assert len(house.cases()) == 1


def test_what_the_rule_is_certain_of_ends_it_at_once_even_under_the_same_id(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    fallen(house.at("00:08"), pre_alarm=0).expect(told("desk-1"), told("family-1"))
    house.device("pendant-1").gets_up().expect_nothing()
    assert house.case().status is CaseStatus.OPEN


def test_a_fall_that_becomes_certain_after_it_was_cancelled_is_a_new_call(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:05").device("pendant-1").gets_up().expect_nothing()
    fallen(house.at("00:30"), pre_alarm=0).expect(told("desk-1"), told("family-1"))
    assert [one.status for one in house.cases()] == [CaseStatus.OPEN, CaseStatus.CLOSED]


def test_an_alert_that_is_high_calls_at_once_for_the_suspected_fall_that_is_worse(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:05").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("family-1"))
    assert (house.case().severity, house.case().rule) == (Severity.CRITICAL, "fall")


def test_of_two_suspicions_each_is_cancelled_for_itself(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:10").device("radar").falls(id="fall-2").expect(waits("radar", "source-of-fall-2"))
    house.at("00:15").device("pendant-1").gets_up().expect_nothing()
    assert house.case().pre_alarm_until == START + seconds(30)
    house.at("00:29").expect_nothing()
    house.at("00:30").expect(told("desk-1"), told("family-1"))


def test_of_two_suspicions_the_second_does_not_put_off_the_first(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:19").device("radar").falls(id="fall-2").expect(waits("radar", "source-of-fall-2"))
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    house.at("00:39").expect_nothing()
    house.at("01:20").expect(told("provider-1"))


def test_a_suspicion_that_is_no_worse_than_what_is_called_for_ends_no_other_s_pre_alarm(house: House) -> None:
    house.at("00:00").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("family-1"))
    fallen(house.at("00:10")).expect(FALL)
    house.at("00:15").device("radar").falls(id="fall-2", severity=Severity.HIGH).expect_nothing()
    house.at("00:29").expect_nothing()
    house.at("00:30").expect(told("desk-1"), told("family-1"))


# Who comes to the desk meanwhile.


def test_the_desk_can_accept_it_and_the_pendant_hears_who_is_coming(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:10").accepts("desk-1").expect(coming("pendant-1", "source-of-fall-1"))
    house.device("pendant-1").gets_up().expect_nothing()
    assert house.case().status is CaseStatus.ACCEPTED
    house.at("15:10").expect(reminded("desk-1"))


def test_the_desk_can_call_people_at_once(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:03").escalates("desk-1").expect(told("desk-1"), told("family-1"))
    house.at("01:03").expect(told("provider-1"))
    assert "escalated" in house.whats()


def test_the_desk_can_close_it(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:10").closes("desk-1").expect_nothing()
    house.until("10:00").expect_nothing()
    assert house.case().outcome == "helped_at_home"


def test_a_note_of_the_desk_holds_up_nothing(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:10").acts(Move.NOTE, "desk-1", note="phoning").expect_nothing()
    house.at("00:20").expect(told("desk-1"), told("family-1"))


# In a home whose case is open.


def test_while_people_are_being_called_it_is_a_line_and_delays_nothing(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    fallen(house.at("00:50")).expect_nothing()
    assert house.case().pre_alarm_until is None
    house.at("01:00").expect(told("provider-1"))
    house.device("pendant-1").gets_up().expect_nothing()
    house.at("03:00").expect(told("health-1"))


def test_in_an_accepted_case_it_goes_to_whoever_accepted_when_it_has_passed(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect(coming("button-1", "press-1"))
    fallen(house.at("02:00")).expect(FALL)
    house.at("02:19").expect_nothing()
    house.at("02:20").expect(told_again("desk-1"), coming("pendant-1", "source-of-fall-1"))
    assert house.case().status is CaseStatus.ACCEPTED


def test_a_reminder_that_is_due_meanwhile_comes_in_its_time(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect(coming("button-1", "press-1"))
    fallen(house.at("15:20")).expect(FALL)
    house.at("15:30").expect(reminded("desk-1"))
    house.at("15:40").expect(told("desk-1"), told("family-1"))


def test_in_a_case_of_a_fault_the_case_gets_worse_when_it_has_passed(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    fallen(house.at("01:00")).expect(FALL)
    house.at("01:19").expect_nothing()
    house.at("01:20").expect(told("desk-1"), told("family-1"))
    assert (house.case().severity, house.case().policy.name) == (Severity.CRITICAL, "call_for_help")


def test_in_a_case_of_a_fault_that_was_accepted_people_are_called_too(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("00:30").accepts("desk-1").expect_nothing()
    fallen(house.at("01:00")).expect(FALL)
    house.at("01:20").expect(told("desk-1"), told("family-1"))
    assert house.case().status is CaseStatus.OPEN


def test_accepting_such_a_case_meanwhile_is_accepting_the_fall(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("00:30").accepts("desk-1").expect_nothing()
    fallen(house.at("01:00")).expect(FALL)
    house.at("01:10").accepts("provider-1").expect(coming("pendant-1", "source-of-fall-1"))
    assert (house.case().severity, house.case().accepted_by) == (Severity.CRITICAL, "provider-1")
    house.at("16:10").expect(reminded("desk-1"), reminded("provider-1"))


def test_cancelled_in_a_case_of_a_fault_it_stays_the_case_of_the_fault(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    fallen(house.at("01:00")).expect(FALL)
    house.at("01:10").device("pendant-1").gets_up().expect_nothing()
    assert (house.case().status, house.case().severity) == (CaseStatus.OPEN, Severity.LOW)
    house.at("23:59:59").expect_nothing()
    house.at("24:00:00").expect(told("desk-1"))


def test_a_fault_that_comes_meanwhile_is_told_as_ever_and_outlives_the_cancelled_fall(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:05").device("gateway").faults().expect(told("desk-1"))
    house.at("00:10").device("pendant-1").gets_up().expect_nothing()
    case = house.case()
    assert (case.status, case.severity, case.rule) == (CaseStatus.OPEN, Severity.LOW, "supervision")


def test_a_fault_that_comes_meanwhile_does_not_keep_the_fall_from_people(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:05").device("gateway").faults().expect(told("desk-1"))
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    assert (house.case().severity, house.case().rule) == (Severity.CRITICAL, "fall")


# What a pendant says itself, through the rule.


def test_what_a_pendant_suspects_is_told_when_the_pre_alarm_has_passed(house: House) -> None:
    house.at("00:00").device("pendant-1").states("fall", "suspected").expect(waits("pendant-1", "press-1"))
    house.at("00:19").expect_nothing()
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect(coming("pendant-1", "press-1"))


def test_what_a_pendant_takes_back_is_told_to_nobody(house: House) -> None:
    house.at("00:00").device("pendant-1").states("fall", "suspected").expect(waits("pendant-1", "press-1"))
    house.at("00:10").device("pendant-1").states("fall", "cleared").expect_nothing()
    house.until("01:00").expect_nothing()
    assert house.case().outcome == "cancelled"


def test_what_a_pendant_then_is_certain_of_is_told_at_once(house: House) -> None:
    house.at("00:00").device("pendant-1").states("fall", "suspected").expect(waits("pendant-1", "press-1"))
    house.at("00:10").device("pendant-1").states("fall", "detected").expect(told("desk-1"), told("family-1"))
    assert len(house.cases()) == 1


# Crashes and outages.


def late(house: House, seconds_late: float) -> House:
    now = house.clock.now()
    fall = build.alert(
        "fall-1", rule="fall", device_id="pendant-1", at=now - seconds(seconds_late), pre_alarm=seconds(20)
    )
    return house.raises(fall)


def test_the_window_runs_from_the_cause_and_what_comes_late_has_waited_already(house: House) -> None:
    late(house.at("00:00"), 15).expect(FALL)
    house.at("00:05").expect(told("desk-1"), told("family-1"))


def test_what_comes_when_the_window_has_passed_is_called_for_at_once(house: House) -> None:
    late(house.at("00:00"), 20).expect(told("desk-1"), told("family-1"))


def test_a_cause_in_the_future_does_not_wait_longer_than_the_pre_alarm(house: House) -> None:
    late(house.at("00:00"), -3600).expect(FALL)
    house.at("00:20").expect(told("desk-1"), told("family-1"))


def test_the_same_suspicion_raised_again_by_the_rules_does_not_wait_anew(house: House) -> None:
    fall = build.alert("fall-1", rule="fall", device_id="pendant-1", pre_alarm=seconds(20))
    house.at("00:00").raises(fall).expect(FALL)
    house.at("00:15").raises(fall).expect_nothing()
    house.at("00:20").raises(fall).expect(told("desk-1"), told("family-1"))


@pytest.mark.parametrize(("dead_until", "told_at"), [("00:05", "00:20"), ("00:20", "00:20"), ("02:00:00", "02:00:00")])
def test_a_pre_alarm_survives_a_process_that_dies_in_it(tmp_path: Path, dead_until: str, told_at: str) -> None:
    house = House(tmp_path)
    fallen(house.at("00:00")).expect(FALL)
    house.at("00:02").restarts(at=dead_until)
    assert house.case().due_at == START + seconds(20)
    house.at(told_at).expect(told("desk-1"), told("family-1"))
    house.power_off()


def test_an_alert_cancelled_and_followed_by_a_press_in_one_batch_leaves_a_record_and_a_call(house: House) -> None:
    fall = build.alert("fall-1", rule="fall", device_id="pendant-1", pre_alarm=seconds(20))
    up = build.alert("fall-1", rule="fall", device_id="pendant-1", status=AlertStatus.RESOLVED)
    house.raises(fall, up, build.alert("press"))
    house.expect(told("desk-1"), told("family-1"))
    assert [one.outcome for one in house.cases() if one.status is CaseStatus.CLOSED] == ["cancelled"]


def test_a_case_left_waiting_by_the_batch_before_makes_room_for_a_press_in_the_batch_that_cancels_it(
    house: House,
) -> None:
    fallen(house.at("00:00")).expect(FALL)
    up = build.alert("fall-1", rule="fall", device_id="pendant-1", status=AlertStatus.RESOLVED)
    house.at("00:05").raises(up, build.alert("press")).expect(told("desk-1"), told("family-1"))
    assert sorted(one.status.value for one in house.cases()) == ["closed", "open"]


# The notifier was away for longer than the pre-alarm.


def read_late(*, cancelled_after: float, away: float = 3600) -> tuple[Alert, Alert]:
    """A suspicion, and that it was cancelled so many seconds later, both long before we read them."""
    began = START - seconds(away)
    fall = build.alert("fall-1", rule="fall", device_id="pendant-1", at=began, pre_alarm=seconds(20))
    up_at = began + seconds(cancelled_after)
    return fall, build.alert("fall-1", rule="fall", device_id="pendant-1", at=up_at, status=AlertStatus.RESOLVED)


def test_what_was_cancelled_in_time_calls_nobody_however_late_it_is_read(house: House) -> None:
    house.raises(*read_late(cancelled_after=19.9)).expect_nothing()
    house.until("01:00").expect_nothing()
    assert (house.case().status, house.case().outcome) == (CaseStatus.CLOSED, "cancelled")


@pytest.mark.parametrize("cancelled_after", [20, 60])
def test_what_was_cancelled_too_late_is_called_for(house: House, cancelled_after: float) -> None:
    house.raises(*read_late(cancelled_after=cancelled_after)).expect(told("desk-1"), told("family-1"))
    assert house.case().status is CaseStatus.OPEN


def test_what_the_next_batch_cancels_was_called_for_already(house: House) -> None:
    fall, up = read_late(cancelled_after=5)
    house.raises(fall).expect(told("desk-1"), told("family-1"))
    house.raises(up).expect_nothing()
    assert house.case().status is CaseStatus.OPEN


OTHERS = {
    "a press": build.alert("press"),
    "a fall that is certain": build.alert("fall-1", rule="fall", device_id="pendant-1"),
    "another suspicion": build.alert("fall-2", rule="fall", at=START - seconds(60), pre_alarm=seconds(20)),
    "somebody out of bed": build.alert("bed-1", rule="bed", severity=Severity.HIGH),
}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("other", OTHERS)
def test_what_was_cancelled_holds_back_nothing_that_is_read_with_it(house: House, other: str, place: int) -> None:
    batch = list(read_late(cancelled_after=5))
    batch.insert(place, OTHERS[other])
    house.raises(*batch).expect(told("desk-1"), told("family-1"))
    assert [one.status for one in house.cases()].count(CaseStatus.OPEN) == 1


def test_the_end_of_another_suspicion_takes_back_nothing_that_is_read_with_it(house: House) -> None:
    fall, up = read_late(cancelled_after=5)
    house.raises(fall, replace(up, id="another")).expect(told("desk-1"), told("family-1"))


def test_in_an_accepted_case_what_was_cancelled_is_told_to_nobody(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect(coming("button-1", "press-1"))
    house.raises(*read_late(cancelled_after=5)).expect_nothing()
    house.until("01:00").expect_nothing()
    assert house.case().status is CaseStatus.ACCEPTED


def test_the_pre_alarm_is_no_lateness(house: House) -> None:
    fallen(house.at("00:00")).expect(FALL)
    assert _attempts_measured(house) == (0, 0)
    house.at("00:20").expect(told("desk-1"), told("family-1"))
    assert _attempts_measured(house) == (2, 0)


def _attempts_measured(house: House) -> tuple[float, float]:
    """How many first attempts were measured from their cause, and their seconds together."""
    text = house.telemetry.exposition().decode()
    labels = r'\{hop="received_to_attempt",kind="fall"\} (\S+)'
    found = [re.search(f"carebell_hop_seconds_{what}{labels}", text) for what in ("count", "sum")]
    count, total = (0.0 if one is None else float(one[1]) for one in found)
    return count, total
