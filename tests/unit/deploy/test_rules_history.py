"""A rulebook over the log of rules that have run: the same alerts for the same rulebook, others only where it differs."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carebell.clock import ManualClock
from carebell.log import NO_TIME, Entry, Record
from carebell.log_sqlite import SqliteLog
from carebell.topics import Topic
from carebell.types import Alert, HomeProfile, Reading, Tick
from carebell.wire import encode
from deploy.rehearsal import Rehearsal
from deploy.rules_history import History, raised_alerts, read_history
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook, read_rulebook
from tests.support.homeline import shipped_rulebook, shipped_text
from tests.support.lived import entries_of, ledger, live, profile, raised, said

BEGAN = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
async def log() -> AsyncIterator[SqliteLog]:
    opened = await SqliteLog.open(":memory:", 2, ManualClock(BEGAN))
    yield opened
    await opened.close()


async def rehearsed(log: SqliteLog, rulebook: Rulebook, *homes: str) -> list[Alert]:
    history = History()
    rehearsal = Rehearsal(rulebook, history.known)
    alerts: list[Alert] = []
    await read_history(log, homes, lambda event, record: alerts.extend(rehearsal.hear(event, record)), history)
    return alerts


async def heard(log: SqliteLog, *homes: str) -> tuple[list[RuleEvent], History]:
    history, events = History(), list[RuleEvent]()
    await read_history(log, homes, lambda event, record: events.append(event), history)
    return events, history


async def test_the_same_rulebook_raises_what_was_raised(log: SqliteLog) -> None:
    await live(log, shipped_rulebook(), BEGAN)
    really = await raised(log)
    assert {alert.rule for alert in really} >= {"sos", "supervision"}
    assert "resolved" in {alert.status for alert in really}
    assert ledger(await rehearsed(log, shipped_rulebook())) == ledger(really)
    assert ledger(await raised_alerts(log, (), BEGAN)) == ledger(really)


async def test_one_home_alone_raises_what_it_raised_among_others(log: SqliteLog) -> None:
    await live(log, shipped_rulebook(), BEGAN)
    of_one = [alert for alert in await raised(log) if alert.home_id == "h1"]
    assert ledger(await rehearsed(log, shipped_rulebook(), "h1")) == ledger(of_one)
    assert ledger(await raised_alerts(log, {"h1"}, BEGAN)) == ledger(of_one)


async def test_another_rulebook_changes_its_own_alerts_only(log: SqliteLog) -> None:
    await live(log, shipped_rulebook(), BEGAN)
    milder = read_rulebook(shipped_text().replace("battery_low_below: 15", "battery_low_below: 5"), "milder.yaml")
    really, now = await raised(log), await rehearsed(log, milder)
    gone = {alert.id for alert in really} - {alert.id for alert in now}
    assert {alert.rule for alert in really if alert.id in gone} == {"supervision"}
    assert {alert.id for alert in now} <= {alert.id for alert in really}
    assert {alert.rulebook for alert in now} == {milder.label}


async def test_lanes_are_put_together_as_they_were_appended(log: SqliteLog) -> None:
    events: list[RuleEvent] = [
        said(BEGAN, "h1", "motion", 1),
        said(BEGAN, "h1", "sos", 2, "active"),
        profile("h1"),
        said(BEGAN, "h1", "motion", 4),
        said(BEGAN, "h1", "sos", 5, "active"),
    ]
    for at, event in enumerate(events):
        await log.append(entries_of(event, 2), BEGAN + timedelta(seconds=at))
    read, history = await heard(log)
    assert read == events
    assert (history.readings, history.homes) == (4, {"h1"})


async def test_of_chosen_homes_their_own_and_the_ticks_are_heard(log: SqliteLog) -> None:
    tick = Tick(at=BEGAN, source="test")
    for event in (profile("h1"), profile("h2"), said(BEGAN, "h1", "motion", 1), said(BEGAN, "h2", "sos", 1), tick):
        await log.append(entries_of(event, 2), BEGAN)
    read, history = await heard(log, "h1")
    assert [event for event in read if isinstance(event, Reading | HomeProfile)] == [
        profile("h1"),
        said(BEGAN, "h1", "motion", 1),
    ]
    assert read.count(tick) == 2
    assert history.homes == {"h1"}


async def test_what_is_appended_while_it_is_read_is_left_for_later(log: SqliteLog) -> None:
    await log.append(entries_of(said(BEGAN, "h1", "motion", 1), 2), BEGAN)
    await log.append(entries_of(said(BEGAN, "h1", "sos", 1), 2), BEGAN)
    _, history = await heard(log)
    late = said(BEGAN, "h1", "motion", 2)
    await log.append(entries_of(late, 2), BEGAN)
    reader = await log.reader(None, [Topic.URGENT, Topic.HOMES, Topic.TELEMETRY])
    await reader.seek(history.ends)
    assert [record.value for record in await reader.poll(10, NO_TIME)] == [encode(late)]


async def test_what_nobody_can_read_is_passed_over(log: SqliteLog) -> None:
    await log.append(
        [Entry(topic=Topic.URGENT, key="h1", value=b"?"), Entry(topic=Topic.ALERTS, key="h1", value=b"?")], BEGAN
    )
    await log.append(entries_of(said(BEGAN, "h1", "sos", 1, "active"), 2), BEGAN)
    assert [alert.rule for alert in await rehearsed(log, shipped_rulebook())] == ["sos"]
    assert await raised_alerts(log, (), BEGAN) == []


async def test_a_log_that_has_forgotten_profiles_gives_the_oldest_it_has(log: SqliteLog) -> None:
    for event in (profile("h1", 1), replace(profile("h1", 2), timezone="UTC"), profile("h1", 3)):
        await log.append(entries_of(event, 2), BEGAN + timedelta(seconds=event.revision))
    _, whole = await heard(log)
    assert whole.known == {}
    await log.trim(Topic.HOMES, BEGAN + timedelta(seconds=2))
    _, cut = await heard(log)
    assert cut.known["h1"].revision == 2


def silent_at(rehearsal: Rehearsal, minutes: int) -> list[str]:
    """A sensor is heard once, then time passes; the rules that say so."""
    events: list[RuleEvent] = [said(BEGAN, "h1", "motion", 1)]
    events += [Tick(at=BEGAN + timedelta(minutes=at), source="test", listening_since=BEGAN) for at in range(1, minutes)]
    return [alert.rule for event in events for alert in rehearsal.hear(event, record_of(Topic.TELEMETRY))]


def record_of(topic: Topic) -> Record:
    return Record(topic=topic, partition=0, offset=9, key="", value=b"", headers={}, appended_at=BEGAN)


def test_a_home_whose_profile_was_forgotten_is_known_from_its_first_reading_on() -> None:
    assert silent_at(Rehearsal(shipped_rulebook(), {}), 5) == []
    assert silent_at(Rehearsal(shipped_rulebook(), {"h1": profile("h1")}), 5) == ["supervision"]


def test_ticks_of_another_partition_wake_nobody() -> None:
    rehearsal = Rehearsal(shipped_rulebook(), {"h1": profile("h1")})
    rehearsal.hear(said(BEGAN, "h1", "motion", 1), record_of(Topic.TELEMETRY))
    late = Tick(at=BEGAN + timedelta(hours=1), source="test", listening_since=BEGAN)
    assert rehearsal.hear(late, replace(record_of(Topic.TELEMETRY), partition=1)) == []
