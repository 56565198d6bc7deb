"""The homes as ingest knows them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from carebell.clock import ManualClock
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import HomeProfile, Rejected
from carebell.wire import encode
from ingest.directory import Directory
from tests.support.idle import idle
from tests.support.intake import AT, desk
from tests.support.patience import PATIENCE_S


class Losing:
    """A log whose readers it has no more, as many as it is told to lose."""

    def __init__(self, log: SqliteLog) -> None:
        self._log = log
        self.to_lose = 0
        self.open = 0

    async def reader(self, group: str | None, topics: Any) -> Any:
        self.open += 1
        return _Reader(self, await self._log.reader(group, topics))


class _Reader:
    def __init__(self, log: Losing, reader: Any) -> None:
        self._log = log
        self._reader = reader

    async def poll(self, limit: int, wait: timedelta) -> Any:
        if self._log.to_lose:
            self._log.to_lose -= 1
            raise OSError("the log is away")
        return await self._reader.poll(limit, wait)

    async def close(self) -> None:
        self._log.open -= 1
        await self._reader.close()


def profile(home_id: str, revision: int) -> Entry:
    return Entry(topic=Topic.HOMES, key="k", value=encode(HomeProfile(home_id=home_id, revision=revision)))


def known(directory: Directory) -> dict[str, int]:
    return {home: one.revision for home, one in directory.roster.homes.items()}


async def test_the_directory_knows_the_newest_profile_of_each_home() -> None:
    async with desk() as box:
        other = Rejected(id="x", topic="t", reason="not_json", detail="", payload="", received_at=AT)
        odd = [Entry(topic=Topic.HOMES, key="k", value=value) for value in (b"rubbish", encode(other))]
        await box.log.append([profile("a", 1), profile("b", 2), profile("a", 5), profile("a", 3), *odd], AT)
        for _ in range(2):  # from the beginning at each start
            directory = Directory(box.log, box.clock)
            reader = await directory.open()
            assert known(directory) == {"a": 5, "b": 2}
            await reader.close()


async def test_a_log_that_is_away_for_a_while_ends_nothing_and_what_came_meanwhile_is_read() -> None:
    clock = ManualClock(AT)
    log = await SqliteLog.open(":memory:", 1, clock)
    await log.append([profile("a", 1)], AT)
    losing = Losing(log)
    directory, stop = Directory(losing, clock), asyncio.Event()  # type: ignore[arg-type]
    following = await directory.open()
    losing.to_lose = 3
    running = asyncio.create_task(directory.run(following, stop))
    await log.append([profile("a", 2), profile("b", 1)], AT)
    async with asyncio.timeout(PATIENCE_S):
        while known(directory) != {"a": 2, "b": 1}:
            await clock.advance(timedelta(seconds=1))
            await idle()
            assert not running.done()
    stop.set()
    while not running.done():
        await clock.advance(timedelta(seconds=1))
        await idle()
    await running
    assert losing.open == 0
    await log.close()


async def test_a_log_that_is_lost_while_it_is_first_read_leaves_no_reader_behind() -> None:
    clock = ManualClock(AT)
    log = await SqliteLog.open(":memory:", 1, clock)
    losing = Losing(log)
    losing.to_lose = 1
    with pytest.raises(OSError, match="away"):
        await Directory(losing, clock).open()  # type: ignore[arg-type]
    assert losing.open == 0
    await log.close()
