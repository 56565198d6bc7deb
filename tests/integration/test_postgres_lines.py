"""Lines of cases on PostgreSQL: whoever follows by the last id seen misses none, whoever commits late or early."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from carebell.bell import Bell
from carebell.postgres_sql import Limits, PostgresDatabase
from carebell.telemetry import Telemetry
from carebell.types import Severity
from notifier.case_value import Line, What
from notifier.casebook_sql import SqlCasebook
from notifier.line_sql import PER_TRANSACTION, TooManyLines, write_lines
from notifier.policy import PolicyBook, PolicyStep
from notifier.schema_sql import write_time
from notifier.words import in_their_words
from tests.contract.test_casebook import open_casebook, opened
from tests.support import build
from tests.support.build import PEOPLE, START
from tests.support.patience import PATIENCE_S

pytestmark = pytest.mark.integration
# However long the machine takes over a transaction, and a test stands still in one.
_LONG = Limits(connect=60, command=60, lock=60, idle_in_transaction=60, whole=120)


@pytest.fixture
async def casebook(database_url: str) -> AsyncIterator[SqlCasebook]:
    casebook = await open_casebook(database_url)
    yield casebook
    await casebook.close()


class Slow:
    """A transaction that writes a line and commits when it is told to."""

    def __init__(self, url: str, case_id: str) -> None:
        self._database = PostgresDatabase(url, _LONG)
        self._case = replace(build.case(), id=case_id)
        self._has_written = asyncio.Event()
        self._may_commit = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        # the same steps as PostgresDatabase.write, with a wait between the work and its commit
        async with self._database._engine.begin() as connection:
            line = (self._case, Line(what=What.NOTE, why=in_their_words("slow")))
            await connection.run_sync(lambda one: write_lines(one, [line], write_time(START)))
            self._has_written.set()
            await self._may_commit.wait()

    async def write(self) -> "Slow":
        await asyncio.wait_for(self._has_written.wait(), PATIENCE_S)
        return self

    async def commit(self) -> None:
        self._may_commit.set()
        await self._task
        await self._database.close()


async def test_a_line_that_is_committed_late_is_skipped_by_nobody(casebook: SqlCasebook, database_url: str) -> None:
    case = await opened(casebook)
    before = await casebook.last_line()
    slow = await Slow(database_url, case.id).write()
    await opened(casebook, build.alert("b", home_id="h2"))
    # what is behind the open transaction waits for it; the case itself shows everything
    assert await casebook.lines(after=before, limit=100) == []
    assert await casebook.last_line() == before
    assert await casebook.lines_behind(before, 100) == 0
    other = (await casebook.cases([], 10, None)).cases[0][0]
    assert len(await casebook.lines(after=0, limit=100, case_id=other.id)) == 4
    await slow.commit()
    lines = await casebook.lines(after=before, limit=100)
    assert [line.what for line in lines] == ["note", "opened", "signal", "step", "step"]
    assert await casebook.lines_behind(before, 3) == 3


async def test_a_transaction_that_is_given_up_holds_nothing_back(casebook: SqlCasebook, database_url: str) -> None:
    case = await opened(casebook)
    slow = await Slow(database_url, case.id).write()
    slow._task.cancel()
    await asyncio.gather(slow._task, return_exceptions=True)
    await slow._database.close()
    await opened(casebook, build.alert("b", home_id="h2"))
    assert len(await casebook.lines(after=0, limit=100)) == 8


async def test_who_follows_sees_every_line_once_and_in_rising_order(casebook: SqlCasebook, database_url: str) -> None:
    case = await opened(casebook)
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for number in range(15):
            slow = await Slow(database_url, case.id).write()
            await opened(casebook, build.alert(f"{writer}-{number}", home_id=f"h{writer}-{number}"))
            await slow.commit()

    async def follow() -> list[int]:
        seen: list[int] = []
        while not (done.is_set() and await casebook.last_line() == (seen or [0])[-1]):
            seen += [line.id for line in await casebook.lines(after=(seen or [0])[-1], limit=7)]
        return seen

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in range(4)))
    done.set()
    seen = await following
    assert seen == sorted(set(seen))
    assert len(seen) == 4 + 4 * 15 * 5
    assert seen == [line.id for line in await casebook.lines(after=0, limit=10_000)]


async def test_more_lines_than_a_transaction_may_hold_are_refused_and_alerts_then_come_in_parts(
    database_url: str,
) -> None:
    book = build.default_policies()
    policy = book.for_severity(Severity.CRITICAL)
    nobody = [replace(policy.steps[0], name=f"s{number}", roles=("nobody",)) for number in range(60)]
    steps: tuple[PolicyStep, ...] = (*nobody, *policy.steps)
    long = PolicyBook({severity: replace(policy, steps=steps) for severity in Severity})
    casebook = SqlCasebook(PostgresDatabase(database_url, _LONG), long, Bell(), Telemetry())
    from notifier.case_value import Raised

    raised = [Raised(build.alert(f"a{n}", home_id=f"h{n}"), PEOPLE) for n in range(150)]
    cases = await casebook.raise_alerts(raised, START)
    assert len({case.id for case in cases if case is not None}) == 150
    lines = await casebook.lines(after=0, limit=100_000)
    assert len(lines) > PER_TRANSACTION
    assert len({line.id for line in lines}) == len(lines)
    await casebook.close()
    line = (build.case(), Line(what=What.NOTE, why=in_their_words("")))
    database = PostgresDatabase(database_url)
    with pytest.raises(TooManyLines):
        await database.write(lambda connection: write_lines(connection, [line] * PER_TRANSACTION, write_time(START)))
    await database.close()


async def test_ids_fit_into_a_number_of_a_browser(casebook: SqlCasebook) -> None:
    await opened(casebook)
    assert 0 < await casebook.last_line() < 2**53
