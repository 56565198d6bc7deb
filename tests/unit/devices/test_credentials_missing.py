"""Who needs a credential of its own and has none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from devices.credentials import Credential, device
from devices.credentials_missing import missing
from devices.registry import Device, Home

AT = datetime(2026, 3, 1, tzinfo=UTC)
BUTTON = Device(device_id="button")
KNOWN = Credential(holder=device("h1", "button"), secret="$", issued_at=AT, is_settled=True)
STICK = Device(device_id="stick", dialect="zigbee2mqtt", is_gateway=True)


def home(devices: Sequence[Device]) -> Home:
    return Home(home_id="h1", devices=tuple(devices))


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        pytest.param([BUTTON, STICK], ["stick", "button"], id="gateways first"),
        pytest.param(
            [STICK, Device(device_id="r", dialect="zigbee2mqtt", gateway_id="stick")], ["stick"], id="behind it"
        ),
        pytest.param(
            [STICK, Device(device_id="r", dialect="zigbee2mqtt")], ["stick"], id="behind it, not written down"
        ),
        pytest.param([Device(device_id="node", dialect="homeassistant")], ["node"], id="a node that speaks by itself"),
        pytest.param(
            [Device(device_id="hub", is_gateway=True), BUTTON], ["hub", "button"], id="a native button beside a hub"
        ),
        pytest.param(
            [
                Device(device_id="relay", dialect="shelly", is_gateway=True),
                Device(device_id="plug", dialect="shelly", address="shellyplug-1"),
            ],
            ["relay", "plug"],
            id="a plug beside a relay",
        ),
        pytest.param([Device(device_id="pendant", dialect="chirpstack", address="a840")], [], id="by a server"),
        pytest.param([replace(BUTTON, returned_on=date(2026, 2, 1))], [], id="returned"),
    ],
)
def test_who_is_given_one(devices: Sequence[Device], told: list[str]) -> None:
    found = missing(home(devices), [])
    assert ([one.name for one in found.holders], found.problems) == (told, ())


def test_who_has_one_is_not_given_another() -> None:
    assert missing(home([BUTTON]), [KNOWN]).holders == ()
    revoked = replace(KNOWN, revoked_at=AT)
    assert missing(home([BUTTON]), [revoked]).holders == (KNOWN.holder,)


def test_what_a_person_must_look_at_is_told() -> None:
    found = missing(home([BUTTON]), [replace(KNOWN, is_settled=False)])
    assert (found.holders, found.problems) == ((), ("h1/button: the broker may not know it: rotate it",))
    odd = Device(device_id="plug", dialect="shelly", address="a/b")
    found = missing(home([odd, BUTTON]), [])
    assert [one.name for one in found.holders] == ["button"]
    (problem,) = found.problems
    assert problem.startswith("h1/plug: an id cannot have '/'")


def test_who_speaks_otherwise_now_is_told_to_be_given_another() -> None:
    node = replace(BUTTON, dialect="homeassistant")
    found = missing(home([node]), [KNOWN])
    assert found.holders == ()
    assert found.problems == (
        "h1/button: its password is not for what the registry says of it now: revoke it, then issue it one",
    )
