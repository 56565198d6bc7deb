"""The live feed: server-sent events, numbered by the lines of the casebook. `Last-Event-ID` resumes without a gap.

An idle feed must differ from a dead one: a heartbeat every five seconds. Who asks for an id that this casebook never
gave, or lies too far behind, is told `reset`: load everything again.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import orjson
from sse_starlette import EventSourceResponse, ServerSentEvent

from carebell.bell import Bell
from carebell.clock import Clock, wait_set
from notifier.desk.library import Library
from notifier.desk.shape import time
from notifier.desk.tail import KEPT, LOOK_EVERY, Tail

HEARTBEAT = timedelta(seconds=5)
BEHIND_AT_MOST = 5000
_SEND_TIMEOUT_S = 5


class Feed:
    """Hands out streams; `stop` ends them all."""

    def __init__(self, library: Library, clock: Clock, bell: Bell, stop: asyncio.Event, *, kept: int = KEPT) -> None:
        self._library = library
        self._clock = clock
        self._bell = bell
        self._stop = stop
        self._tail = Tail(library, clock, bell, kept)

    def response(self, after: int | None) -> EventSourceResponse:
        """A stream of everything behind `after`; None: from now on."""
        return EventSourceResponse(
            self._events(after),
            ping=3600,
            send_timeout=_SEND_TIMEOUT_S,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _events(self, after: int | None) -> AsyncIterator[ServerSentEvent]:
        rung = self._bell.subscribe()
        try:
            last = await self._library.last_line()
            position = last if after is None else after
            if await self._is_out_of_reach(position, last):
                yield ServerSentEvent(event="reset", id=str(last), data="{}")
                position = last
            else:
                yield self._heartbeat()
            while not self._stop.is_set():
                rung.clear()
                lines = await self._tail.behind(position)
                for line in lines:
                    yield ServerSentEvent(event="line", id=str(line.id), data=line.text)
                    position = line.id
                if not lines and not await self._something(rung, position):
                    yield self._heartbeat()
        finally:
            self._bell.unsubscribe(rung)

    async def _is_out_of_reach(self, position: int, last: int) -> bool:
        """Never given, or too far behind."""
        if not 0 <= position <= last:
            return True
        return await self._library.lines_behind(position, BEHIND_AT_MOST + 1) > BEHIND_AT_MOST

    async def _something(self, rung: asyncio.Event, position: int) -> bool:
        """A line, or a ring, within the time of a heartbeat."""
        ends_at = self._clock.now() + HEARTBEAT
        while not self._stop.is_set() and self._clock.now() < ends_at:
            if await wait_set(rung, self._clock, LOOK_EVERY) or await self._tail.behind(position):
                return True
        return False

    def _heartbeat(self) -> ServerSentEvent:
        return ServerSentEvent(event="heartbeat", data=_text({"at": time(self._clock.now())}))


def _text(content: object) -> str:
    return orjson.dumps(content).decode()
