"""A rule with a policy of its own: fire, smoke and gas call everybody at once; a note goes to the doctor, once."""

from collections.abc import Iterator

import pytest

from carebell.types import Alert, Severity
from notifier.case_value import CaseStatus, Move, Purpose
from tests.support import build
from tests.support.house import House, Told, coming, told, told_again


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.power_off()


def smoke(id: str = "smoke-1", severity: Severity = Severity.CRITICAL) -> Alert:
    return build.alert(id, rule="hazard", device_id="smoke-1", severity=severity)


def habits(id: str = "note-1", severity: Severity = Severity.INFO) -> Alert:
    return build.alert(id, rule="routine", device_id="", severity=severity, source_id="")


def noted(person_id: str) -> Told:
    return Told(person_id, Purpose.NOTE)


FIRE_BRIGADE = "119 (火灾、烟雾、燃气、一氧化碳 / fire, smoke, gas, CO)"
EVERYBODY = (told("desk-1"), told("family-1"), told("provider-1"))


def test_a_hazard_calls_everybody_at_once_with_the_number_to_call_first(house: House) -> None:
    house.at("00:00").raises(smoke()).expect(*EVERYBODY)
    texts = {one.person_id: one.message.text for one in house.attempts()}
    assert texts["family-1"].startswith(f"请先拨打{FIRE_BRIGADE}。")
    assert texts["provider-1"].startswith(f"Call {FIRE_BRIGADE} first. ")
    house.at("01:00").expect(told("health-1"))
    house.at("03:00").expect(*EVERYBODY)


def test_smoke_that_a_detector_states_goes_by_the_policy_of_its_rule(house: House) -> None:
    house.at("00:00").device("smoke-1").states("smoke", True).expect(*EVERYBODY)
    assert house.case().policy.name == "hazard"


def test_a_hazard_in_a_home_that_has_called_begins_its_own_policy(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:10").raises(smoke()).expect(*EVERYBODY)
    assert (house.case().policy.name, house.case().rule) == ("hazard", "hazard")
    house.at("00:20").raises(smoke("smoke-2")).expect_nothing()
    house.at("01:10").expect(told("health-1"))


def test_a_hazard_in_a_case_that_was_accepted_needs_somebody_to_answer_it(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:10").accepts("desk-1").expect(coming("button-1", "press-1"))
    house.at("00:30").raises(smoke()).expect(*EVERYBODY)
    assert house.case().status is CaseStatus.OPEN


def test_smoke_that_lasts_goes_to_whoever_is_there(house: House) -> None:
    house.at("00:00").device("smoke-1").states("smoke", True).expect(*EVERYBODY)
    house.at("00:10").accepts("family-1").expect_nothing()
    house.at("00:20").acts(Move.ARRIVED, "family-1").expect_nothing()
    house.at("11:00").device("smoke-1").states("smoke", True)
    house.expect(told_again("desk-1"), told_again("family-1"))
    assert (house.case().status, house.case().round) == (CaseStatus.ARRIVED, 1)


def test_a_press_in_a_home_with_a_hazard_is_a_line_and_the_number_stays(house: House) -> None:
    house.at("00:00").raises(smoke()).expect(*EVERYBODY)
    house.at("00:30").device("button-1").presses().expect_nothing()
    assert (house.case().policy.name, house.case().policy.call) == ("hazard", FIRE_BRIGADE)


def test_a_press_that_is_worse_than_the_hazard_keeps_the_number(house: House) -> None:
    house.at("00:00").raises(smoke(severity=Severity.HIGH)).expect(*EVERYBODY)
    house.at("00:30").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert (house.case().policy.name, house.case().policy.call) == ("call_for_help", FIRE_BRIGADE)


def test_a_note_is_for_the_doctor_and_reads_like_one(house: House) -> None:
    house.at("00:00").raises(habits()).expect(told("health-1"))
    (attempt,) = house.attempts()
    assert attempt.message.subject.startswith("请留意")
    house.until("23:59:59").expect_nothing()


def test_a_note_where_there_is_no_doctor_is_for_the_desk() -> None:
    house = House(responders=[build.DESK])
    house.at("00:00").raises(habits()).expect(told("desk-1"))
    house.power_off()


@pytest.mark.parametrize("severity", [Severity.INFO, Severity.LOW])
def test_a_note_beside_an_open_fault_still_reaches_the_doctor_once(house: House, severity: Severity) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("01:00").raises(habits(severity=severity)).expect(noted("health-1"))
    assert "被按下" in house.attempts()[-1].message.text
    house.at("02:00").raises(habits(severity=severity)).expect_nothing()
    assert house.case().policy.name == "fault"


def test_a_call_in_a_home_with_a_note_is_a_call(house: House) -> None:
    house.at("00:00").raises(habits()).expect(told("health-1"))
    house.at("01:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
