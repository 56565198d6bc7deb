"""Homes as people buy them: a box, gateways of other ecosystems, a button that must be taught, a restart."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.integration.conftest import MakeBox
from tests.support.box import Box, wait_until
from tests.support.command import carebell
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HOMES = """\
homes:
- home_id: zigbee
  devices:
  - {device_id: remote, dialect: zigbee2mqtt, address: bedside remote, place: bedroom}
- home_id: lora
  devices:
  - {device_id: pendant, dialect: chirpstack, address: 24E124136B502217, is_sos: true}
- home_id: esp
  devices:
  - {device_id: cord, dialect: homeassistant, address: bathroom-node, place: bathroom}
"""
METER = """\
homes:
- home_id: water
  devices:
  - {device_id: meter, dialect: chirpstack, address: A84041FFFF000001}
"""
CONFIG = {
    "stat_t": "carebell/esp/homeassistant/bathroom-node/binary_sensor/cord/state",
    "dev_cla": "safety",
    "uniq_id": "cord-1",
    "dev": {"ids": "bathroom-node", "name": "bathroom-node"},
}
CORD_CONFIG = "carebell/esp/homeassistant/binary_sensor/bathroom-node/cord/config"


@contextmanager
def gateway(port: int) -> Iterator[Any]:
    """A client that says what it is told to, until the broker has it."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert connected.wait(PATIENCE_S)

    def say(topic: str, payload: object, *, retain: bool = False) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload)
        client.publish(topic, text, 1, retain).wait_for_publish(PATIENCE_S)

    yield say
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def box(make_box: MakeBox, tmp_path: Path) -> Box:
    box = make_box(broker="mosquitto").start()
    homes = tmp_path / "homes.yaml"
    homes.write_text(HOMES, "utf-8")
    assert "3 changed" in carebell("admin", "homes", "import", str(homes), "--data", str(box.data))
    # Ingest has them when what it hears of them comes under their own ids.
    with gateway(box.mqtt_port) as say:

        def is_known() -> bool:
            say(f"application/app/device/{'24e124136b502217'}/event/status", {"batteryLevel": 80.0})
            heard = box.api("/homes/lora/heard")
            return bool(heard["devices"][0]["heard_at"])

        wait_until(is_known, "the homes at ingest", every=0.5)
    return box


def test_a_plain_button_is_taught_by_pressing_it_and_calls_from_then_on(box: Box) -> None:
    pairing = subprocess.Popen(
        [sys.executable, "-m", "deploy", "admin", "pair", "zigbee", "remote", "--data", str(box.data), "--wait", "60"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert pairing.stdout is not None
    assert pairing.stdout.readline() == "Press remote now; waiting 60 s.\n"
    press = ("carebell/zigbee/zigbee2mqtt/bedside remote", {"action": "single", "battery": 90, "linkquality": 80})
    with gateway(box.mqtt_port) as say:
        say(*press)
        said, _ = pairing.communicate(timeout=PATIENCE_S)
        assert pairing.returncode == 0
        assert "heard: button single" in said
        assert "stored: button single of remote in zigbee means sos" in said
        assert box.cases("zigbee") == []
        bound = box.api("/homes/zigbee/devices/remote")["bindings"]
        assert bound == [{"gesture": "single", "kind": "sos", "channel": None, "heard": "button"}]

        def calls() -> list[Any]:
            say(*press)
            return box.cases("zigbee")

        [case] = wait_until(calls, "a call of the taught button", every=0.5)
    assert case["severity"] == "critical"


def test_a_press_over_a_network_server_is_a_call_of_the_home_that_has_the_device(box: Box) -> None:
    uplink = {"deduplicationId": "d-1", "devAddr": "00aa11bb", "fCnt": 7, "object": {"press": "short"}}
    with gateway(box.mqtt_port) as say:
        say("application/app/device/24e124136b502217/event/up", uplink)
        case = box.wait_case("lora")
        say("application/app/device/24e124136b502217/event/up", uplink)  # a second copy of the same frame
        say("application/app/device/ffffffffffffffff/event/up", {**uplink, "object": {"sos": True, "alarm": "SOS"}})
        box.wait_case("unregistered-chirpstack-ffffffffffffffff")
    whole = box.api(f"/cases/{case['id']}")
    assert len([line for line in whole["timeline"] if line["what"] == "signal"]) == 1


def test_a_device_that_nobody_registered_is_told_of_and_heard_once_it_is_registered(box: Box, tmp_path: Path) -> None:
    topic, status = "application/water/device/a84041ffff000001/event/status", {"batteryLevel": 70.0}
    homes = tmp_path / "meter.yaml"
    homes.write_text(METER, "utf-8")
    with gateway(box.mqtt_port) as say:
        say(topic, status)

        def told() -> list[str]:
            return [one["detail"] for one in box.api("/rejected")["rejected"] if one["reason"] == "not_registered"]

        wait_until(lambda: any("chirpstack a84041ffff000001" in one for one in told()), "a report of the stranger")
        carebell("admin", "homes", "import", str(homes), "--data", str(box.data))

        def is_heard() -> bool:
            say(topic, status)
            return bool(box.api("/homes/water/heard")["devices"][0]["heard_at"])

        wait_until(is_heard, "the device of the home", every=0.5)
        assert len([one for one in told() if "a84041ffff000001" in one]) == 1


def test_what_a_node_has_announced_is_understood_after_a_restart(box: Box) -> None:
    with gateway(box.mqtt_port) as say:
        say(CORD_CONFIG, CONFIG, retain=True)
    box.terminate()
    box.start()
    with gateway(box.mqtt_port) as say:
        say(CONFIG["stat_t"], "ON")  # type: ignore[arg-type]
        assert box.wait_case("esp")["severity"] == "critical"


def test_what_nobody_can_read_is_shown_with_its_reason(box: Box) -> None:
    with gateway(box.mqtt_port) as say:
        say("carebell/zigbee/zigbee2mqtt/bedside remote", "{")

        def reasons() -> set[str]:
            return {one["reason"] for one in box.api("/rejected")["rejected"]}

        wait_until(lambda: "not_json" in reasons(), "the rejected message")
