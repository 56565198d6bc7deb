"""Time on its way through the broker: a pulse is sent, comes back by our own subscription and becomes a tick.

A tick so proves that what the broker held before it has arrived. While the broker is away, time stands still for the rules.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from carebell.clock import Clock, wait_set

EVERY = timedelta(seconds=5)
_LOOK_EVERY = timedelta(milliseconds=500)
# Pulses further apart than this mean that nothing could be heard between them.
GAP = timedelta(seconds=30)


def pulse_topic(client_id: str) -> str:
    """Where the pulses of one session go; outside the tree of the homes."""
    return f"carebell-pulse/{client_id}"


class Listening:
    """Since when the homes have been heard without a break."""

    def __init__(self) -> None:
        self.since: datetime | None = None
        self.pulse_at: datetime | None = None
        self.heard_s: float | None = None

    def heard(self, at: datetime, now: datetime, now_s: float) -> datetime:
        """A pulse sent `at` has come back; since when we listen."""
        if self.since is None or self.pulse_at is None or now - self.pulse_at > GAP:
            self.since = at
        self.pulse_at = now
        self.heard_s = now_s
        return self.since

    def go_on(self, since: datetime | None, pulse_at: datetime | None) -> None:
        """Another has listened with this session until now. A break between us shows in the next pulse."""
        self.since, self.pulse_at = since, pulse_at

    def break_off(self) -> None:
        """The broker has forgotten our session: what was said before this cannot come any more."""
        self.since = self.pulse_at = None


async def send_pulses(
    publish: Callable[[str, bytes], None],
    is_connected: Callable[[], bool],
    topic: str,
    clock: Clock,
    stop: asyncio.Event,
) -> None:
    """Send the time every few seconds while connected: a pulse that had to wait would tell an old time."""
    due = clock.now()
    while not stop.is_set():
        if not is_connected():
            due = clock.now()
        elif clock.now() >= due:
            publish(topic, clock.now().isoformat().encode("ascii"))
            due = max(due + EVERY, clock.now())
        await wait_set(stop, clock, _LOOK_EVERY)
