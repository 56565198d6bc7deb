"""Reading from Kafka: a membership says which partitions, two lanes bring their records.

The first topic has a lane to itself and is always given first, whatever floods the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from carebell.clock import Clock, pause, wait_set
from carebell.log import NO_TIME, Assignment, Positions, Record
from carebell.log import TopicPartition as Place
from carebell.log_kafka_client import bounded
from carebell.log_kafka_lane import Lane
from carebell.log_kafka_member import Membership

# A poll without a wait gives what stands in the log: it takes so long at the most to come over.
CATCH_UP_S = 20.0
# Whoever polls what is buffered must not keep a call from coming in: from the connection to its lane takes so many turns.
_TURNS = 6
# A partition that has more, of which nothing comes, at so many looks in a row: the client has stopped in silence.
LOOK_EVERY = timedelta(seconds=4)
STUCK_LOOKS = 3


class KafkaReader:
    """Give it its membership and lanes, and `start` it."""

    def __init__(
        self,
        membership: Membership,
        lanes: Sequence[Lane],
        clock: Clock,
        gather: timedelta,
        ends_of: Callable[[Sequence[Place]], Awaitable[Positions]],
        forget: Callable[["KafkaReader"], None],
    ) -> None:
        self._membership = membership
        self._lanes = tuple(lanes)
        self._clock = clock
        self._gather = gather
        self._ends_of = ends_of
        self._forget = forget
        self._placed: int | None = None
        self._news = asyncio.Event()
        self._first_news = asyncio.Event()
        self._stuck = ""
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """The lanes are open, and from here on it is watched."""
        first, *others = self._lanes
        await asyncio.gather(
            first.start(self._clock, self._tell), *(lane.start(self._clock, self._news.set) for lane in others)
        )
        self._watch = asyncio.create_task(self._watch_progress())

    def change(self) -> None:
        """Called by the membership: the partitions were lost or given anew."""
        for lane in self._lanes:
            lane.drop()
        self._tell()

    def _tell(self) -> None:
        """What must not wait for company."""
        self._first_news.set()
        self._news.set()

    def assignment(self) -> Assignment:
        return self._membership.assignment()

    async def poll(self, limit: int, wait: timedelta) -> Sequence[Record]:
        for _ in range(_TURNS):
            await pause(self._clock, NO_TIME)
        await self._ready()
        epoch = self.assignment().epoch
        if wait <= NO_TIME:
            await self._catch_up(limit)
            return self._take(limit, epoch)
        self._news.clear()
        self._first_news.clear()
        if records := self._take(limit, epoch):
            return records
        if await wait_set(self._news, self._clock, wait) and self._gather > NO_TIME:
            await wait_set(self._first_news, self._clock, self._gather)
        self._check()
        return self._take(limit, epoch)

    def _take(self, limit: int, epoch: int) -> list[Record]:
        records: list[Record] = []
        for lane in self._lanes:
            if self._placed == epoch == self.assignment().epoch and len(records) < limit:
                records += lane.take(limit - len(records))
        return records

    async def _ready(self) -> None:
        """Alive, and the lanes stand where the group has committed."""
        self._alive()
        while self._placed != (assignment := self.assignment()).epoch:
            committed = await self._membership.committed()
            if assignment == self.assignment():
                for lane in self._lanes:
                    places = [(topic, part) for topic in lane.topics for part in assignment.partitions]
                    lane.assign({place: committed.get(place) for place in places})
                self._placed = assignment.epoch

    def _alive(self) -> None:
        self._membership.asked()
        self._check()

    def _check(self) -> None:
        blind = "its watch has ended" if self._watch is not None and self._watch.done() else ""
        failures = (self._membership.failure(), self._stuck, blind, *(lane.failure() for lane in self._lanes))
        if failure := "; ".join(filter(None, failures)):
            raise OSError(f"Kafka is no longer read: {failure}")

    async def _catch_up(self, limit: int) -> None:
        """Until the lanes hold what stands in the log now, or enough of it."""
        epoch = self.assignment().epoch
        async with bounded("reading to the end", CATCH_UP_S):
            for lane in self._lanes:
                ends = await self._ends_of(lane.assigned())
                while len(lane) < limit and not lane.is_full() and await _is_behind(lane, ends):
                    self._check()
                    if epoch != self.assignment().epoch:
                        return
                    await lane.look()

    async def seek(self, positions: Positions) -> None:
        await self._ready()
        named = {(str(topic), part): position for (topic, part), position in positions.items()}
        for lane in self._lanes:
            lane.seek(named)

    async def commit(self, positions: Positions) -> None:
        self._alive()
        await self._membership.commit({(str(topic), part): position for (topic, part), position in positions.items()})

    async def committed(self) -> Positions:
        self._alive()
        return await self._membership.committed()

    async def ends(self) -> Positions:
        await self._ready()
        return await self._ends_of([place for lane in self._lanes for place in lane.assigned()])

    async def _watch_progress(self) -> None:
        """A client that stops in silence is found by what the log holds and does not come."""
        seen: dict[Place, tuple[int, int]] = {}
        while True:
            await pause(self._clock, LOOK_EVERY)
            epoch = self._placed
            now: dict[Place, int] = {}
            for lane in self._lanes:
                if not lane.is_full():
                    now |= await self._behind(lane)
            if epoch != self._placed:
                now = {}
            seen = {
                place: (at, seen[place][1] + 1 if seen.get(place, (None, 0))[0] == at else 1)
                for place, at in now.items()
            }
            if stuck := sorted(place for place, (_, looks) in seen.items() if looks > STUCK_LOOKS):
                self._stuck = f"nothing comes of {stuck}, though there is more or nobody can say"
                self._tell()

    async def _behind(self, lane: Lane) -> dict[Place, int]:
        """Where the reading stands in each partition that has more. Whoever cannot tell has no progress either."""
        try:
            ends, positions = await self._ends_of(lane.assigned()), await lane.positions()
        except OSError:
            return {(topic, -1): -1 for topic in lane.topics}
        return {place: at for place, at in positions.items() if at < ends.get(place, 0)}

    async def close(self) -> None:
        self._forget(self)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await asyncio.gather(self._membership.close(), *(lane.close() for lane in self._lanes))


async def _is_behind(lane: Lane, ends: Positions) -> bool:
    positions = await lane.positions()
    return any(positions.get(place, end) < end for place, end in ends.items())
