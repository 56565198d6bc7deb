"""A home hears that its call was heard: a Zigbee lamp and a LoRaWAN siren told and answering over a real broker."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from carebell.clock import SystemClock
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms
from tests.integration.conftest import MakeBox
from tests.support.box import Box, Device, wait_until
from tests.support.command import carebell
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import needed

pytestmark = pytest.mark.integration

WITHIN = timedelta(seconds=PATIENCE_S)
HOMES = """
homes:
  - home_id: h1
    devices:
      - {device_id: button, is_sos: true}
      - {device_id: lamp, dialect: zigbee2mqtt, address: bedside lamp, confirms: lamp}
      - {device_id: siren, dialect: chirpstack, address: 70B3D5E75E000001, model: R602A, confirms: siren}
"""
CONFIRMED = "confirmed_by_device"
LAMP = "carebell/h1/zigbee2mqtt/bedside lamp"
SIREN = "application/app-7/device/70b3d5e75e000001"


class Ecosystem:
    """Zigbee2MQTT and a ChirpStack, as far as they carry commands: they do what they are told and say so."""

    def __init__(self, port: int) -> None:
        self.told: list[tuple[str, Any]] = []
        self.is_deaf = False
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        topics = [(f"{LAMP}/set", 1), (f"{SIREN}/command/down", 1)]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._does
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, content: object, *, retain: bool = False) -> None:
        self._client.publish(topic, json.dumps(content), 1, retain)

    def _does(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        content = json.loads(message.payload)
        self.told.append((message.topic, content))
        if self.is_deaf:
            return
        if "state" in content:
            self.say(LAMP, {"state": content["state"], "linkquality": 80})
        if "fPort" in content:
            answer = {"queueItemId": content["id"], "deviceInfo": {"devEui": content["devEui"]}}
            self.say(f"{SIREN}/event/txack", answer)
            self.say(f"{SIREN}/event/ack", {**answer, "acknowledged": True})


@pytest.fixture(params=["embedded", "mosquitto"])
def box(request: pytest.FixtureRequest, make_box: MakeBox, tmp_path: Path) -> Iterator[Box]:
    """A box with the home above."""
    if request.param == "mosquitto":
        needed("mosquitto")
    with make_box(broker=request.param) as box:
        (tmp_path / "homes.yaml").write_text(HOMES)
        carebell("admin", "homes", "import", str(tmp_path / "homes.yaml"), "--data", str(box.data))
        yield box


def stages(box: Box, case_id: str, device_id: str, purpose: str) -> list[str]:
    lines = box.api(f"/cases/{case_id}")["timeline"]
    data = [line["data"] for line in lines if line["what"] == "delivery"]
    return [one["stage"] for one in data if (one["person"], one["purpose"]) == (device_id, purpose)]


def test_lamp_and_siren_show_it_and_their_answers_stand_on_the_case(box: Box) -> None:
    with Ecosystem(box.mqtt_port) as ecosystem, Device(box.mqtt_port, "h1", "button") as button:
        ecosystem.say(LAMP, {"state": "ON"}, retain=True)
        ecosystem.say(f"{SIREN}/event/up", {"deviceInfo": {"devEui": "70b3d5e75e000001"}, "fCnt": 1, "fPort": 6})
        button.press("p-1")
        case = box.wait_case("h1")
        wait_until(lambda: len(ecosystem.told) >= 2, "the home is shown that the call was heard")
        assert (f"{LAMP}/set", {"effect": "blink"}) in ecosystem.told
        wait_until(lambda: _told(box)["stage"] == CONFIRMED, "the siren has confirmed")
        box.api(f"/cases/{case['id']}/accept", {"by": "Anna"})
        assert button.hear("coming") == {"id": "p-1", "type": "coming", "who": "Anna"}
        wait_until(lambda: _told(box)["purpose"] == "coming", "the home is told that somebody is coming")
        # An answer may be written down before the sending that it answers is.
        for one, all_of_it in (("lamp", {CONFIRMED}), ("siren", {"scheduled", CONFIRMED}), ("button", set())):
            wait_until(
                lambda one=one, all_of_it=all_of_it: (
                    all_of_it | {"accepted_by_broker"} <= set(stages(box, case["id"], one, "coming"))
                ),
                f"{one} was sent it and confirms",
            )
    assert (f"{LAMP}/set", {"state": "ON", "effect": "blink"}) in ecosystem.told
    for device_id in ("lamp", "siren"):
        assert stages(box, case["id"], device_id, "coming")[0] == "requested"
    assert stages(box, case["id"], "button", "coming") == ["requested", "accepted_by_broker"]
    by_device = {one["person"]: one["stage"] for one in box.api(f"/cases/{case['id']}")["deliveries"]}
    assert by_device["siren"] == CONFIRMED


@pytest.mark.slow
def test_a_home_that_does_not_answer_may_not_have_heard(box: Box) -> None:
    with Ecosystem(box.mqtt_port) as ecosystem, Device(box.mqtt_port, "h1", "button") as button:
        ecosystem.is_deaf = True
        button.press("p-1")
        case = box.wait_case("h1")
        box.api(f"/cases/{case['id']}/accept", {"by": "Anna"})
        wait_until(lambda: _told(box)["may_not_have_heard"], "the desk is warned")
        assert _told(box) == {
            "purpose": "coming",
            "stage": "accepted_by_broker",
            "can_confirm": True,
            "may_not_have_heard": True,
        }


def _told(box: Box) -> Any:
    return box.cases("h1")[0]["home_told"]


async def test_what_is_listened_for_meanwhile_outlives_a_broker_that_has_forgotten_us(mosquitto: Mosquitto) -> None:
    heard: list[str] = []

    def arrived(arrival: Arrival) -> None:
        heard.append(arrival.topic)
        connection.acknowledge(arrival)

    connection = MqttConnection(
        address=MqttAddress("127.0.0.1", mosquitto.port),
        client_id="carebell-test",
        clock=SystemClock(),
        on_arrival=arrived,
        terms=Terms(session_for=timedelta(0)),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(connection.run(stop))
    try:
        connection.listen("one")
        assert await connection.wait_connected(WITHIN)
        connection.listen("two")
        await _said(connection, heard, "one", "two")
        await asyncio.to_thread(mosquitto.stop)
        connection.listen("three")
        connection.ignore("two")
        await asyncio.to_thread(mosquitto.start)
        assert await connection.wait_connected(WITHIN)
        await connection.publish_acknowledged("two", b"", within=WITHIN)
        await _said(connection, heard, "one", "three")
        assert heard.count("two") == 1
        connection.ignore("one")
        await connection.publish_acknowledged("one", b"", within=WITHIN)
        await _said(connection, heard, "three")
        assert heard.count("one") == 2
    finally:
        stop.set()
        await running


async def _said(connection: MqttConnection, heard: list[str], *topics: str) -> None:
    """And heard, each once more than before."""
    before = Counter(heard)
    for topic in topics:
        await connection.publish_acknowledged(topic, b"", within=WITHIN)
    async with asyncio.timeout(WITHIN.total_seconds()):
        while Counter(heard) - before != Counter(topics):
            await asyncio.sleep(0.02)
