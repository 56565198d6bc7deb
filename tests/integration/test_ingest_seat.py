"""The seat over a real Mosquitto: whoever hears the homes dies, freezes, thaws or is challenged, and no call is lost or waits."""

import asyncio
import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from carebell.clock import SystemClock
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Reading, Tick
from carebell.wire import decode
from ingest.cut_off import AFTER_S
from tests.support.box import wait_until
from tests.support.ingest_process import LEFT, SEATED, IngestProcess
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
Found = tuple[str, float, object]


class Callers:
    """Homes that call one after the other, fifty a second, and note when each call went out."""

    def __init__(self, port: int) -> None:
        self.sent: dict[str, float] = {}
        self.told: set[str] = set()
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "callers", protocol=paho.MQTTv5)
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe("carebell/+/+/down", 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._call)

    def begin(self) -> None:
        """Once somebody hears the homes: before that, the broker keeps calls for nobody."""
        self._thread.start()

    def _call(self) -> None:
        number = 0
        while not self._stop.wait(0.02):
            number += 1
            self.call(f"p-{number}", f"home-{number % 20}")

    def call(self, name: str, home_id: str) -> None:
        self.sent[name] = time.time()
        self.say(name, home_id, "sos")

    def say(self, name: str, home_id: str, kind: str) -> None:
        payload = json.dumps({"id": name, "kind": kind, "value": True})
        self._client.publish(f"carebell/{home_id}/button/up", payload, 1)

    def _heard(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        told = json.loads(message.payload)
        if told["type"] == "received":
            self.told.add(told["id"])

    def are_told(self) -> bool:
        """Once they rest: whether every one of them was."""
        return set(self.sent) <= self.told

    def rest(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        self.rest()
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def callers(mosquitto: Mosquitto) -> Iterator[Callers]:
    made = Callers(mosquitto.port)
    yield made
    made.close()


@pytest.fixture
def make(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[[str], IngestProcess]]:
    made: list[IngestProcess] = []

    def start(owner: str) -> IngestProcess:
        made.append(IngestProcess(tmp_path, owner, mosquitto.port, {"sqlite": str(tmp_path / "log.db")}).start())
        return made[-1]

    yield start
    for one in made:
        one.kill()


def held(path: Path) -> list[Found]:
    """What stands in the log: the device's own id (or the kind of record), when it was appended, the value."""

    async def read() -> list[Found]:
        log = await SqliteLog.look(path, SystemClock())
        reader = await log.reader(None, [Topic.URGENT, Topic.TELEMETRY])
        found: list[Found] = []
        while records := await reader.poll(1000, timedelta(0)):
            for record in records:
                value = decode(record.value)
                name = value.source_message_id if isinstance(value, Reading) else value.type
                found.append((name, record.appended_at.timestamp(), value))
        await log.close()
        return found

    return asyncio.run(read())


def check_all(callers: Callers, path: Path, what: str) -> None:
    """No call is missing, none has two ids, and every device is told."""
    callers.rest()
    wait_until(lambda: set(callers.sent) <= {one[0] for one in held(path)}, "every call is in the log", 2 * PATIENCE_S)
    calls = [one for one in held(path) if isinstance(one[2], Reading) and one[2].is_urgent]
    assert len({one[2].id for one in calls if isinstance(one[2], Reading)}) == len(callers.sent)
    wait_until(callers.are_told, "every device is told", 2 * PATIENCE_S)
    first: dict[str, float] = {}
    for name, at, _ in calls:
        first[name] = min(at, first.get(name, at))
    longest = max(first[name] - at for name, at in callers.sent.items())
    print(f"\n{what}: {len(callers.sent)} calls, {len(calls) - len(first)} written twice, longest {longest:.2f} s")


def test_a_killed_holder_is_followed_at_once(
    make: Callable[[str], IngestProcess], callers: Callers, tmp_path: Path
) -> None:
    first = make("a")
    first.wait_seated()
    callers.begin()
    second = make("b")
    second.wait_standby()
    time.sleep(1)
    first.kill()
    second.wait_seated()
    time.sleep(1)
    check_all(callers, tmp_path / "log.db", "killed")


def test_a_frozen_holder_is_followed_and_does_not_come_back(
    make: Callable[[str], IngestProcess], callers: Callers, tmp_path: Path
) -> None:
    first = make("a")
    first.wait_seated()
    callers.begin()
    second = make("b")
    second.wait_standby()
    time.sleep(1)
    first.send(signal.SIGSTOP)
    second.wait_seated()
    time.sleep(2)
    first.send(signal.SIGCONT)
    wait_until(lambda: first.said(LEFT) == 1, "it has seen that it was followed")
    time.sleep(3)
    assert second.is_seated()
    assert not first.is_seated()
    check_all(callers, tmp_path / "log.db", "frozen")
    check_ticks(tmp_path / "log.db")


def check_ticks(path: Path) -> None:
    """A tick never stands before a reading that had come to the broker before the tick was sent."""
    ticks = [(at, value) for _, at, value in held(path) if isinstance(value, Tick)]
    assert ticks
    # Who was frozen may write once more what its successor has written: only the first time counts.
    first: dict[str, tuple[float, float]] = {}
    for at, value in ((at, value) for _, at, value in held(path) if isinstance(value, Reading)):
        appended, received = first.get(value.id, (at, value.received_at.timestamp()))
        first[value.id] = min(appended, at), min(received, value.received_at.timestamp())
    calls = list(first.values())
    for appended_at, tick in ticks:
        late = [at for at, received in calls if received < tick.at.timestamp() and at > appended_at]
        assert len(late) == 0 or all(at - appended_at < 0.001 for at in late), "a tick told of what was not in the log"


def test_two_standbys_that_jump_at_once_settle(
    make: Callable[[str], IngestProcess], callers: Callers, tmp_path: Path
) -> None:
    first = make("a")
    first.wait_seated()
    callers.begin()
    others = [make("b"), make("c")]
    for one in others:
        one.wait_standby()
    first.kill()
    wait_until(lambda: any(one.is_seated() for one in others), "one of them follows")
    time.sleep(3)
    assert [one.is_seated() for one in others].count(True) == 1
    assert sum(one.said(LEFT) for one in others) <= 1
    check_all(callers, tmp_path / "log.db", "two standbys")


def test_a_holder_that_stops_hands_over(make: Callable[[str], IngestProcess], callers: Callers, tmp_path: Path) -> None:
    first = make("a")
    first.wait_seated()
    callers.begin()
    second = make("b")
    second.wait_standby()
    first.kill(signal.SIGTERM)
    second.wait_seated()
    check_all(callers, tmp_path / "log.db", "stopped")


def test_a_holder_that_alone_cannot_write_leaves_the_seat_to_one_that_can(
    callers: Callers, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    logs = {owner: tmp_path / f"{owner}.db" for owner in "ab"}
    first, second = (IngestProcess(tmp_path, owner, mosquitto.port, {"sqlite": str(logs[owner])}) for owner in "ab")
    with first, closing(sqlite3.connect(logs["a"], isolation_level=None, timeout=PATIENCE_S)) as disk:
        first.wait_seated()
        with second:
            second.wait_standby()
            disk.execute("BEGIN IMMEDIATE")
            callers.call("p-1", "home-1")
            callers.say("m-1", "home-2", "motion")
            second.wait_seated(AFTER_S + PATIENCE_S)
            wait_until(lambda: {"p-1", "m-1"} <= {one[0] for one in held(logs["b"])}, "another has written it")
            wait_until(callers.are_told, "whoever called is told")
            time.sleep(3)
            assert (first.is_seated(), second.is_seated()) == (False, True)
            disk.execute("ROLLBACK")
        first.wait_seated()
        callers.call("p-2", "home-1")
        wait_until(lambda: "p-2" in {one[0] for one in held(logs["a"])}, "it hears the homes again")


def holder_and_standby(make: Callable[[str], IngestProcess]) -> list[IngestProcess]:
    """One after the other: two that come at once may both take the seat, and one leaves it again."""
    first = make("a")
    first.wait_seated()
    second = make("b")
    second.wait_standby()
    return [first, second]


@pytest.mark.parametrize("is_killed", [False, True], ids=["stopped", "killed"])
def test_a_broker_that_restarts_finds_one_holder(
    is_killed: bool, make: Callable[[str], IngestProcess], callers: Callers, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    processes = holder_and_standby(make)
    callers.begin()
    time.sleep(2)
    if is_killed:
        check_all(callers, tmp_path / "log.db", "before the broker is killed")
        time.sleep(2.5)  # it saves once a second
        mosquitto.kill()
    else:
        mosquitto.stop()
    time.sleep(1)
    mosquitto.start()
    began = time.monotonic()
    wait_until(lambda: sum(one.is_seated() for one in processes) == 1, "one is seated")
    print(f"\nbroker restarted: somebody hears the homes {time.monotonic() - began:.2f} s after it is back")
    time.sleep(2)
    callers.call("last", "home-1")
    check_all(callers, tmp_path / "log.db", "broker restarted")
    wait_until(lambda: sum(one.is_seated() for one in processes) == 1, "one is seated")


def test_a_flood_unseats_nobody(make: Callable[[str], IngestProcess], callers: Callers, tmp_path: Path) -> None:
    processes = holder_and_standby(make)
    callers.begin()
    count = 15_000
    for number in range(count):
        callers.say(f"t-{number}", f"home-{number % 500}", "motion")
        if number % 500 == 0:
            time.sleep(0.1)
    check_all(callers, tmp_path / "log.db", "flood")
    wait_until(
        lambda: {one[0] for one in held(tmp_path / "log.db")} >= {f"t-{one}" for one in range(count)},
        "all",
        2 * PATIENCE_S,
    )
    assert sum(one.said(LEFT) for one in processes) == 0
    assert sum(one.said(SEATED) for one in processes) == 1
    check_ticks(tmp_path / "log.db")
