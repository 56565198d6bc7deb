"""The home is told that its call was heard and that somebody is coming, and the desk whether it may have heard."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from carebell.errors import Refused
from carebell.types import Severity
from devices.confirm import Stage
from devices.registry import Device
from notifier.case_value import CaseStatus
from notifier.desk.shape import case_json
from tests.support import build
from tests.support.house import House, coming, reminded, shows_coming, shows_received, told, told_again, waits

BUTTON = Device(device_id="button-1", is_sos=True)
ZIGBEE_BUTTON = Device(device_id="button-1", is_sos=True, dialect="zigbee2mqtt")
LAMP = Device(device_id="lamp", dialect="zigbee2mqtt", address="bedside lamp", confirms="lamp")
SIREN = Device(device_id="siren", dialect="zigbee2mqtt", model="HS2WD-E", confirms="siren")
CALLED = (told("desk-1"), told("family-1"))


def home_with(*devices: Device) -> House:
    return House(homes=[replace(build.home(), devices=devices)])


@pytest.fixture
def house() -> Iterator[House]:
    """A native button, and a lamp that is there to show that a call was heard."""
    house = home_with(BUTTON, LAMP)
    yield house
    house.power_off()


def shown(house: House) -> Any:
    """What the desk's card says of it."""
    case = house.case()
    return case_json(case, case.opened_at, None)["home_told"]


def stages(house: House, device_id: str) -> list[Any]:
    return [line.data["stage"] for line in house.timeline() if line.data.get("person") == device_id]


def warnings(house: House) -> list[str]:
    return [line.why for line in house.timeline() if line.data.get("unheard")]


def test_a_lamp_shows_that_the_call_was_heard_and_then_that_somebody_is_coming(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("lamp"))
    house.at("00:40").accepts("desk-1").expect(coming("button-1", "press-1"), shows_coming("lamp"))


def test_what_is_proven_leaves_no_doubt(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1")
    assert shown(house)["stage"] == "accepted_by_broker"
    house.at("00:12").answers("lamp", Stage.CONFIRMED)
    assert shown(house) == {
        "purpose": "coming",
        "stage": "confirmed_by_device",
        "can_confirm": True,
        "may_not_have_heard": False,
    }
    house.at("05:00")
    assert warnings(house) == []
    lamp = [one for one in house.case().confirmations if one.device_id == "lamp"]
    assert [one.stage for one in lamp] == [Stage.ACCEPTED, Stage.CONFIRMED]


def test_every_stage_stands_on_the_time_line(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:40").accepts("desk-1")
    house.answers("lamp", Stage.SCHEDULED).answers("lamp", Stage.CONFIRMED).answers("lamp", Stage.CONFIRMED)
    after = ["requested", "accepted_by_broker", "scheduled", "confirmed_by_device"]
    assert stages(house, "lamp") == ["requested", "accepted_by_broker", *after]
    assert stages(house, "button-1") == ["requested", "accepted_by_broker"]


def test_without_proof_after_thirty_seconds_the_home_may_not_have_heard(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1")
    house.at("00:39")
    assert (warnings(house), shown(house)["may_not_have_heard"]) == ([], False)
    house.at("00:40")
    assert warnings(house) == ["the home may not have heard: no proof from lamp after 30 s"]
    assert shown(house)["may_not_have_heard"]
    house.at("10:00")
    assert len(warnings(house)) == 1
    house.answers("lamp", Stage.CONFIRMED)
    assert not shown(house)["may_not_have_heard"]


def test_a_device_that_refuses_is_doubted_at_once(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1").answers("lamp", Stage.REFUSED)
    assert shown(house)["may_not_have_heard"]
    house.at("05:00")
    assert warnings(house) == []


def test_who_can_only_be_sent_to_leaves_no_warning() -> None:
    house = home_with(BUTTON, SIREN)
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("siren"))
    house.at("00:10").accepts("desk-1").expect(coming("button-1", "press-1"), shows_coming("siren"))
    house.at("05:00")
    assert warnings(house) == []
    assert (shown(house)["stage"], shown(house)["can_confirm"]) == ("accepted_by_broker", False)
    house.answers("siren", Stage.REFUSED)
    assert shown(house)["may_not_have_heard"]
    house.power_off()


def test_a_broker_that_takes_nothing_is_a_reason_to_doubt() -> None:
    house = home_with(BUTTON)
    house.way_back.try_later("button-1", 5)
    house.at("00:00").device("button-1").presses().expect(*CALLED)
    assert shown(house) is None
    house.at("00:10").accepts("desk-1").expect_nothing()
    house.at("00:40")
    assert (shown(house)["stage"], shown(house)["may_not_have_heard"]) == ("requested", True)
    house.until("01:17").expect(coming("button-1", "press-1"))
    assert not shown(house)["may_not_have_heard"]
    house.power_off()


def test_one_device_that_has_shown_it_is_enough() -> None:
    house = home_with(BUTTON, LAMP, replace(LAMP, device_id="lamp-2", address="hall lamp"))
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1").answers("lamp-2", Stage.CONFIRMED)
    house.at("02:00")
    assert (warnings(house), shown(house)["may_not_have_heard"]) == ([], False)
    house.power_off()


def test_a_button_of_another_ecosystem_is_not_told_in_the_native_dialect() -> None:
    house = home_with(ZIGBEE_BUTTON, LAMP)
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("lamp"))
    house.at("00:40").accepts("desk-1").expect(shows_coming("lamp"))
    house.power_off()


def test_a_home_that_cannot_be_told_says_so_on_its_time_line() -> None:
    house = home_with(ZIGBEE_BUTTON)
    house.at("00:00").device("button-1").presses().expect(*CALLED)
    house.at("00:10").accepts("desk-1").expect_nothing()
    assert house.timeline()[-1].why == "nothing in this home can show that somebody is coming"
    house.power_off()


def test_pressing_again_and_again_sets_off_one_signal(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("lamp"))
    house.at("00:05").device("button-1").presses().expect_nothing()
    house.at("00:29").device("button-1").presses().expect_nothing()
    house.at("00:30").device("button-1").presses().expect(shows_received("lamp"))


def test_a_call_after_acceptance_is_answered_by_the_lamp_too(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("lamp"))
    house.at("00:10").accepts("desk-1").expect(coming("button-1", "press-1"), shows_coming("lamp"))
    house.at("02:00").device("button-1").presses()
    house.expect(told_again("desk-1"), coming("button-1", "press-2"), shows_coming("lamp"))


def test_a_fault_lights_no_lamp(house: House) -> None:
    house.at("00:00").device("button-1").faults(Severity.HIGH).expect(*CALLED)
    house.at("00:10").accepts("desk-1").expect_nothing()


def test_a_suspected_fall_lights_the_lamp_when_its_calls_begin_and_not_before(house: House) -> None:
    house.at("00:00").device("button-1").falls(pre_alarm=20).expect(waits("button-1", "source-of-fall-1"))
    house.at("00:20").expect(*CALLED, shows_received("lamp"))


def test_nobody_doubts_what_does_not_hold_any_more(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1")
    assert shown(house)["purpose"] == "coming"
    house.at("00:20").escalates("desk-1")
    assert shown(house)["purpose"] == "received"
    house.at("00:50")
    assert warnings(house) == []


def test_closing_ends_the_waiting_for_proof(house: House) -> None:
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1").closes("desk-1")
    assert house.case().due_at is None
    house.at("02:00").answers("lamp", Stage.CONFIRMED)
    assert (warnings(house), house.case().status, house.case().due_at) == ([], CaseStatus.CLOSED, None)
    with pytest.raises(Refused, match="closed"):
        house.accepts("desk-1")


def test_doubt_moves_neither_the_next_step_nor_the_reminder(house: House) -> None:
    house.at("00:00").device("button-1").presses().expect(*CALLED, shows_received("lamp"))
    case = house.case()
    assert case_json(case, case.opened_at, None)["due_at"] == "2026-03-01T08:01:00.000Z"
    house.at("01:00").expect(told("provider-1"))
    house.at("01:30").accepts("provider-1").expect(coming("button-1", "press-1"), shows_coming("lamp"))
    house.at("16:29").expect_nothing()
    house.at("16:30").expect(reminded("desk-1"), reminded("provider-1"))


def test_a_notifier_that_restarts_still_doubts(tmp_path: Any) -> None:
    house = House(tmp_path, homes=[replace(build.home(), devices=(BUTTON, LAMP))])
    house.at("00:00").device("button-1").presses()
    house.at("00:10").accepts("desk-1")
    house.restarts(at="00:25")
    house.at("00:40")
    assert len(warnings(house)) == 1
    house.power_off()
