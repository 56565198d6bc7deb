"""Topics on the Kafka of the tests, apart from those of every other test."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

from carebell.clock import Clock, SystemClock
from carebell.log_kafka import KafkaLog
from carebell.log_kafka_topics import TopicPlan, set_up
from carebell.topics import Topic
from tests.support.patience import patiently

KEEP = timedelta(days=3650)


async def make_topics(bootstrap: str, names: Sequence[str], partitions: int, replication: int = 1) -> None:
    """Whole names."""
    plans = [TopicPlan(name=name, partitions=partitions, replication=replication, keep=KEEP) for name in names]
    await patiently(lambda: set_up(bootstrap, plans, SystemClock()))


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
