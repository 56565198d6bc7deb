"""What the devices of homes say to the signals they are sent: heard on the connection by which they are told.

Only what is waited for is subscribed to, so that the notifier does not hear every home's every word. What was waited for
before a restart is recalled from the casebook; what was said meanwhile is held by the broker, and read behind that.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from carebell.clock import pause, wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.mqtt import Arrival
from devices.confirm import Echo, Request, Stage, is_echo
from devices.confirm_plans import needs_route, plan
from devices.confirm_routes import any_route, is_on, route_of
from devices.registry_conflicts import plain_address
from notifier.case_value import Heard
from notifier.casebook import Casebook
from notifier.confirmation import unsettled

AWAITED_AT_MOST = 5000
# What a device says of a signal after this time is no answer to it.
RECALLED_FOR = timedelta(hours=1)
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
        self._filters: set[str] = set()
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
            if "+" in topic:
                self._filters.add(topic)
        while len(self._awaited) > AWAITED_AT_MOST:
            self._forget(next(iter(self._awaited)))

    def _forget(self, delivery_id: str) -> None:
        echoes = self._awaited.pop(delivery_id, ())
        for topic in {echo.topic for echo in echoes}:
            waiting = self._by_topic[topic]
            waiting.discard(delivery_id)
            if not waiting:
                del self._by_topic[topic]
                self._filters.discard(topic)
                if self._ear is not None:
                    self._ear.ignore(topic)

    async def recall(self, casebook: Casebook, now: datetime) -> None:
        """Listen for the answers to what others, or we before a restart, have asked and what is not settled."""
        cases = await casebook.signalled(now - RECALLED_FOR, AWAITED_AT_MOST)
        for case in reversed(cases):
            for one, request in unsettled(case):
                if one.delivery_id not in self._awaited:
                    self.expect(one.delivery_id, self._echoes(request, one.stage))

    def _echoes(self, request: Request, stage: Stage) -> Sequence[Echo]:
        """Of a signal that may have been sent. What has not been, to a device to which the way is not known, will be sent
        when it is, and expected then."""
        if needs_route(request.device):
            route = self.route(request.device.dialect, request.address)
            if route is None and stage is Stage.REQUESTED:
                return ()
            request = replace(request, route=route or any_route(request.device.dialect))
        planned = plan(request)
        return () if planned is None else planned.echoes

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
        where = [arrival.topic, *(one for one in self._filters if is_on(arrival.topic, one))]
        stages = {
            delivery_id: [
                echo.stage
                for echo in self._awaited[delivery_id]
                if echo.topic in where and is_echo(echo, arrival.payload)
            ]
            for delivery_id in sorted(id for one in where for id in self._by_topic.get(one, ()))
        }
        return [
            Heard(delivery_id, max(some, key=lambda stage: stage.rank)) for delivery_id, some in stages.items() if some
        ]

    async def run(self, casebook: Casebook, instruments: Instruments, stop: asyncio.Event) -> None:
        """Write down what is heard, until told to stop. What is not written down yet stays with the broker."""
        is_recalled = False
        while not stop.is_set():
            instruments.progress.turned("answers")
            self._rung.clear()
            if is_recalled and not self._arrived:
                await wait_set(self._rung, instruments.clock, _LOOK_EVERY)
                continue
            try:
                if not is_recalled:
                    await self.recall(casebook, instruments.clock.now())
                    is_recalled = True
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
