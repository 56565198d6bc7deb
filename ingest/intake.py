"""From the MQTT connection into the log: batches in order of receipt, acknowledged only when the log has them.

A message waits behind at most the append that is under way. Within a batch, calls for help are appended first.
What the log does not take is not acknowledged: it stays with the broker, and the append is tried again.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from carebell.clock import pause, wait_set
from carebell.instruments import Instruments
from carebell.log import Entry, Log
from carebell.mqtt import Arrival
from carebell.telemetry import Hop, known_kind
from carebell.topics import Topic, lane_of
from carebell.types import Reading, Rejected, Tick
from carebell.wire import encode, headers
from devices.dialect import Message
from ingest.accept import Accepted, Homes, Reply, accept, salvage

BATCH = 500
GATHER = timedelta(milliseconds=20)
_IDLE = timedelta(seconds=1)
_RETRY = timedelta(milliseconds=200)
SOURCE = "carebell/ingest"
# Pulses further apart than this mean that nothing could be heard between them.
GAP = timedelta(seconds=30)
AHEAD_AT_MOST = timedelta(seconds=5)
# What we say ourselves comes back by the wildcard subscription.
OWN = "/down"


@dataclass(frozen=True, slots=True)
class _Taken:
    """An arrival, what it came to, and what of it goes into the log."""

    arrival: Arrival
    accepted: Accepted
    entries: list[Entry]

    @property
    def is_prompt(self) -> bool:
        """Whether it waits for no company: a call for help, time itself, and what is not appended at all."""
        return not self.entries or any(
            entry.topic == Topic.URGENT or entry.partition is not None for entry in self.entries
        )


class Intake:
    """Give it arrivals with `take`; `run` works them off."""

    def __init__(
        self,
        *,
        log: Log,
        homes: Homes,
        instruments: Instruments,
        acknowledge: Callable[[Arrival], bool],
        reply: Callable[[Reply], None],
        pulse_topic: str,
    ) -> None:
        self._log = log
        self._homes = homes
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._progress = instruments.progress
        self._logger = instruments.logger
        self._acknowledge = acknowledge
        self._reply = reply
        self._pulse_topic = pulse_topic
        self._waiting: deque[tuple[Arrival, datetime]] = deque()
        self._came = asyncio.Event()
        self.pulse_at: datetime | None = None
        self.pulse_heard_s: float | None = None
        self.is_stuck = False
        self._listening_since: datetime | None = None

    def take(self, arrival: Arrival) -> None:
        """Called from the connection: only notes the arrival and when it came."""
        self._waiting.append((arrival, self._clock.now()))
        self._came.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a batch begun is finished."""
        while not stop.is_set():
            self._progress.turned("ingest")
            self._came.clear()
            if not self._waiting:
                await wait_set(self._came, self._clock, _IDLE)
            while self._waiting and not stop.is_set():
                await self._work_off(stop)

    async def _work_off(self, stop: asyncio.Event) -> None:
        batch = await self._gather()
        entries = [entry for one in batch for entry in one.entries]
        entries.sort(key=lambda entry: entry.topic != Topic.URGENT)
        if not await self._append(entries, stop):
            return
        for one in batch:
            self._acknowledge(one.arrival)
        accepted = [one.accepted for one in batch]
        self._count(accepted)
        for reply in [reply for one in accepted for reply in one.replies]:
            self._reply(reply)

    async def _gather(self) -> list[_Taken]:
        """What has come. A call for help goes on at once; anything else waits a moment for company, as an append is paid
        per batch."""
        taken: list[_Taken] = []
        until = self._clock.now() + GATHER
        while len(taken) < BATCH:
            self._came.clear()
            while self._waiting and len(taken) < BATCH:
                taken.append(self._take_in(*self._waiting.popleft()))
            left = until - self._clock.now()
            if left <= timedelta(0) or any(one.is_prompt for one in taken):
                break
            await wait_set(self._came, self._clock, left)
        return taken

    def _take_in(self, arrival: Arrival, received_at: datetime) -> _Taken:
        if arrival.topic == self._pulse_topic:
            return _Taken(arrival, Accepted(), self._ticks(arrival))
        if arrival.topic.endswith(OWN):
            return _Taken(arrival, Accepted(), [])
        return _Taken(arrival, *self._accept(arrival, received_at))

    def _accept(self, arrival: Arrival, received_at: datetime) -> tuple[Accepted, list[Entry]]:
        message = Message(
            topic=arrival.topic, payload=arrival.payload, retained=arrival.retained, received_at=received_at
        )
        try:
            accepted = accept(message, self._homes)
            return accepted, self._entries(accepted)
        except Exception as error:  # noqa: BLE001 - our own bug must not stop the stream: it would come again for ever
            self._logger.error("decoder failed", topic_levels=message.topic.count("/") + 1, error=type(error).__name__)
            accepted = salvage(message, error)
            return accepted, self._entries(accepted)

    def _entries(self, accepted: Accepted) -> list[Entry]:
        entries = [self._entry(reading) for reading in accepted.readings]
        return entries if accepted.rejected is None else [*entries, self._report(accepted.rejected)]

    async def _append(self, entries: Sequence[Entry], stop: asyncio.Event) -> bool:
        """Until the log has them; False when told to stop before that."""
        while True:
            try:
                await self._log.append(entries, self._clock.now())
            except OSError as error:
                self.is_stuck = True
                self._telemetry.append_failed.inc()
                self._logger.error("log append failed; nothing is acknowledged", error=str(error), entries=len(entries))
                if stop.is_set():
                    return False
                self._progress.turned("ingest")
                await pause(self._clock, _RETRY)
            else:
                self.is_stuck = False
                return True

    def _ticks(self, arrival: Arrival) -> list[Entry]:
        """One tick in each partition of the telemetry lane: whatever the broker held before it has now arrived."""
        try:
            at = datetime.fromisoformat(arrival.payload.decode("ascii")).astimezone(UTC)
        except (ValueError, OverflowError):
            self._logger.warning("a pulse that is no time", topic=arrival.topic)
            return []
        now = self._clock.now()
        if at - now > AHEAD_AT_MOST:
            # Rule time never goes back: one time from the future would blind every home until then.
            self._logger.warning("a pulse from the future", ahead_s=(at - now).total_seconds())
            return []
        if self.pulse_at is None or self._listening_since is None or now - self.pulse_at > GAP:
            self._listening_since = at
        self.pulse_at = now
        self.pulse_heard_s = self._clock.monotonic()
        tick = Tick(at=at, source=SOURCE, listening_since=self._listening_since)
        value, about = encode(tick), headers(tick, id=at.isoformat(), source=SOURCE, at=at)
        return [
            Entry(topic=Topic.TELEMETRY, key="", value=value, headers=about, partition=part)
            for part in range(self._log.partitions)
        ]

    def _entry(self, reading: Reading) -> Entry:
        return Entry(
            topic=lane_of(reading),
            key=reading.home_id,
            value=encode(reading),
            headers=headers(reading, id=reading.id, source=SOURCE, at=reading.received_at),
        )

    def _report(self, rejected: Rejected) -> Entry:
        self._telemetry.rejected.labels(rejected.reason).inc()
        self._logger.warning(
            "message rejected", rejected_id=rejected.id, reason=rejected.reason, detail=rejected.detail
        )
        return Entry(
            topic=Topic.REJECTED,
            key=rejected.device_id or rejected.topic,
            value=encode(rejected),
            headers=headers(rejected, id=rejected.id, source=SOURCE, at=rejected.received_at),
        )

    def _count(self, accepted: Sequence[Accepted]) -> None:
        now = self._clock.now()
        for one in accepted:
            if not one.is_registered:
                self._telemetry.unregistered.inc()
            for reading in one.readings:
                lane = "urgent" if reading.is_urgent else "telemetry"
                self._telemetry.readings.labels(lane, known_kind(reading.kind)).inc()
                self._telemetry.observe(Hop.RECEIVED_TO_LOG, reading.kind, now - reading.received_at)
                if reading.is_urgent:
                    self._logger.info(
                        "urgent reading in the log", reading_id=reading.id, home_id=reading.home_id, kind=reading.kind
                    )
