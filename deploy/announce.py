"""The one line with which a process says that it can do its work."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from carebell.clock import Clock, wait_set
from notifier.desk.health import Health, problems_of

_LOOK_EVERY = timedelta(milliseconds=50)
_PATIENCE = timedelta(seconds=5)


async def wait_ready(health: Health, clock: Clock, stop: asyncio.Event, say: Callable[[str], None]) -> bool:
    """Until every check is content; what keeps it waiting is said once. False when told to stop before that."""
    patient_until = clock.now() + _PATIENCE
    has_said = False
    while problems := problems_of(health.ready):
        if stop.is_set():
            return False
        if not has_said and clock.now() > patient_until:
            said = "; ".join(problems.values())
            say(f"Not ready yet: {said}. Still trying.")
            has_said = True
        await wait_set(stop, clock, _LOOK_EVERY)
    return True
