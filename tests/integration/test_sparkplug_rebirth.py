"""Ingest starts anew and knows no alias: a node over a real Mosquitto is asked for its birth, and no press is lost by it."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from carebell.clock import SystemClock
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Reading, Rejected
from carebell.wire import Wire, decode
from devices.dialects.sparkplug_payload import PROTOBUF, read_payload
from tests.support.box import wait_until
from tests.support.ingest_process import IngestProcess
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
BOOLEAN, UINT64 = 11, 8
HOMES = {"": "unregistered-sparkplug-oak/n/cord", "carebell/h1/sparkplug/": "h1"}


class Node:
    """A node with a cord: it says its names at birth only, and is born again when it is told to."""

    def __init__(self, port: int, below: str) -> None:
        self.commands: list[paho.MQTTMessage] = []
        self.below = below
        self._seq, self._is_pulled = 0, False
        # Nothing of a birth comes between what is said at once: the births are said by paho's thread.
        self._saying = threading.RLock()
        self._connected = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "node", protocol=paho.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe(f"{below}spBv1.0/oak/NCMD/n", 1)
        self._client.on_subscribe = lambda *_: self._connected.set()
        self._client.on_message = self._told
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._connected.wait(PATIENCE_S)

    def _told(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        self.commands.append(message)
        named = [(one.name, one.value) for one in read_payload(message.payload).metrics]
        if named == [("Node Control/Rebirth", True)]:
            self.bear()

    def bear(self) -> None:
        with self._saying:
            self._seq = -1
            self._say("NBIRTH/n", {"name": b"bdSeq", "datatype": UINT64, "long_value": 4})
            state = {"name": b"Bathroom/SOS", "alias": 5, "datatype": BOOLEAN, "boolean_value": self._is_pulled}
            self._say("DBIRTH/n/cord", state)

    def pull(self, *states: bool) -> None:
        with self._saying:
            for self._is_pulled in states:
                self._say("DDATA/n/cord", {"alias": 5, "boolean_value": self._is_pulled})

    def _say(self, path: str, metric: dict[str, Any]) -> None:
        self._seq = (self._seq + 1) % 256
        payload = PROTOBUF(timestamp=int(SystemClock().now().timestamp() * 1000), seq=self._seq)
        payload.metrics.add(**metric)
        self._client.publish(f"{self.below}spBv1.0/oak/{path}", payload.SerializeToString(), 0)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def make(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Callable[[str], IngestProcess]]:
    made: list[IngestProcess] = []

    def start(owner: str) -> IngestProcess:
        made.append(IngestProcess(tmp_path, owner, mosquitto.port, {"sqlite": str(tmp_path / "log.db")}).start())
        made[-1].wait_seated()
        return made[-1]

    yield start
    for one in made:
        one.kill()


@pytest.fixture(params=list(HOMES), ids=["server", "home"])
def node(request: pytest.FixtureRequest, mosquitto: Mosquitto) -> Iterator[Node]:
    made = Node(mosquitto.port, request.param)
    yield made
    made.close()


def held(path: Path) -> list[Wire]:
    """What stands in the log."""

    async def read() -> list[Wire]:
        log = await SqliteLog.look(path, SystemClock())
        reader = await log.reader(None, [Topic.URGENT, Topic.REJECTED])
        found: list[Wire] = []
        while records := await reader.poll(1000, timedelta(0)):
            found += [decode(record.value) for record in records]
        await log.close()
        return found

    return asyncio.run(read())


def calls(path: Path, home_id: str) -> list[Any]:
    found = [one for one in held(path) if isinstance(one, Reading) and one.kind == "sos"]
    assert {one.home_id for one in found} <= {home_id}
    return [one.value for one in found]


def unreadable(path: Path) -> list[str]:
    return [one.payload for one in held(path) if isinstance(one, Rejected) and one.reason == "wrong_shape"]


def test_a_short_press_after_a_restart_of_ingest_is_a_call(
    make: Callable[[str], IngestProcess], node: Node, tmp_path: Path
) -> None:
    log, home_id = tmp_path / "log.db", HOMES[node.below]
    first = make("a")
    node.bear()
    node.pull(True, False)
    wait_until(lambda: calls(log, home_id) == ["cleared", "active", "cleared"], "a press that is understood")
    assert (node.commands, unreadable(log)) == ([], [])
    first.kill(signal.SIGTERM)

    make("b")
    node.pull(True, False)
    wait_until(lambda: calls(log, home_id)[3:] == ["active", "cleared"], "the press that nobody could name")
    [command] = node.commands
    assert (command.qos, command.retain) == (0, False)
    assert len(unreadable(log)) == 2
    node.pull(True)
    wait_until(lambda: calls(log, home_id)[5:] == ["active"], "a press that is understood again")
    assert len(node.commands) == 1


def test_a_cord_that_is_pulled_while_nobody_listens_is_a_call_at_the_next_birth(
    make: Callable[[str], IngestProcess], node: Node, tmp_path: Path
) -> None:
    log, home_id = tmp_path / "log.db", HOMES[node.below]
    first = make("a")
    node.bear()
    wait_until(lambda: calls(log, home_id) == ["cleared"], "a birth")
    first.kill(signal.SIGTERM)
    node.pull(True)  # QoS 0: lost, as far as anybody here can tell
    make("b")
    node.bear()
    wait_until(lambda: "active" in calls(log, home_id), "the call that the birth tells of")
