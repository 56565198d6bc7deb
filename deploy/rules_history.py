"""The log read from its beginning to where it ended when it was asked, in the order in which live rules see it; and the
alerts that were raised. Nothing is written, nothing committed, no group joined.

Telemetry is read as it comes. Urgent records and profiles are few: they are read before, and put between by the time at
which they were appended.
"""

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from carebell.log import NO_TIME, Log, Positions, Record
from carebell.topics import Topic
from carebell.types import Alert, HomeProfile, Reading
from carebell.wire import Unreadable, decode
from deploy.rehearsal import event_of
from rules_engine.rule import RuleEvent

_AT_ONCE = 1000
Hear = Callable[[RuleEvent, Record], None]


@dataclass(slots=True)
class History:
    """What was read: how many readings, of which homes, where each partition of the lanes ended, and profiles by home where
    the log has forgotten older ones."""

    readings: int = 0
    homes: set[str] = field(default_factory=set)
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    known: dict[str, HomeProfile] = field(default_factory=dict)


async def read_back(log: Log, topic: str, ends: dict[tuple[str, int], int]) -> AsyncIterator[Record]:
    """What stands in a topic now, each partition in its order; where they end is put into `ends`."""
    reader = await log.reader(None, [topic])
    try:
        found: Positions = await reader.ends()
        ends |= found
        left = {place for place, end in found.items() if end > 0}
        while left and (records := await reader.poll(_AT_ONCE, NO_TIME)):
            for record in records:
                if record.offset < found.get(record.place, 0):
                    yield record
                if record.offset + 1 >= found.get(record.place, 0):
                    left.discard(record.place)
    finally:
        await reader.close()


async def read_history(log: Log, homes: Collection[str], hear: Hear, history: History) -> None:
    """Every event of some homes, or of all, and every tick, in the order of the live rules."""
    waiting = await _waiting(log, homes, history)
    async for record in read_back(log, Topic.TELEMETRY, history.ends):
        between = waiting.get(record.partition)
        while between and between[0].appended_at <= record.appended_at:
            _hear(between.popleft(), homes, hear, history)
        _hear(record, homes, hear, history)
    for between in waiting.values():
        for record in between:
            _hear(record, homes, hear, history)


async def _waiting(log: Log, homes: Collection[str], history: History) -> dict[int, deque[Record]]:
    """What is put between the records of telemetry, by partition."""
    profiles = [record async for record in read_back(log, Topic.HOMES, history.ends)]
    history.known |= _known(profiles)
    urgent = [record async for record in read_back(log, Topic.URGENT, history.ends)]
    waiting: dict[int, deque[Record]] = {}
    for record in sorted(urgent + profiles, key=lambda record: record.appended_at):
        if not homes or record.key in homes:
            waiting.setdefault(record.partition, deque()).append(record)
    return waiting


def _known(records: Collection[Record]) -> dict[str, HomeProfile]:
    """The oldest profile that is left of each home, in partitions where older records have been forgotten: a log that is
    whole says itself from when on each home was known."""
    count = Counter(record.partition for record in records)
    last = {record.partition: record.offset for record in records}
    whole = {part for part, offset in last.items() if offset + 1 == count[part]}
    known: dict[str, HomeProfile] = {}
    for record in records:
        event = None if record.partition in whole else event_of(record, ())
        if isinstance(event, HomeProfile):
            known.setdefault(event.home_id, event)
    return known


def _hear(record: Record, homes: Collection[str], hear: Hear, history: History) -> None:
    event = event_of(record, homes)
    if event is not None:
        if isinstance(event, Reading):
            history.readings += 1
            history.homes.add(event.home_id)
        hear(event, record)


async def raised_alerts(log: Log, homes: Collection[str], since: datetime) -> list[Alert]:
    """The alerts of the real rules from a moment on, as they stand in the log."""
    alerts = []
    async for record in read_back(log, Topic.ALERTS, {}):
        if alert := alert_of(record, homes, since):
            alerts.append(alert)
    return alerts


def alert_of(record: Record, homes: Collection[str], since: datetime) -> Alert | None:
    """The alert in a record, where it is one of these homes (none: all) and not older."""
    try:
        alert = decode(record.value)
    except Unreadable:
        return None
    is_wanted = isinstance(alert, Alert) and alert.at >= since and (not homes or alert.home_id in homes)
    return alert if is_wanted and isinstance(alert, Alert) else None
