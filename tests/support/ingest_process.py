"""One ingest of the city as a process of its own, to be killed, frozen and thawed; the log is a SQLite file or a Kafka."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from carebell.clock import SystemClock
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.mqtt import MqttAddress
from carebell.telemetry import Telemetry
from ingest.main import IngestView, run_ingest
from ingest.seat import city_seat
from ingest.watch import beat_topic
from tests.support.box import wait_until
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT
from tests.support.topics import open_log

PARTITIONS = 4
SEATED, LEFT = "the homes are heard", "the seat is left"


class IngestProcess:
    """Its lines go to a file beside the others'."""

    def __init__(self, folder: Path, owner: str, port: int, log: Mapping[str, str], **options: Any) -> None:
        self.owner = owner
        self._path = folder / f"{owner}.err"
        self._path.touch()
        self._port, self._login = port, (options.get("username"), options.get("password"))
        self._options = json.dumps({"owner": owner, "port": port, "log": dict(log), **options})
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> "IngestProcess":
        command = [sys.executable, "-m", "tests.support.ingest_process", self._options]
        with self._path.open("ab") as lines:
            self._child = subprocess.Popen(command, stderr=lines, stdin=subprocess.DEVNULL, cwd=ROOT)
        return self

    def lines(self) -> list[dict[str, Any]]:
        """What it has written, whole lines."""
        found = []
        for line in self._path.read_text("utf-8", "replace").rpartition("\n")[0].splitlines():
            if line.startswith("{"):
                found.append(json.loads(line))
        return found

    def said(self, event: str) -> int:
        """How often a line was written."""
        return sum(line["event"] == event for line in self.lines())

    def is_seated(self) -> bool:
        seats = [line["event"] for line in self.lines() if line["event"] in (SEATED, LEFT, "standing by")]
        return bool(seats) and seats[-1] == SEATED

    def wait_seated(self, within: float = PATIENCE_S) -> None:
        """Until the homes are heard. It says so as soon as it is connected, and subscribes then: what it says over that
        connection comes behind its subscriptions."""
        wait_until(self.is_seated, f"{self.owner} holds the seat", within)
        heard = threading.Event()

        def arrived(_client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
            if json.loads(message.payload)["owner"] == self.owner:
                heard.set()

        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.username_pw_set(*self._login)
        client.on_connect = lambda client, *_: client.subscribe(beat_topic(city_seat(self.owner).client_id))
        client.on_message = arrived
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        try:
            assert heard.wait(PATIENCE_S), f"{self.owner} says nothing from its seat"
        finally:
            client.disconnect()
            client.loop_stop()

    def wait_standby(self) -> None:
        wait_until(lambda: self.said("standing by") > 0, f"{self.owner} stands by")

    def send(self, number: int) -> None:
        assert self._child is not None
        os.kill(self._child.pid, number)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self._child is not None:
            self.send(number)
            if number == signal.SIGTERM:
                self.send(signal.SIGCONT)
            self._child.wait(PATIENCE_S)
            self._child = None

    def __enter__(self) -> "IngestProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()


async def _log(options: Mapping[str, str], clock: SystemClock) -> Log:
    if "kafka" in options:
        return await open_log(options["kafka"], clock, options["namespace"])
    return await SqliteLog.open(options["sqlite"], PARTITIONS, clock)


async def _run(options: Mapping[str, Any]) -> None:
    clock, view, stop = SystemClock(), IngestView(), asyncio.Event()
    logger = open_logs(sys.stderr)
    instruments = Instruments(clock, Telemetry(), logger)
    log = await _log(options["log"], clock)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    running = asyncio.create_task(
        run_ingest(
            log=log,
            instruments=instruments,
            address=MqttAddress("127.0.0.1", options["port"], options.get("username"), options.get("password")),
            seat=city_seat(options["owner"]),
            stop=stop,
            view=view,
            spool=Path(options["spool"]) if "spool" in options else None,
        )
    )
    while not view.is_connected and not running.done():
        await asyncio.sleep(0.02)
    logger.info("standing by")
    await running
    await log.close()


if __name__ == "__main__":
    asyncio.run(_run(json.loads(sys.argv[1])))
