"""From the log to the casebook: what is read is remembered, what cannot be read holds up nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from carebell.bell import Bell
from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.errors import TryLater
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Alert, Tick
from carebell.wire import encode
from devices.registry import Home
from notifier.casebook_sql import SqlCasebook
from notifier.intake import GROUP, Intake
from tests.support import build
from tests.support.build import START, seconds
from tests.support.idle import idle


@dataclass
class Door:
    """An intake over a log in memory; the registry knows one home, or is out of order."""

    log: SqliteLog
    casebook: SqlCasebook
    intake: Intake
    clock: ManualClock
    is_registry_down: bool = False

    async def says(self, value: Alert | Tick | bytes, key: str = "h1") -> None:
        data = value if isinstance(value, bytes) else encode(value)
        await self.log.append([Entry(topic=Topic.ALERTS, key=key, value=data)], START)

    async def turn(self) -> int:
        """Another process each time: it knows only what was committed."""
        reader = await self.log.reader(GROUP, [Topic.ALERTS])
        count = await self.intake.turn(reader, seconds(0))
        await reader.close()
        return count

    async def told(self) -> list[set[str]]:
        page = await self.casebook.cases([], 10, None)
        return [{one.person_id for one in await self.casebook.deliveries(case.id)} for case, _ in page.cases]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    clock = ManualClock(START)
    tools = build.instruments(clock)
    casebook = await SqlCasebook.open(MEMORY, build.default_policies(), Bell(), tools.telemetry)
    log = await SqliteLog.open(":memory:", 2, clock)

    async def find_home(home_id: str) -> Home | None:
        if door.is_registry_down:
            raise TryLater("the database is gone")
        return build.home() if home_id == "h1" else None

    intake = Intake(
        log=log,
        casebook=casebook,
        find_home=find_home,
        responders=[build.DESK, build.PROVIDER],
        channels=["sms"],
        instruments=tools,
    )
    door = Door(log, casebook, intake, clock)
    yield door
    await casebook.close()
    await log.close()


async def test_what_was_read_is_not_read_again(door: Door) -> None:
    await door.says(build.alert())
    assert await door.turn() == 1
    assert await door.turn() == 0
    assert await door.told() == [{"desk-1", "family-1"}]


async def test_what_cannot_be_read_or_is_no_alert_holds_up_nothing(door: Door) -> None:
    await door.says(b"\xff{")
    await door.says(Tick(at=START, source="s"))
    await door.says(build.alert())
    assert await door.turn() == 3
    assert await door.told() == [{"desk-1", "family-1"}]


async def test_a_registry_that_is_down_keeps_no_call_from_whoever_is_on_duty(door: Door) -> None:
    door.is_registry_down = True
    await door.says(build.alert())
    await door.turn()
    assert await door.told() == [{"desk-1", "provider-1"}]


async def test_while_the_database_is_away_alerts_wait_and_then_reach_the_family_too(door: Door) -> None:
    """In a city the registry is away with the casebook."""

    door.is_registry_down = True
    door.intake._casebook = AwayBooks(door, 4)  # type: ignore[assignment]
    await door.says(build.alert())
    turning = asyncio.create_task(door.turn())
    while not turning.done():
        await idle()
        await door.clock.advance(seconds(0.25))
    assert await turning == 1
    assert await door.told() == [{"desk-1", "family-1"}]
    assert await door.turn() == 0


@pytest.mark.parametrize("times", [0, 1])
async def test_a_database_that_is_back_between_registry_and_casebook_keeps_no_family_from_being_told(
    door: Door, times: int
) -> None:
    """What the registry did not tell is asked again as soon as the casebook answers."""
    door.is_registry_down = True
    door.intake._casebook = AwayBooks(door, times)  # type: ignore[assignment]
    await door.says(build.alert())
    turning = asyncio.create_task(door.turn())
    while not turning.done():
        await idle()
        await door.clock.advance(seconds(0.25))
    assert await turning == 1
    assert await door.told() == [{"desk-1", "family-1"}]


class AwayBooks:
    """A casebook that is away so many times; when it answers, the registry does too."""

    def __init__(self, door: Door, times: int) -> None:
        self._door = door
        self._times = times

    def __getattr__(self, name: str) -> Any:
        async def call(*asked: Any) -> Any:
            if self._times:
                self._times -= 1
                raise TryLater("the database went away")
            self._door.is_registry_down = False
            return await getattr(self._door.casebook, name)(*asked)

        return call


class AwayLog:
    """It cannot be reached at first; then its reader breaks down once, behind a batch."""

    def __init__(self, inner: SqliteLog) -> None:
        self._inner = inner
        self.times = 2
        self.breaks = 1

    async def reader(self, *asked: Any) -> Any:
        if self.times:
            self.times -= 1
            raise OSError("no broker answers")
        return _Breaking(self, await self._inner.reader(*asked))


class _Breaking:
    def __init__(self, log: AwayLog, reader: Any) -> None:
        self._log = log
        self._reader = reader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    async def commit(self, positions: Any) -> None:
        if self._log.breaks:
            self._log.breaks -= 1
            raise OSError("no broker answers")
        await self._reader.commit(positions)


async def test_a_log_that_is_away_is_asked_again_and_nothing_is_skipped(door: Door) -> None:
    away = AwayLog(door.log)
    door.intake._log = away  # type: ignore[assignment]
    await door.says(build.alert())
    stop = asyncio.Event()
    running = asyncio.create_task(door.intake.run(stop))

    async def until_told(homes: int) -> None:
        while len(await door.told()) < homes:
            await idle()
            await door.clock.advance(seconds(0.25))

    await until_told(1)
    await door.says(build.alert("b", home_id="h2"), "h2")
    await until_told(2)
    assert (away.times, away.breaks) == (0, 0)
    stop.set()
    while not running.done():
        await idle()
        await door.clock.advance(seconds(0.25))
    await running
    assert await door.turn() == 0
