"""One road into the log: what waits is appended together, one append after the other.

What the log does not take is tried again for as long as we run. Roads do not wait for each other.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from carebell.clock import pause, wait_set
from carebell.errors import TooLarge
from carebell.instruments import Instruments
from carebell.log import NO_TIME, Entry, Log
from ingest.taken import Taken

BATCH = 500
BATCH_BYTES = 8_000_000
_RETRY = timedelta(milliseconds=200)


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a lane tells how appends end: one is in the log; entries of one will never be."""

    appended: Callable[[Taken], None]
    refused: Callable[[Taken, list[Entry], str], None]


class Lane:
    """`put` starts it working when it rests; `start` gives its work to whoever waits for tasks."""

    def __init__(
        self,
        name: str,
        log: Log,
        instruments: Instruments,
        ends: Ends,
        stop: Callable[[], bool],
        gather: timedelta = NO_TIME,
    ) -> None:
        self._name = name
        self._log = log
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._ends = ends
        self._stop = stop
        self._gather = gather
        self._waiting: deque[Taken] = deque()
        self._full = asyncio.Event()
        self._is_working = False
        self.is_stuck = False
        self.began_s: float | None = None

    def put(self, taken: Taken, start: Callable[..., object]) -> None:
        """Append this as soon as its turn comes."""
        self._waiting.append(taken)
        if len(self._waiting) >= BATCH:
            self._full.set()
        if not self._is_working:
            self._is_working = True
            start(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting and not self._stop():
                if self._gather and len(self._waiting) < BATCH:
                    self._full.clear()
                    await wait_set(self._full, self._clock, self._gather)
                await self._append(self._next())
        finally:
            self._is_working = self.is_stuck = False
            self.began_s = None

    def _next(self) -> list[Taken]:
        batch: list[Taken] = []
        size = 0
        while self._waiting and len(batch) < BATCH and size < BATCH_BYTES:
            taken = self._waiting.popleft()
            if not taken.is_done:
                batch.append(taken)
                size += len(taken.arrival.payload)
        return batch

    async def _append(self, batch: list[Taken]) -> None:
        """Until the log has them, they are given up, or we are told to stop."""
        while batch := [taken for taken in batch if not taken.is_done]:
            entries = [entry for taken in batch for entry in taken.entries]
            self.began_s = self._clock.monotonic()
            try:
                await self._log.append(entries, self._clock.now())
            except TooLarge as error:
                refused = {id(entries[place]) for place in error.places}
                batch = await self._without(batch, refused, error)
            except OSError as error:
                self._fail(error, len(entries))
                if self._stop():
                    return
                batch = await self._again(batch)
            else:
                self._succeed(batch)
                return

    async def _again(self, batch: list[Taken]) -> list[Taken]:
        """After a moment, with what has come meanwhile; what is no call must not hold one up any more."""
        for taken in batch:
            if taken.is_urgent:
                taken.put_urgent_first()
        await pause(self._clock, _RETRY)
        return batch + self._next() if len(batch) < BATCH else batch

    async def _without(self, batch: list[Taken], refused: set[int], error: TooLarge) -> list[Taken]:
        aside = self._refuse(batch, refused, error.reason)
        if aside:
            self._fail(error, len(aside))
            self._waiting.extend(aside)
            await pause(self._clock, _RETRY)
        return [taken for taken in batch if taken not in aside]

    def _refuse(self, batch: Sequence[Taken], refused: set[int], reason: str) -> list[Taken]:
        """Take out what the log never takes. A call for help is not given up, only set aside: a log that refuses one is
        misconfigured."""
        aside = []
        for taken in batch:
            if taken.is_urgent:
                taken.put_urgent_first()
                aside += [taken] if any(id(entry) in refused for entry in taken.entries) else []
            elif mine := [entry for entry in taken.entries if id(entry) in refused]:
                self._ends.refused(taken, mine, reason)
        return aside

    def _fail(self, error: Exception, entries: int) -> None:
        self._telemetry.append_failed.inc()
        if not self.is_stuck:
            self._logger.error(
                "log append failed; nothing is acknowledged", lane=self._name, error=str(error), entries=entries
            )
        self.is_stuck = True

    def _succeed(self, batch: Sequence[Taken]) -> None:
        if self.is_stuck:
            self._logger.info("the log takes appends again", lane=self._name)
        self.is_stuck = False
        self.began_s = None
        for taken in batch:
            self._ends.appended(taken)
