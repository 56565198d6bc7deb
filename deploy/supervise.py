"""Keeps loops running: one that crashes is logged, counted and started again; the others do not notice."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from carebell.clock import wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments

_FIRST, _LAST = timedelta(milliseconds=200), timedelta(seconds=5)
Loop = Callable[[asyncio.Event], Awaitable[None]]


async def supervise(name: str, loop: Loop, stop: asyncio.Event, instruments: Instruments) -> None:
    """Run a loop until told to stop."""
    wait = _FIRST
    while not stop.is_set():
        began = instruments.clock.monotonic()
        try:
            await loop(stop)
        except (OSError, TryLater) as error:
            instruments.logger.error(
                "loop ended: a server or disk failed it; it starts again", loop=name, error=repr(error)
            )
            instruments.telemetry.restarts.labels(name).inc()
        except Exception as error:  # the outermost frame: what crashed has not committed and starts again
            instruments.logger.error("loop crashed", loop=name, error=repr(error), exc_info=True)
            instruments.telemetry.restarts.labels(name).inc()
        if stop.is_set():
            return
        if instruments.clock.monotonic() - began > _LAST.total_seconds():
            wait = _FIRST
        await wait_set(stop, instruments.clock, wait)
        wait = min(_LAST, wait * 2)


async def run_all(loops: dict[str, Loop], stop: asyncio.Event, instruments: Instruments, *, within: timedelta) -> None:
    """Run every loop until told to stop; what has not ended `within` that time is cancelled."""
    tasks = [asyncio.create_task(supervise(name, loop, stop, instruments), name=name) for name, loop in loops.items()]
    await stop.wait()
    _, late = await asyncio.wait(tasks, timeout=within.total_seconds())
    for task in late:
        instruments.logger.warning("loop did not end in time and was cancelled", loop=task.get_name())
        task.cancel()
    if late:
        # Some clients swallow a cancellation: they are left behind.
        await asyncio.wait(late, timeout=within.total_seconds())
