"""A village that lives its day at the speed of the clock: every home a real MQTT client."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from carebell.clock import Clock, wait_set
from carebell.mqtt import MqttAddress
from devices.registry import Home
from devices.simulator.day import DAY_S, plan_day
from devices.simulator.home import SimulatedHome

_LOOK_EVERY = timedelta(seconds=1)


async def live_village(
    homes: Sequence[Home], address: MqttAddress, clock: Clock, seed: int, stop: asyncio.Event, speed: float = 1.0
) -> None:
    """Run the homes until told to stop. `speed`: seconds lived per second of the clock."""
    began_at = clock.now()
    async with asyncio.TaskGroup() as tasks:
        for home in homes:
            simulated = SimulatedHome(home.home_id, address, clock, seed)
            tasks.create_task(simulated.run(stop))
            tasks.create_task(_live(home, simulated, clock, seed, stop, began_at=began_at, speed=speed))


async def _live(
    home: Home,
    simulated: SimulatedHome,
    clock: Clock,
    seed: int,
    stop: asyncio.Event,
    *,
    began_at: datetime,
    speed: float,
) -> None:
    day, second = _place_in_day(home, began_at, clock.now(), speed)
    while not stop.is_set():
        await wait_set(stop, clock, _LOOK_EVERY)
        now_day, now_second = _place_in_day(home, began_at, clock.now(), speed)
        for passed in range(day, now_day + 1):
            until = now_second if passed == now_day else DAY_S
            for said in plan_day(home, seed, passed):
                if second < said.second <= until:
                    simulated.say(said)
            second = -1
        day, second = now_day, now_second


def _place_in_day(home: Home, began_at: datetime, now: datetime, speed: float) -> tuple[int, int]:
    """The day and the second of it in the home's own time."""
    lived = began_at + (now - began_at) * speed
    local = lived.astimezone(ZoneInfo(home.timezone))
    return local.toordinal(), local.hour * 3600 + local.minute * 60 + local.second
