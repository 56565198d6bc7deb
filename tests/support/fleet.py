"""Homes of real MQTT clients that press and tell at a steady pace, whatever happens to the city behind the broker."""

import asyncio
import random
from datetime import timedelta

from carebell.clock import Clock
from carebell.mqtt import MqttAddress
from devices.registry import Contact, Device, Home
from devices.simulator.home import Press, SimulatedHome

BUTTON, SENSOR = "button-1", "motion-1"


def homes_of(count: int, url: str) -> list[Home]:
    """Homes with a button, a sensor, and a child who is reached at `url`."""
    return [
        Home(
            home_id=f"home-{number:04d}",
            contacts=(Contact(contact_id="child", name="Child", webhook=url),),
            devices=(Device(device_id=BUTTON, is_sos=True), Device(device_id=SENSOR)),
        )
        for number in range(count)
    ]


class Fleet:
    """`presses` and `facts` hold everything that was said. Both are repeated until they are told `received`."""

    def __init__(self, count: int, address: MqttAddress, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._chance = random.Random(f"fleet/{seed}")
        self._homes = [SimulatedHome(f"home-{number:04d}", address, clock, seed) for number in range(count)]
        self._stop = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self.presses: dict[str, Press] = {}
        self.facts: dict[str, Press] = {}

    async def __aenter__(self) -> "Fleet":
        self._running = [asyncio.create_task(home.run(self._stop)) for home in self._homes]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._running)

    async def press_steadily(self, count: int, per_s: float) -> None:
        """So many presses at random homes, at random moments of this mean rate; a late one is made up for."""
        at = self._clock.now()
        for _ in range(count):
            at += timedelta(seconds=self._chance.expovariate(per_s))
            await self._clock.sleep_until(at)
            press = self._chance.choice(self._homes).press(BUTTON)
            self.presses[press.id] = press

    async def tell_steadily(self, count: int, per_s: float) -> None:
        """So many facts of sensors, a tenth of a second's worth at a time."""
        each = max(1, round(per_s / 10))
        at = self._clock.now()
        while len(self.facts) < count:
            at += timedelta(seconds=each / per_s)
            await self._clock.sleep_until(at)
            for _ in range(min(each, count - len(self.facts))):
                fact = self._chance.choice(self._homes).tell(SENSOR, "motion", True)
                self.facts[fact.id] = fact

    async def all_received(self, within_s: float) -> bool:
        """Whether everything was told `received` in time."""
        waiting = [*self.presses.values(), *self.facts.values()]
        try:
            async with asyncio.timeout(within_s):
                for press in waiting:
                    await press.received.wait()
        except TimeoutError:
            return False
        return True

    def sent(self) -> int:
        """How often anything was sent, repeats among it."""
        return sum(press.sent for press in (*self.presses.values(), *self.facts.values()))
