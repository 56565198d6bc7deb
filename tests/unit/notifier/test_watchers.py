"""Who watches, and who is told: the auditor and the relay of case facts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from carebell.bell import Bell
from carebell.clock import ManualClock
from carebell.engine_sql import open_database
from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.topics import Topic
from carebell.types import CaseFact
from carebell.wire import decode
from notifier.auditor import Auditor
from notifier.case_value import Acted, Case, Move
from notifier.casebook import DeliveryStatus, Outcome
from notifier.casebook_sql import SqlCasebook
from notifier.escalator import wake_cases
from notifier.relay import relay_cases
from notifier.schema_sql import METADATA
from tests.support import build
from tests.support.build import START, seconds
from tests.support.house import Plug, PulledPlug
from tests.support.idle import idle


@dataclass
class Watch:
    """A casebook on a file, its auditor, and the beats that went out."""

    url: str
    tools: Instruments
    clock: ManualClock
    casebook: SqlCasebook
    bell: Bell
    beats: list[object] = field(default_factory=list)

    def auditor(self) -> Auditor:
        async def beat() -> None:
            self.beats.append(self.clock.now())

        return Auditor(casebook=self.casebook, instruments=self.tools, on_audit=beat)

    async def opens(self, alert_id: str = "a", home_id: str = "h1") -> Case:
        alert = build.alert(alert_id, home_id=home_id)
        case = await self.casebook.raise_alert(alert, build.PEOPLE, self.clock.now(), label="幸福里", address="上海")
        assert case is not None
        return case

    async def plant(self, statement: str) -> None:
        """What no code of ours would write."""
        database = await open_database(self.url, METADATA)
        await database.write(lambda connection: connection.execute(sa.text(statement)))
        await database.close()

    def metric(self, name: str) -> float:
        lines = self.tools.telemetry.exposition().decode().splitlines()
        return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    url, bell, clock = f"sqlite:///{tmp_path / 'cases.db'}", Bell(), ManualClock(START)
    tools = build.instruments(clock)
    casebook = await SqlCasebook.open(url, build.default_policies(), bell, tools.telemetry)
    yield Watch(url, tools, clock, casebook, bell)
    await casebook.close()


async def test_the_beat_goes_out_when_everything_is_in_order(watch: Watch) -> None:
    auditor = watch.auditor()
    await watch.opens()
    await auditor.turn()
    assert (auditor.problem, watch.beats) == ("", [START])
    assert watch.tools.progress.ages() == {"audit": 0}
    assert watch.metric('carebell_cases_open{status="open"}') == 1
    assert watch.metric("carebell_audit_timestamp_seconds") == START.timestamp()


async def test_an_open_case_without_a_next_time_stops_the_beat(watch: Watch) -> None:
    auditor = watch.auditor()
    await watch.opens()
    await watch.plant("UPDATE care_case SET due_at = NULL")
    await auditor.turn()
    assert auditor.problem == "1 open cases have no next action"
    assert watch.beats == []
    assert watch.tools.progress.ages() == {"audit": 0}
    assert watch.metric("carebell_open_cases_without_next_action") == 1


async def test_what_is_due_and_not_done_stops_the_beat_after_ten_seconds(watch: Watch) -> None:
    auditor = watch.auditor()
    await watch.opens()
    await watch.clock.advance(seconds(10))
    await auditor.turn()
    assert auditor.problem == ""
    await watch.clock.advance(seconds(0.000001))
    await auditor.turn()
    assert auditor.problem == "2 deliveries were due and not made"
    await watch.clock.advance(seconds(60))
    await auditor.turn()
    assert auditor.problem.startswith("1 cases were due and not stepped; 2 deliveries were due and not made")
    assert watch.metric('carebell_due_not_done{what="step"}') == 1
    assert len(watch.beats) == 1


async def test_a_loop_that_stands_still_stops_the_beat(watch: Watch) -> None:
    auditor = watch.auditor()
    watch.tools.progress.expect("delivery")
    await auditor.turn()
    assert len(watch.beats) == 1
    await watch.clock.advance(timedelta(hours=1))
    await auditor.turn()
    assert "delivery has not moved for 3600 s" in auditor.problem
    assert len(watch.beats) == 1


async def test_a_case_that_cannot_be_read_holds_up_no_other_and_is_told_of(watch: Watch) -> None:
    await watch.opens("a", "h1")
    await watch.opens("b", "h2")
    await watch.plant("UPDATE care_case SET document = '{}' WHERE home_id = 'h1'")
    claims = await watch.casebook.claim(START, owner="a", lease=seconds(500), limit=10)
    assert {one.case.home_id for one in claims} == {"h2"}
    assert await watch.casebook.wake(START + seconds(60), 10) == 1
    assert await watch.casebook.wake(START + seconds(60), 10) == 0
    await watch.clock.advance(seconds(71))
    auditor = watch.auditor()
    await auditor.turn()
    assert "1 cases were due and not stepped" in auditor.problem


async def test_however_many_that_cannot_be_read_stand_before_one_that_can(watch: Watch) -> None:
    """As after an update that was taken back: they have been due for longest, and more than are taken at once."""
    for number in range(8):
        await watch.opens(f"a{number}", f"h{number}")
    await watch.plant("UPDATE care_case SET document = '{}'")
    await watch.opens("b", "new")
    claims = await watch.casebook.claim(START, owner="a", lease=seconds(500), limit=3)
    assert {one.case.home_id for one in claims} == {"new"}
    assert await watch.casebook.wake(START + seconds(60), 3) == 1
    assert await watch.casebook.wake(START + seconds(60), 3) == 0


async def test_the_problem_is_forgotten_once_it_is_mended(watch: Watch) -> None:
    auditor = watch.auditor()
    case = await watch.opens()
    await watch.plant("UPDATE care_case SET due_at = NULL")
    await auditor.turn()
    await watch.casebook.act(case.id, Acted(move=Move.CLOSE, by="x", outcome="other"), START)
    await auditor.turn()
    assert auditor.problem == ""
    assert len(watch.beats) == 1


async def test_a_casebook_that_cannot_be_reached_is_a_problem_and_no_crash(watch: Watch) -> None:
    class Away:
        is_away = True

        async def overview(self, *asked: Any) -> Any:
            if self.is_away:
                raise TryLater("the database cannot be used now")
            return await watch.casebook.overview(*asked)

    away, auditor = Away(), watch.auditor()
    auditor._casebook = away  # type: ignore[assignment]
    await auditor.turn()
    assert auditor.problem == "the cases cannot be read: the database cannot be used now"
    assert watch.beats == []
    away.is_away = False
    await auditor.turn()
    assert (auditor.problem, len(watch.beats)) == ("", 1)


async def test_cases_are_woken_when_the_database_is_back(watch: Watch) -> None:
    class Away:
        times = 3

        def __getattr__(self, name: str) -> Any:
            return getattr(watch.casebook, name)

        async def wake(self, at: datetime, limit: int, **more: Any) -> int:
            if self.times:
                self.times -= 1
                raise TryLater("the database cannot be used now")
            return await watch.casebook.wake(at, limit, **more)

    case = await watch.opens()
    watch.clock._now += seconds(60)
    stop = asyncio.Event()
    away = Away()
    waking = asyncio.create_task(wake_cases(away, watch.tools, stop))  # type: ignore[arg-type]
    while len(await watch.casebook.deliveries(case.id)) == 2:
        await idle()
        await watch.clock.advance(seconds(0.25))
    stop.set()
    await watch.clock.advance(seconds(1))
    await waking
    assert away.times == 0
    assert watch.tools.progress.standing_still() == ""


async def test_the_age_of_the_oldest_unanswered_case_is_exported(watch: Watch) -> None:
    auditor = watch.auditor()
    case = await watch.opens()
    await watch.clock.advance(seconds(7))
    await auditor.turn()
    assert watch.metric("carebell_oldest_unanswered_seconds") == 7
    await watch.casebook.act(case.id, Acted(move=Move.ACCEPT, by="x"), watch.clock.now())
    await auditor.turn()
    assert watch.metric("carebell_oldest_unanswered_seconds") == 0


class CollectingLog:
    """The part of a log that the relay uses, kept where a test can look at it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def append(self, entries: list[Entry], at: object) -> None:
        self.entries += entries

    def facts(self) -> list[CaseFact]:
        facts = [decode(entry.value) for entry in self.entries]
        assert all(isinstance(fact, CaseFact) for fact in facts)
        return facts  # type: ignore[return-value]


async def relay(watch: Watch, log: object, plug: Plug) -> None:
    """Until nothing is left or the plug is pulled."""
    stop = asyncio.Event()
    casebook, wired = plug.around(watch.casebook), plug.around(log)
    task = asyncio.create_task(relay_cases(casebook, wired, watch.clock, watch.bell, stop))
    last = await watch.casebook.last_line()
    for _ in range(500):
        if task.done() or await watch.casebook.relayed("cases") == last:
            break
        await idle()
        await watch.clock.advance(timedelta(seconds=1))
    stop.set()
    for _ in range(50):
        if task.done():
            break
        await idle()
        await watch.clock.advance(timedelta(seconds=5))
    if plug.is_pulled:
        with pytest.raises(PulledPlug):
            await task
    else:
        await task


async def relay_story(watch: Watch) -> None:
    case = await watch.opens()
    await watch.opens("b", "h2")
    await watch.casebook.act(case.id, Acted(move=Move.ACCEPT, by="李明", note="我去看看"), START)
    await watch.casebook.act(case.id, Acted(move=Move.CLOSE, by="李明", outcome="false_alarm"), START)


async def test_every_line_becomes_a_fact_once_and_in_order(watch: Watch) -> None:
    await relay_story(watch)
    log = CollectingLog()
    await relay(watch, log, Plug())
    lines = await watch.casebook.lines(after=0, limit=1000)
    facts = log.facts()
    assert [(fact.case_id, fact.what, fact.at) for fact in facts] == [(one.case_id, one.what, one.at) for one in lines]
    assert len({fact.id for fact in facts}) == len(facts)
    assert {(entry.topic, entry.key) for entry in log.entries} == {(Topic.CASES, "h1"), (Topic.CASES, "h2")}
    assert facts[-1].data == {"outcome": "false_alarm"}
    assert all(entry.headers["ce_id"] == fact.id for entry, fact in zip(log.entries, facts, strict=True))
    await relay(watch, log, Plug())
    assert len(log.entries) == len(lines)


async def test_a_crash_between_append_and_mark_repeats_the_facts_under_the_same_ids(watch: Watch) -> None:
    await relay_story(watch)
    log = CollectingLog()
    await relay(watch, log, Plug(at=1))
    assert await watch.casebook.relayed("cases") == 0
    await relay(watch, log, Plug())
    await watch.opens("c", "h3")
    await relay(watch, log, Plug())
    ids = list(dict.fromkeys(fact.id for fact in log.facts()))
    assert len(ids) == await watch.casebook.last_line()
    assert len(log.entries) > len(ids)


async def test_facts_hold_no_names_no_addresses_and_no_notes(watch: Watch) -> None:
    await relay_story(watch)
    for claimed in await watch.casebook.claim(START, owner="a", lease=seconds(5), limit=10):
        await watch.casebook.record(claimed, Outcome(status=DeliveryStatus.SENT, detail="taken by 李明"), START)
    log = CollectingLog()
    await relay(watch, log, Plug())
    text = b"".join(entry.value for entry in log.entries).decode()
    assert not [
        word for word in ("李明", "Care Co", "值班台", "我去看看", "幸福里", "上海", "family-1") if word in text
    ]
