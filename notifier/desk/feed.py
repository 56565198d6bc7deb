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
from notifier.casebook import LineRow
from notifier.desk.library import Library
from notifier.desk.shape import line_json, time

HEARTBEAT = timedelta(seconds=5)
BEHIND_AT_MOST = 5000
_PAGE = 200
_SEND_TIMEOUT_S = 5


class Feed:
    """Hands out streams; `stop` ends them all."""

    def __init__(self, library: Library, clock: Clock, bell: Bell, stop: asyncio.Event) -> None:
        self._library = library
        self._clock = clock
        self._bell = bell
        self._stop = stop

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
            if not max(0, last - BEHIND_AT_MOST) <= position <= last:
                yield ServerSentEvent(event="reset", id=str(last), data="{}")
                position = last
            else:
                yield self._heartbeat()
            while not self._stop.is_set():
                rung.clear()
                lines = await self._library.lines(after=position, limit=_PAGE)
                for line in lines:
                    yield await self._line(line)
                    position = line.id
                if not lines and not await self._something(rung):
                    yield self._heartbeat()
        finally:
            self._bell.unsubscribe(rung)

    async def _something(self, rung: asyncio.Event) -> bool:
        """A ring within the time of a heartbeat."""
        ends_at = self._clock.now() + HEARTBEAT
        while not self._stop.is_set() and not rung.is_set() and self._clock.now() < ends_at:
            await wait_set(rung, self._clock, timedelta(seconds=1))
        return rung.is_set()

    def _heartbeat(self) -> ServerSentEvent:
        return ServerSentEvent(event="heartbeat", data=_text({"at": time(self._clock.now())}))

    async def _line(self, line: LineRow) -> ServerSentEvent:
        case = await self._library.brief(line.case_id)
        return ServerSentEvent(event="line", id=str(line.id), data=_text({"case": case, "line": line_json(line)}))


def _text(content: object) -> str:
    return orjson.dumps(content).decode()
