"""Acknowledged only when the log has it, urgent first, and time goes to every partition."""

import asyncio
import io
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.mqtt import Arrival
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.types import HomeProfile, Reading, Rejected, Tick
from carebell.wire import Wire, decode, encode
from ingest.accept import Reply
from ingest.directory import Directory
from ingest.intake import Intake
from ingest.pulse import EVERY, pulse_topic, send_pulses

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
PULSE = pulse_topic("one")
PARTITIONS = 3


@dataclass
class Box:
    log: SqliteLog
    clock: ManualClock
    intake: Intake
    acknowledged: list[int] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def arrive(self, mid: int, payload: Any, topic: str = "carebell/h1/d1/up") -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.intake.take(Arrival(topic, data, False, 1, mid, 1))

    def pulse(self, mid: int = 0) -> None:
        self.arrive(mid, self.clock.now().isoformat().encode(), PULSE)

    async def work_off(self) -> None:
        while self.intake._waiting:
            await self.intake._work_off(asyncio.Event())

    async def held(self, *topics: Topic) -> list[Wire]:
        reader = await self.log.reader("test", topics)
        return [decode(record.value) for record in await reader.poll(1000, timedelta(0))]


@asynccontextmanager
async def opened(path: Path | str) -> AsyncIterator[Box]:
    clock = ManualClock(AT)
    log = await SqliteLog.open(path, PARTITIONS, clock)
    box = Box(log, clock, None)  # type: ignore[arg-type]
    box.intake = Intake(
        log=log,
        homes={},
        instruments=Instruments(clock, Telemetry(), open_logs(io.StringIO())),
        acknowledge=lambda arrival: box.acknowledged.append(arrival.mid) is None,
        reply=lambda reply: box.replies.append(reply),
        pulse_topic=PULSE,
    )
    yield box
    await log.close()


async def test_a_press_is_in_the_log_before_it_is_acknowledged_and_answered() -> None:
    async with opened(":memory:") as box:
        box.arrive(1, {"id": "7", "kind": "sos"})
        assert (box.acknowledged, box.replies) == ([], [])
        await box.work_off()
        [reading] = await box.held(Topic.URGENT)
        assert isinstance(reading, Reading)
        assert (reading.source_message_id, reading.received_at) == ("7", AT)
        assert box.acknowledged == [1]
        assert [json.loads(reply.payload)["type"] for reply in box.replies] == ["received"]


async def test_nothing_is_acknowledged_while_the_log_cannot_be_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "log.db") as box:
        with sqlite3.connect(tmp_path / "log.db") as disk:
            disk.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'full'); END")
        box.arrive(1, {"id": "7", "kind": "sos"})
        working = asyncio.ensure_future(box.work_off())
        while not box.intake.is_stuck:
            await asyncio.sleep(0)
        assert (box.acknowledged, box.replies) == ([], [])
        with disk:
            disk.execute("DROP TRIGGER full")
        disk.close()
        while not working.done():
            await box.clock.advance(timedelta(milliseconds=200))
        assert (box.acknowledged, box.intake.is_stuck) == ([1], False)
        assert len(await box.held(Topic.URGENT)) == 1


async def test_told_to_stop_while_the_log_is_stuck_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with opened(tmp_path / "log.db") as box:
        with sqlite3.connect(tmp_path / "log.db") as disk:
            disk.execute("CREATE TRIGGER full BEFORE INSERT ON record BEGIN SELECT RAISE(ABORT, 'full'); END")
        disk.close()
        stop = asyncio.Event()
        stop.set()
        box.arrive(1, {"kind": "sos"})
        await box.intake._work_off(stop)
        assert (box.acknowledged, box.replies) == ([], [])


async def test_everything_of_a_batch_goes_to_its_lane_and_is_acknowledged_in_order() -> None:
    async with opened(":memory:") as box:
        box.arrive(1, [{"kind": "motion", "value": True}, {"kind": "smoke", "value": True}])
        box.arrive(2, b"rubbish")
        box.arrive(3, {"id": "7", "type": "received"}, "carebell/h1/d1/down")
        box.arrive(4, {"kind": "sos"}, "carebell/h2/d1/up")
        await box.work_off()
        assert {one.kind for one in await box.held(Topic.URGENT) if isinstance(one, Reading)} == {"smoke", "sos"}
        assert [one.kind for one in await box.held(Topic.TELEMETRY) if isinstance(one, Reading)] == ["motion"]
        assert [one.reason for one in await box.held(Topic.REJECTED) if isinstance(one, Rejected)] == ["not_json"]
        assert box.acknowledged == [1, 2, 3, 4]


async def test_a_pulse_becomes_a_tick_in_every_partition() -> None:
    async with opened(":memory:") as box:
        box.pulse(9)
        await box.work_off()
        ticks = await box.held(Topic.TELEMETRY)
        assert ticks == [Tick(at=AT, source="carebell/ingest", listening_since=AT)] * PARTITIONS
        assert (box.acknowledged, box.intake.pulse_at) == ([9], AT)


async def test_listening_begins_anew_after_a_gap_and_only_then() -> None:
    async with opened(":memory:") as box:
        since = []
        for seconds in (0, 2, 30, 31, 2):
            await box.clock.advance(timedelta(seconds=seconds))
            box.pulse()
            await box.work_off()
            since.append(box.intake._listening_since)
        first, second = AT, AT + timedelta(seconds=63)
        assert since == [first, first, first, second, second]


async def test_a_pulse_that_is_no_time_is_passed_over() -> None:
    async with opened(":memory:") as box:
        for payload in (b"noon", b"\xff", b""):
            box.arrive(1, payload, PULSE)
        await box.work_off()
        assert await box.held(Topic.TELEMETRY, Topic.REJECTED) == []
        assert box.acknowledged == [1, 1, 1]


async def test_pulses_are_sent_only_while_connected() -> None:
    clock, stop = ManualClock(AT), asyncio.Event()
    sent: list[tuple[str, str]] = []
    connected = [True]
    task = asyncio.ensure_future(
        send_pulses(lambda topic, data: sent.append((topic, data.decode())), lambda: connected[0], PULSE, clock, stop)
    )
    await clock.advance(EVERY * 2)
    connected[0] = False
    await clock.advance(EVERY * 5)
    assert sent == [(PULSE, (AT + EVERY * number).isoformat()) for number in range(3)]
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_the_directory_knows_the_newest_profile_of_each_home() -> None:
    async with opened(":memory:") as box:
        profiles = [
            HomeProfile(home_id=home, revision=revision) for home, revision in (("a", 1), ("b", 2), ("a", 5), ("a", 3))
        ]
        entries = [
            box.intake._report(Rejected(id="x", topic="t", reason="not_json", detail="", payload="", received_at=AT))
        ]
        values = [*(encode(profile) for profile in profiles), b"rubbish", entries[0].value]
        await box.log.append([Entry(topic=Topic.HOMES, key="k", value=value) for value in values], AT)
        for _ in range(2):  # from the beginning at each start
            directory = Directory(box.log)
            reader = await directory.open()
            assert {home: profile.revision for home, profile in directory.homes.items()} == {"a": 5, "b": 2}
            await reader.commit({(Topic.HOMES.value, part): 99 for part in range(PARTITIONS)})
