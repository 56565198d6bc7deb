"""What a made-up device says is what its dialect hears: whoever changes one of them finds it here."""

from datetime import UTC, datetime, timedelta

import pytest

from carebell.types import URGENT_KINDS, Reading
from devices.dialect import Message
from devices.listener import Listener
from devices.registry import Device, Home
from devices.simulator.day import Said
from devices.simulator.outfit import SHARES, parts_of
from devices.simulator.village import make_village
from devices.simulator.voice import Moment, introduced, spoken
from ingest.roster import Roster

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORDS = {
    "button": [("sos", "active")],
    "motion": [("motion", True)],
    "door": [("contact", "open"), ("contact", "closed")],
    "smoke": [("smoke", True), ("smoke", False)],
    "fall": [("fall", "detected")],
    "bed": [("bed", "occupied"), ("bed", "vacant")],
}
# What an ecosystem has no word for here.
SILENT = {("chirpstack", "bed"), ("tasmota", "smoke")}


def homes_by_ecosystem() -> dict[str, Home]:
    """Of each the home in which most is installed."""
    found: dict[str, Home] = {}
    for home in make_village(200, 1, is_mixed=True):
        name = home.devices[-1].dialect or "native"
        if name not in found or len(found[name].devices) < len(home.devices):
            found[name] = home
    return found


HOMES = homes_by_ecosystem()


def heard(home: Home, said: list[tuple[Device, Said]]) -> list[Reading]:
    """What arrives, each an hour behind the one before."""
    listener = Listener(Roster([home.profile(1)]))
    readings: list[Reading] = []
    for one in introduced(home):
        readings += listener.hear(Message(topic=one.topic, payload=one.payload, received_at=AT)).readings
    for number, (device, word) in enumerate(said):
        at = AT + timedelta(hours=number)
        for one in spoken(home, device, word, Moment(at, number)):
            later = at + timedelta(seconds=one.after_s)
            found = listener.hear(Message(topic=one.topic, payload=one.payload, received_at=later))
            assert not found.decoded.problems, (one, found.decoded.problems)
            assert found.is_registered, one
            readings += found.readings
    return readings


def test_every_ecosystem_lives_in_the_village() -> None:
    assert set(HOMES) == set(SHARES)


@pytest.mark.parametrize("ecosystem", sorted(SHARES))
def test_what_is_said_is_what_is_heard(ecosystem: str) -> None:
    home = HOMES[ecosystem]
    said = [
        (device, Said(0, device.device_id, kind, value))
        for device in home.devices
        for kind, value in WORDS.get(device.device_id.partition("-")[0], ())
    ]
    readings = heard(home, said)
    for device, word in said:
        wanted = (home.home_id, device.device_id, word.kind, word.value)
        found = [(one.home_id, one.device_id, one.kind, one.value) for one in readings]
        assert wanted in found, f"{ecosystem} does not say {wanted}"
    assert {one.kind for one in readings if one.kind in URGENT_KINDS} <= {word.kind for _, word in said}


@pytest.mark.parametrize("ecosystem", sorted(SHARES))
def test_every_press_is_a_press(ecosystem: str) -> None:
    home = HOMES[ecosystem]
    button = next(device for device in home.devices if device.is_sos)
    presses = heard(home, [(button, Said(0, button.device_id, "sos", "active"))] * 3)
    assert len([one for one in presses if one.kind == "sos" and one.value == "active"]) == 3


@pytest.mark.parametrize("ecosystem", sorted(set(SHARES) - {"native"}))
def test_a_battery_is_told(ecosystem: str) -> None:
    home = HOMES[ecosystem]
    device = next(one for one in home.devices if not one.is_gateway)
    readings = heard(home, [(device, Said(0, device.device_id, "heartbeat", battery=41))])
    assert [(one.device_id, one.value) for one in readings if one.kind == "battery"] == [(device.device_id, 41)]


@pytest.mark.parametrize("ecosystem", sorted(SHARES))
def test_a_gateway_beats(ecosystem: str) -> None:
    home = HOMES[ecosystem]
    for device in home.devices:
        if device.is_gateway:
            beats = heard(home, [(device, Said(0, device.device_id, "heartbeat"))] * 2)
            assert len([one for one in beats if one.device_id == device.device_id]) >= 2
    assert parts_of(ecosystem)
