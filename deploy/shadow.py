"""A rulebook run beside the real rules without telling anyone: it learns from the history, then hears what they hear."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from carebell.clock import Clock, pause
from carebell.log import NO_TIME, Log, Reader, Record
from carebell.topics import Topic
from carebell.types import Alert
from deploy.alert_changes import Fate, fates
from deploy.rehearsal import Rehearsal, event_of
from deploy.rules_history import History, alert_of, read_history
from rules_engine.main import TOPICS
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook

_WAIT = timedelta(seconds=1)
_AT_ONCE = 500


@dataclass(slots=True)
class Shadow:
    """What is heard and compared, for some homes or (none) for all. Readings older than `learn_from` are passed over,
    alerts older than `began_at` do not count; further apart than `moved_within`, two alerts are not the same one. Pure."""

    rulebook: Rulebook
    homes: Collection[str]
    learn_from: datetime
    began_at: datetime
    moved_within: timedelta
    history: History = field(default_factory=History)
    _rehearsal: Rehearsal = field(init=False)
    _rehearsed: list[Alert] = field(default_factory=list)
    _raised: list[Alert] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rehearsal = Rehearsal(self.rulebook, self.history.known)

    def learn(self, event: RuleEvent, record: Record) -> None:
        """From the history."""
        if record.topic == Topic.HOMES or record.appended_at >= self.learn_from:
            self._hear(event, record)

    def hear(self, record: Record) -> list[Alert]:
        """The alerts that would be raised now."""
        event = event_of(record, self.homes)
        return [] if event is None else self._hear(event, record)

    def _hear(self, event: RuleEvent, record: Record) -> list[Alert]:
        alerts = [alert for alert in self._rehearsal.hear(event, record) if alert.at >= self.began_at]
        self._rehearsed += alerts
        return alerts

    def note(self, record: Record) -> None:
        """An alert that was really raised."""
        if alert := alert_of(record, self.homes, self.began_at):
            self._raised.append(alert)

    def fates(self) -> list[Fate]:
        """Up to the time that was heard here: what the real rules know beyond that is no difference."""
        now = self._rehearsal.now or self.began_at
        raised = [alert for alert in self._raised if alert.at <= now]
        return fates(raised, self._rehearsed, self.moved_within)


@dataclass(frozen=True, slots=True)
class Tell:
    """Who is told each alert that would be raised, and every so often and at the end what has become of them by now.
    `linger`: by then the real rules have raised what follows from the last records that were heard here."""

    would_be: Callable[[Alert], None]
    count: Callable[[Sequence[Fate]], None]
    every: timedelta
    linger: timedelta = timedelta(seconds=2)


async def learn(log: Log, shadow: Shadow) -> None:
    """Hear what the log holds. Raises OSError where it is away."""
    await read_history(log, shadow.homes, shadow.learn, shadow.history)


async def run_shadow(log: Log, shadow: Shadow, tell: Tell, clock: Clock, stop: asyncio.Event) -> None:
    """Go on from what was learned, until told to stop. Raises OSError where the log is away."""
    raised = await log.reader(None, [Topic.ALERTS])
    try:
        reader = await log.reader(None, TOPICS)
        try:
            await reader.seek(shadow.history.ends)
            await _follow(reader, raised, shadow, tell, clock, stop)
        finally:
            await reader.close()
    finally:
        await raised.close()


async def _follow(
    reader: Reader, raised: Reader, shadow: Shadow, tell: Tell, clock: Clock, stop: asyncio.Event
) -> None:
    tell_at = clock.now() + tell.every
    while not stop.is_set():
        _hear(await reader.poll(_AT_ONCE, _WAIT), shadow, tell)
        if clock.now() >= tell_at:
            await _note(raised, shadow)
            tell.count(shadow.fates())
            tell_at += tell.every
    _hear(await reader.poll(_AT_ONCE, NO_TIME), shadow, tell)
    await pause(clock, tell.linger)
    await _note(raised, shadow)
    tell.count(shadow.fates())


def _hear(records: Sequence[Record], shadow: Shadow, tell: Tell) -> None:
    """A poll gives one lane before the other; what has waited is heard as it was appended."""
    for record in sorted(records, key=lambda record: record.appended_at):
        for alert in shadow.hear(record):
            tell.would_be(alert)


async def _note(raised: Reader, shadow: Shadow) -> None:
    while records := await raised.poll(_AT_ONCE, NO_TIME):
        for record in records:
            shadow.note(record)
