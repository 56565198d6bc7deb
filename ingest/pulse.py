"""Time on its way through the broker: a pulse is sent, comes back by our own subscription and becomes a tick.

A tick so proves that what the broker held before it has arrived. While the broker is away, time stands still for the rules.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from carebell.clock import Clock, wait_set

EVERY = timedelta(seconds=5)


def pulse_topic(client_id: str) -> str:
    """Where one ingest process hears its own pulse; outside the tree of the homes."""
    return f"carebell-pulse/{client_id}"


async def send_pulses(
    publish: Callable[[str, bytes], None],
    is_connected: Callable[[], bool],
    topic: str,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Send the time every few seconds while connected: a pulse that had to wait would tell an old time."""
    while not stop.is_set():
        if is_connected():
            publish(topic, clock.now().isoformat().encode("ascii"))
        await wait_set(stop, clock, EVERY)
