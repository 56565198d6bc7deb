"""What the rules remember is lost, and they begin anew from what the log still holds: calls are told, nothing false is."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.instruments import Instruments
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.store_sql import SqlStore
from carebell.telemetry import Telemetry
from carebell.topics import Topic
from carebell.types import Alert, DeviceProfile, HomeProfile, Reading, Tick
from carebell.wire import Wire, decode, encode
from carebell.worker import Worker
from rules_engine.main import TOPICS, HomeJudge
from tests.support.homeline import moment, reading, shipped_rulebook
from tests.support.stores import MoodyStore

NO_WAIT = timedelta(0)
MINUTE, HOUR, DAY = 60, 3600, 86_400
SENSOR = DeviceProfile(device_id="sensor", expected_every=timedelta(minutes=10))
DYING = DeviceProfile(device_id="dying", expected_every=timedelta(minutes=10))
SLOW = DeviceProfile(device_id="slow", expected_every=timedelta(hours=4))
PROFILE = HomeProfile(home_id="h", devices=(SENSOR, DYING, SLOW), revision=1)


class Home:
    """A home `h` whose registration and old telemetry are long past: six hours of its life, of which one remains."""

    def __init__(self, log: SqliteLog, store: MoodyStore, clock: ManualClock) -> None:
        self.log = log
        self.store = store
        self.clock = clock
        self.telemetry = Telemetry()

    async def append(self, topic: Topic, value: Wire, at: float) -> None:
        await self.log.append([Entry(topic=topic, key="h", value=encode(value))], moment(at))

    async def live(self, *, presses: tuple[float, ...] = (HOUR, 5.5 * HOUR)) -> None:
        await self.append(Topic.HOMES, PROFILE, -90 * DAY)
        for minute in range(6 * 60):
            at = minute * MINUTE
            if minute % 5 == 0:
                await self.append(Topic.TELEMETRY, reading("heartbeat", at, device_id="sensor"), at)
            if minute % 5 == 0 and at < 5.2 * HOUR:
                await self.append(Topic.TELEMETRY, reading("heartbeat", at, device_id="dying"), at)
            if minute in (10, 200):
                await self.append(Topic.TELEMETRY, reading("heartbeat", at, device_id="slow"), at)
            tick = Tick(at=moment(at), source="t", listening_since=moment(-30 * DAY))
            await self.append(Topic.TELEMETRY, tick, at)
        for at in presses:
            await self.append(Topic.URGENT, reading("sos", at), at)

    async def judge(self) -> list[Alert]:
        """A new process judges all there is; the alerts that it appended."""
        instruments = Instruments(self.clock, self.telemetry, open_logs(io.StringIO()))
        judge = HomeJudge(shipped_rulebook(), instruments)
        worker = Worker(scope="rules", topics=TOPICS, log=self.log, store=self.store, judge=judge, clock=self.clock)
        reader, alerts = await self.log.reader("rules", TOPICS), await self.log.reader("test", [Topic.ALERTS])
        await alerts.seek(await alerts.ends())
        while await worker.turn(reader, NO_WAIT):
            await worker.settle()
        await self.clock.advance(timedelta(seconds=2))
        await worker.turn(reader, NO_WAIT)
        found = [decode(record.value) for record in await alerts.poll(1000, NO_WAIT)]
        return [one for one in found if isinstance(one, Alert)]

    async def lose(self, *, log_before: float) -> None:
        await self.store.empty()
        await self.log.trim(Topic.TELEMETRY, moment(log_before))


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    clock = ManualClock(moment(6 * HOUR))
    log, store = await SqliteLog.open(":memory:", 1, clock), MoodyStore(await SqlStore.open(MEMORY))
    yield Home(log, store, clock)
    await log.close()
    await store.close()


def ids(alerts: list[Alert], rule: str) -> list[str]:
    return [alert.id for alert in alerts if alert.rule == rule]


async def test_every_call_is_raised_again_with_its_own_id(home: Home) -> None:
    await home.live()
    before = await home.judge()
    await home.lose(log_before=5 * HOUR)
    after = await home.judge()
    assert len(ids(before, "sos")) == 2
    assert ids(after, "sos") == ids(before, "sos")


@pytest.mark.parametrize("presses", [(), (5.1 * HOUR,)])
async def test_nobody_is_silent_for_the_time_that_the_log_no_longer_holds(
    home: Home, presses: tuple[float, ...]
) -> None:
    await home.live(presses=presses)
    before = await home.judge()
    await home.lose(log_before=5 * HOUR)
    after = await home.judge()
    assert [(one.device_id, one.rule) for one in before if one.rule == "supervision"] == [("dying", "supervision")]
    assert ids(after, "supervision") == ids(before, "supervision")


async def test_the_loss_is_told_to_people_and_counted(home: Home) -> None:
    await home.live()
    assert ids(await home.judge(), "operations") == []
    await home.lose(log_before=5 * HOUR)
    [told] = [one for one in await home.judge() if one.rule == "operations"]
    assert told.home_id == "operations"
    assert "lost and begins anew: the store has nothing of partition 0" in told.summary
    assert 'carebell_rule_failed_total{rule="memory"} 1.0' in home.telemetry.exposition().decode()
    assert ids(await home.judge(), "operations") == []


async def test_a_call_that_comes_while_nothing_is_remembered_is_told(home: Home) -> None:
    await home.live()
    await home.judge()
    await home.lose(log_before=7 * HOUR)
    press: Reading = reading("sos", 6 * HOUR, source="new")
    await home.append(Topic.URGENT, press, 6 * HOUR)
    assert [one.evidence for one in await home.judge() if one.rule == "sos"][-1] == (press.id,)
