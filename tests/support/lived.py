"""Ten minutes of three homes in a log, judged as they came by the real worker: what a rehearsal is compared with."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from carebell.clock import SystemClock
from carebell.engine_sql import MEMORY
from carebell.ids import computed
from carebell.instruments import Instruments
from carebell.log import NO_TIME, Entry, Log
from carebell.logs import open_logs
from carebell.store_sql import SqlStore
from carebell.telemetry import Telemetry
from carebell.topics import Topic, lane_of
from carebell.types import Alert, DeviceProfile, HomeProfile, Reading, Tick
from carebell.wire import decode, encode
from carebell.worker import Worker
from rules_engine.main import SCOPE, TOPICS, HomeJudge
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook

TICK_EVERY = 20
LASTS = 600


def said(began: datetime, home_id: str, kind: str, at: float, value: object = True, source: str = "") -> Reading:
    """What a device of a home said so many seconds after the beginning."""
    moment, source_id = began + timedelta(seconds=at), source or f"{kind}-{at}"
    content: dict[str, Any] = {"value": value}
    return Reading(
        id=computed("reading", home_id, source_id),
        home_id=home_id,
        device_id={"sos": "button", "battery": "button"}.get(kind, "sensor"),
        kind=kind,
        observed_at=moment,
        received_at=moment,
        source_message_id=source_id,
        **content,
    )


def profile(home_id: str, revision: int = 1) -> HomeProfile:
    devices = (
        DeviceProfile(device_id="button", place="bedroom", is_sos=True),
        DeviceProfile(device_id="sensor", place="hall", expected_every=timedelta(minutes=1)),
    )
    return HomeProfile(home_id=home_id, timezone="Asia/Shanghai", devices=devices, revision=revision)


def story(began: datetime) -> list[tuple[float, RuleEvent]]:
    """What happens at which second: presses, one of them repeated, one of a home that nobody knows; a weak battery that is
    changed; a sensor that falls silent, so that time alone raises an alert, and is heard again."""
    events: list[tuple[float, RuleEvent]] = [(0, profile("h1")), (0.5, profile("h2", 2))]
    events += [(at, said(began, "h1", "motion", at)) for at in (*range(10, 200, 30), 500)]
    events += [(at, said(began, "h2", "motion", at)) for at in range(12, LASTS, 30)]
    events += [(at, said(began, "h1", "sos", at, "active", "press-1")) for at in (101, 103)]
    events += [(106, said(began, "h3", "sos", 106, "active")), (401, said(began, "h2", "sos", 401, "active"))]
    events += [(150, said(began, "h2", "battery", 150, 10)), (251, said(began, "h2", "battery", 251, 80))]
    for at in range(TICK_EVERY, LASTS, TICK_EVERY):
        events.append((at + 0.2, Tick(at=began + timedelta(seconds=at), source="test", listening_since=began)))
    return sorted(events, key=lambda one: one[0])


def entries_of(event: RuleEvent, partitions: int) -> list[Entry]:
    value = encode(event)
    if isinstance(event, Tick):
        return [Entry(topic=Topic.TELEMETRY, key="", value=value, partition=part) for part in range(partitions)]
    topic = Topic.HOMES if isinstance(event, HomeProfile) else lane_of(event)
    return [Entry(topic=topic, key=event.home_id, value=value)]


async def live(log: Log, rulebook: Rulebook, began: datetime) -> None:
    """Append it event by event, and let the rules judge each before the next."""
    clock = SystemClock()
    instruments = Instruments(clock, Telemetry(), open_logs(io.StringIO()))
    store = await SqlStore.open(MEMORY)
    worker = Worker(
        scope=SCOPE, topics=TOPICS, log=log, store=store, judge=HomeJudge(rulebook, instruments), clock=clock
    )
    reader = await log.reader(SCOPE, TOPICS)
    for at, event in story(began):
        await log.append(entries_of(event, log.partitions), began + timedelta(seconds=at))
        while await worker.turn(reader, NO_TIME):
            pass
    await worker.settle()
    await reader.close()
    await store.close()


async def raised(log: Log) -> list[Alert]:
    """Every alert in the log."""
    reader = await log.reader(None, [Topic.ALERTS])
    found = list(_alerts(await reader.poll(1000, NO_TIME)))
    await reader.close()
    return found


def _alerts(records: Sequence[Any]) -> Iterator[Alert]:
    for record in records:
        alert = decode(record.value)
        assert isinstance(alert, Alert)
        yield alert


def ledger(alerts: Sequence[Alert]) -> list[tuple[str, str, datetime, str]]:
    """What makes an alert that alert, in an order of its own."""
    return sorted((alert.id, alert.status.value, alert.at, alert.summary) for alert in alerts)
