"""Belonging to a group of Kafka: which partitions are ours, and what the group has committed. Nothing is fetched here."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from carebell.clock import Clock, pause
from carebell.log import Assignment, Positions
from carebell.log_kafka_client import STOP_S, Within, bounded, consumer, ended, named, start, stop

# Kafka's own lower bound: a member that is not heard for so long has lost its partitions.
SESSION_MS = 6000
HEARTBEAT_MS = 1500
# A member joins anew by itself, whatever its reader is doing, so it needs no longer than it takes to be told.
REBALANCE_MS = 4500
# A member whose reader asks for nothing for so long leaves. Loading the states of many homes comes first.
MAX_POLL_MS = 120_000
JOIN_S = 30.0
# Without partitions of any kind for so long, or unable to commit for so long, a member is given up and another one made.
LOST_AFTER_S = 30.0
OWING_AT_MOST_S = 15.0
COMMIT_WAIT_S = 1.0
# Longer than a request: a commit that was cut short goes on by itself.
_COMMIT_S = 7.0
_COMMIT_AGAIN = timedelta(seconds=1)
_SETTLE_S = 0.3


class Membership(Protocol):
    """What a reader must know of its group."""

    def assignment(self) -> Assignment: ...

    def asked(self) -> None:
        """The reader is alive."""
        ...

    def failure(self) -> str:
        """Why it is a member no more; empty while it is."""
        ...

    async def committed(self) -> Positions: ...

    async def commit(self, positions: Positions) -> None: ...

    async def close(self) -> None: ...


class Follower:
    """Belongs to no group: every partition, always."""

    def __init__(self, partitions: int) -> None:
        self._assignment = Assignment(epoch=1, partitions=frozenset(range(partitions)))

    def assignment(self) -> Assignment:
        return self._assignment

    def asked(self) -> None: ...

    def failure(self) -> str:
        return ""

    async def committed(self) -> Positions:
        return {}

    async def commit(self, positions: Positions) -> None: ...

    async def close(self) -> None: ...


class Member(ConsumerRebalanceListener):  # type: ignore[misc]
    """One member. The group divides the partitions of all its topics alike, by the Range assignor and equal counts."""

    def __init__(
        self, bootstrap: str, client_id: str, namespace: str, group: str, topics: Sequence[str], clock: Clock
    ) -> None:
        self._namespace = namespace
        self._topics = tuple(topics)
        self._clock = clock
        self._consumer: AIOKafkaConsumer = consumer(
            bootstrap,
            client_id,
            group_id=namespace + group,
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            rebalance_timeout_ms=REBALANCE_MS,
            max_poll_interval_ms=MAX_POLL_MS,
        )
        self._assignment = Assignment(epoch=0, partitions=frozenset())
        self._on_change: Callable[[], None] = lambda: None
        self._assigned = asyncio.Event()
        self._lost_at: float | None = None
        self._unequal = ""
        self._asked = asyncio.Event()
        self._minding: asyncio.Task[None] | None = None
        self._owed: dict[TopicPartition, int] = {}
        self._owing_since: float | None = None
        self._paying: asyncio.Task[None] | None = None

    async def start(self, on_change: Callable[[], None]) -> None:
        """Returns with the first assignment; `on_change` is called at each one and at each loss of one."""
        self._on_change = on_change
        await start(self._consumer, "connecting to the group")
        self._consumer.subscribe([self._namespace + topic for topic in self._topics], listener=self)
        self._minding = asyncio.create_task(self._mind())
        self._minding.add_done_callback(self._tell_the_end)
        async with bounded("joining the group", JOIN_S):
            await self._assigned.wait()
        if failure := self.failure():
            raise OSError(failure)

    def _tell_the_end(self, _: asyncio.Task[None]) -> None:
        self._assigned.set()
        self._on_change()

    async def _mind(self) -> None:
        """Ask the client each time the reader asks us: it takes a member that never asks for stuck, and only tells whoever
        asks of errors of the group. Nothing is ever fetched, as every partition is paused."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._consumer.getmany(timeout_ms=0)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """The group begins to divide anew: until it is done nothing is ours."""
        self._owed.clear()
        self._lost_at = self._clock.monotonic()
        self._change(frozenset())

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        divided = [
            frozenset(part for topic, part in assigned if topic == self._namespace + one) for one in self._topics
        ]
        if any(parts != divided[0] for parts in divided):
            self._unequal = f"the group divided its topics unequally: {sorted(map(tuple, assigned))}"
        self._lost_at = None
        self._change(divided[0])
        self._assigned.set()

    def _change(self, partitions: frozenset[int]) -> None:
        self._assignment = Assignment(epoch=self._assignment.epoch + 1, partitions=partitions)
        self._on_change()

    def assignment(self) -> Assignment:
        return self._assignment

    def asked(self) -> None:
        self._asked.set()

    def failure(self) -> str:
        if self._minding is not None and self._minding.done():
            return "" if self._minding.cancelled() else f"the group failed: {self._minding.exception()!r}"
        now = self._clock.monotonic()
        if self._lost_at is not None and now - self._lost_at > LOST_AFTER_S:
            return f"no partitions were assigned for {LOST_AFTER_S:g} s"
        if self._owing_since is not None and now - self._owing_since > OWING_AT_MOST_S:
            return f"nothing could be committed for {OWING_AT_MOST_S:g} s"
        return self._unequal

    async def committed(self) -> Positions:
        owned = [
            TopicPartition(self._namespace + topic, part)
            for topic in self._topics
            for part in sorted(self._assignment.partitions)
        ]
        async with bounded("what the group has committed"):
            found = await asyncio.gather(*(self._consumer.committed(place) for place in owned))
        cut = len(self._namespace)
        pairs = zip(owned, found, strict=True)
        return {(place.topic[cut:], place.partition): offset for place, offset in pairs if offset is not None}

    async def commit(self, positions: Positions) -> None:
        """Kafka is asked at once, and again until it has them; the reader waits for it a moment only.

        What is owed when the partitions are lost is forgotten: whoever owns them next reads it again.
        """
        owned = self._assignment.partitions
        self._owed |= named(self._namespace, {place: at for place, at in positions.items() if place[1] in owned})
        if not self._owed:
            return
        if self._paying is None or self._paying.done():
            self._paying = asyncio.create_task(self._pay())
        if self._owing_since is None:
            await asyncio.wait([self._paying], timeout=COMMIT_WAIT_S)

    async def _pay(self) -> None:
        while self._owed:
            offered = dict(self._owed)
            try:
                async with Within(_COMMIT_S):
                    await self._consumer.commit(offered)
            except (CommitFailedError, IllegalStateError):
                self._forget(offered)  # lost to a new division: it is read again
            except (KafkaError, TimeoutError):
                self._owing_since = self._clock.monotonic() if self._owing_since is None else self._owing_since
                await pause(self._clock, _COMMIT_AGAIN)
            else:
                self._forget(offered)
        self._owing_since = None

    def _forget(self, offered: dict[TopicPartition, int]) -> None:
        self._owed = {place: at for place, at in self._owed.items() if offered.get(place) != at}

    async def close(self) -> None:
        if self._paying is not None:
            await asyncio.wait([self._paying], timeout=COMMIT_WAIT_S)
        await _end(self._minding)
        await stop(self._consumer)
        if self._paying is not None:  # its request has failed now: cut short before, it would go on by itself
            await asyncio.wait([self._paying], timeout=_SETTLE_S)
        await _end(self._paying)


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await ended([task], STOP_S)
