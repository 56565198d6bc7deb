"""From a topic to the readings of a home: whose it is, what it means there, and that nothing raises or speaks for others."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from carebell.types import BindingProfile, DeviceProfile, HomeProfile
from devices.dialect import Message, Reason
from devices.ecosystems import BY_NAME
from devices.listener import Heard, Listener
from ingest.roster import Roster

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOMES = [
    HomeProfile(
        home_id="h1",
        devices=(
            DeviceProfile(device_id="bridge", dialect="zigbee2mqtt", is_gateway=True),
            DeviceProfile(
                device_id="remote", dialect="zigbee2mqtt", address="Bed/Remote", place="bedroom", is_sos=True
            ),
            DeviceProfile(
                device_id="key",
                dialect="zigbee2mqtt",
                bindings=(BindingProfile(gesture="double", kind="sos"),),
            ),
        ),
    ),
    HomeProfile(home_id="h2", devices=(DeviceProfile(device_id="pendant", dialect="chirpstack", address="24E1-24AB"),)),
]


@pytest.fixture
def listener() -> Listener:
    return Listener(Roster(HOMES))


def heard(listener: Listener, topic: str, payload: Any, **more: Any) -> Heard:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return listener.hear(Message(topic=topic, payload=data, received_at=AT, **more))


def brief(one: Heard) -> list[tuple[str, str, str, Any]]:
    return [(reading.home_id, reading.device_id, reading.kind, reading.value) for reading in one.readings]


def test_a_device_is_found_by_its_address_below_its_home(listener: Listener) -> None:
    one = heard(listener, "carebell/h1/zigbee2mqtt/bed/remote", {"action": "single"})
    assert brief(one) == [("h1", "remote", "sos", "active"), ("h1", "remote", "button", "single")]
    assert {reading.place for reading in one.readings} == {"bedroom"}
    assert (one.dialect, one.is_registered) == ("zigbee2mqtt", True)


def test_a_binding_of_the_device_holds_and_no_other_gesture(listener: Listener) -> None:
    topic = "carebell/h1/zigbee2mqtt/key"
    assert ("h1", "key", "sos", "active") in brief(heard(listener, topic, {"action": "double"}))
    assert brief(heard(listener, topic, {"action": "single"})) == [("h1", "key", "button", "single")]


def test_a_device_of_a_server_for_many_homes_is_found_by_its_address_alone(listener: Listener) -> None:
    one = heard(listener, "application/a/device/24e1-24ab/event/up", {"object": {"alarm": "SOS"}, "fCnt": 3})
    assert ("h2", "pendant", "sos", "active") in brief(one)


def test_an_unknown_device_calls_all_the_same(listener: Listener) -> None:
    of_home = heard(listener, "carebell/h9/zigbee2mqtt/new one", {"action": "emergency"})
    assert brief(of_home) == [("h9", "new one", "sos", "active")]
    of_nobody = heard(listener, "application/a/device/ffff/event/up", {"object": {"alarm": "SOS"}, "fCnt": 3})
    assert ("unregistered-chirpstack-ffff", "ffff", "sos", "active") in brief(of_nobody)
    assert (of_home.is_registered, of_nobody.is_registered) == (False, False)


def test_a_gateway_that_speaks_of_itself_is_the_gateway_of_the_home(listener: Listener) -> None:
    one = heard(listener, "carebell/h1/zigbee2mqtt/bridge/state", {"state": "offline"})
    assert brief(one) == [("h1", "bridge", "availability", "offline")]


@pytest.mark.parametrize("topic", ["carebell/h1/native//h2/pendant/up", "carebell/h1/native/carebell/h2/pendant/up"])
def test_nobody_speaks_for_another_home_below_its_own(listener: Listener, topic: str) -> None:
    assert "h2" not in {reading.home_id for reading in heard(listener, topic, {"kind": "sos"}).readings}


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"native"}))
def test_below_a_home_every_dialect_speaks_for_that_home_only(listener: Listener, name: str) -> None:
    for rest in ("application/a/device/24e1-24ab/event/up", "v3/a@t/devices/24e1-24ab/up", "24e1-24ab", "tele/x/LWT"):
        one = heard(listener, f"carebell/h1/{name}/{rest}", {"object": {"alarm": "SOS"}, "fCnt": 3})
        assert {reading.home_id for reading in one.readings} <= {"h1"}


def test_what_is_learnt_in_one_home_is_not_known_in_another(listener: Listener) -> None:
    state = "carebell/h2/homeassistant/node/state"
    config = {"stat_t": state, "dev_cla": "smoke", "uniq_id": "u", "dev": {"ids": "node"}}
    heard(listener, "carebell/h1/homeassistant/binary_sensor/node/smoke/config", config)
    assert "smoke" not in {reading.kind for reading in heard(listener, state, b"ON").readings}
    heard(listener, "carebell/h2/homeassistant/binary_sensor/node/smoke/config", config)
    assert [reading.kind for reading in heard(listener, state, b"ON").readings] == ["smoke"]


def test_a_topic_that_nobody_speaks_on_is_rejected_with_its_reason(listener: Listener) -> None:
    one = heard(listener, "somewhere/else", {"kind": "sos"})
    assert [problem.reason for problem in one.decoded.problems] == [Reason.UNKNOWN_TOPIC]


class Broken:
    """A registry that cannot be asked: a bug of ours, in the middle of everything."""

    def find(self, dialect: str, home_id: str, address: str) -> None:
        raise RuntimeError("a bug")

    def gateway(self, dialect: str, home_id: str) -> None:
        raise RuntimeError("a bug")


def test_a_bug_of_ours_loses_no_call_that_can_be_told_and_is_reported() -> None:
    said: Mapping[str, Any] = {"type": "sos", "id": "7"}
    one = heard(Listener(Broken()), "carebell/h1/zigbee2mqtt/remote", said)
    assert [(reading.home_id, reading.kind) for reading in one.readings] == [("h1", "sos")]
    assert [problem.reason for problem in one.decoded.problems] == [Reason.DECODER_FAILED]


def test_each_press_of_a_pendant_that_speaks_as_a_contact_is_a_call() -> None:
    taught = (BindingProfile(gesture="open", kind="sos"),)
    pendant = DeviceProfile(device_id="pendant", dialect="zigbee2mqtt", bindings=taught)
    listener = Listener(Roster([HomeProfile(home_id="h1", devices=(pendant,))]))
    topic = "carebell/h1/zigbee2mqtt/pendant"
    said = [brief(heard(listener, topic, {"contact": is_shut})) for is_shut in (False, False, True, False)]
    calls = [("h1", "pendant", "sos", "active") in one for one in said]
    assert calls == [True, False, False, True]


def test_a_binding_reaches_the_listener_with_what_it_was_heard_as() -> None:
    taught = (BindingProfile(gesture="true", kind="sos", heard="vibration"),)
    cube = DeviceProfile(device_id="cube", dialect="zigbee2mqtt", bindings=taught)
    listener = Listener(Roster([HomeProfile(home_id="h1", devices=(cube,))]))
    topic = "carebell/h1/zigbee2mqtt/cube"
    said = [brief(heard(listener, topic, content)) for content in ({"presence": True}, {"vibration": True})]
    assert [("h1", "cube", "sos", "active") in one for one in said] == [False, True]


def test_a_call_that_goes_on_does_not_hide_a_press_beside_it(listener: Listener) -> None:
    topic = "carebell/h1/zigbee2mqtt/Bed/Remote"
    assert ("h1", "remote", "sos", "active") in brief(heard(listener, topic, {"sos": True}))
    assert ("h1", "remote", "sos", "active") in brief(heard(listener, topic, {"sos": True, "action": "single"}))


@pytest.mark.parametrize("home_id", ["", " ", "h\u0007", "h" * 201])
def test_a_topic_without_a_home_speaks_for_nobody(listener: Listener, home_id: str) -> None:
    """Least of all for the one home that has a device of that name."""
    found = heard(listener, f"carebell/{home_id}/zigbee2mqtt/remote", {"action": "single"})
    assert found.readings == ()
    assert [one.reason for one in found.decoded.problems] == [Reason.BAD_ADDRESS]


@pytest.mark.parametrize(
    ("topic", "payload", "signal"),
    [
        ("carebell/h1/zigbee2mqtt/key", {"battery": 80, "linkquality": 88}, 88),
        (
            "application/a/device/24e1-24ab/event/up",
            {"object": {"battery": 80}, "fCnt": 1, "rxInfo": [{"rssi": -101}, {"rssi": -70}, {"rssi": "?"}, 7]},
            -70,
        ),
        ("carebell/h1/theengs/gw/BTtoMQTT/AABBCCDDEEFF", {"id": "AA:BB:CC:DD:EE:FF", "batt": 80, "rssi": -61}, -61),
    ],
)
def test_how_well_a_device_is_heard_is_told(listener: Listener, topic: str, payload: Any, signal: int) -> None:
    said = [(one.kind, one.channel, one.value) for one in heard(listener, topic, payload).readings]
    assert ("other", "signal", signal) in said


def test_no_home_can_make_what_another_has_taught_be_forgotten(listener: Listener) -> None:
    def teach(home_id: str, node: str) -> None:
        config = {"state_topic": f"{node}/binary_sensor/flat/state", "unique_id": node, "device_class": "safety"}
        heard(listener, f"carebell/{home_id}/homeassistant/binary_sensor/{node}/sos/config", config)

    topic = "carebell/h1/homeassistant/n/binary_sensor/flat/state"
    teach("h1", "n")
    for number in range(2100):
        teach("h2", f"e{number}")
    assert len(heard(listener, topic, b"ON").readings) == 1
    assert heard(listener, topic.replace("/h1/", "/h2/").replace("/n/", "/e0/"), b"ON").readings == ()
