"""A rulebook in the shadow learns from the history, hears what the rules hear, counts, and touches nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from carebell.clock import SystemClock
from carebell.log import NO_TIME
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Alert, Tick
from deploy.alert_changes import Fate, counts
from deploy.shadow import Shadow, Tell, learn, run_shadow
from rules_engine.rulebook import Rulebook, read_rulebook
from tests.support.homeline import shipped_rulebook, shipped_text
from tests.support.lived import entries_of, ledger, live, profile, raised, said

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)
MILDER = shipped_text().replace("battery_low_below: 15", "battery_low_below: 5")


@pytest.fixture
async def log() -> AsyncIterator[SqliteLog]:
    opened = await SqliteLog.open(":memory:", 2, SystemClock())
    yield opened
    await opened.close()


def shadow_of(rulebook: Rulebook, learn_from: datetime = BEGAN, began_at: datetime = BEGAN) -> Shadow:
    return Shadow(rulebook, (), learn_from, began_at, timedelta(hours=12))


@dataclass
class Told:
    """What was said; it stops the run at the first count."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    alerts: list[Alert] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)

    def count(self, fates: list[Fate]) -> None:
        self.fates = fates
        self.stop.set()

    def tell(self) -> Tell:
        return Tell(self.alerts.append, lambda found: self.count(list(found)), timedelta(milliseconds=1), NO_TIME)


async def test_the_same_rulebook_finds_the_same_alerts(log: SqliteLog) -> None:
    await live(log, shipped_rulebook(), BEGAN)
    told, shadow = Told(), shadow_of(shipped_rulebook())
    # Nothing is learned before: all of it is heard live.
    await run_shadow(log, shadow, told.tell(), SystemClock(), told.stop)
    really = await raised(log)
    assert ledger(told.alerts) == ledger(really)
    assert {one.what for one in told.fates} == {"stays"}
    assert len(told.fates) == len([alert for alert in really if alert.status == "opened"])


async def test_another_rulebook_is_counted_by_rule(log: SqliteLog) -> None:
    await live(log, shipped_rulebook(), BEGAN)
    told = Told()
    shadow = shadow_of(read_rulebook(MILDER, "milder.yaml"))
    await learn(log, shadow)
    await run_shadow(log, shadow, told.tell(), SystemClock(), told.stop)
    assert told.alerts == []  # it all lay in the history
    assert counts(told.fates)["sos"].keys() == {"stays"}
    assert counts(told.fates)["supervision"]["goes"] == 1


async def test_what_was_before_it_began_is_learned_and_does_not_count(log: SqliteLog) -> None:
    """A sensor that was heard in the history falls silent under the eyes of the shadow."""
    await live(log, shipped_rulebook(), BEGAN)
    told, shadow = Told(), shadow_of(shipped_rulebook(), began_at=BEGAN + timedelta(seconds=700))
    await learn(log, shadow)
    assert shadow.fates() == []
    [later] = [one for one in await silence_after(log, shadow) if one.home_id == "h1"]
    assert later.rule == "supervision"
    await run_shadow(log, shadow, told.tell(), SystemClock(), told.stop)
    assert {one.what for one in told.fates} == {"comes"}


async def silence_after(log: SqliteLog, shadow: Shadow) -> list[Alert]:
    tick = Tick(at=BEGAN + timedelta(seconds=800), source="test", listening_since=BEGAN)
    await log.append(entries_of(tick, 2), tick.at)
    reader = await log.reader(None, [Topic.TELEMETRY])
    await reader.seek(shadow.history.ends)
    records = await reader.poll(10, NO_TIME)
    await reader.close()
    shadow.history.ends |= {record.place: record.offset + 1 for record in records}
    return [alert for record in records for alert in shadow.hear(record)]


async def test_older_readings_than_asked_for_are_not_learned_but_homes_are(log: SqliteLog) -> None:
    for event in (profile("h1"), said(BEGAN, "h1", "sos", 1, "active")):
        await log.append(entries_of(event, 2), BEGAN)
    shadow = shadow_of(shipped_rulebook(), learn_from=BEGAN + timedelta(hours=1))
    await learn(log, shadow)
    assert shadow.fates() == []
    learned = shadow_of(shipped_rulebook())
    await learn(log, learned)
    assert [one.what for one in learned.fates()] == ["comes"]
