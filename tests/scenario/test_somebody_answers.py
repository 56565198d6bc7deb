"""Accepted, on the way, closed: who is still told, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from carebell.errors import Refused
from carebell.types import AlertStatus, Severity
from notifier.case_value import CaseStatus, Move
from notifier.policy import read_policies
from tests.support import build
from tests.support.house import House, coming, reminded, told, told_again


@pytest.fixture
def house() -> Iterator[House]:
    """A minute and a half in, the provider has accepted."""
    house = House()
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("01:00").expect(told("provider-1"))
    house.at("01:30").accepts("provider-1").expect(coming("button-1", "press-1"))
    yield house
    house.power_off()


def test_after_somebody_accepted_nobody_else_is_told(house: House) -> None:
    house.until("16:29").expect_nothing()
    assert house.case().accepted_by == "provider-1"


def test_an_accepted_case_that_nobody_closes_is_asked_after_every_quarter_of_an_hour(house: House) -> None:
    for time in ("16:30", "31:30", "46:30"):
        house.at(time).expect(reminded("desk-1"), reminded("provider-1"))
    assert house.case().status is CaseStatus.ACCEPTED


def test_progress_puts_the_reminder_off_and_is_written_down(house: House) -> None:
    house.at("10:00").acts(Move.EN_ROUTE, "provider-1").expect_nothing()
    house.at("20:00").acts(Move.ARRIVED, "provider-1").expect_nothing()
    house.at("34:59").expect_nothing()
    house.at("35:00").expect(reminded("desk-1"), reminded("provider-1"))
    assert house.whats()[-4:] == ["accepted", "en_route", "arrived", "reminder"]


def test_a_reminder_after_progress_is_another_one_than_that_before_it(house: House) -> None:
    house.at("16:30").expect(reminded("desk-1"), reminded("provider-1"))
    house.at("17:00").acts(Move.EN_ROUTE, "provider-1").expect_nothing()
    house.at("32:00").expect(reminded("desk-1"), reminded("provider-1"))
    house.at("33:00").acts(Move.ARRIVED, "provider-1").expect_nothing()
    house.at("48:00").expect(reminded("desk-1"), reminded("provider-1"))


def test_closing_needs_an_outcome_and_ends_everything(house: House) -> None:
    house.at("05:00")
    with pytest.raises(Refused, match="outcome"):
        house.closes("provider-1", outcome="")
    house.closes("provider-1").expect_nothing()
    house.until("23:00:00").expect_nothing()
    assert house.case().status is CaseStatus.CLOSED
    assert house.case().due_at is None
    assert house.timeline()[-1].data == {"outcome": "helped_at_home"}


def test_a_press_in_a_home_whose_case_is_closed_opens_a_new_one(house: House) -> None:
    house.at("05:00").closes("provider-1").expect_nothing()
    house.at("06:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert [one.status for one in house.cases()] == [CaseStatus.OPEN, CaseStatus.CLOSED]
    house.at("07:00").expect(told("provider-1"))


def test_a_press_soon_after_acceptance_goes_to_whoever_accepted_and_the_desk(house: House) -> None:
    house.at("10:00").device("pendant-1").presses()
    house.at("10:00").expect(told_again("desk-1"), told_again("provider-1"), coming("pendant-1", "press-2"))
    house.at("16:29").expect_nothing()
    house.at("16:30").expect(reminded("desk-1"), reminded("provider-1"))
    assert [line.source_id for line in house.timeline() if line.what == "signal"] == ["press-1", "press-2"]


def test_a_press_exactly_when_the_grouping_ends_still_belongs_to_the_call(house: House) -> None:
    house.at("11:30").device("button-1").presses()
    house.expect(told_again("desk-1"), told_again("provider-1"), coming("button-1", "press-2"))


def test_a_press_long_after_acceptance_begins_again_from_the_first_tier(house: House) -> None:
    house.at("11:31").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert house.case().status is CaseStatus.OPEN
    house.at("12:31").expect(told("provider-1"))


def test_who_cannot_come_after_all_gives_the_case_to_the_next_tier(house: House) -> None:
    house.at("02:00").escalates("provider-1").expect(told("health-1"))
    assert house.case().status is CaseStatus.OPEN
    house.at("04:59").expect_nothing()
    house.at("05:00").expect(told("desk-1"), told("family-1"))


def test_clearing_and_resolving_leave_an_accepted_case_as_it_is(house: House) -> None:
    house.at("02:00").device("button-1").clears().expect_nothing()
    resolved = build.alert("fall-1", rule="fall", status=AlertStatus.RESOLVED)
    house.raises(resolved).expect_nothing()
    assert house.case().status is CaseStatus.ACCEPTED
    house.at("16:30").expect(reminded("desk-1"), reminded("provider-1"))


def test_a_case_is_not_accepted_twice_by_different_people(house: House) -> None:
    with pytest.raises(Refused, match="already accepted by provider-1"):
        house.at("02:00").accepts("desk-1")
    assert house.case().accepted_by == "provider-1"


def test_accepting_twice_writes_one_line_and_does_not_move_the_reminder(house: House) -> None:
    house.at("02:00").accepts("provider-1").expect_nothing()
    assert house.whats().count("accepted") == 1
    house.at("16:30").expect(reminded("desk-1"), reminded("provider-1"))


def test_a_closed_case_takes_notes_and_nothing_else(house: House) -> None:
    house.at("02:00").closes("provider-1")
    house.at("03:00").acts(Move.NOTE, "desk-1", note="spoke with the son")
    assert house.timeline()[-1].why == "spoke with the son"
    for move in (Move.ACCEPT, Move.EN_ROUTE, Move.ARRIVED, Move.ESCALATE, Move.CLOSE):
        with pytest.raises(Refused, match="closed"):
            house.acts(move, "desk-1", outcome="other")
    house.until("23:00:00").expect_nothing()


def test_every_device_that_called_is_told_that_somebody_is_coming_with_its_own_message_id() -> None:
    house = House()
    house.at("00:00").device("button-1").presses()
    house.device("pendant-1").presses()
    house.device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1")
    house.expect(coming("button-1", "press-1"), coming("pendant-1", "press-2"), coming("button-1", "press-3"))
    house.power_off()


def test_a_fault_does_not_make_the_gateway_be_told_that_somebody_is_coming() -> None:
    house = House()
    house.at("00:00").device("gateway").faults(Severity.HIGH).expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect_nothing()
    house.power_off()


def test_what_was_queued_but_not_sent_when_somebody_accepted_is_cancelled() -> None:
    house = House()
    house.sms.try_later("desk-1", 1)
    house.at("00:00").device("button-1").presses().expect(told("family-1"))
    house.at("00:01").accepts("family-1").expect(coming("button-1", "press-1"))
    house.until("10:00").expect_nothing()
    assert {one.person_id: one.status for one in house.deliveries()} == {
        "desk-1": "cancelled",
        "family-1": "sent",
        "button-1": "sent",
    }
    house.power_off()


def test_a_reminder_that_waits_is_dropped_once_the_case_is_given_back(house: House) -> None:
    house.at("16:29")
    house.sms.try_later("provider-1", 1)
    house.at("16:30").expect(reminded("desk-1"))
    house.at("16:31").escalates("provider-1").expect(told("health-1"))
    house.at("17:00").expect_nothing()


def test_a_press_after_acceptance_that_nobody_in_charge_can_hear_begins_again() -> None:
    house = House(responders=[build.PROVIDER])
    house.at("00:00").device("button-1").presses().expect(told("family-1"))
    house.at("00:30").accepts("a neighbour who rang in").expect(coming("button-1", "press-1"))
    house.at("02:00").device("button-1").presses().expect(told("family-1"))
    house.at("03:00").expect(told("provider-1"))
    house.power_off()


def test_family_registered_while_a_fault_is_open_is_told_of_the_call(tmp_path: Path) -> None:
    house = House(tmp_path, homes=[build.home(contacts=())])
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("02:00:00").restarts(homes=[build.home()])
    house.at("03:00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.power_off()


SLOW = """
format: 1
version: "2"
policies:
  slow:
    for: [critical, high, low, info]
    steps: [{name: desk, after: 0s, tell: [desk]}, {name: provider, after: 10m, tell: [provider]}]
    repeat_after: 1h
    remind_after: 1h
    group_for: 1h
"""


def test_editing_the_policy_does_not_derail_a_case_that_is_open(tmp_path: Path) -> None:
    house = House(tmp_path, homes=[build.home("h1"), build.home("h2")])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").restarts(policies=read_policies(SLOW, "slow.yaml")).expect_nothing()
    house.device("button-1", "h2").presses().expect(told("desk-1"))
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"))
    house.at("03:00").expect(told("health-1"))
    house.at("05:00").expect(told("desk-1"), told("family-1"))
    assert house.case("h1").policy.version == "1"
    assert house.case("h2").policy.version == "2"
    house.power_off()
