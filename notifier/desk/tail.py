"""The newest lines of all cases, looked up and written out once for all streams of this process.

It looks when the bell rings, and by itself: other processes write lines too, and ring no bell of ours. It holds so many
lines and no more; who lies further behind reads from the casebook.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

import orjson

from carebell.bell import Bell
from carebell.clock import Clock
from notifier.casebook import LineRow
from notifier.desk.library import Library
from notifier.desk.shape import line_json

LOOK_EVERY = timedelta(milliseconds=250)
KEPT = 1000
_PAGE = 200
# With no stream for so long, nobody needs what was written meanwhile.
_FORGOTTEN_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """A line with its case, as streams send it."""

    id: int
    text: str


class Tail:
    """Ask `behind` as often as you like."""

    def __init__(self, library: Library, clock: Clock, bell: Bell, kept: int = KEPT) -> None:
        self._kept = kept
        self._library = library
        self._clock = clock
        self._rung = bell.subscribe()
        self._looking = asyncio.Lock()
        self._looked_s: float | None = None
        # Every line behind the first id, up to the second, is held.
        self._from = self._upto = 0
        self._held: deque[Told] = deque()

    async def behind(self, position: int) -> list[Told]:
        """The next lines behind an id, oldest first; empty when there are none yet."""
        async with self._looking:
            await self._look()
        if position < self._from:
            return [await self._told(line) for line in await self._library.lines(after=position, limit=_PAGE)]
        return [told for told in self._held if told.id > position]

    async def _look(self) -> None:
        now_s = self._clock.monotonic()
        since_s = None if self._looked_s is None else now_s - self._looked_s
        if since_s is not None and since_s < LOOK_EVERY.total_seconds() and not self._rung.is_set():
            return
        self._rung.clear()
        if since_s is None or since_s > _FORGOTTEN_AFTER_S:
            self._held.clear()
            self._from = self._upto = await self._library.last_line()
        self._looked_s = now_s
        while lines := await self._library.lines(after=self._upto, limit=_PAGE):
            for line in lines:
                self._hold(await self._told(line))

    def _hold(self, told: Told) -> None:
        self._held.append(told)
        self._upto = told.id
        if len(self._held) > self._kept:
            self._from = self._held.popleft().id

    async def _told(self, line: LineRow) -> Told:
        case = await self._library.brief(line.case_id)
        return Told(line.id, orjson.dumps({"case": case, "line": line_json(line)}).decode())
