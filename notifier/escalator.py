"""Wakes cases whose time has come, by the wall clock: escalation goes on even when nothing comes in."""

import asyncio
from datetime import timedelta

from carebell.clock import Clock, wait_set
from carebell.progress import Progress
from notifier.casebook import Casebook

_LIMIT = 200
# Every step's time is known at least this long ahead; only a step that shall follow sooner can be late by it.
_LOOK_EVERY = timedelta(milliseconds=500)
_AT_LEAST = timedelta(milliseconds=1)


async def wake_cases(casebook: Casebook, clock: Clock, progress: Progress, stop: asyncio.Event) -> None:
    """Sleep until the next due time, at most half a second, and step what is due."""
    while not stop.is_set():
        progress.turned("escalation")
        if await casebook.wake(clock.now(), _LIMIT):
            continue
        due_at = await casebook.next_due()
        now = clock.now()
        # What is overdue and was not stepped cannot be: the auditor tells of it, and nobody spins on it.
        wait = min(_LOOK_EVERY, due_at - now) if due_at is not None and due_at > now else _LOOK_EVERY
        await wait_set(stop, clock, max(wait, _AT_LEAST))
