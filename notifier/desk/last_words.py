"""What each device said last, and what came from a home just now: followed live from the log, kept in memory.

It answers “is this device alive, how is its battery” and “what arrived when I pressed it”. Nothing is decided by it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from carebell.clock import Clock, wait_set
from carebell.log import Log, Reader
from carebell.topics import Topic
from carebell.types import Kind, Reading
from carebell.wire import Unreadable, decode
from devices.recall import SIGNAL

_TOPICS = (Topic.URGENT, Topic.TELEMETRY)
_AT_START = 20_000
_DEVICES_KEPT, _HOMES_KEPT, _RECENT = 200_000, 20_000, 50
_LIMIT, _WAIT = 1000, timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastWord:
    """The newest of a device. `battery` in %, `signal` as its ecosystem measures it; None where it never said so."""

    heard_at: datetime
    kind: str
    value: JsonValue
    battery: JsonValue = None
    battery_low: JsonValue = None
    availability: JsonValue = None
    signal: JsonValue = None


class LastWords:
    """Ask it at any time; `run` keeps it new."""

    def __init__(self) -> None:
        self._words: OrderedDict[tuple[str, str], LastWord] = OrderedDict()
        self._recent: OrderedDict[str, deque[Reading]] = OrderedDict()
        self._came = asyncio.Event()

    def of(self, home_id: str, device_id: str) -> LastWord | None:
        return self._words.get((home_id, device_id))

    def recent(self, home_id: str, after: datetime) -> Sequence[Reading]:
        """What came from a home behind a moment, oldest first; bounded."""
        return [reading for reading in self._recent.get(home_id, ()) if reading.received_at > after]

    async def news(self, home_id: str, after: datetime, clock: Clock, until: datetime) -> Sequence[Reading]:
        """The same, but waits for the first."""
        while not (found := self.recent(home_id, after)) and clock.now() < until:
            self._came.clear()
            await wait_set(self._came, clock, min(_WAIT, until - clock.now()))
        return found

    def note(self, reading: Reading) -> None:
        """A reading in the order of the log."""
        key = (reading.home_id, reading.device_id)
        before = self._words.get(key)
        if not (reading.retained or reading.is_history):
            self._words[key] = _after(before, reading)
            self._words.move_to_end(key)
            if len(self._words) > _DEVICES_KEPT:
                self._words.popitem(last=False)
        if reading.kind == Kind.ACCELERATION:
            return
        recent = self._recent.setdefault(reading.home_id, deque(maxlen=_RECENT))
        recent.append(reading)
        self._recent.move_to_end(reading.home_id)
        if len(self._recent) > _HOMES_KEPT:
            self._recent.popitem(last=False)
        self._came.set()

    async def run(self, log: Log, clock: Clock, stop: asyncio.Event) -> None:
        """Begin with the newest of the log, then follow it until told to stop."""
        reader: Reader | None = None
        try:
            while not stop.is_set():
                try:
                    if reader is None:
                        reader = await log.reader(None, _TOPICS)
                        await reader.seek(await reader.ends())
                        await self._begin(log)
                    for record in await reader.poll(_LIMIT, _WAIT):
                        self._take(record.value)
                except OSError:
                    lost, reader = reader, None
                    if lost is not None:
                        await lost.close()
                    await wait_set(stop, clock, _WAIT)
        finally:
            if reader is not None:
                await reader.close()

    async def _begin(self, log: Log) -> None:
        records = [record for topic in _TOPICS for record in await log.tail(topic, _AT_START)]
        for record in sorted(records, key=lambda record: record.appended_at):
            self._take(record.value)

    def _take(self, value: bytes) -> None:
        try:
            event = decode(value)
        except Unreadable:
            return
        if isinstance(event, Reading):
            self.note(event)


def _after(before: LastWord | None, reading: Reading) -> LastWord:
    value = None if isinstance(reading.value, dict | list) else reading.value
    word = before or LastWord(heard_at=reading.received_at, kind=reading.kind, value=value)
    if not (reading.kind == Kind.AVAILABILITY and reading.value == "offline"):
        # That somebody says it is gone is no word of its own.
        word = replace(word, heard_at=reading.received_at, kind=reading.kind, value=value)
    if reading.kind == Kind.BATTERY:
        return replace(word, battery=reading.value)
    if reading.kind == Kind.BATTERY_LOW:
        return replace(word, battery_low=reading.value)
    if reading.kind == Kind.AVAILABILITY:
        return replace(word, availability=reading.value)
    if reading.kind == Kind.OTHER and reading.channel == SIGNAL:
        return replace(word, signal=reading.value)
    return word
