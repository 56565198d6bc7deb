"""Whose credential ends with its device, and whose others still live by."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from devices.credentials import Credential, Holder, device, gateway
from devices.credentials_left import left_behind, muted
from devices.registry import Device, Home

AT = datetime(2026, 3, 1, tzinfo=UTC)
BACK = date(2026, 3, 1)
BUTTON = device("h1", "button")
STICK, STICK_2 = gateway("h1", "stick", "zigbee2mqtt"), gateway("h1", "stick-2", "zigbee2mqtt")
HUB, HUB_2 = gateway("h1", "hub", "native"), gateway("h1", "hub-2", "native")
PLUG = gateway("h1", "plug", "shelly", "shellyplug-1")
BEHIND_2 = Device(device_id="remote", dialect="zigbee2mqtt", gateway_id="stick-2")
OF_STICK_2 = (Device(device_id="stick-2", dialect="zigbee2mqtt", is_gateway=True), BEHIND_2)


def gone(devices: Sequence[Device], *holders: Holder) -> list[str]:
    credentials = [Credential(holder=one, secret="$", issued_at=AT) for one in holders]
    return [one.holder.name for one in left_behind(Home(home_id="h1", devices=tuple(devices)), credentials)]


@pytest.mark.parametrize(
    ("devices", "holders", "told"),
    [
        pytest.param([Device(device_id="button")], [BUTTON], [], id="it is there"),
        pytest.param([Device(device_id="button", returned_on=BACK)], [BUTTON], ["button"], id="it was returned"),
        pytest.param([], [BUTTON], ["button"], id="it was removed"),
        pytest.param([Device(device_id="other")], [BUTTON], ["button"], id="another does not speak by it"),
        pytest.param(OF_STICK_2, [STICK, STICK_2], ["stick"], id="the new gateway has its own"),
        pytest.param(OF_STICK_2, [STICK], [], id="the new gateway still uses that of the old one"),
        pytest.param([Device(device_id="lamp", dialect="zigbee2mqtt")], [STICK], [], id="one without a gateway lives"),
        pytest.param([Device(device_id="lamp", dialect="tasmota")], [STICK], ["stick"], id="one of another ecosystem"),
        pytest.param(
            [Device(device_id="lamp", dialect="zigbee2mqtt", returned_on=BACK)],
            [STICK],
            ["stick"],
            id="all were returned",
        ),
        pytest.param([Device(device_id="button")], [HUB], [], id="a native button that has none of its own"),
        pytest.param([Device(device_id="button")], [HUB, BUTTON], ["hub"], id="a native button that has one"),
        pytest.param(
            [Device(device_id="hub-2", is_gateway=True), Device(device_id="button", gateway_id="hub-2")],
            [HUB, HUB_2],
            ["hub"],
            id="native, with a new gateway",
        ),
        pytest.param(
            [Device(device_id="socket", dialect="shelly", address="shellyplug-1")], [PLUG], [], id="under another id"
        ),
        pytest.param(
            [Device(device_id="socket", dialect="shelly", address="shellyplug-2")], [PLUG], ["plug"], id="another plug"
        ),
        pytest.param(
            [Device(device_id="odd", dialect="shelly", address="a/b")], [PLUG], ["plug"], id="one nobody could name"
        ),
    ],
)
def test_what_is_left_behind(devices: Sequence[Device], holders: Sequence[Holder], told: list[str]) -> None:
    assert gone(devices, *holders) == told


def test_a_home_that_is_gone_needs_nothing() -> None:
    credentials = [Credential(holder=one, secret="$", issued_at=AT) for one in (BUTTON, STICK)]
    assert left_behind(None, credentials) == tuple(credentials)


def test_a_device_whose_dialect_was_mended_keeps_what_it_has() -> None:
    moved = replace(BEHIND_2, gateway_id="")
    assert gone([moved], gateway("h1", "remote", "tasmota")) == []


def silent(devices: Sequence[Device], *credentials: Credential) -> list[str]:
    return [one.username for one in muted(Home(home_id="h1", devices=tuple(devices)), credentials)]


def test_whose_device_came_back_is_silent_until_it_is_heard_again() -> None:
    valid = Credential(holder=BUTTON, secret="$", issued_at=AT)
    revoked = replace(valid, revoked_at=AT)
    hub = Credential(holder=HUB, secret="$", issued_at=AT)
    button, hub_device = Device(device_id="button"), Device(device_id="hub", is_gateway=True)
    assert silent([button], revoked) == ["h1/button"]
    assert silent([button], valid) == []
    assert silent([button, hub_device], revoked, hub) == [], "the hub speaks for it"
    assert silent([replace(button, returned_on=BACK)], revoked) == []
    assert silent([], revoked) == []


def test_who_speaks_otherwise_now_is_silent() -> None:
    plug = Credential(holder=PLUG, secret="$", issued_at=AT)
    at_1 = Device(device_id="plug", dialect="shelly", address="shellyplug-1")
    assert silent([at_1], plug) == []
    assert silent([replace(at_1, address="shellyplug-2")], plug) == ["h1/plug"]
    assert silent([Device(device_id="plug")], plug) == ["h1/plug"]
    assert silent([Device(device_id="plug", dialect="chirpstack", address="a840")], plug) == [], "its server speaks"
