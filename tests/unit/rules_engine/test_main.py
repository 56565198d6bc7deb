"""The judge of the worker: records of three topics in, alerts and reports of unreadable records out."""

import io
import json
from datetime import timedelta

from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.store_sql import SqlStore
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.types import Alert, DeviceProfile, HomeProfile, Rejected, Tick
from carebell.wire import Wire, decode, encode
from carebell.worker import Worker
from rules_engine.main import TOPICS, HomeJudge
from tests.support.homeline import moment, reading, shipped_rulebook

NO_WAIT = timedelta(0)
SENSOR = DeviceProfile(device_id="sensor", expected_every=timedelta(minutes=10))


def entry(topic: Topic, value: Wire | bytes) -> Entry:
    return Entry(topic=topic, key="h", value=value if isinstance(value, bytes) else encode(value))


async def judged(*entries: Entry) -> tuple[list[Wire], str, str]:
    """What stands in the log afterwards besides the input, the log lines and the metrics."""
    clock, telemetry, lines = ManualClock(moment(0)), Telemetry(), io.StringIO()
    log, store = await SqliteLog.open(":memory:", 1, clock), await SqlStore.open(MEMORY)
    judge = HomeJudge(shipped_rulebook(), Instruments(clock, telemetry, open_logs(lines)))
    worker = Worker(scope="rules", topics=TOPICS, log=log, store=store, judge=judge, clock=clock)
    await log.append(entries, moment(0))
    reader = await log.reader("rules", TOPICS)
    while await worker.turn(reader, NO_WAIT):
        pass
    found = await (await log.reader("test", [Topic.ALERTS, Topic.REJECTED])).poll(100, NO_WAIT)
    await log.close()
    await store.close()
    return [decode(record.value) for record in found], lines.getvalue(), telemetry.exposition().decode()


async def test_a_press_becomes_an_alert_with_its_causes() -> None:
    press = reading("sos", 0, source="7")
    [alert], lines, metrics = await judged(entry(Topic.URGENT, press))
    assert isinstance(alert, Alert)
    assert (alert.rule, alert.evidence, alert.source_ids) == ("sos", (press.id,), ("7",))
    assert json.loads(lines)["cause_ids"] == [press.id]
    assert 'carebell_alerts_total{rule="sos",severity="critical",status="opened"} 1.0' in metrics


async def test_rubbish_in_a_lane_is_reported_and_the_press_behind_it_is_heard() -> None:
    wrong = Rejected(id="x", topic="t", reason="r", detail="", payload="", received_at=moment(0))
    found, _, metrics = await judged(
        entry(Topic.URGENT, b"\xff rubbish"), entry(Topic.URGENT, wrong), entry(Topic.URGENT, reading("sos", 0))
    )
    assert [one.rule for one in found if isinstance(one, Alert)] == ["sos"]
    reports = [one for one in found if isinstance(one, Rejected)]
    assert [(one.topic, one.reason) for one in reports] == [
        ("carebell.readings.urgent/0/0", "unreadable_record"),
        ("carebell.readings.urgent/0/1", "unreadable_record"),
    ]
    assert "does not belong here" in reports[1].detail
    assert 'carebell_rejected_total{reason="unreadable_record"} 2.0' in metrics


async def test_ticks_wake_a_home_whose_device_is_silent() -> None:
    found, _, _ = await judged(
        entry(Topic.HOMES, HomeProfile(home_id="h", devices=(SENSOR,), revision=1)),
        entry(Topic.TELEMETRY, reading("heartbeat", 100, device_id="sensor")),
        *(entry(Topic.TELEMETRY, Tick(at=moment(second), source="t")) for second in (1200, 1299, 1300, 1301)),
    )
    assert [(one.device_id, one.at) for one in found if isinstance(one, Alert)] == [("sensor", moment(1300))]
