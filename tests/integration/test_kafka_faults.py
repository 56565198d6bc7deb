"""Three brokers, of which some die or freeze: what was appended is there, in order, and everything mends itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from carebell.clock import SystemClock
from carebell.log import Entry, Record
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_producer import REBUILD_AFTER_S
from tests.support.patience import PATIENCE_S, patiently
from tests.support.servers.kafka import QUICK_TO_FENCE, KafkaBroker, KafkaCluster
from tests.support.topics import make_topics, open_log, until_served

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
TOPICS = ("urgent", "telemetry")
PARTITIONS = 6
KEYS = 20
CLOCK = SystemClock()
NO_WAIT = timedelta(0)
# An append says by itself that it failed, so that its caller can do something else with a call for help: long before the
# client would, were it let.
TELLS_WITHIN_S = 30


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with KafkaCluster(tmp_path_factory.mktemp("cluster"), brokers=3, settings=QUICK_TO_FENCE) as made:
        yield made


@dataclass
class Traffic:
    """Appends as ingest does, each again until it returns, and reads as a member of a group does."""

    log: KafkaLog
    returned: list[str] = field(default_factory=list)
    read: list[Record] = field(default_factory=list)
    attempts_s: list[float] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self) -> None:
        while not self.stop.is_set():
            values = [str(len(self.returned) + n) for n in range(4)]
            entries = [
                Entry(topic=TOPICS[int(value) % 2], key=f"home-{int(value) % KEYS}", value=value.encode())
                for value in values
            ]
            began = time.monotonic()
            await self.append(entries)
            self.waits_s.append(time.monotonic() - began)
            self.returned += values
            await asyncio.sleep(0.02)

    async def append(self, entries: list[Entry]) -> None:
        while True:
            began = time.monotonic()
            try:
                await self.log.append(entries, CLOCK.now())
            except OSError as error:
                self.failures.append(f"append: {error}")
                await asyncio.sleep(0.2)
            else:
                return
            finally:
                self.attempts_s.append(time.monotonic() - began)

    async def follow(self) -> None:
        while not self.stop.is_set():
            try:
                await self._read_until_it_fails()
            except OSError as error:
                self.failures.append(f"read: {error}")
                await asyncio.sleep(0.2)

    async def _read_until_it_fails(self) -> None:
        reader = await self.log.reader("g", TOPICS, timedelta(milliseconds=20))
        try:
            while not self.stop.is_set():
                records = await reader.poll(100, timedelta(milliseconds=200))
                self.read += records
                await reader.commit({record.place: record.offset + 1 for record in records})
        finally:
            await reader.close()

    def has_read_all(self) -> bool:
        return {record.value.decode() for record in self.read} >= set(self.returned)

    async def fails_again(self) -> None:
        """Until an append that began from now on has failed."""
        count = sum(one.startswith("append") for one in self.failures)
        await until(lambda: sum(one.startswith("append") for one in self.failures) > count + 1)

    async def goes_on(self) -> None:
        """Until what is written from now on is acknowledged, and read."""
        count = len(self.returned)
        await until(lambda: len(self.returned) > count + 40)
        count = len(self.returned)
        await until(lambda: {record.value.decode() for record in self.read} >= set(self.returned[:count]))


async def until(true: Callable[[], bool], within_s: float = 2 * PATIENCE_S) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def traffic(cluster: KafkaCluster, namespace: str) -> AsyncIterator[Traffic]:
    """At the end: nothing that was acknowledged is missing, neither for the group nor for whoever reads it all."""
    await make_topics(cluster.bootstrap, [namespace + topic for topic in TOPICS], PARTITIONS, replication=3)
    log = await open_log(cluster.bootstrap, CLOCK, namespace, TOPICS)
    one = Traffic(log)
    tasks = [asyncio.create_task(one.write()), asyncio.create_task(one.follow())]
    try:
        await one.goes_on()
        yield one
        await one.goes_on()
        one.stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)
        await check(one)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait_for(log.close(), PATIENCE_S)


async def check(one: Traffic) -> None:
    kept = await patiently(lambda: everything(one.log))
    assert set(one.returned) <= {record.value.decode() for record in kept}
    for records in (kept, one.read):
        for key in {record.key for record in records}:
            first = list(dict.fromkeys(int(record.value) for record in records if record.key == key))
            assert first == sorted(first), f"{key}: out of order"
    print(f"longest append {max(one.waits_s):.1f} s, longest attempt {max(one.attempts_s):.1f} s, {len(kept)} records")
    print("\n".join(one.failures))
    assert max(one.attempts_s) < TELLS_WITHIN_S


async def everything(log: KafkaLog) -> list[Record]:
    follower = await log.reader(None, TOPICS)
    kept: list[Record] = []
    try:
        while records := await follower.poll(1000, NO_WAIT):
            kept += records
    finally:
        await follower.close()
    return kept


async def make_with_leaders(bootstrap: str, topic: str, led_by: dict[int, list[int]]) -> None:
    """A topic of which each partition is on one broker only."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            made = await admin.create_topics([NewTopic(topic, -1, -1, led_by, {"min.insync.replicas": "1"})])
        except KafkaError as error:
            raise OSError(f"it could not be made: {error!r}") from error
        finally:
            await admin.close()
        failed = {for_code(code) for _, code, *_ in made.topic_errors if code} - {TopicAlreadyExistsError}
        if failed:  # brokers that were frozen count as gone for a while
            raise OSError(f"it could not be made: {failed}")

    await patiently(make)
    await until_served(bootstrap, [topic])


def off(act: Callable[[], None]) -> Awaitable[None]:
    """The servers of the tests block."""
    return asyncio.to_thread(act)


async def leader_of_urgent(cluster: KafkaCluster, namespace: str) -> KafkaBroker:
    return await asyncio.to_thread(cluster.leader_of, f"{namespace}urgent", 0)


async def test_the_leader_of_the_urgent_partitions_dies(cluster: KafkaCluster, namespace: str) -> None:
    async with traffic(cluster, namespace) as one:
        leader = await leader_of_urgent(cluster, namespace)
        await off(leader.kill)
        await one.goes_on()
        await off(leader.start)


async def test_each_broker_dies_in_turn_so_that_whoever_coordinates_the_group_does(
    cluster: KafkaCluster, namespace: str
) -> None:
    async with traffic(cluster, namespace) as one:
        for broker in cluster.brokers:
            await off(broker.kill)
            await one.goes_on()
            await off(broker.start)
            await one.goes_on()


async def test_each_broker_freezes_in_turn(cluster: KafkaCluster, namespace: str) -> None:
    async with traffic(cluster, namespace) as one:
        for broker in cluster.brokers:
            broker.freeze()
            await one.goes_on()
            broker.thaw()
            await one.goes_on()


async def test_all_brokers_freeze_for_longer_than_any_request(cluster: KafkaCluster, namespace: str) -> None:
    async with traffic(cluster, namespace) as one:
        for broker in cluster.brokers:
            broker.freeze()
        await one.fails_again()
        for broker in cluster.brokers:
            broker.thaw()
        await one.goes_on()


async def test_all_brokers_are_down_for_some_seconds(cluster: KafkaCluster, namespace: str) -> None:
    async with traffic(cluster, namespace) as one:
        await asyncio.gather(*(off(broker.kill) for broker in cluster.brokers))
        await one.fails_again()
        count = len(one.returned)
        await one.fails_again()
        assert len(one.returned) == count
        await off(cluster.start)
        await one.goes_on()


async def test_a_log_closes_in_seconds_while_its_brokers_are_frozen(cluster: KafkaCluster, namespace: str) -> None:
    await make_topics(cluster.bootstrap, [namespace + topic for topic in TOPICS], PARTITIONS, replication=3)
    log = await open_log(cluster.bootstrap, CLOCK, namespace, TOPICS)
    reader = await patiently(lambda: log.reader("g", TOPICS))
    await patiently(lambda: log.append([Entry(topic="urgent", key="h", value=b"1")], CLOCK.now()))
    for broker in cluster.brokers:
        broker.freeze()
    try:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OSError, match="Kafka"):
                await log.append([Entry(topic="urgent", key="h", value=b"2")], CLOCK.now())
            await reader.commit({("urgent", 0): 0})
            await log.close()
        with pytest.raises(OSError, match="Kafka"):
            await KafkaLog.open(cluster.bootstrap, CLOCK, namespace=namespace, topics=TOPICS)
    finally:
        for broker in cluster.brokers:
            broker.thaw()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:  # a request under way is waited for by nobody, and ends by itself
        await asyncio.wait(left, timeout=PATIENCE_S)
    assert not [task.get_coro() for task in left if not task.done()]


async def test_a_partition_without_a_leader_holds_up_no_other(cluster: KafkaCluster, namespace: str) -> None:
    """Also when more waits for it than a batch holds, and while the client is made anew for its sake."""
    led_by = {part: [broker.number] for part, broker in enumerate(cluster.brokers[:2])}
    await make_with_leaders(cluster.bootstrap, f"{namespace}urgent", led_by)
    log = await open_log(cluster.bootstrap, CLOCK, namespace, ["urgent"])
    one = Traffic(log)
    waiting = [Entry(topic="urgent", key="h", value=b"x" * 1000, partition=0) for _ in range(400)]
    call = [Entry(topic="urgent", key="h", value=b"call", partition=1)]
    await one.append(waiting)
    await one.append(call)
    await off(cluster.brokers[0].kill)
    held_up = asyncio.create_task(one.append(waiting))
    await until(lambda: bool(one.failures))
    one.failures.clear()
    one.attempts_s.clear()
    waits_s = []
    until_s = time.monotonic() + REBUILD_AFTER_S + 5
    while time.monotonic() < until_s:
        began = time.monotonic()
        await log.append(call, CLOCK.now())
        waits_s.append(time.monotonic() - began)
        await asyncio.sleep(0.1)
    print(f"longest {max(waits_s):.2f} s of {len(waits_s)}, failures beside it {one.attempts_s}")
    assert one.failures, "the other partition was well"
    assert max(waits_s) < min(one.attempts_s), "a call has waited for the other partition"
    await off(cluster.brokers[0].start)
    await asyncio.wait_for(held_up, PATIENCE_S)
    await log.close()
