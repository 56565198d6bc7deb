"""A seat: a client id with its session at the broker. One process sits in it, the others stand by.

The broker itself is the referee: a second connection with the same client id ends the first and is given everything that
was not acknowledged, in order. So nothing waits behind a dead process, and nobody needs a lease or a vote.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from carebell.clock import wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.mqtt import Arrival, End, MqttAddress, MqttConnection, Terms, Will
from devices.ecosystems import SERVER_FILTERS
from ingest.accept import Reply
from ingest.cut_off import CutOff
from ingest.dropped import Dropped
from ingest.pulse import Listening, pulse_topic, send_pulses
from ingest.watch import BEAT_EVERY, NEWCOMER, PATIENCE, RESTING, Beat, Watch, beat_topic, encode_beat, gone_topic

EVERYTHING = ("carebell/#", *SERVER_FILTERS)
_SHARED = "$share/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """`owner` is this process; without one, nobody else ever asks for the seat. `receive_maximum` bounds what has come and
    is not acknowledged: calls behind that many messages are not seen while the log is away."""

    client_id: str
    owner: str = ""
    filters: tuple[str, ...] = EVERYTHING
    receive_maximum: int = 100
    keepalive_s: int = 30


def city_seat(owner: str, *, name: str = "1", filters: tuple[str, ...] = EVERYTHING) -> Seat:
    """A seat that several processes share. With `$share/…` as filter and a broker that gives the share of a dead member
    to the others, each process may have a seat of its own."""
    return Seat(client_id=f"carebell-seat-{name}", owner=owner, filters=filters, receive_maximum=5000, keepalive_s=6)


class Receiver(Protocol):
    """What the seat hands messages to."""

    @property
    def is_stuck(self) -> bool:
        """The log does not take what has come, or not all of it."""
        ...

    @property
    def appended(self) -> int:
        """How many messages the log has taken."""
        ...

    def take(self, arrival: Arrival) -> None: ...

    def forget(self) -> None: ...

    def forget_repeats(self) -> None:
        """What comes next is news, whatever was heard before."""
        ...


class Sitter:
    """Holds the seat, or stands by until it is free. `run` once, after `serve` has named the receiver. `watch` in place of
    its own."""

    def __init__(
        self,
        seat: Seat,
        address: MqttAddress,
        instruments: Instruments,
        listening: Listening,
        watch: Watch | None = None,
    ) -> None:
        self._seat = seat
        self._address = address
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._listening = listening
        self._receiver: Receiver | None = None
        self._generations = itertools.count(1)
        self._connection: MqttConnection | None = None
        self._watch = watch or (self._make_watch(instruments) if seat.owner else None)
        self._cut_off = CutOff(instruments.clock)
        self.is_seated = False

    def _make_watch(self, instruments: Instruments) -> Watch:
        return Watch(
            client_id=self._seat.client_id,
            owner=self._seat.owner,
            address=self._address,
            clock=instruments.clock,
            keepalive_s=self._seat.keepalive_s,
            on_dropped=Dropped(instruments).heard,
        )

    def serve(self, receiver: Receiver) -> None:
        """Whom messages go to."""
        self._receiver = receiver

    @property
    def is_connected(self) -> bool:
        """Whether the broker is reached; a standby is ready when it could take the seat."""
        if self._watch is not None and not self.is_seated:
            return self._watch.connection.is_connected
        return self._connection is not None and self._connection.is_connected

    @property
    def heard_s(self) -> float | None:
        """When something of ours last came back through the broker, on the monotonic clock."""
        return self._watch.heard_s if self._watch is not None and not self.is_seated else self._listening.heard_s

    def acknowledge(self, arrival: Arrival) -> bool:
        return self._connection is not None and self._connection.acknowledge(arrival)

    def is_current(self, arrival: Arrival) -> bool:
        return self._connection is not None and self._connection.is_current(arrival)

    def reply(self, reply: Reply) -> None:
        """What is in the log may be told also by who has lost the seat."""
        connection = self._connection
        if self._watch is not None and not (connection and connection.is_connected):
            connection = self._watch.connection
        if connection is not None:
            connection.publish(reply.topic, reply.payload, qos=1 if reply.is_urgent else 0)

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        if self._watch is None:
            await self._sit(stop, lambda connection: connection.run(stop))
            return
        over = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run(over))
            await self._take_turns(self._watch, stop)
            over.set()

    async def _take_turns(self, watch: Watch, stop: asyncio.Event) -> None:
        patience, others = NEWCOMER, watch.others_heard
        while await watch.vacant(patience, stop):
            if watch.others_heard != others and self._receiver is not None:
                # Another has heard the homes since: what we remember of them is old.
                self._receiver.forget_repeats()
            if watch.last is not None:
                self._listening.go_on(watch.last.since, watch.last.pulse_at)
            self._listening.heard_s = self._clock.monotonic()
            end = End.LOST

            async def hold(connection: MqttConnection) -> None:
                nonlocal end
                end = await self._hold(connection, watch, stop)

            await self._sit(stop, hold)
            self._logger.warning("the seat is left", seat=self._seat.client_id, end=end)
            others = watch.others_heard
            patience = NEWCOMER
            if end is End.TAKEN_OVER:
                patience = PATIENCE
            elif end is End.STOPPED:
                patience = RESTING
                with suppress(TryLater):
                    await watch.leave()
            if end in (End.TAKEN_OVER, End.STOPPED) and not stop.is_set():
                # Another hears the homes now: it is given what we have not acknowledged.
                self._forget()

    async def _hold(self, connection: MqttConnection, watch: Watch, stop: asyncio.Event) -> End:
        """Until the connection ends, we are told to stop, or we are of no use in this seat."""
        leave = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            minding = tasks.create_task(self._mind(watch, stop, leave))
            end = await connection.hold(leave)
            minding.cancel()
        return end

    async def _mind(self, watch: Watch, stop: asyncio.Event, leave: asyncio.Event) -> None:
        """Leave when told to stop, or when another may reach the log and we do not."""
        self._cut_off.begin(self._receiver.appended if self._receiver else 0)
        while not await wait_set(stop, self._clock, BEAT_EVERY):
            if self._receiver is None or not self._is_cut_off(self._receiver) or not watch.has_standby:
                continue
            self._logger.error("the log takes nothing from here: the seat is given up", seat=self._seat.client_id)
            self._cut_off.give_up()
            break
        leave.set()

    def _is_cut_off(self, receiver: Receiver) -> bool:
        return self._cut_off.look(is_stuck=receiver.is_stuck, appended=receiver.appended)

    async def _sit(self, stop: asyncio.Event, hold: Callable[[MqttConnection], Awaitable[None]]) -> None:
        """Hold the connection of the seat, and say pulses and beats over it."""
        self._connection = connection = self._make_connection()
        topic, over = pulse_topic(self._seat.client_id), asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(
                    send_pulses(connection.publish, lambda: connection.is_connected, topic, self._clock, over)
                )
                tasks.create_task(self._beat(connection, over))
                await hold(connection)
                over.set()
        finally:
            self.is_seated = False

    def _make_connection(self) -> MqttConnection:
        seat, owner = self._seat, self._seat.owner
        return MqttConnection(
            address=self._address,
            client_id=seat.client_id,
            clock=self._clock,
            subscriptions=(*seat.filters, pulse_topic(seat.client_id)),
            on_arrival=self._arrived,
            on_change=self._changed,
            terms=Terms(
                receive_maximum=seat.receive_maximum,
                keepalive_s=seat.keepalive_s,
                will=Will(gone_topic(seat.client_id), owner.encode()) if owner else None,
                without_own=tuple(one for one in seat.filters if not one.startswith(_SHARED)),
                generations=self._generations,
            ),
        )

    async def _beat(self, connection: MqttConnection, over: asyncio.Event) -> None:
        """Tell those who stand by that we are here, and what they would go on with."""
        while self._seat.owner and not over.is_set():
            if connection.is_connected:
                beat = Beat(owner=self._seat.owner, since=self._listening.since, pulse_at=self._listening.pulse_at)
                connection.publish(beat_topic(self._seat.client_id), encode_beat(beat), qos=0)
            await wait_set(over, self._clock, BEAT_EVERY)

    def _arrived(self, arrival: Arrival) -> None:
        if self._receiver is not None:
            self._receiver.take(arrival)

    def _changed(self, is_connected: bool) -> None:
        self.is_seated = is_connected
        self._telemetry.mqtt_connected.labels("ingest").set(is_connected)
        self._telemetry.seat_held.set(is_connected)
        if not is_connected or self._connection is None:
            return
        self._telemetry.seat_taken.inc()
        self._logger.info("the homes are heard", seat=self._seat.client_id, has_resumed=self._connection.has_resumed)
        if self._connection.has_resumed:
            self._forget()
        else:
            self._listening.break_off()

    def _forget(self) -> None:
        if self._receiver is not None:
            self._receiver.forget()
