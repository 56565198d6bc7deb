"""What only the log of a city has to do: topics that somebody else makes, records that it refuses, lanes that do not wait."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from carebell.clock import SystemClock
from carebell.errors import BadInput, TooLarge
from carebell.log import Entry, Reader, Record
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_reader import KafkaReader
from carebell.topics import Topic
from deploy.topics import check_topics, set_up_topics
from tests.support.patience import PATIENCE_S
from tests.support.services import free_port
from tests.support.topics import make_topics, open_log

pytestmark = pytest.mark.integration
CLOCK = SystemClock()
TOPICS = ("urgent", "telemetry")
NO_WAIT, PATIENCE = timedelta(0), timedelta(seconds=PATIENCE_S)
MEBIBYTE = 1024 * 1024
ALL_RIGHT = ["all topics are as they should be"]


@pytest.fixture
async def log(kafka: str, namespace: str) -> AsyncIterator[KafkaLog]:
    await make_topics(kafka, [namespace + topic for topic in TOPICS], 3)
    opened = await open_log(kafka, CLOCK, namespace, TOPICS)
    yield opened
    await opened.close()


@pytest.fixture
async def admin(kafka: str) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await client.start()
    yield client
    await client.close()


def entry(value: str, topic: str = "urgent", key: str = "h") -> Entry:
    return Entry(topic=topic, key=key, value=value.encode())


def values(records: list[Record]) -> list[str]:
    return [record.value.decode() for record in records]


async def append_again_and_again(log: KafkaLog, entries: list[Entry]) -> None:
    """A broker tells of a setting a moment before it goes by it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await log.append(entries, CLOCK.now())


async def everything(log: KafkaLog) -> list[Record]:
    reader, found = await log.reader(None, TOPICS), []
    while records := await reader.poll(500, NO_WAIT):
        found += records
    return found


async def come(reader: Reader, lane: int, count: int = 1) -> None:
    """Until so much waits in this lane of the reader."""
    assert isinstance(reader, KafkaReader)
    async with asyncio.timeout(PATIENCE_S):
        while len(reader._lanes[lane]) < count:
            await reader._lanes[lane].look()


async def set_topic(admin: AIOKafkaAdminClient, name: str, **settings: str) -> None:
    named = {setting.replace("_", "."): value for setting, value in settings.items()}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=named)])
    async with asyncio.timeout(PATIENCE_S):
        while not named.items() <= (await settings_of(admin, name)).items():
            await asyncio.sleep(0.05)


async def settings_of(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    [(_, _, _, _, entries)] = answer.resources
    return {entry[0]: entry[1] for entry in entries}


async def test_a_record_that_is_too_large_is_named_and_nothing_else_is_held_up(log: KafkaLog) -> None:
    entries = [entry("1"), Entry(topic="urgent", key="h", value=b"x" * 5 * MEBIBYTE), entry("2")]
    with pytest.raises(TooLarge) as refused:
        await log.append(entries, CLOCK.now())
    assert refused.value.places == (1,)
    await log.append([entries[0], entries[2]], CLOCK.now())
    assert values(await everything(log)) == ["1", "2"]


async def test_what_the_broker_refuses_as_too_large_is_named_as_well(
    log: KafkaLog, admin: AIOKafkaAdminClient, namespace: str
) -> None:
    await set_topic(admin, f"{namespace}urgent", max_message_bytes="100000")
    entries = [entry("1"), Entry(topic="urgent", key="other", value=b"x" * MEBIBYTE), entry("2", "telemetry")]
    with pytest.raises(TooLarge, match="carebell admin topics") as refused:
        await append_again_and_again(log, entries)
    assert 1 in refused.value.places
    assert "2" in values(await everything(log))


async def test_nothing_is_trimmed_as_the_topics_have_their_retention(log: KafkaLog) -> None:
    await log.append([entry("1")], CLOCK.now())
    assert await log.trim("urgent", CLOCK.now() + timedelta(days=1)) == 0
    assert values(await everything(log)) == ["1"]


async def test_a_clock_that_is_years_wrong_keeps_no_call_from_the_log(log: KafkaLog) -> None:
    moments = [CLOCK.now().replace(year=year) for year in (1971, 2199)]
    for moment in moments:
        await log.append([entry(moment.isoformat())], moment)
    assert sorted(values(await everything(log))) == sorted(moment.isoformat() for moment in moments)


async def test_the_urgent_topic_is_given_first_though_the_other_floods(log: KafkaLog) -> None:
    for _ in range(10):
        await log.append([entry("flood", "telemetry", key=f"h{n}") for n in range(500)], CLOCK.now())
    reader = await log.reader("g", TOPICS)
    await reader.ends()  # from here on it reads
    await come(reader, 1, 100)
    assert [record.topic for record in await reader.poll(100, PATIENCE)] == ["telemetry"] * 100
    await log.append([entry("call")], CLOCK.now())
    await come(reader, 0)
    await come(reader, 1, 99)
    batch = list(await reader.poll(100, PATIENCE))
    assert values(batch) == ["call"] + ["flood"] * 99


async def test_a_call_ends_the_gathering_of_the_others(log: KafkaLog) -> None:
    reader = await log.reader("g", TOPICS, timedelta(hours=1))
    waiting = asyncio.create_task(reader.poll(100, timedelta(hours=1)))
    await log.append([entry("1", "telemetry")], CLOCK.now())
    await come(reader, 1)
    assert not (await asyncio.wait([waiting], timeout=1))[0]
    await log.append([entry("call")], CLOCK.now())
    assert values(list(await asyncio.wait_for(waiting, PATIENCE_S))) == ["call", "1"]


async def test_a_reader_whose_client_has_died_says_so(log: KafkaLog) -> None:
    reader = await log.reader("g", TOPICS)
    await reader._lanes[1]._consumer.stop()
    with pytest.raises(OSError, match="no longer read"):
        await reader.poll(10, timedelta(hours=1))


async def test_topics_are_made_once_and_mended_where_they_differ(
    kafka: str, namespace: str, admin: AIOKafkaAdminClient
) -> None:
    one = {"namespace": namespace, "partitions": 4, "replication": 1}
    assert len(await check_topics(kafka, **one)) == len(Topic)
    made = await set_up_topics(kafka, **one, keep=timedelta(days=2))
    assert made == [f"{namespace}{topic}: made, 4 partitions, 1 replicas" for topic in Topic]
    assert await set_up_topics(kafka, **one, keep=timedelta(days=2)) == ALL_RIGHT
    assert await check_topics(kafka, **one, keep=timedelta(days=2)) == []
    urgent = f"{namespace}{Topic.URGENT}"
    await set_topic(admin, urgent, retention_ms="1000", segment_bytes="2000000")
    problems = await check_topics(kafka, **one, keep=timedelta(days=2))
    assert f"{urgent}: retention.ms is 1000 and should be 172800000; run: carebell admin topics" in problems
    done = await set_up_topics(kafka, **one, keep=timedelta(days=2))
    assert f"{urgent}: retention.ms set to 172800000, was 1000" in done
    assert await check_topics(kafka, **one, keep=timedelta(days=2)) == []
    settings = await settings_of(admin, urgent)
    assert (settings["segment.bytes"], settings["retention.ms"]) == ("2000000", "172800000")


async def test_the_homes_are_kept_for_ever_and_the_rest_for_a_while(
    kafka: str, namespace: str, admin: AIOKafkaAdminClient
) -> None:
    await set_up_topics(kafka, namespace=namespace, partitions=1, replication=1, keep=timedelta(days=2))
    homes = await settings_of(admin, f"{namespace}{Topic.HOMES}")
    assert (homes["cleanup.policy"], homes["retention.ms"]) == ("compact", "-1")
    alerts = await settings_of(admin, f"{namespace}{Topic.ALERTS}")
    assert (alerts["cleanup.policy"], alerts["retention.ms"]) == ("delete", "172800000")
    assert alerts["unclean.leader.election.enable"] == "false"


async def test_a_partition_count_is_never_changed(kafka: str, namespace: str) -> None:
    await set_up_topics(kafka, namespace=namespace, partitions=2, replication=1)
    lines = await set_up_topics(kafka, namespace=namespace, partitions=4, replication=1)
    assert len(lines) == len(Topic)
    assert all("has 2 partitions, not 4; it keeps them" in line for line in lines)
    log = await open_log(kafka, CLOCK, namespace)
    assert log.partitions == 2
    await log.close()


async def test_a_log_without_its_topics_says_who_makes_them(kafka: str, namespace: str) -> None:
    with pytest.raises(BadInput, match="run `carebell admin topics` first"):
        await KafkaLog.open(kafka, CLOCK, namespace=namespace)


async def test_topics_of_different_partition_counts_are_refused(kafka: str, namespace: str) -> None:
    await make_topics(kafka, [f"{namespace}urgent"], 2)
    await make_topics(kafka, [f"{namespace}telemetry"], 3)
    with pytest.raises(BadInput, match="the same number of partitions"):
        await KafkaLog.open(kafka, CLOCK, namespace=namespace, topics=TOPICS)


async def test_a_kafka_that_is_not_there_is_told_of() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    with pytest.raises(OSError, match="Kafka failed"):
        await KafkaLog.open(nowhere, CLOCK)
    with pytest.raises(OSError, match="Kafka failed"):
        await set_up_topics(nowhere)
