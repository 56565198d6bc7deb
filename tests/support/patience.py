"""How long a test waits for what should happen: a busy machine takes its time, and what never happens still fails.

A test that asks for time itself says so with times of its own; everybody else waits for the event.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from carebell.clock import SystemClock, pause

T = TypeVar("T")
PATIENCE_S = 90.0
_AGAIN = timedelta(milliseconds=500)


async def patiently(attempt: Callable[[], Awaitable[T]]) -> T:
    """What the attempt gives, made again while a server of the tests is too busy to answer in the time we give servers."""
    clock = SystemClock()
    given_up_at = clock.monotonic() + PATIENCE_S
    while True:
        try:
            return await attempt()
        except OSError:
            if clock.monotonic() > given_up_at:
                raise
        await pause(clock, _AGAIN)
