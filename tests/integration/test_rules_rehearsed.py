"""A rulebook over the log of a real box and of a real Kafka, while the real rules run: the same rulebook gives the same
alerts, the very same ids, and neither the log nor what anybody has committed is touched."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from carebell.clock import SystemClock
from carebell.log import NO_TIME
from carebell.log_kafka import KafkaLog
from carebell.topics import Topic
from deploy.alert_changes import Fate
from deploy.cli import main
from deploy.data_dir import log_path
from deploy.recording import write_time
from deploy.rehearsal import Rehearsal
from deploy.rules_history import History, read_history
from deploy.shadow import Shadow, Tell, learn, run_shadow
from deploy.topics import set_up_topics
from rules_engine.main import SCOPE
from tests.support.box import Box, Device, wait_until
from tests.support.homeline import shipped_rulebook
from tests.support.lived import ledger, live, raised
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT
from tests.support.topics import open_log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

HOMES = """\
homes:
- home_id: h1
  devices:
  - {device_id: button, place: bedroom, is_sos: true}
  - {device_id: sensor, place: hall, expected_every: 5s}
"""


# A box


def everything(data: Path) -> dict[str, list[Any]]:
    """All that stands in the log of a box, and what everybody has committed."""
    with closing(sqlite3.connect(f"{log_path(data).as_uri()}?mode=ro", uri=True)) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()  # noqa: S608
            for table in ("record", "head", "position")
        }


def groups(data: Path) -> set[str]:
    return {row[0] for row in everything(data)["position"]}


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def alerts_in(data: Path) -> list[dict[str, Any]]:
    return [json.loads(row[4]) for row in everything(data)["record"] if row[0] == Topic.ALERTS]


def at_of(alert: dict[str, Any]) -> str:
    """Its time as commands print it."""
    return write_time(datetime.fromisoformat(alert["at"]))


def opened(alerts: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["id"], one["rule"]) for one in alerts if one["status"] == "opened"}


def test_history_and_shadow_of_a_running_box(make_box: Callable[..., Box], capsys: pytest.CaptureFixture[str]) -> None:
    box = make_box().start()
    homes = box.data.with_name("homes.yaml")
    homes.write_text(HOMES, "utf-8")
    with shadow_beside(box.data) as shadow:
        # Only now, so that nothing is raised before it listens.
        assert main(["admin", "homes", "import", str(homes), "--data", str(box.data)]) == 0
        live_in(box)
        shadow.send_signal(signal.SIGINT)
        out, err = shadow.communicate(timeout=PATIENCE_S)
    assert shadow.returncode == 0
    found, told = lines(out), alerts_in(box.data)
    heard_until = max(one["at"] for one in found)
    really = opened([one for one in told if at_of(one) <= heard_until])
    assert {rule for _, rule in really} >= {"sos", "supervision"}
    assert "press-2" in {source for one in told for source in one["source_ids"] if (one["id"], one["rule"]) in really}
    assert opened(found) == really
    counts = [line.split() for line in err.splitlines() if line.startswith(("sos", "supervision"))]
    assert counts
    assert all(row[2:] == ["0", "0", "0"] for row in counts)
    wait_until(lambda: groups(box.data) >= {SCOPE, "notifier"}, "both have committed")
    assert groups(box.data) == {SCOPE, "notifier"}
    replayed_beside(box.data, capsys, opened_ids := {one for one, _ in really})
    wait_until(box.is_ready, "the box is ready beside it")
    code, _ = box.terminate()
    assert code == 0
    at_rest = everything(box.data)
    replayed_beside(box.data, capsys, opened_ids)
    assert main(shadow_command(box.data)) == 0
    assert everything(box.data) == at_rest


def live_in(box: Box) -> None:
    """A sensor that is silent, so that time alone raises an alert, and is heard; presses, a weak battery. Each is judged
    before the next: a call that overtakes telemetry is judged before it, and the log does not say by how much. At the end
    nothing is left that time alone would raise: whoever is slower then would be told of a difference."""
    told = wait_until
    with Device(box.mqtt_port, "h1", "button") as button, Device(box.mqtt_port, "h1", "sensor") as sensor:
        told(lambda: said_of(box, "supervision", "sensor") == ["opened"], "the sensor is silent")
        sensor.say({"id": "m1", "kind": "motion", "value": True})
        told(lambda: said_of(box, "supervision", "sensor")[:2] == ["opened", "resolved"], "the sensor is heard")
        button.press("press-1")
        told(lambda: len(said_of(box, "sos", "button")) == 1, "the first press")
        button.say({"id": "b1", "kind": "battery", "value": 5})
        told(lambda: said_of(box, "supervision", "button") == ["opened"], "the battery is weak")
        told(lambda: said_of(box, "supervision", "sensor") == ["opened", "resolved", "opened"], "it is silent again")
        button.press("press-2")
        told(lambda: len(said_of(box, "sos", "button")) == 2, "the second press")


def said_of(box: Box, rule: str, device_id: str) -> list[str]:
    return [one["status"] for one in alerts_in(box.data) if (one["rule"], one["device_id"]) == (rule, device_id)]


@contextmanager
def shadow_beside(data: Path) -> Iterator[subprocess.Popen[str]]:
    """The real command, as soon as it listens."""
    rulebook = str(ROOT / "deploy/rulebook.yaml")
    command = [sys.executable, "-m", "deploy", "admin", "rules", "shadow", "--data", str(data), "--rulebook", rulebook]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert "listens" in process.stderr.readline()
            yield process
        finally:
            process.kill()


def replayed_beside(data: Path, capsys: pytest.CaptureFixture[str], ids: set[str]) -> None:
    capsys.readouterr()
    assert main(["admin", "replay", "--from", "edge", "--days", "1", "--data", str(data)]) == 0
    found = lines(capsys.readouterr().out)
    assert {one["id"] for one in found} >= ids
    assert {one["change"] for one in found} == {"stays"}


def shadow_command(data: Path) -> list[str]:
    rulebook = str(ROOT / "deploy/rulebook.yaml")
    return ["admin", "rules", "shadow", "--rulebook", rulebook, "--data", str(data), "--for", "1s"]


# A city


@pytest.fixture
async def log(kafka: str, namespace: str) -> AsyncIterator[KafkaLog]:
    await set_up_topics(kafka, namespace=namespace, partitions=2, replication=1)
    opened = await open_log(kafka, SystemClock(), namespace)
    yield opened
    await opened.close()


async def standing(kafka: str, namespace: str, log: KafkaLog) -> object:
    """Where every topic ends, which groups there are, and what they have committed."""
    reader = await log.reader(None, list(Topic))
    ends = dict(await reader.ends())
    await reader.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        ours = sorted(name for name, _ in await admin.list_consumer_groups() if name.startswith(namespace))
        committed = {name: await admin.list_consumer_group_offsets(name) for name in ours}
    finally:
        await admin.close()
    return ends, committed


async def test_history_and_shadow_of_a_city(
    kafka: str, namespace: str, log: KafkaLog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = SystemClock().now() - timedelta(hours=1)
    await live(log, shipped_rulebook(), began)
    really = await raised(log)
    assert {alert.rule for alert in really} >= {"sos", "supervision"}
    before = await standing(kafka, namespace, log)
    assert list(before[1]) == [namespace + SCOPE]  # type: ignore[index]

    history = History()
    rehearsal = Rehearsal(shipped_rulebook(), history.known)
    alerts = list(really[:0])
    await read_history(log, (), lambda event, record: alerts.extend(rehearsal.hear(event, record)), history)
    assert ledger(alerts) == ledger(really)

    config = tmp_path / "city.yaml"
    config.write_text(json.dumps(configuration(kafka, namespace)), "utf-8")
    command = ["admin", "replay", "--from", "kafka", "--config", str(config), "--days", "1"]
    assert await asyncio.to_thread(main, command) == 0
    found = lines(capsys.readouterr().out)
    assert {one["change"] for one in found} == {"stays"}
    assert {one["id"] for one in found} == {alert.id for alert in really if alert.status == "opened"}

    fates = await shadowed(log, Shadow(shipped_rulebook(), (), began, began, timedelta(hours=12)))
    assert {one.what for one in fates} == {"stays"}
    assert {one.alert.id for one in fates} == {one["id"] for one in found}
    assert await standing(kafka, namespace, log) == before


async def shadowed(log: KafkaLog, shadow: Shadow) -> list[Fate]:
    stop, fates = asyncio.Event(), list[Fate]()

    def count(found: Any) -> None:
        fates[:] = found
        stop.set()

    await learn(log, shadow)
    await run_shadow(
        log, shadow, Tell(lambda alert: None, count, timedelta(milliseconds=1), NO_TIME), SystemClock(), stop
    )
    return fates


def configuration(kafka: str, namespace: str) -> dict[str, Any]:
    """That of a city, of which nothing but Kafka is asked here."""
    return {
        "kafka": {"servers": kafka, "namespace": namespace},
        "redis": {"url": "redis://127.0.0.1:1"},
        "database": {"url": "postgresql://nobody@127.0.0.1:1/none"},
        "mqtt": {"url": "mqtt://127.0.0.1:1"},
    }
