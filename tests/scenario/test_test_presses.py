"""A press made to try a button: written down, answered, and nobody's call."""

from collections.abc import Iterator

import pytest

from carebell.types import Severity
from notifier.case_value import CaseStatus
from tests.support import build
from tests.support.house import House, coming, heard_test, told, waits


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.power_off()


def test_it_is_answered_to_the_home_closed_by_itself_and_nobody_is_called(house: House) -> None:
    house.at("00:00").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-1"))
    house.until("23:59:59").expect_nothing()
    case = house.case()
    assert (case.status, case.outcome, case.due_at) == (CaseStatus.CLOSED, "test", None)
    assert house.whats() == ["opened", "signal", "closed"]


def test_a_real_press_after_it_is_a_call_like_any_other(house: House) -> None:
    house.at("00:00").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-1"))
    house.at("00:01").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    assert house.case().calls == 1
    house.at("01:01").expect(told("provider-1"))


def test_in_a_home_that_has_called_it_changes_nothing(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    before = house.case()
    house.at("00:10").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-2"))
    assert before in house.cases()
    house.at("01:00").expect(told("provider-1"))


def test_in_a_home_whose_call_was_accepted_it_tells_nobody(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").accepts("desk-1").expect(coming("button-1", "press-1"))
    house.at("00:40").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-2"))


def test_it_neither_ends_nor_begins_the_calls_for_a_suspected_fall(house: House) -> None:
    house.at("00:00").device("pendant-1").falls().expect(waits("pendant-1", "source-of-fall-1"))
    house.at("00:10").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-1"))
    house.at("00:20").expect(told("desk-1"), told("family-1"))


def test_each_is_its_own_record_and_the_same_one_twice_is_one(house: House) -> None:
    alert = build.alert("t1", severity=Severity.INFO, is_test=True, source_id="press-1")
    house.at("00:00").raises(alert, alert).expect(heard_test("button-1", "press-1"))
    house.at("00:05").device("button-1").presses(is_test=True).expect(heard_test("button-1", "press-1"))
    assert [one.outcome for one in house.cases()] == ["test", "test"]


def test_what_is_more_severe_than_a_test_is_a_call_whatever_it_is_marked(house: House) -> None:
    house.at("00:00").raises(build.alert("a1", is_test=True)).expect(told("desk-1"), told("family-1"))
    assert house.case().status is CaseStatus.OPEN
