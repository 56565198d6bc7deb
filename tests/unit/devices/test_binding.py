"""What a gesture means here. A press of a device registered as an SOS device is an SOS without a binding too."""

from typing import Any

import pytest

from carebell.types import HomeProfile, Kind
from carebell.wire import decode, encode
from devices.binding import Binding, bound
from devices.dialect import Fact


def meant(facts: list[Fact], *bindings: Binding, is_sos: bool = False) -> list[tuple[str, Any]]:
    found = bound(facts, bindings, is_sos=is_sos)
    assert list(found[: len(facts)]) == facts
    return [(fact.kind, fact.value) for fact in found[len(facts) :]]


def press(value: Any = "single", **more: Any) -> Fact:
    return Fact(kind=Kind.BUTTON, value=value, **more)


@pytest.mark.parametrize("gesture", ["single", "double", "triple", "long", "hold", "on", "rf_code", "other"])
def test_any_press_of_an_sos_device_is_a_call(gesture: str) -> None:
    assert meant([press(gesture)], is_sos=True) == [("sos", "active")]
    assert meant([press(gesture)], is_sos=False) == []


@pytest.mark.parametrize("gesture", ["release", "off"])
def test_letting_go_of_an_sos_device_is_no_call(gesture: str) -> None:
    assert meant([press(gesture)], is_sos=True) == []


@pytest.mark.parametrize(
    "fact", [Fact(kind="other", value=""), Fact(kind="position", value=[]), Fact(kind="arm", value="x")]
)
def test_what_is_no_press_of_an_sos_device_is_no_call(fact: Fact) -> None:
    assert meant([fact], is_sos=True) == []


def test_a_binding_names_the_gesture_and_may_name_the_channel() -> None:
    double = Binding(gesture="double", kind="sos")
    second = Binding(gesture="double", kind="fall", channel="2")
    assert meant([press("double")], double) == [("sos", "active")]
    assert meant([press("single")], double) == []
    assert meant([press("double", channel="1")], second) == []
    assert meant([press("double", channel="2")], second) == [("fall", "detected")]
    assert meant([press("double", channel="2")], Binding(gesture="double", kind="test")) == [("test", True)]


def test_the_first_binding_that_fits_holds() -> None:
    assert meant([press("on")], Binding("on", "test"), Binding("on", "sos")) == [("test", True)]


def test_a_call_that_is_stated_is_not_stated_twice() -> None:
    assert meant([Fact(kind="sos", value="active"), press()], is_sos=True) == []


def test_a_press_after_a_cleared_call_is_a_call() -> None:
    assert meant([Fact(kind="sos", value="cleared"), press()], is_sos=True) == [("sos", "active")]


def test_a_press_beside_another_message_s_call_is_a_call_of_its_own() -> None:
    facts = [Fact(kind="sos", value="active", message_id="1"), press(message_id="2"), press(message_id="3")]
    assert [fact.message_id for fact in bound(facts, (), is_sos=True)[3:]] == ["2", "3"]


def test_what_is_bound_keeps_the_message_it_came_in() -> None:
    [_, fact] = bound([press(message_id="7", is_test=True, channel="2")], (), is_sos=True)
    assert (fact.message_id, fact.is_test, fact.channel, fact.note) == ("7", True, "2", "bound gesture")


@pytest.mark.parametrize(
    "fact",
    [
        Fact(kind="contact", value="open"),
        Fact(kind="other", value="alarm", channel="alarm"),
        Fact(kind="other", value="ON", channel="Switch1"),
        Fact(kind="other", value="TOGGLE", channel="button_2"),
    ],
)
def test_a_pendant_that_speaks_as_something_else_calls(fact: Fact) -> None:
    assert meant([fact], is_sos=True) == [("sos", "active")]
    assert meant([fact], is_sos=False) == []


@pytest.mark.parametrize(
    "fact",
    [
        Fact(kind="contact", value="closed"),
        Fact(kind="contact", value="open", is_level=True),
        Fact(kind="contact", value="open", is_history=True),
        Fact(kind="other", value="OFF", channel="Switch1"),
        Fact(kind="other", value="ON", channel="wifi"),
    ],
)
def test_what_a_pendant_says_beside_it_is_no_call(fact: Fact) -> None:
    assert meant([fact], is_sos=True) == []


def test_a_gesture_is_compared_without_case_and_a_state_keeps_its_sense() -> None:
    switch = Binding(gesture="ON", kind="motion"), Binding(gesture="off", kind="motion")
    assert meant([Fact(kind="other", value="on")], *switch) == [("motion", True)]
    assert meant([Fact(kind="other", value="OFF")], *switch) == [("motion", False)]
    assert meant([Fact(kind="other", value="OFF")], Binding(gesture="off", kind="sos")) == [("sos", "active")]
    assert meant([Fact(kind="other", value="ON")], Binding(gesture="on", kind="contact")) == [("contact", "open")]


@pytest.mark.parametrize(
    ("kind", "on", "off", "gesture"),
    [("contact", "open", "closed", "open"), ("vibration", True, False, "true"), ("other", True, False, "true")],
)
def test_a_bound_state_that_is_over_is_said_so_that_the_next_press_is_news(
    kind: str, on: Any, off: Any, gesture: str
) -> None:
    taught = Binding(gesture=gesture, kind="sos")
    assert meant([Fact(kind=kind, value=on, is_level=True)], taught) == [("sos", "active")]
    assert meant([Fact(kind=kind, value=off, is_level=True)], taught) == [("sos", "cleared")]
    assert meant([Fact(kind=kind, value=off)], taught) == []


@pytest.mark.parametrize("kind", ["heartbeat", "battery_low", "tamper", "sensor_fault", "test", "discovery", "smoke"])
def test_true_is_a_gesture_only_of_what_can_be_pressed(kind: str) -> None:
    assert meant([Fact(kind=kind, value=True)], Binding(gesture="true", kind="sos")) == []


def test_a_gesture_may_be_bound_by_what_it_comes_as() -> None:
    shaken = Binding(gesture="true", kind="sos", heard="vibration")
    assert meant([Fact(kind="vibration", value=True)], shaken) == [("sos", "active")]
    assert meant([Fact(kind="presence", value=True)], shaken) == []
    assert meant([Fact(kind="presence", value=False, is_level=True)], shaken) == []
    assert meant([Fact(kind="vibration", value=False, is_level=True)], shaken) == [("sos", "cleared")]
    assert meant([press("true")], Binding(gesture="", kind="sos", heard="button")) == [("sos", "active")]


def test_a_profile_of_before_is_read_and_one_of_now_keeps_what_was_heard() -> None:
    said = (
        b'{"home_id": "h", "type": "carebell.home.v1", "devices": [{"device_id": "d", "bindings": [{"kind": "sos"'
        b', "gesture": "true"}, {"kind": "sos", "heard": "vibration"}]}]}'
    )
    home = decode(said)
    assert isinstance(home, HomeProfile)
    assert [one.heard for one in home.devices[0].bindings] == [None, "vibration"]
    assert decode(encode(home)) == home


def test_a_binding_of_before_holds_whatever_it_comes_as() -> None:
    taught = Binding(gesture="true", kind="sos")
    for kind in ("vibration", "presence"):
        assert meant([Fact(kind=kind, value=True)], taught) == [("sos", "active")]
