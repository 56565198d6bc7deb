"""A thousand presses by real MQTT clients while the box is killed again and again: nothing that was received is lost."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from carebell.clock import SystemClock, pause
from carebell.mqtt import MqttAddress
from carebell.topics import Topic
from devices.registry import Contact, Device, Home
from devices.registry_file import write_homes
from devices.simulator.home import Press, SimulatedHome
from tests.support.box import Box
from tests.support.command import carebell
from tests.support.ledger import Ledger
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver

HOMES, PRESSES_EACH, KILLS = 100, 10, 22
SECRET = "whsec_" + "bGVkZ2VyLWxlZGdlci1sZWRnZXItbGVkZ2VyLWw="
# What came but is answered late is sent again: only a kill shall do that here.
WEBHOOK_TIMEOUT = f"{PATIENCE_S:.0f}s"
POLICY = """
format: 1
version: ledger
policies:
  call:
    for: [critical, high, low, info]
    steps:
      - {name: desk, after: 0s, tell: [desk]}
      - {name: family, after: 0s, tell: [family]}
      - {name: provider, after: 5s, tell: [provider]}
    repeat_after: 1h
    remind_after: 1h
    group_for: 10m
"""
CLOCK = SystemClock()

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1800)]


async def test_no_press_that_was_received_is_lost_under_kill(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Receiver() as receiver:
        with _furnished(tmp_path, receiver.url) as box:
            await asyncio.to_thread(_import_homes, box, tmp_path, receiver.url)
            presses, kills = await _press_under_kill(box)
            cases = await _settled(box, presses)
            await asyncio.to_thread(box.terminate)
    ledger = _ledger(tmp_path / "data", presses, cases, receiver)
    ledger.notes.append(f"killed with SIGKILL {kills} times; presses sent {sum(press.sent for press in presses)} times")
    with capsys.disabled():  # for whoever reads the run, also when all is well
        print(ledger.text())
    assert kills >= 20
    for row in ledger.rows:
        assert not row.missing, row.line()
        assert not row.strangers, row.line()
        assert not row.doubled or row.stage.startswith("webhook"), (row.line(), row.doubled[:5])


def _furnished(folder: Path, url: str) -> Box:
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    responders = [{"id": role, "name": role, "role": role, "webhook": url} for role in ("desk", "provider")]
    config = {
        "policies": str(folder / "policy.yaml"),
        "channels": {"console": False, "webhook": {"secret": SECRET, "timeout": WEBHOOK_TIMEOUT}},
        "responders": responders,
    }
    return Box(folder / "data", config=config)


def _import_homes(box: Box, folder: Path, url: str) -> None:
    homes = [
        Home(
            home_id=f"home-{number:03d}",
            contacts=(Contact(contact_id="child", name="Child", webhook=url),),
            devices=(Device(device_id="button-1", is_sos=True),),
        )
        for number in range(HOMES)
    ]
    (folder / "homes.yaml").write_text(write_homes(homes, ".yaml"), encoding="utf-8")
    carebell("admin", "homes", "import", str(folder / "homes.yaml"), "--data", str(box.data))


async def _press_under_kill(box: Box) -> tuple[list[Press], int]:
    """Every home presses at random moments; the box is killed all the while; somebody at the desk closes cases."""
    stop, address = asyncio.Event(), MqttAddress("127.0.0.1", box.mqtt_port)
    homes = [SimulatedHome(f"home-{number:03d}", address, CLOCK, seed=number) for number in range(HOMES)]
    running = [asyncio.create_task(home.run(stop)) for home in homes]
    pressing = [asyncio.create_task(_press(home, random.Random(home.home_id))) for home in homes]
    closing = asyncio.create_task(_close_cases(box, stop))
    kills = await _kill(box, random.Random(7))
    presses = [press for some in await asyncio.gather(*pressing) for press in some]
    async with asyncio.timeout(2 * PATIENCE_S):
        for press in presses:
            await press.received.wait()
    stop.set()
    await asyncio.gather(closing, *running)
    return presses, kills


async def _press(home: SimulatedHome, chance: random.Random) -> list[Press]:
    presses = []
    for _ in range(PRESSES_EACH):
        await pause(CLOCK, timedelta(seconds=chance.uniform(0, 10)))
        presses.append(home.press("button-1"))
    return presses


async def _kill(box: Box, chance: random.Random) -> int:
    for _ in range(KILLS):
        await pause(CLOCK, timedelta(seconds=chance.uniform(0.2, 2.5)))
        await asyncio.to_thread(box.kill)
        await asyncio.to_thread(box.start)
    return KILLS


async def _close_cases(box: Box, stop: asyncio.Event) -> None:
    """Cases end, so that later presses open new ones. The desk may be away at any moment."""
    chance = random.Random(3)
    while not stop.is_set():
        await pause(CLOCK, timedelta(seconds=0.5))
        try:
            cases = await asyncio.to_thread(box.api, "/cases?status=open&limit=50")
            for case in chance.sample(cases["cases"], min(4, len(cases["cases"]))):
                await asyncio.to_thread(box.api, f"/cases/{case['id']}/close", {"outcome": "test"})
        except (OSError, ValueError, AssertionError):
            continue


async def _settled(box: Box, presses: list[Press]) -> list[dict[str, Any]]:
    """Every case with its time line, once every press has come to one and nothing is waiting to be sent."""
    sent = {press.id for press in presses}
    async with asyncio.timeout(3 * PATIENCE_S):
        while True:
            cases = await asyncio.to_thread(lambda: [box.api(f"/cases/{case_id}") for case_id in _ids(box)])
            waiting = [one for case in cases for one in case["deliveries"] if one["status"] in ("queued", "sending")]
            is_escalating = any(case["status"] == "open" and case["next_step"] == "provider" for case in cases)
            # `received` is said of what stands in the log: its case may come later.
            arrived = {line["source_id"] for case in cases for line in case["timeline"] if line["what"] == "signal"}
            if sent <= arrived and not waiting and not is_escalating:
                return cases
            await pause(CLOCK, timedelta(seconds=1))


def _ids(box: Box) -> Iterator[str]:
    cursor = ""
    while True:
        page = box.api(f"/cases?limit=500{cursor}")
        yield from (case["id"] for case in page["cases"])
        if page["next"] is None:
            return
        cursor = f"&cursor={page['next']}"


def _ledger(data: Path, presses: list[Press], cases: list[dict[str, Any]], receiver: Receiver) -> Ledger:
    ledger = Ledger()
    sent = {press.id: press for press in presses}
    assert len(sent) == HOMES * PRESSES_EACH
    received = {press.id for press in presses if press.received.is_set()}
    ledger.enter("device: press → received", sent, received)
    # A press that is sent again before it is answered stands in the log more than once; the rules take it once.
    logged = Counter(reading["source_message_id"] for reading in _records(data, Topic.URGENT))
    ledger.enter("log: press → reading (repeats folded)", received, logged.keys())
    alerts = _records(data, Topic.ALERTS)
    # The rules may crash between append and save: the same alert again, under the same computed id.
    by_id = {alert["id"]: alert["source_ids"][0] for alert in alerts}
    ledger.enter("rules: press → alert (same id folded)", received, by_id.values())
    signals = [line["source_id"] for case in cases for line in case["timeline"] if line["what"] == "signal"]
    ledger.enter("cases: press → line on a case", received, signals)
    _enter_deliveries(ledger, cases, receiver)
    ledger.notes.append(
        f"repeats in the log {sum(logged.values()) - len(logged)}, alerts appended again {len(alerts) - len(by_id)}"
    )
    return ledger


def _enter_deliveries(ledger: Ledger, cases: list[dict[str, Any]], receiver: Receiver) -> None:
    deliveries = [(case["id"], one) for case in cases for one in case["deliveries"]]
    slots = [(case_id, one["round"], one["step"], one["person_id"], one["channel"]) for case_id, one in deliveries]
    expected = [
        (case["id"], 1, step, person, "webhook")
        for case in cases
        for step, person in (("desk", "desk"), ("family", "child"))
    ]
    expected += [
        (case["id"], 1, "provider", "provider", "webhook")
        for case in cases
        if any(line["what"] == "step" and line["data"]["step"] == "provider" for line in case["timeline"])
    ]
    ledger.enter("cases: case → its deliveries, one per slot", expected, slots)
    sent = {one["id"]: one for _, one in deliveries if one["status"] == "sent"}
    cancelled = {one["id"] for _, one in deliveries if one["status"] == "cancelled"}
    arrived = [key for key, _, _ in receiver.calls]
    # A delivery may have been sent, then caught by a kill, and no longer be wanted when it came up again.
    row = ledger.enter(
        "webhook: sent → arrived, by idempotency key", sent, [key for key in arrived if key not in cancelled]
    )
    caught = {one["id"] for _, one in deliveries if one["caught"]}
    assert set(row.doubled) <= caught, "a delivery came twice that was not caught between sending and recording"
    assert all(one["status"] in ("sent", "cancelled") for _, one in deliveries)
    ledger.notes.append(
        f"cases {len(cases)}, deliveries {len(deliveries)}: sent {len(sent)}, cancelled {len(cancelled)} (closed before), "
        f"caught between sending and recording {len(caught)}, of these arrived twice under one key {len(row.doubled)}"
    )


def _records(data: Path, topic: Topic) -> list[dict[str, Any]]:
    with sqlite3.connect(data / "log.db") as connection:
        rows = connection.execute("SELECT value FROM record WHERE topic = ?", (topic.value,)).fetchall()
    return [orjson.loads(value) for (value,) in rows]
