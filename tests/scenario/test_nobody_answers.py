"""The default policy: desk and family at once, the provider after a minute, the health centre after three, and again."""

from collections.abc import Iterator

import pytest

from carebell.types import Severity
from devices.registry import Contact
from tests.support import build
from tests.support.house import House, coming, told


@pytest.fixture
def house() -> Iterator[House]:
    house = House()
    yield house
    house.power_off()


def test_the_next_tier_is_told_at_its_second_and_not_one_earlier(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:00").expect(told("desk-1"), told("family-1"))
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"))
    house.at("02:59").expect_nothing()
    house.at("03:00").expect(told("health-1"))
    house.at("04:59").expect_nothing()


def test_everybody_is_told_again_round_after_round(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:00").expect(told("desk-1"), told("family-1"))
    for minutes in (0, 5, 10, 15, 20):
        house.at(f"{minutes + 1:02}:00").expect(told("provider-1"))
        house.at(f"{minutes + 3:02}:00").expect(told("health-1"))
        house.at(f"{minutes + 4:02}:59").expect_nothing()
        house.at(f"{minutes + 5:02}:00").expect(told("desk-1"), told("family-1"))
    assert house.case().round == 6


def test_two_presses_in_a_row_are_one_case_with_both_messages_on_its_time_line(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:00").device("pendant-1").presses().expect(told("desk-1"), told("family-1"))
    assert len(house.cases()) == 1
    assert house.case().calls == 2
    signals = [line for line in house.timeline() if line.what == "signal"]
    assert [(line.source_id, line.data["device_id"]) for line in signals] == [
        ("press-1", "button-1"),
        ("press-2", "pendant-1"),
    ]
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"))


def test_clearing_the_button_ends_nothing(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:10").device("button-1").clears().expect_nothing()
    assert [line.data["status"] for line in house.timeline() if line.what == "signal"] == ["opened", "resolved"]
    house.at("01:00").expect(told("provider-1"))
    house.at("03:00").expect(told("health-1"))
    house.at("05:00").expect(told("desk-1"), told("family-1"))


def test_escalate_now_tells_the_next_tier_at_once_and_the_rest_at_their_times(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:20").escalates("desk-1").expect(told("provider-1"))
    house.at("02:59").expect_nothing()
    house.at("03:00").expect(told("health-1"))


def test_escalate_now_when_all_were_told_begins_the_next_round(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:10").escalates("desk-1").expect(told("provider-1"))
    house.at("00:20").escalates("desk-1").expect(told("health-1"))
    house.at("00:30").escalates("desk-1").expect(told("desk-1"), told("family-1"))
    house.at("01:29").expect_nothing()
    house.at("01:30").expect(told("provider-1"))


def test_escalate_now_past_tiers_that_hold_nobody_begins_again_at_once() -> None:
    house = House(responders=[])
    house.at("00:00").device("button-1").presses().expect(told("family-1"))
    house.at("05:00").expect(told("family-1"))
    house.at("05:30").escalates("family-1").expect(told("family-1"))
    house.power_off()


def test_a_tier_of_which_everybody_refuses_costs_no_time(house: House) -> None:
    house.sms.refuse("13800000000")
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("provider-1"))
    assert "nobody of the last tier could be reached" in [line.why for line in house.timeline()]
    house.at("02:59").expect_nothing()
    house.at("03:00").expect(told("health-1"))


def test_a_refusing_desk_alone_does_not_hurry_the_family_along(house: House) -> None:
    house.sms.refuse("desk-1")
    house.at("00:00").device("button-1").presses().expect(told("family-1"))
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"))


def test_a_tier_that_is_busy_for_too_long_counts_as_not_reached(house: House) -> None:
    house.at("00:00")
    house.sms.try_later("provider-1", 6)
    house.device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("02:06").expect_nothing()
    # six attempts: 1:00, 1:02, 1:07, 1:17, 1:37, 2:07
    house.at("02:07").expect(told("health-1"))
    attempts = [str(one.at - build.START) for one in house.sms.attempts if one.person_id == "provider-1"]
    assert attempts == ["0:01:00", "0:01:02", "0:01:07", "0:01:17", "0:01:37", "0:02:07"]


def test_an_unknown_home_still_reaches_the_desk_and_the_provider(house: House) -> None:
    house.at("00:00").device("stray", home_id="nowhere").presses().expect(told("desk-1"), told("provider-1"))
    assert "skipped" in house.whats("nowhere")
    house.at("03:00").expect(told("health-1"))
    house.at("05:00").expect(told("desk-1"), told("provider-1"))


def test_a_home_without_family_loses_no_time_and_a_person_without_a_way_is_nobody() -> None:
    unreachable = Contact(contact_id="aunt", name="Aunt", email="aunt@example.org")
    house = House(homes=[build.home(contacts=(unreachable,))], responders=[build.DESK, build.HEALTH])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("health-1"))
    assert [line.data["step"] for line in house.timeline() if line.what == "skipped"] == ["family", "provider"]
    house.at("04:59").expect_nothing()
    house.at("05:00").expect(told("desk-1"), told("health-1"))
    house.power_off()


def test_with_nobody_at_all_the_case_keeps_its_next_time_and_goes_on_asking() -> None:
    house = House(homes=[], responders=[])
    house.at("00:00").device("button-1").presses().expect_nothing()
    house.at("20:00").expect_nothing()
    assert house.case().due_at is not None
    assert house.case().round == 5
    house.power_off()


def test_a_call_for_help_in_a_home_with_an_open_fault_escalates_as_a_call_for_help(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("10:00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("10:00:59").expect_nothing()
    house.at("10:01:00").expect(told("provider-1"))
    house.at("10:03:00").expect(told("health-1"))
    assert len(house.cases()) == 1
    assert house.case().severity is Severity.CRITICAL
    assert house.case().policy.name == "call_for_help"


def test_a_call_for_help_after_an_accepted_fault_escalates_too(house: House) -> None:
    house.at("00:00").device("gateway").faults().expect(told("desk-1"))
    house.at("00:10").accepts("desk-1").expect_nothing()
    house.at("00:20").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("01:20").expect(told("provider-1"))


def test_a_fault_in_a_home_whose_call_is_open_disturbs_nothing(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").device("gateway").faults().expect_nothing()
    house.at("00:59").expect_nothing()
    house.at("01:00").expect(told("provider-1"))
    assert house.case().severity is Severity.CRITICAL


def test_homes_do_not_share_their_cases() -> None:
    house = House(homes=[build.home("h1"), build.home("h2")])
    house.at("00:00").device("button-1").presses().expect(told("desk-1"), told("family-1"))
    house.at("00:30").device("button-1", "h2").presses().expect(told("desk-1"), told("family-1"))
    house.accepts("desk-1").expect(coming("button-1", "press-1"))
    house.at("01:29").expect_nothing()
    house.at("01:30").expect(told("provider-1"))
    house.power_off()
