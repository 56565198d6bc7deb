"""What the devices of homes say to the signals they are sent: heard on the connection by which they are told.

Only what is waited for is subscribed to, so that the notifier does not hear every home's every word.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from carebell.clock import pause, wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.mqtt import Arrival
from devices.confirm import Echo, Stage, is_echo
from devices.confirm_routes import route_of
from devices.registry_conflicts import plain_address
from notifier.case_value import Heard
from notifier.casebook import Casebook

AWAITED_AT_MOST = 5000
_ROUTES_KEPT = 100_000
# What comes with QoS 0 while nothing can be written down is not held back by the broker.
_ARRIVED_KEPT = 20_000
_LOOK_EVERY = timedelta(seconds=1)
_AGAIN_AFTER = timedelta(milliseconds=250)
_ENDS = (Stage.CONFIRMED, Stage.REFUSED)


class Ear(Protocol):
    """The connection, as far as it is listened with."""

    def listen(self, topic: str) -> None: ...

    def ignore(self, topic: str) -> None: ...

    def acknowledge(self, arrival: Arrival) -> bool: ...


class Answers:
    """What is awaited, by its topic, and the ways to devices that were heard. `attach` before anything is expected."""

    def __init__(self) -> None:
        self._ear: Ear | None = None
        self._awaited: OrderedDict[str, Sequence[Echo]] = OrderedDict()
        self._by_topic: dict[str, set[str]] = {}
        self._routes: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._arrived: deque[Arrival] = deque(maxlen=_ARRIVED_KEPT)
        self._rung = asyncio.Event()

    def attach(self, ear: Ear) -> None:
        self._ear = ear

    def route(self, dialect: str, address: str) -> str | None:
        """The way to a device by what it has said; None before it has spoken."""
        return self._routes.get((dialect, plain_address(address)))

    def expect(self, delivery_id: str, echoes: Sequence[Echo]) -> None:
        """Listen for these from now on. Of too many the oldest are given up: their homes stay in doubt."""
        self._forget(delivery_id)
        if not echoes:
            return
        self._awaited[delivery_id] = echoes
        for topic in {echo.topic for echo in echoes}:
            waiting = self._by_topic.setdefault(topic, set())
            if not waiting and self._ear is not None:
                self._ear.listen(topic)
            waiting.add(delivery_id)
        while len(self._awaited) > AWAITED_AT_MOST:
            self._forget(next(iter(self._awaited)))

    def _forget(self, delivery_id: str) -> None:
        echoes = self._awaited.pop(delivery_id, ())
        for topic in {echo.topic for echo in echoes}:
            waiting = self._by_topic[topic]
            waiting.discard(delivery_id)
            if not waiting:
                del self._by_topic[topic]
                if self._ear is not None:
                    self._ear.ignore(topic)

    def arrived(self, arrival: Arrival) -> None:
        """For the connection: only noted here."""
        self._arrived.append(arrival)
        self._rung.set()

    def heard(self, arrival: Arrival) -> list[Heard]:
        """What a message tells of signals. What the broker kept from before says nothing of now."""
        if (found := route_of(arrival.topic)) is not None:
            dialect, address, way = found
            self._routes[dialect, address] = way
            self._routes.move_to_end((dialect, address))
            if len(self._routes) > _ROUTES_KEPT:
                self._routes.popitem(last=False)
        if arrival.retained:
            return []
        stages = {
            delivery_id: [
                echo.stage
                for echo in self._awaited[delivery_id]
                if echo.topic == arrival.topic and is_echo(echo, arrival.payload)
            ]
            for delivery_id in sorted(self._by_topic.get(arrival.topic, ()))
        }
        return [
            Heard(delivery_id, max(some, key=lambda stage: stage.rank)) for delivery_id, some in stages.items() if some
        ]

    async def run(self, casebook: Casebook, instruments: Instruments, stop: asyncio.Event) -> None:
        """Write down what is heard, until told to stop. What is not written down yet stays with the broker."""
        while not stop.is_set():
            instruments.progress.turned("answers")
            self._rung.clear()
            if not self._arrived:
                await wait_set(self._rung, instruments.clock, _LOOK_EVERY)
                continue
            try:
                await self.turn(casebook, instruments)
            except TryLater as error:
                instruments.logger.error("what a device said is not written down yet", error=error.reason)
                await pause(instruments.clock, _AGAIN_AFTER)

    async def turn(self, casebook: Casebook, instruments: Instruments) -> None:
        """Everything that has arrived. Raises TryLater, and begins there again the next time."""
        while self._arrived:
            arrival = self._arrived.popleft()
            try:
                await self._write_down(arrival, casebook, instruments)
            except TryLater:
                self._arrived.appendleft(arrival)
                raise
            if self._ear is not None:
                self._ear.acknowledge(arrival)

    async def _write_down(self, arrival: Arrival, casebook: Casebook, instruments: Instruments) -> None:
        for heard in self.heard(arrival):
            await casebook.heard(heard, instruments.clock.now())
            instruments.logger.info("a signal to a home", delivery_id=heard.delivery_id, stage=heard.stage)
            if heard.stage in _ENDS:
                self._forget(heard.delivery_id)
