"""Wakes cases whose time has come, by the wall clock: escalation goes on even when nothing comes in."""

import asyncio
from datetime import timedelta

from carebell.bell import Bell
from carebell.clock import Clock, wait_set
from notifier.casebook import Casebook

_LIMIT = 200
_LOOK_EVERY = timedelta(seconds=1)


async def wake_cases(casebook: Casebook, clock: Clock, bell: Bell, stop: asyncio.Event) -> None:
    """Sleep until the next due time, at most a second, and step what is due."""
    rung = bell.subscribe()
    try:
        while not stop.is_set():
            rung.clear()
            if await casebook.wake(clock.now(), _LIMIT):
                continue
            due_at = await casebook.next_due()
            wait = _LOOK_EVERY if due_at is None else min(_LOOK_EVERY, due_at - clock.now())
            await wait_set(rung, clock, max(wait, timedelta(milliseconds=1)))
    finally:
        bell.unsubscribe(rung)
