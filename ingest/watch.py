"""Who holds the seat, heard on a connection of our own, and when it is to be taken.

The holder says a beat twice a second through the broker. A standby sends itself a canary as often. As many canaries in a
row without a beat between them mean that the holder says nothing although the broker passes on what is said: no clock is
compared, and a standby that was itself frozen has sent no canaries.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from carebell.clock import Clock, wait_set
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms
from ingest.dropped import DROPPED
from ingest.pulse import pulse_topic

BEAT_EVERY = timedelta(milliseconds=500)
# Canaries without a beat: after a holder that was heard, and when there was none or we have lost the seat ourselves.
PATIENCE, NEWCOMER = 6, 3
# And when we have given it up ourselves: long enough for another to take it.
RESTING = 20
_STANDS_BY_S = 2.0
_ECHO_WITHIN = timedelta(seconds=2)
_JITTER_S = 0.2
_NO_SESSION = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Who holds the seat, or is about to, and what a successor goes on with."""

    owner: str
    since: AwareDatetime | None = None
    pulse_at: AwareDatetime | None = None


_BEAT: TypeAdapter[Beat] = TypeAdapter(Beat)


def beat_topic(client_id: str) -> str:
    return f"{pulse_topic(client_id)}/beat"


def gone_topic(client_id: str) -> str:
    """Where the broker, or a holder that leaves, says that the seat is free."""
    return f"{pulse_topic(client_id)}/gone"


def encode_beat(beat: Beat) -> bytes:
    return _BEAT.dump_json(beat)


class Watch:
    """`run` it for as long as the process lives; `vacant` waits until the seat is to be taken."""

    def __init__(
        self,
        *,
        client_id: str,
        owner: str,
        address: MqttAddress,
        clock: Clock,
        keepalive_s: int,
        on_dropped: Callable[[Arrival], None],
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._on_dropped = on_dropped
        self._jitter = random.Random(owner)  # noqa: S311
        self._beat, self._gone = beat_topic(client_id), gone_topic(client_id)
        self._canaries = f"{pulse_topic(client_id)}/canary/"
        self._canary = f"{self._canaries}{owner}"
        self._sent = self._heard = self._silent = self._others = 0
        self._is_free = False
        self._news = asyncio.Event()
        self.last: Beat | None = None
        self.heard_s: float | None = None
        self._standby_s: float | None = None
        self.connection = MqttConnection(
            address=address,
            client_id=f"carebell-watch-{owner}",
            clock=clock,
            subscriptions=(self._beat, self._gone, f"{self._canaries}+", DROPPED),
            on_arrival=self._arrived,
            on_change=lambda _connected: self._begin(),
            terms=Terms(session_for=_NO_SESSION, keepalive_s=keepalive_s),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Listen, and send canaries."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.connection.run(stop))
            while not stop.is_set():
                if self.connection.is_connected:
                    self._sing()
                await wait_set(stop, self._clock, BEAT_EVERY)

    async def vacant(self, patience: int, stop: asyncio.Event) -> bool:
        """True when the seat is to be taken now, False when told to stop."""
        self._begin()
        others = self._others
        while not stop.is_set():
            self._news.clear()
            if self._is_free or self._silent >= (patience if self._others == others else PATIENCE):
                if await self._is_ours(stop):
                    return True
                self._begin()
            await wait_set(self._news, self._clock, BEAT_EVERY)
        return False

    async def _is_ours(self, stop: asyncio.Event) -> bool:
        """The last look: whatever was said before our echo has been heard by then. Others are told before we connect."""
        others = self._others
        await wait_set(stop, self._clock, timedelta(seconds=self._jitter.uniform(0, _JITTER_S)))
        if stop.is_set() or not await self._echoes() or self._others != others:
            return False
        self.connection.publish(self._beat, encode_beat(Beat(owner=self._owner)), qos=0)
        return True

    async def _echoes(self) -> bool:
        until = self._clock.now() + _ECHO_WITHIN
        number = self._sing()
        while self._heard < number and self._clock.now() < until:
            self._news.clear()
            await wait_set(self._news, self._clock, until - self._clock.now())
        return self._heard >= number

    @property
    def others_heard(self) -> int:
        """How many beats of other holders were heard so far."""
        return self._others

    @property
    def has_standby(self) -> bool:
        """Whether another process has been heard just now: for a holder, one that would take the seat."""
        return self._standby_s is not None and self._clock.monotonic() - self._standby_s < _STANDS_BY_S

    async def leave(self) -> None:
        """Tell the others that the seat is free; for a holder that ends as it should or gives it up."""
        if self.connection.is_connected:
            await self.connection.publish_acknowledged(self._gone, self._owner.encode(), within=_ECHO_WITHIN)

    def _sing(self) -> int:
        self._sent += 1
        self.connection.publish(self._canary, b"%d" % self._sent, qos=0)
        return self._sent

    def _begin(self) -> None:
        """Count anew: what was said while we were not connected has not been heard."""
        self._silent, self._is_free = 0, False

    def _arrived(self, arrival: Arrival) -> None:
        self.connection.acknowledge(arrival)
        if arrival.topic == self._canary and arrival.payload.isdigit():
            self._heard = int(arrival.payload)
            self._silent += 1
            self.heard_s = self._clock.monotonic()
        elif arrival.topic.startswith(self._canaries):
            self._standby_s = self._clock.monotonic()
        elif arrival.topic == self._beat:
            self._heard_beat(arrival.payload)
        elif arrival.topic == self._gone:
            self._heard_gone(arrival.payload.decode("utf-8", "replace"))
        elif arrival.topic == DROPPED:
            self._on_dropped(arrival)
        self._news.set()

    def _heard_gone(self, owner: str) -> None:
        if owner != self._owner:
            self._is_free |= self.last is None or self.last.owner == owner

    def _heard_beat(self, payload: bytes) -> None:
        try:
            beat = _BEAT.validate_json(payload)
        except ValidationError:
            return
        if beat.owner != self._owner:
            # Whoever announces itself goes on with what the holder before it said.
            self.last = (
                beat
                if beat.since or self.last is None
                else Beat(owner=beat.owner, since=self.last.since, pulse_at=self.last.pulse_at)
            )
            self._others += 1
            self._begin()
