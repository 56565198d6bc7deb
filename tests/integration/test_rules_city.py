"""Two rules processes over Kafka and Redis, while one thing after the other dies, freezes or forgets: every press is told,
none is left out of what is remembered, and a loss is told where there is one, and only there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

from carebell.clock import SystemClock
from carebell.errors import CarebellError, Fenced
from carebell.ids import computed
from carebell.log import Entry, Reader
from carebell.log_kafka import KafkaLog
from carebell.store import Change, Saved
from carebell.store_redis import RedisStore
from carebell.topics import Topic
from carebell.types import Alert, Reading
from carebell.wire import decode, encode
from deploy.topics import set_up_topics
from rules_engine.home import decode_state
from rules_engine.main import SCOPE
from tests.support.homeline import reading
from tests.support.patience import PATIENCE_S, patiently
from tests.support.rules_process import RulesProcess
from tests.support.servers.redis import RedisServer
from tests.support.topics import open_log

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

PARTITIONS = 4
HOMES = 24
EVERY_S = 0.02


@dataclass
class Town:
    """Homes that press without end, and who judges it."""

    log: KafkaLog
    store: RedisStore
    redis: RedisServer
    rules: list[RulesProcess]
    alerts: Reader
    kafka: str
    pressed: dict[str, str] = field(default_factory=dict)
    raised: list[Alert] = field(default_factory=list)

    async def press(self) -> None:
        number = len(self.pressed)
        home_id = f"home-{number % HOMES}"
        now = SystemClock().now()
        one = replace(
            reading("sos", source=str(number)),
            id=computed("reading", home_id, str(number)),
            home_id=home_id,
            received_at=now,
            observed_at=now,
        )
        assert isinstance(one, Reading)
        entry = Entry(topic=Topic.URGENT, key=home_id, value=encode(one))
        await patiently(lambda: self.log.append([entry], now))
        self.pressed[one.id] = home_id

    async def press_for(self, seconds: float) -> None:
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self.press()
            await asyncio.sleep(EVERY_S)

    async def press_while(self, work: Callable[[], object]) -> None:
        """What happens to servers happens beside."""
        doing = asyncio.create_task(asyncio.to_thread(work))
        while not doing.done():
            await self.press_for(0.1)
        await doing

    async def told(self) -> set[str]:
        while records := await self.alerts.poll(1000, timedelta(milliseconds=50)):
            self.raised += [one for one in map(decode, (record.value for record in records)) if isinstance(one, Alert)]
        return {cause for alert in self.raised if alert.rule == "sos" for cause in alert.evidence}

    async def remembered(self) -> set[str]:
        """The presses that the saved states have heard."""
        found: set[str] = set()
        with suppress(CarebellError):
            for number in range(PARTITIONS):
                for saved in (await self.store.load(SCOPE, number)).states.values():
                    found |= decode_state(saved.value).heard.keys()
        return found

    async def expect_everything(self) -> None:
        """Nothing is missing, neither among the alerts nor in what is remembered."""
        await until(self._all_told, "told")
        await until(self._all_remembered, "remembered")

    async def _all_told(self) -> set[str]:
        return self.pressed.keys() - await self.told()

    async def _all_remembered(self) -> set[str]:
        return self.pressed.keys() - await self.remembered()

    async def _all_committed(self) -> set[str]:
        """What watches the lag from outside must not take calls for waiting that were told."""
        since = await self.log.waiting_since(SCOPE, Topic.URGENT)
        return set() if since is None else {since.isoformat()}

    async def _not_both_members(self) -> set[str]:
        """One that joins later moves partitions while a test looks at who has them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        try:
            await admin.start()
            [answer] = await admin.describe_consumer_groups([self.log._namespace + SCOPE])
        finally:
            await admin.close()
        [(_, _, state, _, _, members, *_)] = answer.groups
        return set() if (state, len(members)) == ("Stable", len(self.rules)) else {f"{state}, {len(members)} members"}

    async def _no_word_of_redis(self) -> set[str]:
        await self.told()
        return set() if any("the store does not answer" in one for one in self.losses()) else {"the loss"}

    async def fences(self) -> dict[int, int]:
        """Of those who own the partitions now."""
        async with Redis.from_url(self.redis.url) as redis:
            keys = [self.store._key(SCOPE, number) for number in range(PARTITIONS)]
            return {number: int(await redis.hget(key, "fence")) for number, key in enumerate(keys)}  # type: ignore[misc]

    def losses(self) -> list[str]:
        return [one.summary for one in self.raised if one.rule == "operations"]


async def until(missing: Callable[[], Awaitable[set[str]]], what: str) -> None:
    end = asyncio.get_running_loop().time() + 2 * PATIENCE_S
    while left := await missing():
        assert asyncio.get_running_loop().time() < end, f"{len(left)} are not {what}: {sorted(left)[:3]}"
        await asyncio.sleep(0.2)


@asynccontextmanager
async def town_of(kafka: str, folder: Path, namespace: str) -> AsyncIterator[Town]:
    await set_up_topics(kafka, namespace=namespace, partitions=PARTITIONS, replication=1)
    log = await open_log(kafka, SystemClock(), namespace)
    alerts = await log.reader(None, [Topic.ALERTS])
    with RedisServer(folder / "redis") as redis:
        store = await RedisStore.open(redis.url, namespace=namespace)
        rules = [RulesProcess(folder / f"rules-{number}", kafka, redis.url, namespace) for number in (1, 2)]
        try:
            for one in rules:
                await asyncio.to_thread(one.start)
            yield Town(log, store, redis, rules, alerts, kafka)
        finally:
            for one in rules:
                one.close()
            await store.close()
            await alerts.close()
            await log.close()


@pytest.fixture
async def town(kafka: str, tmp_path: Path, namespace: str) -> AsyncIterator[Town]:
    async with town_of(kafka, tmp_path, namespace) as opened:
        await opened.press_for(3)
        await until(opened._not_both_members, "members of the group")
        await opened.press_for(1)
        await opened.expect_everything()
        yield opened


async def test_a_process_frozen_longer_than_its_session_is_refused_and_leaves_nothing_out(town: Town) -> None:
    frozen = town.rules[0]
    former = await town.fences()
    await town.press_while(frozen.freeze)
    await town.press_for(12)
    await until(town._all_told, "told by the other one")  # which has taken over, as this one is still frozen

    async def unclaimed() -> set[str]:
        return {str(number) for number, fence in (await town.fences()).items() if fence == former[number]}

    await until(unclaimed, "claimed by the other one")
    for number, fence in former.items():
        states = [Saved("home-0", b"what it knew before it froze")]
        late = Change(partition=number, fence=fence, states=states, positions={(Topic.URGENT, number): 0})
        with pytest.raises(Fenced):
            await town.store.save(SCOPE, [late])
    frozen.thaw()
    await town.press_for(6)
    await town.expect_everything()
    assert town.losses() == []


async def test_a_process_that_is_killed_is_replaced_and_comes_back(town: Town) -> None:
    await town.press_while(town.rules[0].kill)
    await town.press_for(9)
    await town.press_while(town.rules[0].start)
    await town.press_for(5)
    await town.press_while(town.rules[1].stop)
    await town.press_for(3)
    await town.expect_everything()
    assert town.losses() == []


async def test_redis_is_killed_and_frozen_and_calls_do_not_wait(town: Town) -> None:
    await town.press_while(town.redis.kill)
    await town.press_for(3)
    await until(town._all_told, "told while it is dead")
    await town.press_while(town.redis.start)
    await town.press_for(2)
    await town.press_while(town.redis.freeze)
    await town.press_for(5)
    await until(town._all_told, "told while it is frozen")
    await until(town._all_committed, "committed while it is frozen")
    await town.press_while(town.redis.thaw)
    await town.press_for(2)
    await town.expect_everything()
    assert town.losses() == []


async def test_redis_is_emptied_under_living_processes_and_is_given_everything_again(town: Town) -> None:
    await town.press_while(town.redis.wipe)
    await town.press_for(4)
    await town.expect_everything()
    assert town.losses() == []


async def test_redis_is_emptied_and_every_process_dies_and_they_begin_anew_from_the_log(town: Town) -> None:
    for one in town.rules:
        one.kill()
    town.redis.empty()
    await town.press_for(1)
    for one in town.rules:
        await town.press_while(one.start)
    await town.press_for(9)
    await town.expect_everything()
    assert 1 <= len(town.losses()) <= 2 * PARTITIONS
    assert all("the store has nothing of partition" in one for one in town.losses())
    assert len(town.raised) > len(town.pressed)  # raised again, with the same ids
    ids = {one.id for one in town.raised if one.rule == "sos"}
    assert len(ids) == len(town.pressed)


async def test_without_redis_a_take_over_does_not_keep_calls_waiting(town: Town) -> None:
    town.redis.kill()
    await town.press_while(town.rules[0].kill)
    await town.press_for(16)
    await until(town._all_told, "told while it is dead")
    await until(town._no_word_of_redis, "told")
    town.redis.start()
    await town.expect_everything()
