"""From the MQTT connection into the log: decoded in order of receipt, appended on two lanes, acknowledged in order.

A message with anything urgent in it goes whole to the lane of calls, of which each partition has its own and which waits
for no telemetry; everything else is gathered. What the log does not take is not acknowledged: it stays with the broker, and
the append is tried again. A tick is appended when everything that came before it is in the log.
"""

import asyncio
from collections import deque
from datetime import datetime, timedelta
from typing import Any, Protocol

from carebell.clock import pause, wait_set
from carebell.instruments import Instruments
from carebell.log import NO_TIME, Log
from carebell.mqtt import Arrival
from carebell.topics import partition_of
from ingest.accept import Reply
from ingest.decoding import Decoder
from ingest.lane import Ends, Lane
from ingest.order import Order
from ingest.spooler import Spooler
from ingest.taken import Taken

GATHER = timedelta(milliseconds=20)
_SLICE = 50
_TURN_EVERY = timedelta(seconds=1)
_HANGS_AFTER_S = 20.0


class Outlet(Protocol):
    """The connection, as seen from here."""

    def acknowledge(self, arrival: Arrival) -> bool: ...

    def is_current(self, arrival: Arrival) -> bool:
        """Whether the connection that brought it still stands."""
        ...

    def reply(self, reply: Reply) -> None: ...


class Intake:
    """Give it arrivals with `take`; `run` works them off."""

    def __init__(
        self, *, log: Log, decoder: Decoder, spooler: Spooler, outlet: Outlet, instruments: Instruments
    ) -> None:
        self._decoder = decoder
        self._spooler = spooler
        self._outlet = outlet
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._progress = instruments.progress
        self._logger = instruments.logger
        self._waiting: deque[tuple[Arrival, datetime, float]] = deque()
        self._came = asyncio.Event()
        self._stopping = False
        self.appended = 0
        self._start: Any = None
        self._order = Order(outlet.acknowledge, self._tick_is_due)
        self._partitions = log.partitions
        ends = Ends(self._appended, self._decoder.refuse)

        def lane(name: str, gather: timedelta = NO_TIME) -> Lane:
            return Lane(name, log, instruments, ends, lambda: self._stopping, gather)

        self._telemetry_lane = lane("telemetry", GATHER)
        self._tick_lane = lane("ticks")
        self._urgent_lanes = [lane(f"urgent-{number}") for number in range(log.partitions)]

    @property
    def is_stuck(self) -> bool:
        """The log does not take what has come."""
        return any(lane.is_stuck for lane in self._lanes)

    @property
    def under_way(self) -> int:
        """Messages that have come and are not acknowledged."""
        return len(self._waiting) + len(self._order)

    @property
    def _lanes(self) -> list[Lane]:
        return [self._telemetry_lane, self._tick_lane, *self._urgent_lanes]

    def take(self, arrival: Arrival) -> None:
        """Called from the connection: only notes the arrival and when it came."""
        self._waiting.append((arrival, self._clock.now(), self._clock.monotonic()))
        self._came.set()

    def forget(self) -> None:
        """The broker gives everything that was not acknowledged again, to us or to a successor: it is not kept here as
        well. Calls stay until they are safe on disk, and so does what the broker gives once only."""
        self.forget_repeats()
        for taken in self._order:
            taken.is_done |= taken.arrival.qos > 0 and (taken.is_spooled or not taken.is_urgent)
        self._order.settle()

    def forget_repeats(self) -> None:
        """What comes next is news, whatever was heard before."""
        self._decoder.forget()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; an append begun is finished."""
        self._stopping = False
        async with asyncio.TaskGroup() as tasks:
            self._start = tasks.create_task
            tasks.create_task(self._read())
            tasks.create_task(self._turn(stop))

    async def _turn(self, stop: asyncio.Event) -> None:
        while True:
            if not self._hangs():
                self._progress.turned("ingest")
            await self._spooler.turn([taken for taken in self._order if taken.is_urgent and not taken.is_done])
            self._telemetry.under_way.set(self.under_way)
            if await wait_set(stop, self._clock, _TURN_EVERY):
                break
        self._stopping = True
        self._came.set()

    def _hangs(self) -> bool:
        began_s = [lane.began_s for lane in self._lanes if lane.began_s is not None]
        return bool(began_s) and self._clock.monotonic() - min(began_s) > _HANGS_AFTER_S

    async def _read(self) -> None:
        while not self._stopping:
            await self._came.wait()
            self._came.clear()
            while self._waiting and not self._stopping:
                for _ in range(min(_SLICE, len(self._waiting))):
                    self._begin(*self._waiting.popleft())
                await pause(self._clock, NO_TIME)

    def _begin(self, arrival: Arrival, received_at: datetime, came_s: float) -> None:
        taken = self._decoder.read(arrival, received_at, came_s)
        self._order.begin(taken)
        if not taken.entries:
            taken.is_done = True
            self._tell(taken)
        elif taken.is_urgent:
            self._put(self._urgent_lanes[partition_of(taken.entries[0].key, self._partitions)], taken)
        elif not taken.is_tick:
            self._put(self._telemetry_lane, taken)
        if taken.is_done or taken.is_tick:
            self._order.settle()

    def _put(self, lane: Lane, taken: Taken) -> None:
        if not self._stopping:
            lane.put(taken, self._start)

    def _tick_is_due(self, taken: Taken) -> None:
        """Who has lost the connection says no more what time it is: it hears nothing."""
        if self._outlet.is_current(taken.arrival):
            self._put(self._tick_lane, taken)
        else:
            taken.is_done = True

    def _appended(self, taken: Taken) -> None:
        self.appended += 1
        if taken.is_urgent:
            self._spooler.appended(taken)
        if not taken.is_told:
            self._tell(taken)
        if taken.later:
            taken.entries, taken.later = taken.later, []
            self._put(self._telemetry_lane, taken)
            return
        taken.is_done = True
        self._order.settle()

    def _tell(self, taken: Taken) -> None:
        """The device, the metrics and whoever reads the log lines."""
        taken.is_told = True
        for reply in (*taken.accepted.replies, *taken.accepted.asks):
            self._outlet.reply(reply)
        if taken.accepted.readings and not taken.accepted.is_registered:
            self._telemetry.unregistered.inc()
        took = self._clock.now() - taken.received_at
        for reading in taken.accepted.readings:
            self._telemetry.reading_in_log(reading, took)
            if reading.is_urgent:
                self._logger.info(
                    "urgent reading in the log", reading_id=reading.id, home_id=reading.home_id, kind=reading.kind
                )
