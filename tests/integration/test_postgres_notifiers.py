"""Two notifiers, processes of their own over one PostgreSQL: whatever is killed or frozen, nobody is forgotten, and nobody
is told twice but for what was caught between sending and writing it down."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from carebell.bell import Bell
from carebell.clock import SystemClock
from carebell.errors import TryLater
from carebell.telemetry import Telemetry
from carebell.types import Severity
from deploy.migrate import migrate
from notifier.case_value import Raised
from notifier.casebook import DeliveryRow
from notifier.casebook_sql import SqlCasebook
from notifier.delivery import _LOOK_EVERY as LOOK_EVERY
from notifier.delivery import LEASE
from notifier.policy import PolicyBook
from tests.support import build
from tests.support.build import PEOPLE, seconds
from tests.support.notifying import Attempted, Notifying, attempts_in
from tests.support.patience import PATIENCE_S
from tests.support.servers.postgres import PostgresServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of our own: it is killed and frozen here."""
    with PostgresServer() as server:
        yield server


@dataclass(slots=True)
class Town:
    """Cases are opened here, as the intake would; two processes tell people of them."""

    casebook: SqlCasebook
    folder: Path
    one: Notifying
    other: Notifying
    count: int = 0

    async def opens(self, count: int) -> None:
        """So many cases, two people each to be told at once."""
        clock = SystemClock()
        for _ in range(count):
            self.count += 1
            alert = build.alert(f"a{self.count}", home_id=f"h{self.count}", at=clock.now())
            while True:
                try:
                    await self.casebook.raise_alerts([Raised(alert, PEOPLE)], clock.now())
                    break
                except TryLater:
                    await asyncio.sleep(0.05)

    async def rows(self) -> list[DeliveryRow]:
        """Those of the first tier: all there are."""
        ids = [case.id for case, _ in (await self.casebook.cases([], 10_000, None)).cases]
        return [row for case_id in ids for row in await self.casebook.deliveries(case_id)]

    async def all_sent(self) -> list[DeliveryRow]:
        """Until every delivery has ended well."""
        deadline = time.monotonic() + 2 * PATIENCE_S
        while True:
            try:
                rows = await self.rows()
            except TryLater:
                rows = []
            if len(rows) == 2 * self.count and {row.status.value for row in rows} == {"sent"}:
                return rows
            assert time.monotonic() < deadline, Counter(row.status.value for row in rows)
            await asyncio.sleep(0.1)

    def attempts(self) -> list[Attempted]:
        return attempts_in(self.folder)

    async def sends(self, at_least: int) -> None:
        """Until so many attempts were made."""
        deadline = time.monotonic() + 2 * PATIENCE_S
        while len(self.attempts()) < at_least:
            assert time.monotonic() < deadline, f"{len(self.attempts())} attempts"
            await asyncio.sleep(0.02)

    async def relayed(self) -> None:
        """Until somebody has relayed every line that there is now."""
        deadline = time.monotonic() + PATIENCE_S
        last = (await self.casebook.lines(after=0, limit=10_000))[-1].id
        while await self.casebook.relayed("cases") < last:
            assert time.monotonic() < deadline, "nobody relays"
            await asyncio.sleep(0.1)

    def check(self, rows: list[DeliveryRow]) -> int:
        """Nobody forgotten, nobody told twice who is not counted as caught; how many were."""
        told = Counter(attempt.delivery_id for attempt in self.attempts())
        assert set(told) == {row.id for row in rows}
        caught = {row.id: row.caught for row in rows}
        assert not {key: number for key, number in told.items() if number > 1 + caught[key]}
        return sum(number - 1 for number in told.values())


def with_one_tier() -> PolicyBook:
    """The others come when a test is over, however long it takes."""
    policy = build.default_policies().for_severity(Severity.CRITICAL)
    steps = tuple(replace(step, after=seconds(86_400) if step.after else step.after) for step in policy.steps)
    policy = replace(policy, steps=steps, repeat_after=seconds(86_400), remind_after=seconds(86_400))
    return PolicyBook(dict.fromkeys(Severity, policy))


@pytest.fixture
async def town(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Town]:
    url = server.create_database()
    await migrate(url)
    casebook = await SqlCasebook.open(url, with_one_tier(), Bell(), Telemetry())
    town = Town(casebook, tmp_path, *(Notifying(url, tmp_path, owner).start() for owner in ("one", "other")))
    yield town
    town.one.kill()
    town.other.kill()
    await casebook.close()
    server.drop_database(url)


async def test_both_share_the_work_and_nobody_is_told_twice(town: Town) -> None:
    await asyncio.gather(*(town.opens(40) for _ in range(4)))
    deadline = time.monotonic() + PATIENCE_S
    while {attempt.owner for attempt in town.attempts()} < {"one", "other"}:
        assert time.monotonic() < deadline, "one of them does nothing"
        await town.opens(1)
    rows = await town.all_sent()
    assert town.check(rows) == 0
    assert sum(row.caught for row in rows) == 0


async def test_what_a_dead_one_held_is_taken_over_when_its_lease_has_ended(town: Town) -> None:
    assert seconds(5) >= LEASE + LOOK_EVERY
    for process in (town.one, town.other):
        process.freeze()
    await town.opens(10)
    claimed_at = SystemClock().now()
    claims = await town.casebook.claim(claimed_at, owner="dead", lease=LEASE, limit=100)
    assert len(claims) == 20
    for process in (town.one, town.other):
        process.thaw()
    rows = await town.all_sent()
    assert town.check(rows) == 0
    assert {row.caught for row in rows} == {1}
    assert min(attempt.at - claimed_at for attempt in town.attempts()) >= LEASE


async def test_a_killed_one_is_replaced(town: Town) -> None:
    opening = asyncio.create_task(town.opens(120))
    await town.sends(20)
    town.one.kill()
    await opening
    town.check(await town.all_sent())


async def test_a_frozen_one_sends_nothing_that_it_no_longer_holds_when_it_wakes(town: Town) -> None:
    opening = asyncio.create_task(town.opens(120))
    await town.sends(20)
    town.one.freeze()
    await opening
    rows = await town.all_sent()
    woke_at = SystemClock().now()
    town.one.thaw()
    await town.opens(20)
    rows = await town.all_sent()
    town.check(rows)
    before = {attempt.delivery_id for attempt in town.attempts() if attempt.at < woke_at}
    late = [one for one in town.attempts() if one.at >= woke_at and one.owner == "one" and one.delivery_id in before]
    # it can have been caught only between looking at its lease and the writing of one line
    assert len(late) <= 1


async def test_a_database_that_is_killed_loses_nothing_and_the_loops_go_on(town: Town, server: PostgresServer) -> None:
    opening = asyncio.create_task(town.opens(100))
    await town.sends(20)
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(2)
    await asyncio.to_thread(server.start)
    await opening
    assert town.check(await town.all_sent()) == 0
    for process in (town.one, town.other):
        assert "loop crashed" not in process.log_text()


async def test_a_database_that_stood_still_loses_nothing_and_the_loops_go_on(
    town: Town, server: PostgresServer
) -> None:
    opening = asyncio.create_task(town.opens(60))
    await town.sends(20)
    server.freeze()
    await asyncio.sleep(7)
    server.thaw()
    await opening
    assert town.check(await town.all_sent()) == 0
    for process in (town.one, town.other):
        assert "loop crashed" not in process.log_text()


async def test_one_at_a_time_relays_and_another_takes_over(town: Town) -> None:
    await town.opens(3)
    await town.all_sent()
    await town.relayed()
    relaying = [process for process in (town.one, town.other) if '"on duty"' in process.log_text()]
    assert len(relaying) == 1
    relaying[0].kill()
    await town.opens(3)
    await town.relayed()
