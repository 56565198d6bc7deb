"""The Log port on Apache Kafka: the log of a city.

Calls for help, alerts and whatever somebody waits for are appended by one producer at once, everything else by another:
neither waits for the other. The topics must be there, with one and the same partition count: a home keeps its partition on
all of them.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from carebell.clock import Clock
from carebell.errors import BadInput, TooLarge
from carebell.log import NO_TIME, Entry, Record
from carebell.log_kafka_client import RECORD_BYTES
from carebell.log_kafka_lane import BULK, PROMPT, Lane
from carebell.log_kafka_look import KafkaLook
from carebell.log_kafka_member import Follower, Member
from carebell.log_kafka_producer import PROMPT_MS, UNHURRIED_MS, KafkaProducer, size_of
from carebell.log_kafka_reader import KafkaReader
from carebell.log_kafka_topics import count_partitions
from carebell.topics import Topic, partition_of

# What nobody waits for. Everything else is prompt.
_UNHURRIED = frozenset({Topic.TELEMETRY, Topic.HOMES, Topic.CASES, Topic.REJECTED})


class KafkaLog:
    """Build with `KafkaLog.open(bootstrap, clock)`. The namespace is put before the names of topics and groups."""

    def __init__(self, bootstrap: str, clock: Clock, namespace: str, client_id: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._namespace = namespace
        self._client_id = client_id
        self._partitions = partitions
        self._prompt = KafkaProducer(bootstrap, client_id, clock, PROMPT_MS)
        self._unhurried = KafkaProducer(bootstrap, client_id, clock, UNHURRIED_MS)
        self._look = KafkaLook(bootstrap, client_id, namespace, partitions)
        self._readers: set[KafkaReader] = set()

    @classmethod
    async def open(
        cls,
        bootstrap: str,
        clock: Clock,
        *,
        namespace: str = "",
        client_id: str = "carebell",
        topics: Sequence[str] = tuple(Topic),
    ) -> "KafkaLog":
        """Raises OSError when Kafka cannot be reached, BadInput when the topics are not as they must be."""
        counts = await count_partitions(bootstrap, [namespace + topic for topic in topics])
        if missing := sorted(topic for topic in topics if namespace + topic not in counts):
            raise BadInput(f"Kafka has no topic {', '.join(missing)}: run `carebell admin topics` first")
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{topic} has {count}" for topic, count in sorted(counts.items()))
            raise BadInput(f"all topics must have the same number of partitions: {found}")
        log = cls(bootstrap, clock, namespace, client_id, min(counts.values()))
        try:
            await asyncio.gather(log._prompt.start(), log._unhurried.start())
        except BaseException:
            await log.close()
            raise
        return log

    @property
    def partitions(self) -> int:
        return self._partitions

    async def append(self, entries: Sequence[Entry], at: datetime) -> None:
        if any(entry.partition is not None and not 0 <= entry.partition < self._partitions for entry in entries):
            raise ValueError(f"a partition is 0 to {self._partitions - 1}: nobody would read another")
        if large := [place for place, entry in enumerate(entries) if size_of(entry) > RECORD_BYTES]:
            raise TooLarge(f"the log takes records of up to {RECORD_BYTES} bytes", large)
        rows = [(place, self._namespace + entry.topic, self._part(entry), entry) for place, entry in enumerate(entries)]
        prompt = [row for row in rows if row[3].topic not in _UNHURRIED]
        unhurried = [row for row in rows if row[3].topic in _UNHURRIED]
        lanes = ((self._prompt, prompt), (self._unhurried, unhurried))
        results = await asyncio.gather(*(to.append(some, at) for to, some in lanes if some), return_exceptions=True)
        large = [place for error in results if isinstance(error, TooLarge) for place in error.places]
        for error in results:
            if error is not None and not isinstance(error, TooLarge):
                raise error
        if large:
            raise TooLarge("Kafka refuses it as too large: run `carebell admin topics`", sorted(large))

    def _part(self, entry: Entry) -> int:
        return partition_of(entry.key, self._partitions) if entry.partition is None else entry.partition

    async def reader(self, group: str | None, topics: Sequence[str], gather: timedelta = NO_TIME) -> KafkaReader:
        names = [str(topic) for topic in topics]
        lanes = [self._lane(names[:1], prompt=True), *([self._lane(names[1:], prompt=False)] if names[1:] else [])]
        follower = Follower(self._partitions)
        member = None
        if group is not None:
            member = Member(self._bootstrap, self._client_id, self._namespace, group, names, self._clock)
        reader = KafkaReader(member or follower, lanes, self._clock, gather, self._look.ends, self._readers.discard)
        self._readers.add(reader)
        try:
            await reader.start()
            if member is not None:
                await member.start(reader.change)
        except BaseException:
            await reader.close()
            raise
        return reader

    def _lane(self, topics: Sequence[str], *, prompt: bool) -> Lane:
        return Lane(self._bootstrap, self._client_id, self._namespace, topics, PROMPT if prompt else BULK)

    async def waiting_since(self, group: str, topic: str) -> datetime | None:
        return await self._look.waiting_since(group, str(topic))

    async def tail(self, topic: str, limit: int) -> Sequence[Record]:
        return await self._look.tail(str(topic), limit)

    async def trim(self, topic: str, before: datetime) -> int:
        """Nothing: Kafka forgets by the retention that the topics were given."""
        return 0

    async def close(self) -> None:
        await asyncio.gather(*(reader.close() for reader in list(self._readers)))
        await asyncio.gather(self._prompt.close(), self._unhurried.close(), self._look.close())
