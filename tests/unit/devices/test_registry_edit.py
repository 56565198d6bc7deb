"""Changes of a part of a home."""

from dataclasses import replace

import pytest

from carebell.errors import BadInput
from devices.registry import Device, Home
from devices.registry_edit import device_of, with_device, without_device

GATEWAY = Device(device_id="g", is_gateway=True)
HOME = Home(home_id="h", devices=(GATEWAY, Device(device_id="d", gateway_id="g")))


def test_a_device_is_added_behind_the_others_or_takes_the_place_of_itself() -> None:
    more = with_device(HOME, Device(device_id="e"))
    assert [one.device_id for one in more.devices] == ["g", "d", "e"]
    changed = with_device(more, Device(device_id="d", place="bed"))
    assert [(one.device_id, one.place) for one in changed.devices] == [("g", ""), ("d", "bed"), ("e", "")]
    assert device_of(changed, "d") == Device(device_id="d", place="bed")
    assert device_of(changed, "x") is None


def test_what_does_not_fit_the_others_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="gateway_id of d: this home has no device 'g'"):
        without_device(HOME, "g")
    with pytest.raises(BadInput, match="'g' is not a gateway"):
        with_device(HOME, replace(GATEWAY, is_gateway=False))
    assert without_device(HOME, "d").devices == (GATEWAY,)
