"""The load of the bench: presses at random moments, in the open, while other homes chat."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

from carebell.clock import Clock, pause, wait_set
from carebell.mqtt import MqttAddress, MqttConnection
from devices.simulator.day import Said
from devices.simulator.home import SimulatedHome

CHATTING_HOMES = 50
SAID_EVERY_S = 0.5
PRESS_EVERY_S = 0.1


async def chat(address: MqttAddress, clock: Clock, stop: asyncio.Event) -> None:
    """Fifty homes, each a client of its own, each saying something about twice a second."""
    homes = [SimulatedHome(f"chat-{number:03d}", address, clock, seed=number) for number in range(CHATTING_HOMES)]

    async def talk(home: SimulatedHome, chance: random.Random) -> None:
        while not stop.is_set():
            home.say(Said(0, "motion-1", "motion"))
            await wait_set(stop, clock, timedelta(seconds=chance.expovariate(1 / SAID_EVERY_S)))

    async with asyncio.TaskGroup() as tasks:
        for number, home in enumerate(homes):
            tasks.create_task(home.run(stop))
            tasks.create_task(talk(home, random.Random(number)))


async def press(
    address: MqttAddress, clock: Clock, count: int, payload: Callable[[int], tuple[str, bytes]]
) -> dict[int, float]:
    """Press `count` times, about ten a second whatever comes back; when each went out."""
    stop = asyncio.Event()
    connection = MqttConnection(address=address, client_id="bench-buttons", clock=clock)
    running = asyncio.create_task(connection.run(stop))
    chance = random.Random(1)
    if not await connection.wait_connected(timedelta(seconds=10)):
        raise ConnectionError(f"no broker at {address.host}:{address.port}")
    pressed: dict[int, float] = {}
    for number in range(count):
        topic, body = payload(number)
        pressed[number] = clock.now().timestamp()
        connection.publish(topic, body)
        await pause(clock, timedelta(seconds=chance.expovariate(1 / PRESS_EVERY_S)))
    await pause(clock, timedelta(seconds=3))
    stop.set()
    await running
    return pressed
