"""The log is away: calls go to the local disk, and into the log from there, also when process and broker die meanwhile."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from carebell.types import Tick
from ingest.spool_sqlite import FILE, Spool
from tests.integration.test_ingest_seat import held
from tests.support.box import Device, wait_until
from tests.support.ingest_process import IngestProcess
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import ROOT, needed

pytestmark = pytest.mark.integration
Start = Callable[[Mosquitto], IngestProcess]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[IngestProcess] = []

    def make(broker: Mosquitto) -> IngestProcess:
        log, spool = {"sqlite": str(tmp_path / "log.db")}, str(tmp_path / "spool")
        made.append(IngestProcess(tmp_path, f"p{len(made)}", broker.port, log, spool=spool))
        return made[-1].start()

    yield make
    for one in made:
        one.kill()


def spooled(folder: Path) -> int:
    async def count() -> int:
        spool = await Spool.open(folder)
        found = await spool.count()
        await spool.close()
        return found

    return asyncio.run(count()) if (folder / FILE).exists() else 0


def calls(tmp_path: Path) -> set[str]:
    return {name for name, _, _ in held(tmp_path / "log.db")}


def log_held(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_S)
    connection.execute("BEGIN IMMEDIATE")
    return connection


@pytest.mark.parametrize("dies", ["nobody", "process", "broker too"])
def test_a_log_that_is_away_loses_no_call(dies: str, start: Start, mosquitto: Mosquitto, tmp_path: Path) -> None:
    process = start(mosquitto)
    process.wait_seated()
    sent = [f"p-{number}" for number in range(10)]
    with Device(mosquitto.port, "home-1", "button") as device:
        with contextlib.closing(log_held(tmp_path / "log.db")) as away:
            began = time.monotonic()
            for name in sent:
                device.say({"id": name, "kind": "sos", "value": "active"})
            wait_until(lambda: spooled(tmp_path / "spool") == len(sent), "the calls are on disk")
            print(f"\non disk after {time.monotonic() - began:.1f} s")
            assert device.told.empty()
            if dies == "nobody":
                time.sleep(max(0.0, 10 - (time.monotonic() - began)))
            else:
                process.kill()
            if dies == "broker too":
                mosquitto.kill()
                for kept in mosquitto.folder.glob("*.db*"):
                    kept.unlink()
                mosquitto.start()
            away.rollback()
        if dies != "nobody":
            process = start(mosquitto)
        wait_until(lambda: set(sent) <= calls(tmp_path), "every call is in the log")
        wait_until(lambda: spooled(tmp_path / "spool") == 0, "the spool is empty")
        if dies != "broker too":  # otherwise the device repeats its calls, and is told then
            assert {device.hear("received")["id"] for _ in sent} == set(sent)


class CityMosquitto(Mosquitto):
    """With the configuration that is shipped, on another port and folder, and with little room."""

    def prepare(self) -> None:
        super().prepare()
        text = (ROOT / "deploy/mosquitto/mosquitto.conf").read_text()
        passwords, rules = self.folder / "passwords", self.folder / "acl"
        for name in ("carebell", "home-1"):
            create = [] if passwords.exists() else ["-c"]
            tool = needed("mosquitto_passwd")
            subprocess.run([tool, "-b", *create, str(passwords), name, name], check=True, timeout=PATIENCE_S)
        shutil.copy(ROOT / "deploy/mosquitto/acl", rules)
        for said, here in (
            ("listener 1883", f"user root\nlistener {self.port} 127.0.0.1"),
            ("/etc/mosquitto/passwords\n", f"{passwords}\n"),
            ("acl_file /etc/mosquitto/acl", f"acl_file {rules}"),
            ("/var/lib/mosquitto/", f"{self.folder}/"),
            ("max_queued_bytes 1073741824", "max_queued_bytes 20000"),
            ("sys_interval 5", "sys_interval 1"),
        ):
            assert said in text
            text = text.replace(said, here)
        self._configuration.write_text(text)


def publish(broker: Mosquitto, who: str, topic: str, payload: str, *more: str) -> str:
    tool = needed("mosquitto_pub")
    command = [tool, "-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", str(broker.port), "-u", who, "-P", who, "-t", topic]
    done = subprocess.run(
        [*command, *more, "-m", payload], check=True, timeout=PATIENCE_S, capture_output=True, text=True
    )
    return done.stderr


def years(tmp_path: Path) -> set[int]:
    """Of the ticks in the log."""
    return {value.at.year for _, _, value in held(tmp_path / "log.db") if isinstance(value, Tick)}


def test_the_shipped_configuration_keeps_calls_guards_the_clock_and_counts_what_it_drops(tmp_path: Path) -> None:
    with CityMosquitto(tmp_path / "broker") as broker:
        process = IngestProcess(
            tmp_path, "p", broker.port, {"sqlite": str(tmp_path / "log.db")}, username="carebell", password="carebell"
        )
        with process:
            process.wait_seated()
            publish(broker, "home-1", "carebell/home-1/button/up", json.dumps({"id": "mine", "kind": "sos"}))
            publish(broker, "home-1", "carebell/home-2/button/up", json.dumps({"id": "not mine", "kind": "sos"}))
            publish(broker, "home-1", "carebell-pulse/carebell-seat-1", "2020-01-01T00:00:00+00:00")
            wait_until(lambda: "mine" in calls(tmp_path), "the call is in the log")
            process.kill()
            for number in range(30):
                payload = json.dumps({"id": f"q-{number}", "kind": "sos", "note": "x" * 1000})
                publish(broker, "home-1", "carebell/home-1/button/up", payload)
            process.start()
            wait_until(
                lambda: process.said("the broker has dropped messages: what it may queue is too small"), "it tells"
            )
            wait_until(lambda: "q-0" in calls(tmp_path), "what it kept is heard")
            assert "not mine" not in calls(tmp_path)
            wait_until(lambda: years(tmp_path), "the time of the rules goes on")
            assert 2020 not in years(tmp_path)
