"""A simulated home: one MQTT client for its devices. A press is kept and repeated until the answer `received`."""

import asyncio
import itertools
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from carebell.clock import Clock, wait_set
from carebell.mqtt import Arrival, MqttAddress, MqttConnection
from devices.simulator.day import Said

REPEAT_EVERY = timedelta(seconds=2)


@dataclass(slots=True)
class Press:
    """A press (or another fact that is told until it was received) and what the home has heard of it."""

    device_id: str
    id: str
    at: datetime
    payload: bytes
    received: asyncio.Event
    coming: asyncio.Event
    who: str = ""
    sent: int = 0


class SimulatedHome:
    """Speaks the native dialect for all devices of a home."""

    def __init__(self, home_id: str, address: MqttAddress, clock: Clock, seed: int, client_id: str = "") -> None:
        self.home_id = home_id
        self._clock = clock
        self._chance = random.Random(f"{seed}/{home_id}/device")  # noqa: S311
        self._number = itertools.count(1)
        self._boot = f"{home_id}-{int(clock.now().timestamp() * 1000):x}"
        self.presses: dict[str, Press] = {}
        self._unheard: dict[str, Press] = {}
        self.connection = MqttConnection(
            address=address,
            client_id=client_id or f"carebell-simulated-{home_id}",
            clock=clock,
            subscriptions=(f"carebell/{home_id}/+/down",),
            on_arrival=self._hear,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected and repeat what has not been received."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.connection.run(stop))
            tasks.create_task(self._repeat(stop))

    def say(self, said: Said) -> None:
        """Publish one fact. Telemetry is not repeated: what is lost is lost."""
        message: dict[str, Any] = {"kind": said.kind, "value": said.value, "at": self._clock.now().isoformat()}
        if said.battery is not None:
            message["battery"] = said.battery
        if self.connection.is_connected:
            self.connection.publish(self._topic(said.device_id), orjson.dumps(message), qos=1)

    def press(self, device_id: str, *, event_id: str = "") -> Press:
        """Press a button; it goes out now and again every two seconds until it was received."""
        return self.tell(device_id, "sos", "active", event_id=event_id)

    def tell(self, device_id: str, kind: str, value: Any, *, event_id: str = "") -> Press:
        """State a fact that must not be lost: kept and repeated like a press."""
        now = self._clock.now()
        event_id = event_id or f"{self._boot}-{next(self._number)}"
        payload = orjson.dumps({"id": event_id, "kind": kind, "value": value, "at": now.isoformat()})
        press = Press(device_id, event_id, now, payload, asyncio.Event(), asyncio.Event())
        self.presses[event_id] = self._unheard[event_id] = press
        self._send(press)
        return press

    def _send(self, press: Press) -> None:
        if self.connection.is_connected:
            press.sent += 1
            self.connection.publish(self._topic(press.device_id), press.payload, qos=1)

    async def _repeat(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            wait = REPEAT_EVERY * self._chance.uniform(0.8, 1.2)
            await wait_set(stop, self._clock, wait)
            for press in list(self._unheard.values()):
                if self._clock.now() - press.at >= REPEAT_EVERY * 0.8:
                    self._send(press)

    def _topic(self, device_id: str) -> str:
        return f"carebell/{self.home_id}/{device_id}/up"

    def _hear(self, arrival: Arrival) -> None:
        self.connection.acknowledge(arrival)
        try:
            told = orjson.loads(arrival.payload)
        except orjson.JSONDecodeError:
            return
        press = self.presses.get(str(told.get("id"))) if isinstance(told, dict) else None
        if press is None:
            return
        if told.get("type") == "received":
            press.received.set()
            self._unheard.pop(press.id, None)
        elif told.get("type") == "coming":
            press.who = str(told.get("who", ""))
            press.coming.set()
