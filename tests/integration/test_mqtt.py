"""From a device to the log and back, over real brokers: both protocol versions, floods, broken brokers, pulled plugs."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from carebell.clock import SystemClock
from carebell.mqtt import Arrival, MqttAddress, MqttConnection
from tests.integration.conftest import MakeBox
from tests.support.box import Box, Device, wait_until
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import needed

pytestmark = pytest.mark.integration
PATIENCE = timedelta(seconds=PATIENCE_S)


def signals(box: Box, home_id: str) -> list[str]:
    """The devices' own ids of the calls on the newest case of a home."""
    case = box.wait_case(home_id)
    return [line["source_id"] for line in box.api(f"/cases/{case['id']}")["timeline"] if line["source_id"]]


@pytest.mark.parametrize("version", [paho.MQTTv311, paho.MQTTv5], ids=["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1])
def test_both_versions_use_the_one_port_and_hear_received_and_coming(version: int, qos: int, shared_box: Box) -> None:
    box, home_id = shared_box, f"home-{version}-{qos}"
    with Device(box.mqtt_port, home_id, "button", version=version, qos=qos) as device:
        device.say({"id": "p-1", "kind": "sos", "value": "active"})
        assert device.hear("received") == {"id": "p-1", "type": "received"}
        case = box.wait_case(home_id)
        box.api(f"/cases/{case['id']}/accept", {"by": "Anna"})
        assert device.hear("coming") == {"id": "p-1", "type": "coming", "who": "Anna"}
        assert signals(box, home_id)[0] == "p-1"


@pytest.mark.parametrize("version", ["311", "5"])
@pytest.mark.parametrize("qos", ["0", "1"])
def test_a_press_of_mosquitto_pub_is_heard(version: str, qos: str, shared_box: Box) -> None:
    tool = needed("mosquitto_pub")
    box, home_id = shared_box, f"home-pub-{version}-{qos}"
    command = [tool, "-V", version, "-q", qos, "-h", "127.0.0.1", "-p", str(box.mqtt_port)]
    said = '{"id": "m-1", "kind": "sos", "value": "active"}'
    subprocess.run([*command, "-t", f"carebell/{home_id}/button/up", "-m", said], check=True, timeout=PATIENCE_S)
    assert signals(box, home_id) == ["m-1"]


@pytest.fixture(params=["embedded", "mosquitto"], scope="module")
def box(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Each broker that a box can have of its own; every test uses other homes."""
    if request.param == "mosquitto":
        needed("mosquitto")
    with Box(tmp_path_factory.mktemp(request.param) / "data", broker=request.param) as box:
        yield box


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"hello", "not_json"),
        (b"", "not_json"),
        (b"\xff\xfe\x00", "not_json"),
        (b'"text"', "wrong_shape"),
        (b"[]", "wrong_shape"),
        (b"[1, null]", "wrong_shape"),
        (b'{"value": 1}', "missing_kind"),
        (b'{"kind": ["motion"]}', "missing_kind"),
        (b'{"kind": "temperature", "value": "warm"}', "bad_value"),
        (b"[" * 5000, "not_json"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode("ascii", "replace"),
)
def test_what_cannot_be_read_is_told_and_kept_with_its_reason(payload: bytes, reason: str, shared_box: Box) -> None:
    box = shared_box
    home_id = f"home-{abs(hash(payload))}"
    with Device(box.mqtt_port, home_id, "sensor") as device:
        device.say(payload)
        told = device.hear("rejected")
        assert (told["id"], told["reason"]) == (None, reason)
        assert told["detail"]
        kept = [
            one for one in box.api("/rejected?limit=100")["rejected"] if one["topic"] == f"carebell/{home_id}/sensor/up"
        ]
        assert [one["reason"] for one in kept] == [reason]
        device.say({"id": "s-1", "kind": "sos", "value": "active"})
        device.hear("received", "s-1")
    assert signals(box, home_id) == ["s-1"]


@pytest.fixture(scope="module")
def shared_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with Box(tmp_path_factory.mktemp("shared") / "data") as box:
        yield box


@pytest.mark.parametrize(
    "topic", ["carebell/home-1/up", "carebell/a/b/c/up", "carebell//b/up", "carebell/a/b/sideways"]
)
def test_a_topic_that_is_none_is_kept_as_rejected(topic: str, shared_box: Box) -> None:
    with Device(shared_box.mqtt_port, "home-9", "button") as device:
        device._client.publish(topic, b'{"kind": "motion", "value": true}', 1).wait_for_publish(PATIENCE_S)
    wait_until(lambda: topic in [one["topic"] for one in shared_box.api("/rejected")["rejected"]], f"{topic} is kept")


def test_a_flood_neither_loses_nor_reorders_a_call(box: Box) -> None:
    with Device(box.mqtt_port, "flood", "sensor") as sensor, Device(box.mqtt_port, "flood", "button") as button:
        for number in range(3000):
            sensor.say({"id": f"t-{number}", "kind": "motion", "value": True}, wait=False)
            if number in (1499, 1500):
                button.say({"id": f"p-{number}", "kind": "sos", "value": "active"}, wait=False)
        heard = [sensor.hear("received")["id"] for _ in range(3000)]
        assert [button.hear("received")["id"] for _ in range(2)] == ["p-1499", "p-1500"]
    assert heard == [f"t-{number}" for number in range(3000)]
    wait_until(lambda: signals(box, "flood") == ["p-1499", "p-1500"], "both calls are on the case, in order")
    assert 'carebell_readings_total{kind="motion",lane="telemetry"} 3000.0' in box.request("/metrics")[1]


def test_a_retained_call_is_heard_once_although_we_connect_again(make_box: MakeBox, mosquitto: Mosquitto) -> None:
    box = make_box(broker=mosquitto.url).start()
    with Device(mosquitto.port, "home-1", "button") as device:
        device.say({"id": "r-1", "kind": "sos", "value": "active"}, retain=True)
        device.hear("received", "r-1")
    box.wait_case("home-1")
    mosquitto.stop()
    mosquitto.start()
    wait_until(lambda: _metric(box, 'carebell_mqtt_connected{client="ingest"}') == 1, "connected again")
    with Device(mosquitto.port, "home-1", "button") as device:
        device.press("r-2")
        wait_until(lambda: signals(box, "home-1") == ["r-1", "r-2"], "the new press is on the case, the old one once")
    case = box.wait_case("home-1")
    box.api(f"/cases/{case['id']}/close", {"outcome": "test"})
    box.kill()
    box.start()
    with Device(mosquitto.port, "home-2", "button") as device:
        device.press("other")
    box.wait_case("home-2")
    assert [one["status"] for one in box.cases("home-1")] == ["closed"]


def _metric(box: Box, name: str) -> float:
    text: str = box.request("/metrics")[1]
    return next((float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name)), 0.0)


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_broker_that_is_killed_is_started_again(broker: str, make_box: MakeBox) -> None:
    if broker == "mosquitto":
        needed("mosquitto")
    box = make_box(broker=broker).start()
    (child,) = box.children()
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: [one for one in box.children() if one != child], "another broker runs")
    wait_until(box.is_ready, "connected to it")
    with Device(box.mqtt_port, "home-1", "button") as device:
        device.press("p-1")
    assert signals(box, "home-1") == ["p-1"]
    again = box.children()
    assert len(again) == 1
    code, _ = box.terminate()
    assert code == 0
    assert not Path(f"/proc/{again[0]}").exists()


@pytest.mark.slow
def test_a_broker_that_hears_no_more_is_started_again(make_box: MakeBox) -> None:
    """It runs and takes connections, but lets nothing through: only the missing pulse tells."""
    box = make_box().start()
    (child,) = box.children()
    os.kill(child, signal.SIGSTOP)
    wait_until(lambda: [one for one in box.children() if one != child], "another broker runs", every=0.5)
    wait_until(box.is_ready, "connected to it")
    with Device(box.mqtt_port, "home-1", "button") as device:
        device.press("p-1")
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("after_s", [0.0, 0.05])
def test_what_the_broker_has_is_in_the_log_whenever_the_plug_is_pulled(
    after_s: float, make_box: MakeBox, mosquitto: Mosquitto
) -> None:
    """Published and acknowledged by Mosquitto, then SIGKILL: it comes again, and what was `received` is there."""
    box = make_box(broker=mosquitto.url).start()
    sent = [f"p-{number}" for number in range(200)]
    with Device(mosquitto.port, "home-1", "button") as device:
        for event_id in sent[:100]:
            device.say({"id": event_id, "kind": "sos", "value": "active"}, wait=False)
        time.sleep(after_s)
        box.kill()
        for event_id in sent[100:]:
            device.say({"id": event_id, "kind": "sos", "value": "active"})
        box.start()
        wait_until(lambda: sorted(set(signals(box, "home-1"))) == sorted(sent), "every call is on the case")
        assert len(signals(box, "home-1")) == len(sent), "a call stands there twice"
        told = [device.hear("received")["id"] for _ in range(100)]
        assert set(told) <= set(sent)


@pytest.mark.parametrize("is_killed", [False, True], ids=["waits", "killed"])
def test_nothing_is_acknowledged_that_the_log_does_not_have(
    is_killed: bool, make_box: MakeBox, mosquitto: Mosquitto
) -> None:
    """Somebody else holds the log: neither the broker nor the device may hear that the calls were taken."""
    box = make_box(broker=mosquitto.url).start()
    sent = [f"p-{number}" for number in range(10)]
    with Device(mosquitto.port, "home-1", "button") as device, contextlib.closing(_held(box.data / "log.db")) as held:
        for event_id in sent:
            device.say({"id": event_id, "kind": "sos", "value": "active"})
        if is_killed:
            time.sleep(1)  # the calls are with the box now
            box.kill()
        else:
            wait_until(lambda: "log" in box.request("/readyz")[1]["problems"], "it says that the log is stuck")
        assert device.told.empty()
        held.rollback()
        if is_killed:
            box.start()
        assert [device.hear("received")["id"] for _ in sent] == sent
        wait_until(lambda: signals(box, "home-1") == sent, "every call is on the case")
        wait_until(box.is_ready, "it is ready again")


def _held(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_an_acknowledgement_that_comes_too_late_acknowledges_nothing(mosquitto: Mosquitto) -> None:
    """Arrivals of a connection that has gone keep their generation: their packet ids now belong to other messages."""
    asyncio.run(_too_late(mosquitto))


async def _too_late(mosquitto: Mosquitto) -> None:
    heard: list[Arrival] = []
    connection = _connection(mosquitto, heard)
    stop = asyncio.Event()
    running = asyncio.create_task(connection.run(stop))
    try:
        assert await connection.wait_connected(PATIENCE)
        # The broker answers in order: it has the subscription when it answers what comes behind it.
        await connection.publish_acknowledged("elsewhere", b"", within=PATIENCE)
        await asyncio.to_thread(_publish, mosquitto, ["a", "b", "c"])
        await _until(lambda: len(heard) >= 3)
        early = list(heard)
        assert connection.acknowledge(early[0])
        # And so it has the acknowledgement.
        await connection.publish_acknowledged("elsewhere", b"", within=PATIENCE)
        await asyncio.to_thread(_restart, mosquitto)
        await _until(lambda: len(heard) >= 5)
        assert [one.payload for one in heard[3:]] == [b"b", b"c"]
        assert {one.generation for one in heard[3:]} == {early[0].generation + 1}
        await asyncio.to_thread(_publish, mosquitto, ["d"])
        await _until(lambda: len(heard) >= 6)
        assert not any(connection.acknowledge(one) for one in early)
    finally:
        stop.set()
        await running
    again: list[Arrival] = []
    other, stop = _connection(mosquitto, again), asyncio.Event()
    running = asyncio.create_task(other.run(stop))
    try:
        await _until(lambda: len(again) >= 3)
        assert [one.payload for one in again] == [b"b", b"c", b"d"]
        assert all(other.acknowledge(one) for one in again)
    finally:
        stop.set()
        await running


def _connection(mosquitto: Mosquitto, heard: list[Arrival]) -> MqttConnection:
    return MqttConnection(
        address=MqttAddress("127.0.0.1", mosquitto.port),
        client_id="carebell-test",
        clock=SystemClock(),
        subscriptions=("test/#",),
        on_arrival=heard.append,
    )


def _publish(mosquitto: Mosquitto, payloads: list[str]) -> None:
    tool = needed("mosquitto_pub")
    for payload in payloads:
        command = [tool, "-h", "127.0.0.1", "-p", str(mosquitto.port), "-q", "1", "-t", "test/x", "-m", payload]
        subprocess.run(command, check=True, timeout=PATIENCE_S)


def _restart(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    mosquitto.start()


async def _until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not check():
            await asyncio.sleep(0.02)


def test_a_lost_connection_keeps_what_was_to_be_published(mosquitto: Mosquitto) -> None:
    """A reply made while the broker was away reaches the device once it is back."""

    async def scenario() -> list[bytes]:
        heard: list[Arrival] = []
        connection, stop = _connection(mosquitto, heard), asyncio.Event()
        running = asyncio.create_task(connection.run(stop))
        try:
            assert await connection.wait_connected(PATIENCE)
            await asyncio.to_thread(mosquitto.stop)
            await _until(lambda: not connection.is_connected)
            connection.publish("test/late", b"late")
            await asyncio.to_thread(mosquitto.start)
            await _until(lambda: bool(heard))
        finally:
            stop.set()
            await running
        return [one.payload for one in heard]

    assert b"late" in asyncio.run(scenario())


def test_eight_kilobytes_and_a_burst_of_a_minute_are_read(box: Box) -> None:
    samples = [[number % 1000, -number % 1000, 1000.125] for number in range(50 * 60)]
    burst = {"id": "b-1", "kind": "acceleration", "value": {"rate_hz": 50, "unit": "mg", "samples": samples}}
    large = json.dumps(burst, indent=4)
    large += " " * (300_000 - len(large))
    with Device(box.mqtt_port, "burst", "pendant") as device:
        device.say({"id": "k-1", "kind": "other", "value": "x" * 8192})
        device.hear("received", "k-1")
        device.say(large.encode())
        device.hear("received", "b-1")
        device.press("p-1")
    assert not [one for one in box.api("/rejected")["rejected"] if "/burst/" in one["topic"]]


def test_over_the_limit_is_rejected_and_the_stream_goes_on(box: Box) -> None:
    with Device(box.mqtt_port, "over", "pendant") as device:
        device.say(json.dumps({"id": "big", "kind": "other", "value": "x" * 1_200_000}).encode())
        assert device.hear("rejected")["reason"] == "too_large"
        (kept,) = [one for one in box.api("/rejected")["rejected"] if "/over/" in one["topic"]]
        assert len(kept["payload"]) < 10_000
        device.press("p-1")
    assert signals(box, "over") == ["p-1"]


def test_far_over_the_limit_harms_nobody_else(box: Box) -> None:
    with Device(box.mqtt_port, "far", "button") as device:
        with Device(box.mqtt_port, "far-2", "rogue", qos=0) as rogue:
            rogue.say(b"x" * 5_000_000, wait=False)
            time.sleep(0.5)
        device.press("p-1")
    assert box.is_ready()


def test_many_devices_at_once_are_all_heard(box: Box) -> None:
    """Every home of a village presses at the same moment."""
    devices = [Device(box.mqtt_port, f"many-{number}", "button") for number in range(40)]
    try:
        threads = [threading.Thread(target=one.press, args=(f"p-{one.home_id}",)) for one in devices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: all(box.cases(one.home_id) for one in devices), "a case for each home")
    finally:
        for device in devices:
            device.__exit__()
