"""The only door to time. Everywhere else the wall clock is banned by lint and time is passed in."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

_TURNS = 20


class Clock(Protocol):
    """Now, and waiting. `monotonic` is for measuring how long something took, in seconds."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep_until(self, at: datetime) -> None: ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max(0.0, (at - self.now()).total_seconds()))


class ManualClock:
    """A clock that stands still until `advance` moves it through every sleeper in order."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    async def sleep_until(self, at: datetime) -> None:
        if at <= self._now:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at, next(self._order), future))
        await future

    async def advance(self, by: timedelta) -> None:
        """Move time on, waking each sleeper at its own moment."""
        await _settle()
        end = self._now + by
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            if not future.done():
                future.set_result(None)
                await _settle()
        self._now = end
        await _settle()


async def _settle() -> None:
    """Let whoever woke come to their next sleep, so that a loop misses none of its moments."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


def pause(clock: Clock, length: timedelta) -> Coroutine[None, None, None]:
    """Wait for `length` by the given clock. It ends so long after this call, whenever it is awaited."""
    return clock.sleep_until(clock.now() + length)


async def wait_set(event: asyncio.Event, clock: Clock, at_most: timedelta) -> bool:
    """Wait until the event is set, at most so long; True where it was set."""
    await _wait_any((event,), clock, at_most)
    return event.is_set()


async def wait_either(first: asyncio.Event, second: asyncio.Event, clock: Clock, at_most: timedelta) -> None:
    """Wait until one of the events is set, at most so long."""
    await _wait_any((first, second), clock, at_most)


async def _wait_any(events: Sequence[asyncio.Event], clock: Clock, at_most: timedelta) -> None:
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    sleeper = asyncio.ensure_future(pause(clock, at_most))
    try:
        await asyncio.wait([*waiters, sleeper], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*waiters, sleeper):
            task.cancel()
        await asyncio.gather(*waiters, sleeper, return_exceptions=True)
