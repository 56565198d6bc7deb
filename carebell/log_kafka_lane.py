"""One lane of reading from Kafka: a connection of its own, so that one lane never waits for a fetch of another.

The client asks a broker for all partitions it has emptied, one request at a time: whatever arrives in a partition that is
not in the request under way waits until that one ends. So a lane takes what comes off the client's hands at once, into a
bounded buffer of its own, and topics that must not wait for others have a lane to themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from carebell.clock import Clock, pause
from carebell.log import NO_TIME, Positions, Record
from carebell.log import TopicPartition as Place
from carebell.log_kafka_client import STOP_S, bounded, consumer, ended, record_of, start, stop

_LOOK_MS = 250
# A fetch is answered within the wait it asks for. A broker that is frozen is found by nothing else.
_REQUEST_MS = 2500
# Unpacking so many holds up the whole process: a call for help may be among those who wait.
_AT_ONCE = 40


@dataclass(frozen=True, slots=True)
class Fetching:
    """How a lane asks: how long a broker may hold a request that it has nothing for, and how much it may give."""

    max_wait_ms: int
    partition_bytes: int
    request_bytes: int
    buffered: int


# Small answers, taken at once. A request that is held costs no latency, as whatever comes ends it: the wait only bounds what a
# change of leaders or positions costs.
PROMPT = Fetching(max_wait_ms=100, partition_bytes=256 * 1024, request_bytes=1024 * 1024, buffered=2000)
BULK = Fetching(max_wait_ms=250, partition_bytes=256 * 1024, request_bytes=2 * 1024 * 1024, buffered=4000)


class Lane:
    """Start it, `assign` it partitions; it calls `on_news` when something has come or it can no longer read."""

    def __init__(self, bootstrap: str, client_id: str, namespace: str, topics: Sequence[str], how: Fetching) -> None:
        self.topics = tuple(topics)
        self._on_news: Callable[[], None] = lambda: None
        self._namespace = namespace
        self._full = how.buffered
        self._consumer = consumer(
            bootstrap,
            client_id,
            _REQUEST_MS,
            group_id=None,
            fetch_max_wait_ms=how.max_wait_ms,
            fetch_min_bytes=1,
            max_partition_fetch_bytes=how.partition_bytes,
            fetch_max_bytes=how.request_bytes,
        )
        self._buffers: dict[str, deque[Any]] = {namespace + topic: deque() for topic in topics}
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._room = asyncio.Event()
        self._looked = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def start(self, clock: Clock, on_news: Callable[[], None]) -> None:
        self._on_news = on_news
        await start(self._consumer, "connecting to read")
        self._room.set()
        self._pump = asyncio.create_task(self._run(clock))
        self._pump.add_done_callback(self._tell_the_end)

    async def _run(self, clock: Clock) -> None:
        while True:
            await self._room.wait()
            batches: Mapping[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                timeout_ms=_LOOK_MS, max_records=_AT_ONCE
            )
            for place, records in batches.items():
                if place in self._assigned:
                    self._buffers[place.topic].extend(records)
            if batches:
                self._on_news()
                if len(self) >= self._full:
                    self._room.clear()
                await pause(clock, NO_TIME)  # what is there already is given without a pause of its own
            self._looked.set()

    def _tell_the_end(self, _: asyncio.Task[None]) -> None:
        self._on_news()
        self._looked.set()

    def __len__(self) -> int:
        return sum(map(len, self._buffers.values()))

    def failure(self) -> str:
        """Why it reads no more; empty while it does."""
        if self._pump is not None and self._pump.done():
            return "" if self._pump.cancelled() else f"reading failed: {self._pump.exception()!r}"
        return "the client has stopped fetching" if self._consumer._fetcher.error_future.done() else ""

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read these and nothing else, on from an offset; None stands for the beginning."""
        self.drop()
        places = {self._name(place): offset for place, offset in positions.items() if place[0] in self.topics}
        self._assigned = frozenset(places)
        if places:  # without any the client would ask for all topics there are
            self._consumer.assign(list(places))
        for name, offset in places.items():
            if offset is not None:
                self._consumer.seek(name, offset)

    def drop(self) -> None:
        """These partitions are no longer ours: none of their records is given any more."""
        self._consumer.pause(*self._assigned)
        self._assigned = frozenset()
        for buffer in self._buffers.values():
            buffer.clear()
        self._room.set()

    def seek(self, positions: Positions) -> None:
        """Read on from these offsets, where assigned."""
        moved = {name: at for place, at in positions.items() if (name := self._name(place)) in self._assigned}
        for name, offset in moved.items():
            self._consumer.seek(name, offset)
        for topic in {name.topic for name in moved}:
            left = [raw for raw in self._buffers[topic] if TopicPartition(raw.topic, raw.partition) not in moved]
            self._buffers[topic] = deque(left)
        self._make_room()

    def take(self, limit: int) -> list[Record]:
        """Up to so many of what has come, topics in their order."""
        taken: list[Record] = []
        for buffer in self._buffers.values():
            while buffer and len(taken) < limit:
                taken.append(record_of(buffer.popleft(), self._namespace))
        self._make_room()
        return taken

    def _make_room(self) -> None:
        if len(self) <= self._full // 2:
            self._room.set()

    def assigned(self) -> list[Place]:
        """What it reads."""
        cut = len(self._namespace)
        return [(name.topic[cut:], name.partition) for name in self._assigned]

    async def positions(self) -> dict[Place, int]:
        """What the client would fetch next of each."""
        async with bounded("where the reading stands"):
            try:
                cut = len(self._namespace)
                stands = {name: await self._consumer.position(name) for name in self._assigned}
                return {(name.topic[cut:], name.partition): at for name, at in stands.items()}
            except IllegalStateError:  # assigned anew meanwhile
                return {}

    def is_full(self) -> bool:
        """Whether it waits for its reader."""
        return not self._room.is_set()

    async def look(self) -> None:
        """Until the client was asked once more."""
        self._looked.clear()
        await self._looked.wait()

    async def close(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            await ended([self._pump], STOP_S)
        await stop(self._consumer)

    def _name(self, place: Place) -> TopicPartition:
        return TopicPartition(self._namespace + place[0], place[1])
