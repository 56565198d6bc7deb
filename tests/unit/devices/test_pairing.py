"""What a press is taken for while it is taught, and what is stored of it."""

from dataclasses import replace
from typing import Any

import pytest

from carebell.types import BindingProfile
from devices.pairing import Gesture, best, gestures, with_binding, without_binding
from devices.registry import Device, Home
from tests.support.homeline import reading

SINGLE = BindingProfile(gesture="single", kind="sos")


def heard(*said: tuple[str, Any, dict[str, Any]]) -> tuple[Gesture, ...]:
    return gestures(reading(kind, at, value=value, **more) for at, (kind, value, more) in enumerate(said))


def test_what_a_message_states_beside_a_press_is_no_gesture() -> None:
    found = heard(("battery", 80, {}), ("button", "single", {"channel": "1"}), ("temperature", 21, {}))
    assert found == (Gesture("button", "button", "single", "1"),)


@pytest.mark.parametrize("value", ["release", "off"])
def test_letting_go_is_no_press(value: str) -> None:
    assert heard(("button", value, {})) == ()


def test_what_was_kept_by_the_broker_or_is_history_was_not_pressed_now() -> None:
    assert heard(("button", "single", {"retained": True}), ("button", "single", {"is_history": True})) == ()


def test_a_call_that_a_device_makes_by_itself_needs_no_binding() -> None:
    chosen = best(heard(("button", "single", {}), ("sos", "active", {})))
    assert chosen is not None
    assert chosen.means == "sos"


def test_a_button_goes_before_what_else_changed_and_a_contact_before_nothing() -> None:
    contact, button = ("contact", "open", {}), ("button", "double", {})
    assert best(heard(contact, button)) == Gesture("button", "button", "double")
    assert best(heard(contact)) == Gesture("button", "contact", "open")
    assert best(heard(("contact", "closed", {}))) is None


def test_a_radio_code_is_bound_with_its_code() -> None:
    [one] = heard(("button", "rf_code", {"channel": "0x7028d2"}))
    assert one.bound_to("sos") == BindingProfile(gesture="rf_code", kind="sos", channel="0x7028d2", heard="button")


def test_what_cannot_be_named_yet_is_bound_whatever_it_will_be_named() -> None:
    [one] = heard(("other", "pressed", {"channel": "key"}))
    assert one.bound_to("sos") == BindingProfile(gesture="pressed", kind="sos", channel="key")


def test_a_gesture_means_one_thing() -> None:
    home = Home(home_id="h", devices=(Device(device_id="a"), Device(device_id="b", bindings=(SINGLE,))))
    smoke = BindingProfile(gesture="single", kind="smoke")
    once = with_binding(home, "b", smoke)
    assert once.devices == (home.devices[0], Device(device_id="b", bindings=(smoke,)))
    both = with_binding(once, "b", BindingProfile(gesture="double", kind="sos"))
    assert len(both.devices[1].bindings) == 2
    assert without_binding(both, "b", "double", None) == once


def test_what_a_gesture_means_may_differ_by_what_it_comes_as() -> None:
    def bound(*bindings: BindingProfile) -> list[tuple[str | None, str]]:
        home = Home(home_id="h", devices=(Device(device_id="b"),))
        for one in bindings:
            home = with_binding(home, "b", one)
        return [(one.heard, one.kind) for one in home.devices[0].bindings]

    shaken, there = (BindingProfile(gesture="true", kind="sos", heard=kind) for kind in ("vibration", "presence"))
    anything = BindingProfile(gesture="true", kind="test")
    assert bound(shaken, there) == [("vibration", "sos"), ("presence", "sos")]
    assert bound(shaken, replace(shaken, kind="test")) == [("vibration", "test")]
    assert bound(shaken, there, anything) == [(None, "test")]
    assert bound(anything, shaken) == [("vibration", "sos")]


def test_a_device_or_binding_that_is_not_there_is_told() -> None:
    home = Home(home_id="h", devices=(Device(device_id="a"),))
    for wrong in (lambda: with_binding(home, "x", SINGLE), lambda: without_binding(home, "a", "single", None)):
        with pytest.raises(KeyError):
            wrong()
