"""Looking into Kafka from outside any group: where topics end, their newest records, since when a group has some waiting.

On connections of its own: a broker answers a connection's requests one after the other, and a fetch may be held for long.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from carebell.log import Record
from carebell.log import TopicPartition as Place
from carebell.log_kafka_client import REQUEST_MS, bounded, consumer, record_of, start, stop

_LOOK_S = 10.0


class _Connection:
    """Made when it is first needed; one that failed once is not used again."""

    def __init__(self, bootstrap: str, client_id: str) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._consumer: AIOKafkaConsumer | None = None
        self._making = asyncio.Lock()

    @asynccontextmanager
    async def use(self) -> AsyncIterator[AIOKafkaConsumer]:
        """The client."""
        async with self._making:
            if self._consumer is None:
                self._consumer = await self._make()
        used = self._consumer
        try:
            yield used
        except OSError:
            if self._consumer is used:
                self._consumer = None
            await stop(used)
            raise

    async def _make(self) -> AIOKafkaConsumer:
        made = consumer(
            self._bootstrap,
            self._client_id,
            group_id=None,
            fetch_max_wait_ms=100,
            max_partition_fetch_bytes=64 * 1024,
            fetch_max_bytes=4 * 1024 * 1024,
        )
        await start(made, "connecting to look")
        return made

    async def close(self) -> None:
        used, self._consumer = self._consumer, None
        if used is not None:
            await stop(used)


class KafkaLook:
    """Whoever reads records here does so one after the other."""

    def __init__(self, bootstrap: str, client_id: str, namespace: str, partitions: int) -> None:
        self._bootstrap = bootstrap
        self._client_id = client_id
        self._namespace = namespace
        self._partitions = partitions
        self._asking = _Connection(bootstrap, client_id)
        self._reading = _Connection(bootstrap, client_id)
        self._turn = asyncio.Lock()

    async def ends(self, places: Sequence[Place]) -> dict[Place, int]:
        """The offset behind the newest record of each."""
        async with self._asking.use() as asked, bounded("where the topics end"):
            names = {TopicPartition(self._namespace + topic, part): (topic, part) for topic, part in places}
            return {names[name]: end for name, end in (await asked.end_offsets(list(names))).items()} if names else {}

    async def tail(self, topic: str, limit: int) -> list[Record]:
        """The newest records of a topic, newest first."""
        async with self._turn, self._reading.use() as asked, bounded("the newest records", _LOOK_S):
            places = self._places(topic)
            ends, begins = await asked.end_offsets(places), await asked.beginning_offsets(places)
            wanted = {at: max(begins[at], ends[at] - limit) for at in places if begins[at] < ends[at]}
            found = (await _read(asked, wanted, ends, limit)).values()
        records = [record_of(raw, self._namespace) for raws in found for raw in raws]
        records.sort(key=lambda record: (record.appended_at, record.offset), reverse=True)
        return records[:limit]

    async def waiting_since(self, group: str, topic: str) -> datetime | None:
        """The append time of the oldest record that the group has not committed."""
        async with self._turn, self._reading.use() as asked, bounded("what waits for a group", _LOOK_S):
            places = self._places(topic)
            done = await self._committed(group, places)
            ends, begins = await asked.end_offsets(places), await asked.beginning_offsets(places)
            behind = {at: max(begins[at], done.get(at, 0)) for at in places}
            behind = {at: offset for at, offset in behind.items() if offset < ends[at]}
            found = (await _read(asked, behind, ends, 1)).values()
        return min((record_of(raw, self._namespace).appended_at for raws in found for raw in raws), default=None)

    async def _committed(self, group: str, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self._bootstrap, client_id=self._client_id, request_timeout_ms=REQUEST_MS
        )
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(self._namespace + group, partitions=list(places))
        finally:
            await admin.close()
        if found.keys() != set(places):  # the client does not look at the error of a whole answer
            raise OSError(f"the coordinator of group {group} is not ready")
        return {place: kept.offset for place, kept in found.items() if kept.offset >= 0}

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(self._namespace + topic, part) for part in range(self._partitions)]

    async def close(self) -> None:
        await asyncio.gather(self._asking.close(), self._reading.close())


async def _read(
    asked: AIOKafkaConsumer, begin: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], limit: int
) -> Mapping[TopicPartition, list[Any]]:
    """Up to so many records of each partition from its offset on, as far as it went when it was asked."""
    found: dict[TopicPartition, list[Any]] = {place: [] for place in begin}
    if not begin:
        return found
    asked.assign(list(begin))
    for place, offset in begin.items():
        asked.seek(place, offset)
    left = set(begin)
    while left:
        for place, raws in (await asked.getmany(*left, timeout_ms=200)).items():
            found[place] += raws
        left = {place for place in left if len(found[place]) < limit and await asked.position(place) < ends[place]}
    asked.pause(*begin)
    return {place: raws[:limit] for place, raws in found.items()}
