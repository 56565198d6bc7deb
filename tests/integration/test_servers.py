"""The servers of the tests themselves: they answer, they keep what they have acknowledged, and they go when we go."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code

from tests.support.patience import PATIENCE_S, patiently
from tests.support.servers.kafka import QUICK_TO_FENCE, KafkaBroker, KafkaCluster
from tests.support.servers.mosquitto import Mosquitto
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import RedisServer
from tests.support.servers.server import Server, until
from tests.support.services import ROOT, answers
from tests.support.topics import until_served

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SESSION = """
import sys, time
from pathlib import Path
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import RedisServer
with RedisServer(Path(sys.argv[1])) as redis, PostgresServer() as postgres:
    print(redis.port, postgres.port, postgres.folder, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def three_brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    with KafkaCluster(tmp_path_factory.mktemp("three"), brokers=3, settings=QUICK_TO_FENCE) as cluster:
        yield cluster


def test_redis_keeps_what_it_has_until_it_is_wiped(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server, redis.Redis.from_url(server.url) as client:
        client.set("state", "kept")
        server.kill()
        server.start()
        assert client.get("state") == b"kept"
        server.wipe()
        assert client.get("state") is None
        client.set("state", "again")
        server.empty()
        assert client.get("state") is None


def test_postgres_keeps_what_it_has_and_makes_databases() -> None:
    with PostgresServer() as server:
        first = server.create_database()
        server.run("CREATE TABLE kept (what text)", first)
        server.kill()
        server.start()
        server.run("INSERT INTO kept VALUES ('after')", first)
        second = server.create_database(like=first)
        server.run("INSERT INTO kept VALUES ('in a copy')", second)
        server.drop_database(first)
        with pytest.raises(asyncpg.InvalidCatalogNameError):
            server.run("SELECT 1", first)


def test_mosquitto_comes_back_on_its_port(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "mosquitto") as server:
        server.kill()
        assert not answers(server.port)
        server.start()
        assert answers(server.port)


@pytest.mark.parametrize("kind", [RedisServer, PostgresServer])
def test_a_frozen_server_answers_nothing_and_goes_on_when_thawed(kind: type[Server], tmp_path: Path) -> None:
    with PostgresServer() if kind is PostgresServer else RedisServer(tmp_path / "redis") as server:
        server.freeze()
        assert server.is_running()
        assert not server.is_awake()
        assert not server.is_ready()
        server.thaw()
        server.wait_until_ready()


def test_shared_servers_give_everybody_room_of_their_own(
    redis_url: str, database_url: str, kafka: str, namespace: str
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.set(f"{namespace}key", "value")
    asyncio.run(make_topic(kafka, f"{namespace}topic", replicas=1))
    assert asyncio.run(send(kafka, f"{namespace}topic", range(10))) == set(range(10))
    assert database_url.startswith("postgresql+asyncpg://")


def test_one_broker_keeps_what_it_has_acknowledged(tmp_path: Path) -> None:
    with KafkaCluster(tmp_path / "kafka", settings=QUICK_TO_FENCE) as cluster:
        asyncio.run(make_topic(cluster.bootstrap, "kept", replicas=1))
        sent = asyncio.run(send(cluster.bootstrap, "kept", range(50)))
        (broker,) = cluster.brokers
        broker.kill()
        broker.start()
        assert asyncio.run(read(cluster.bootstrap, "kept")) == sent == set(range(50))


def test_nobody_makes_a_topic_by_accident(kafka: str, namespace: str) -> None:
    async def topics() -> list[str]:
        client = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await client.start()
        try:
            described = await client.describe_topics([f"{namespace}mistyped"])
            assert described[0]["error_code"] == UnknownTopicOrPartitionError.errno
            return list(await client.list_topics())
        finally:
            await client.close()

    assert f"{namespace}mistyped" not in asyncio.run(topics())


@pytest.mark.parametrize("fault", [KafkaBroker.kill, KafkaBroker.freeze])
def test_three_brokers_go_on_acknowledging_without_the_leader(
    fault: Callable[[KafkaBroker], None], three_brokers: KafkaCluster, namespace: str
) -> None:
    topic = f"{namespace}kept"
    asyncio.run(make_topic(three_brokers.bootstrap, topic, replicas=3))
    before = asyncio.run(send(three_brokers.bootstrap, topic, range(50)))
    leader = three_brokers.leader_of(topic, 0)
    fault(leader)
    during = asyncio.run(send(three_brokers.bootstrap, topic, range(50, 100)))
    assert three_brokers.leader_of(topic, 0) is not leader
    leader.thaw()
    if not leader.is_running():
        leader.start()
    three_brokers.wait_until_whole()
    assert before | during == set(range(100))
    assert asyncio.run(read(three_brokers.bootstrap, topic)) == before | during


def test_a_record_is_acknowledged_by_two_of_three(three_brokers: KafkaCluster, namespace: str) -> None:
    topic = f"{namespace}settings"

    async def settings() -> dict[str, str]:
        client = AIOKafkaAdminClient(bootstrap_servers=three_brokers.bootstrap)
        await client.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:  # brokers hear of a new topic one after the other
                    (answer,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
                    ((code, _, _, _, entries),) = answer.resources
                    if not code:
                        return {name: value for name, value, *_ in entries}
                    assert code == UnknownTopicOrPartitionError.errno
                    await asyncio.sleep(0.05)
        finally:
            await client.close()

    asyncio.run(make_topic(three_brokers.bootstrap, topic, replicas=3))
    found = asyncio.run(settings())
    assert found["min.insync.replicas"] == "2"
    assert found["unclean.leader.election.enable"] == "false"


def test_a_session_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    session = subprocess.Popen(
        [sys.executable, "-c", SESSION, str(tmp_path / "redis")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert session.stdout is not None
    with session.stdout as said:
        *ports, folder = said.readline().split()
    try:
        assert all(answers(int(port)) for port in ports)
        session.kill()
        session.wait(PATIENCE_S)
        until(lambda: not any(answers(int(port)) for port in ports), PATIENCE_S)
    finally:
        session.kill()
        shutil.rmtree(folder, ignore_errors=True)  # the last of PostgreSQL may tidy up at the same time


async def make_topic(bootstrap: str, name: str, replicas: int) -> None:
    async def make() -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await client.start()
            made = await client.create_topics([NewTopic(name, 1, replicas)])
        except KafkaError as error:
            raise OSError(f"it could not be made: {error!r}") from error
        finally:
            await client.close()
        failed = {for_code(code) for _, code, *_ in made.topic_errors if code} - {TopicAlreadyExistsError}
        if failed:  # a broker that was not heard for a while counts as gone
            raise OSError(f"it could not be made: {failed}")

    await patiently(make)
    await until_served(bootstrap, [name])


async def send(bootstrap: str, topic: str, numbers: Iterable[int]) -> set[int]:
    """Each until it is acknowledged by all replicas; what came of it in time."""
    acknowledged: set[int] = set()
    producer = await patiently(lambda: started(bootstrap))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                for number in numbers:
                    while number not in acknowledged:
                        with suppress(KafkaError):
                            await producer.send_and_wait(topic, str(number).encode(), partition=0)
                            acknowledged.add(number)
    finally:
        await producer.stop()
    return acknowledged


async def started(bootstrap: str) -> AIOKafkaProducer:
    """One that soon gives up a broker that is frozen."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=2000)
    try:
        await producer.start()
    except KafkaError as error:
        await producer.stop()
        raise OSError(f"none of them answers: {error!r}") from error
    return producer


async def read(bootstrap: str, topic: str) -> set[int]:
    """Everything that is there now."""
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        numbers: set[int] = set()
        while await consumer.position(partition) < end:
            records = await consumer.getmany(timeout_ms=500)
            numbers.update(int(one.value) for batch in records.values() for one in batch)
    return numbers
