"""Contacts with hours: those within them first, nobody left out for good, and never a step that finds nobody.

The story begins at 16:00 by the clock of the home.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from carebell.types import Severity
from devices.registry import Contact, Home, Role
from notifier.case_value import What
from notifier.policy import read_policies
from tests.support import build
from tests.support.house import House, coming, reminded, told

SON = Contact(contact_id="son", name="李明", phones=("13800000001",), hours=("08:00-20:00",))
DAUGHTER = Contact(contact_id="daughter", name="李红", phones=("13800000002",), hours=("18:00-22:00", "00:00-07:30"))
NEIGHBOUR = Contact(
    contact_id="neighbour", name="王芳", role=Role.NEIGHBOUR, phones=("13800000003",), hours=("08:00-12:00",)
)


def home_of(*contacts: Contact) -> Home:
    return build.home(contacts=contacts)


@pytest.fixture
def house() -> Iterator[House]:
    """A son who may be called now, and a daughter who may not."""
    house = House(homes=[home_of(SON, DAUGHTER)])
    yield house
    house.power_off()


def left(house: House) -> list[Any]:
    return [
        (line.data["person"], line.why, line.data["summary_zh"]) for line in house.timeline() if line.what == What.LATER
    ]


def test_a_call_for_help_tells_who_is_within_hours_first_and_everybody_a_minute_later(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    assert left(house) == [
        (
            "李红",
            "left for later: outside the hours 18:00-22:00, 00:00-07:30; told after 60 s if nobody has answered",
            "留待稍后通知：现在不在 18:00-22:00, 00:00-07:30 时段内；如无人应答，60 秒后通知。",
        )
    ]
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"), told("daughter"))
    house.at("03:00").expect(told("health-1"))
    house.at("05:00").expect(told("desk-1"), told("son"), told("daughter"))
    house.at("06:00").expect(told("provider-1"))


def test_what_is_less_than_critical_holds_to_the_hours_for_a_round(house: House) -> None:
    house.at("00:00").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("son"))
    assert "told in the next round" in left(house)[0][1]
    assert "下一轮通知" in left(house)[0][2]
    house.at("01:00").expect(told("provider-1"))
    house.at("03:00").expect(told("health-1"))
    house.at("05:00").expect(told("desk-1"), told("son"), told("daughter"))


def test_where_nobody_of_a_role_is_within_hours_all_of_it_are_told() -> None:
    house = House(homes=[home_of(SON, replace(DAUGHTER, role=Role.NEIGHBOUR), NEIGHBOUR)])
    house.at("00:00").device("button-1").presses()
    house.expect(told("desk-1"), told("son"), told("daughter"), told("neighbour"))
    assert left(house) == []
    house.power_off()


def test_who_has_no_way_to_be_reached_keeps_nobody_from_being_told() -> None:
    house = House(homes=[home_of(replace(SON, phones=()), DAUGHTER)])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("daughter"))
    house.power_off()


def test_who_is_on_duty_has_no_hours() -> None:
    keeper = replace(NEIGHBOUR, role=Role.PROVIDER)
    house = House(homes=[home_of(keeper)])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("provider-1"), told("neighbour"))
    house.power_off()


def test_an_answer_leaves_the_others_in_peace(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.at("00:30").accepts("son").expect(coming("button-1", "press-1"))
    house.at("10:00").expect_nothing()


def test_who_stood_back_is_told_when_the_case_is_given_back(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.at("00:30").accepts("son").expect(coming("button-1", "press-1"))
    house.at("02:00").escalates("son").expect(told("provider-1"), told("daughter"))


def test_the_desk_that_escalates_does_not_wait_for_hours(house: House) -> None:
    house.at("00:00").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("son"))
    house.at("00:10").escalates("desk-1").expect(told("provider-1"), told("daughter"))
    house.at("03:00").expect(told("health-1"))


def test_when_none_of_those_in_front_can_be_reached_the_others_are_told_at_once() -> None:
    house = House(homes=[home_of(SON, DAUGHTER, replace(NEIGHBOUR, hours=()))])
    house.sms.refuse("13800000001")
    house.at("00:00").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("neighbour"), told("daughter"))
    house.at("00:59").expect_nothing()
    house.power_off()


def test_a_tier_that_cannot_be_reached_costs_no_time_because_of_hours(house: House) -> None:
    house.sms.refuse("13800000001")
    house.at("00:00").device("door").faults(Severity.HIGH)
    house.expect(told("desk-1"), told("daughter"), told("provider-1"))


def test_what_gets_worse_tells_at_once_whoever_has_waited(house: House) -> None:
    house.at("00:00").device("door").faults(Severity.HIGH).expect(told("desk-1"), told("son"))
    house.at("00:10").device("button-1").presses().expect(told("desk-1"), told("son"), told("daughter"))


def test_a_fault_before_does_not_spend_the_hours_of_a_call(house: House) -> None:
    house.at("00:00").device("door").faults(Severity.LOW).expect(told("desk-1"))
    house.at("00:10").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.at("01:10").expect(told("provider-1"), told("daughter"))


def test_a_call_long_after_the_acceptance_begins_with_hours_again(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.at("00:30").accepts("desk-1").expect(coming("button-1", "press-1"))
    house.at("15:30").expect(reminded("desk-1"))
    house.at("16:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.at("17:00").expect(told("provider-1"), told("daughter"))


def test_a_case_keeps_the_hours_that_were_registered_when_it_opened(tmp_path: Any) -> None:
    house = House(tmp_path, homes=[home_of(SON, DAUGHTER)])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("son"))
    house.restarts(homes=[home_of(SON, replace(DAUGHTER, hours=()))]).expect_nothing()
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"), told("daughter"))
    house.power_off()


FAMILY_ONLY = """
format: 1
version: "1"
policies:
  family_only:
    for: [critical, high, low, info]
    steps: [{name: family, after: 0s, tell: [family]}]
    repeat_after: 2m
    remind_after: 15m
    group_for: 10m
"""


def test_nobody_is_told_twice_at_once_when_both_their_minute_and_the_round_have_passed(tmp_path: Any) -> None:
    policies = read_policies(FAMILY_ONLY, "family.yaml")
    house = House(tmp_path, homes=[home_of(SON, DAUGHTER)], policies=policies)
    house.at("00:00").device("button-1").presses().expect(told("son"))
    house.restarts(at="03:00").until("03:00").expect(told("son"), told("daughter"))
    house.power_off()
