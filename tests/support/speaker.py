"""Somebody who speaks to a broker under a name of their own, and what they hear."""

import asyncio
from datetime import timedelta
from types import TracebackType
from typing import Self

from carebell.clock import SystemClock
from carebell.mqtt import Arrival, MqttAddress, MqttConnection, Terms, Will
from tests.support.patience import PATIENCE_S

_WITHIN = timedelta(seconds=PATIENCE_S)


class Speaker:
    """`async with` asks the broker once; `is_in` is its answer. It connects again by itself for as long as it lives.

    Mosquitto ends the connection of whoever publishes where it may not: what was denied shows in what others do not hear.
    """

    def __init__(
        self,
        address: MqttAddress,
        client_id: str,
        *filters: str,
        session: timedelta = timedelta(0),
        will: Will | None = None,
    ) -> None:
        self.changes: list[bool] = []
        self.heard: list[tuple[str, str]] = []
        self.is_in = False
        self._is_answered = asyncio.Event()
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self.connection = MqttConnection(
            address=address,
            client_id=client_id,
            clock=SystemClock(),
            subscriptions=filters,
            on_arrival=self._arrived,
            on_change=self._changed,
            terms=Terms(session_for=session, will=will),
        )

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._live())
        await self._is_answered.wait()
        self.is_in = bool(self.changes)
        return self

    async def _live(self) -> None:
        try:
            await self.connection.hold(self._stop)
        finally:
            self._is_answered.set()
        await self.connection.run(self._stop)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        await self._running

    async def say(self, topic: str, payload: str) -> None:
        """Until the broker has answered, whatever its answer."""
        async with asyncio.timeout(_WITHIN.total_seconds()):
            # What was said before may end the connection just now.
            while not await self.connection.wait_connected(_WITHIN):
                continue
            await self.connection.publish_acknowledged(topic, payload.encode(), within=_WITHIN)

    async def hears(self, topic: str, payload: str) -> None:
        """Fails when it never does."""
        async with asyncio.timeout(_WITHIN.total_seconds()):
            while (topic, payload) not in self.heard:
                self._news.clear()
                await self._news.wait()

    async def is_cut_off(self, since: int = 0) -> None:
        """Fails when its connection stands on. `since`: so many changes are passed over."""
        async with asyncio.timeout(_WITHIN.total_seconds()):
            while False not in self.changes[since:]:
                self._news.clear()
                await self._news.wait()

    def _arrived(self, arrival: Arrival) -> None:
        self.connection.acknowledge(arrival)
        self.heard.append((arrival.topic, arrival.payload.decode()))
        self._news.set()

    def _changed(self, is_connected: bool) -> None:
        self.changes.append(is_connected)
        self._is_answered.set()
        self._news.set()
