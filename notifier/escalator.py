"""Wakes cases whose time has come, by the wall clock: escalation goes on even when nothing comes in."""

import asyncio
from datetime import datetime, timedelta

from carebell.clock import wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from notifier.casebook import Casebook

_LIMIT = 200
# Every step's time is known at least this long ahead; only a step that shall follow sooner can be late by it.
_LOOK_EVERY = timedelta(milliseconds=500)
_AT_LEAST = timedelta(milliseconds=1)
_AGAIN_AFTER = timedelta(milliseconds=250)


async def wake_cases(
    casebook: Casebook, instruments: Instruments, stop: asyncio.Event, listening_since: datetime | None = None
) -> None:
    """Until told to stop. Cases stay due while the casebook cannot be reached. `listening_since`: when we began to hear what
    devices answer."""
    while not stop.is_set():
        instruments.progress.turned("escalation")
        try:
            wait = await _turn(casebook, instruments, listening_since)
        except TryLater as error:
            instruments.logger.error("cases cannot be woken", error=error.reason)
            wait = _AGAIN_AFTER
        if wait:
            await wait_set(stop, instruments.clock, max(wait, _AT_LEAST))


async def _turn(casebook: Casebook, instruments: Instruments, listening_since: datetime | None) -> timedelta:
    """Step what is due, or say how long to sleep: until the next due time, at most half a second."""
    if await casebook.wake(instruments.clock.now(), _LIMIT, listening_since=listening_since):
        return timedelta(0)
    due_at = await casebook.next_due()
    now = instruments.clock.now()
    # What is overdue and was not stepped cannot be, or another is at it: nobody spins on it.
    return min(_LOOK_EVERY, due_at - now) if due_at is not None and due_at > now else _LOOK_EVERY
