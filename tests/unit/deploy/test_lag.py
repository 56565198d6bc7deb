"""A fleet that is dead is seen by somebody else: by what waits for it, and by what no longer comes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from carebell.clock import ManualClock
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from deploy.lag import watch_hearing, watch_lag
from tests.support import build
from tests.support.idle import idle

SECOND = timedelta(seconds=1)


@dataclass
class Watched:
    log: SqliteLog
    clock: ManualClock
    instruments: Instruments

    async def write(self, topic: Topic) -> None:
        await self.log.append([Entry(topic=topic, key="h1", value=b"{}")], self.clock.now())

    async def pass_by(self, seconds: int) -> str:
        """So much time; what is late after that."""
        for _ in range(seconds):
            await self.clock.advance(SECOND)
            await idle()
        return self.instruments.progress.too_late()


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    clock, stop = ManualClock(build.START), asyncio.Event()
    log = await SqliteLog.open(":memory:", 2, clock)
    instruments = build.instruments(clock)
    loops = [asyncio.create_task(watch(log, instruments, stop)) for watch in (watch_lag, watch_hearing)]
    yield Watched(log, clock, instruments)
    stop.set()
    await clock.advance(10 * SECOND)
    await asyncio.gather(*loops)
    await log.close()


@pytest.mark.parametrize(("topic", "group"), [(Topic.URGENT, "rules"), (Topic.ALERTS, "notifier")])
async def test_what_waits_for_a_dead_group_is_told_until_it_is_taken(
    topic: Topic, group: str, watched: Watched
) -> None:
    assert await watched.pass_by(3) == ""
    await watched.write(topic)
    assert await watched.pass_by(5) == ""
    assert f"the group {group} is" in await watched.pass_by(10)

    reader = await watched.log.reader(group, [topic])
    records = await reader.poll(10, timedelta(0))
    await reader.commit({record.place: record.offset + 1 for record in records})
    await reader.close()
    assert await watched.pass_by(3) == ""


async def test_silence_of_all_homes_is_told_until_a_tick_comes(watched: Watched) -> None:
    assert await watched.pass_by(55) == ""
    assert "what the homes say is" in await watched.pass_by(15)
    await watched.write(Topic.TELEMETRY)
    assert await watched.pass_by(6) == ""
