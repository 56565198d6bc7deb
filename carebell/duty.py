"""What one process at a time shall do, of any number that could: it holds a lease, and another takes over when it is gone.

A lease is a hint, not a fence: whoever was frozen may do a little more of the work when it wakes. So this is for work that
does no harm when it is done twice.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from carebell.clock import wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments

HELD_FOR = timedelta(seconds=4)
_LOOK_EVERY = HELD_FOR / 4


class Duties(Protocol):
    """Who holds what until when."""

    async def take(self, name: str, owner: str, at: datetime, until: datetime) -> bool:
        """Hold a duty that is free or ours until a moment; False where another holds it."""
        ...

    async def give_up(self, name: str, owner: str) -> None:
        """Let somebody else take it at once."""
        ...

    async def close(self) -> None: ...


class OnDuty:
    """Runs a loop only while its duty is ours. Give `run` to whoever keeps loops running."""

    def __init__(self, name: str, owner: str, duties: Duties, instruments: Instruments) -> None:
        self._name = name
        self._owner = owner
        self._duties = duties
        self._clock = instruments.clock
        self._logger = instruments.logger
        self._held_until: datetime | None = None

    def doing(self, loop: Callable[[asyncio.Event], Awaitable[None]]) -> Callable[[asyncio.Event], Awaitable[None]]:
        """The loop as one that only runs on duty."""
        return lambda stop: self.run(loop, stop)

    async def run(self, loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
        """Until told to stop. What the loop raises is raised, and the duty is given up."""
        while not stop.is_set():
            if not await self._take():
                await wait_set(stop, self._clock, _LOOK_EVERY)
                continue
            self._logger.info("on duty", duty=self._name)
            over = asyncio.Event()
            keeping = asyncio.create_task(self._keep(stop, over))
            try:
                await loop(over)
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
                await self._give_up()

    async def _keep(self, stop: asyncio.Event, over: asyncio.Event) -> None:
        """Until it is lost or the end has come: then the loop is told to stop."""
        try:
            while not stop.is_set():
                await wait_set(stop, self._clock, _LOOK_EVERY)
                if not await self._take() and not self._is_held():
                    self._logger.warning("duty lost", duty=self._name)
                    return
        finally:
            over.set()

    def _is_held(self) -> bool:
        return self._held_until is not None and self._clock.now() < self._held_until

    async def _take(self) -> bool:
        now = self._clock.now()
        try:
            is_ours = await self._duties.take(self._name, self._owner, now, now + HELD_FOR)
        except TryLater as error:
            self._logger.warning("the duties cannot be asked", duty=self._name, error=error.reason)
            return False
        self._held_until = now + HELD_FOR if is_ours else None
        return is_ours

    async def _give_up(self) -> None:
        self._held_until = None
        try:
            await self._duties.give_up(self._name, self._owner)
        except TryLater as error:
            self._logger.warning("the duty ends by its lease", duty=self._name, error=error.reason)
