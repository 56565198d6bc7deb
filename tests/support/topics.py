"""Topics on the Kafka of the tests, apart from those of every other test."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from carebell.clock import Clock, SystemClock
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_topics import TopicPlan, set_up
from carebell.topics import Topic
from tests.support.patience import patiently

KEEP = timedelta(days=3650)
_ANSWERS_WITHIN_MS = 10_000


async def make_topics(bootstrap: str, names: Sequence[str], partitions: int, replication: int = 1) -> None:
    """Whole names."""
    plans = [TopicPlan(name=name, partitions=partitions, replication=replication, keep=KEEP) for name in names]
    await patiently(lambda: set_up(bootstrap, plans, SystemClock()))
    await until_served(bootstrap, names)


async def until_served(bootstrap: str, names: Sequence[str]) -> None:
    """Until every broker has heard of these topics, and whoever leads a partition of theirs has opened it: a topic that was
    just made is told of first and opened then, so that an append may wait for it in vain."""
    await patiently(lambda: _ends(bootstrap, names))


async def end_offsets(bootstrap: str, names: Sequence[str]) -> dict[TopicPartition, int]:
    """The offset behind the last record of each partition."""
    return await patiently(lambda: _ends(bootstrap, names))


async def _ends(bootstrap: str, names: Sequence[str]) -> dict[TopicPartition, int]:
    """Raises OSError where a broker does not answer, has not heard of a topic or does not serve what it leads."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, request_timeout_ms=_ANSWERS_WITHIN_MS)
    try:
        await consumer.start()
        places: set[TopicPartition] = set()
        for broker in consumer._client.cluster.brokers():
            told = (await consumer._client.send(broker.nodeId, MetadataRequest(list(names)))).to_object()
            for topic in told["topics"]:
                if topic["error_code"] or any(part["leader"] < 0 for part in topic["partitions"]):
                    raise OSError(f"broker {broker.nodeId} does not know {topic['topic']} yet")
                places |= {TopicPartition(topic["topic"], part["partition"]) for part in topic["partitions"]}
        return dict(await consumer.end_offsets(list(places)))
    except KafkaError as error:
        raise OSError(f"Kafka is not ready: {error!r}") from error
    finally:
        await consumer.stop()


async def open_log(bootstrap: str, clock: Clock, namespace: str, topics: Sequence[str] = tuple(Topic)) -> KafkaLog:
    """On a server that is there; a busy one is asked again."""
    return await patiently(lambda: KafkaLog.open(bootstrap, clock, namespace=namespace, topics=topics))


async def open_kafka(bootstrap: str, topics: Sequence[str], folder: Path, partitions: int, clock: Clock) -> KafkaLog:
    """The folder keeps the namespace: with the same one it is the same log."""
    note = folder / "namespace"
    if not note.exists():
        note.write_text(f"t{token_hex(4)}.")
    namespace = note.read_text()
    await make_topics(bootstrap, [namespace + topic for topic in topics], partitions)
    return await open_log(bootstrap, clock, namespace, topics)
