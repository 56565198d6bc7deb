"""The connections of a made-up village: one for each home while there are few, shared by many homes where there are many."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta

import orjson

from carebell.clock import Clock, wait_set
from carebell.mqtt import Arrival, MqttAddress, MqttConnection
from devices.registry import Home
from devices.simulator.home import REPEAT_EVERY, Press
from devices.simulator.voice import Spoken, introduced

MOST = 200
_SESSION = timedelta(hours=1)


class Lines:
    """`run` keeps them connected, and repeats what a device must hear `received` for."""

    def __init__(self, homes: Sequence[Home], address: MqttAddress, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._chance = random.Random(f"{seed}/lines")  # noqa: S311
        self._unheard: dict[str, tuple[int, str, Press]] = {}
        self._lines = [
            self._connect(homes[first :: min(MOST, len(homes))], address, seed, first)
            for first in range(min(MOST, len(homes)))
        ]

    def _connect(self, homes: Sequence[Home], address: MqttAddress, seed: int, number: int) -> MqttConnection:
        def changed(is_connected: bool) -> None:
            for home in homes if is_connected else ():
                for one in introduced(home):
                    connection.publish(one.topic, one.payload, retain=one.retain)

        connection = MqttConnection(
            address=address,
            client_id=f"carebell-simulated-{seed}-{homes[0].home_id}-{number}",
            clock=self._clock,
            subscriptions=tuple(f"carebell/{home.home_id}/+/down" for home in homes if _is_native(home)),
            on_arrival=lambda arrival: self._hear(connection, arrival),
            on_change=changed,
        )
        return connection

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            for line in self._lines:
                tasks.create_task(line.run(stop))
            while not stop.is_set():
                await wait_set(stop, self._clock, REPEAT_EVERY * self._chance.uniform(0.8, 1.2))
                self._repeat()

    @property
    def connected(self) -> int:
        """How many of them are."""
        return sum(line.is_connected for line in self._lines)

    def publish(self, number: int, one: Spoken) -> bool:
        """Telemetry of the home with that index. What is said while nobody listens is lost, as it is in a home."""
        line = self._line(number)
        if line.is_connected:
            line.publish(one.topic, one.payload, qos=1, retain=one.retain)
        return line.is_connected

    def call(self, number: int, one: Spoken, press: Press | None) -> None:
        """A call: kept by the client until the broker has it, and by a native device until it was received."""
        self._line(number).publish(one.topic, one.payload, qos=1)
        if press is not None:
            press.sent += 1
            self._unheard[press.id] = (number, one.topic, press)

    @property
    def unheard(self) -> int:
        """Calls that nobody has received yet."""
        return len(self._unheard)

    def _line(self, number: int) -> MqttConnection:
        return self._lines[number % len(self._lines)]

    def _repeat(self) -> None:
        for number, topic, press in list(self._unheard.values()):
            line = self._line(number)
            if line.is_connected and self._clock.now() - press.at >= REPEAT_EVERY * 0.8:
                press.sent += 1
                line.publish(topic, press.payload, qos=1)

    def _hear(self, line: MqttConnection, arrival: Arrival) -> None:
        line.acknowledge(arrival)
        try:
            told = orjson.loads(arrival.payload)
        except orjson.JSONDecodeError:
            return
        if isinstance(told, dict) and told.get("type") == "received":
            known = self._unheard.pop(str(told.get("id")), None)
            if known is not None:
                known[2].received.set()


def _is_native(home: Home) -> bool:
    return any(not device.dialect for device in home.devices)
