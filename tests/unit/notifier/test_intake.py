"""From the log to the casebook: what is read is remembered, what cannot be read holds up nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

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


@dataclass
class Door:
    """An intake over a log in memory; the registry knows one home, or is out of order."""

    log: SqliteLog
    casebook: SqlCasebook
    intake: Intake
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
    door = Door(log, casebook, intake)
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
