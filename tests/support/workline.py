"""A worker on a time line: a log in memory, a store with moods, and a group that gives and takes partitions as it is told.

The judge keeps every input it was given and answers each. `wake 5` asks to be woken at second 5; `tick 7` is time.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.errors import CarebellError
from carebell.judge import Heard
from carebell.log import Assignment, Entry, Positions, Record
from carebell.log_sqlite import SqliteLog
from carebell.log_sqlite_reader import SqliteReader
from carebell.step import Next
from carebell.store_sql import SqlStore
from carebell.wire import Unreadable
from carebell.worker import Turn, Worker
from tests.support.stores import MoodyStore

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
NO_WAIT = timedelta(0)
PARTITIONS = 2
TOPICS = ("urgent", "telemetry")
State = dict[str, Any]


class CountingJudge:
    """Understands text."""

    def __init__(self) -> None:
        self.decoded: list[str] = []

    def hear(self, record: Record) -> Heard[str] | Entry:
        text = record.value.decode()
        if text == "rubbish":
            return Entry(topic="rejected", key=record.key, value=str(record.offset).encode())
        if text.startswith("tick"):
            return Heard(text, AT + timedelta(seconds=int(text.split()[1])), None)
        return Heard(text, record.appended_at, record.key)

    def start(self, key: str) -> State:
        return {"key": key, "heard": [], "due": None}

    def step(self, state: State, event: str, now: datetime) -> Next[State, str]:
        due = int(event.split()[1]) if event.startswith("wake") else None if event.startswith("tick") else state["due"]
        following = {**state, "heard": [*state["heard"], event], "due": due}
        return Next(following, (f"{state['key']}: {event}",), None if due is None else AT + timedelta(seconds=due))

    def encode(self, state: State) -> bytes:
        return json.dumps(state).encode()

    def decode(self, key: str, data: bytes) -> State:
        self.decoded.append(key)
        state: State = json.loads(data)
        if state["key"] != key:
            raise Unreadable("of another key")
        return state

    def lost(self, key: str, detail: str, now: datetime) -> Sequence[Entry]:
        return [Entry(topic="lost", key=key, value=f"{key}: {detail}".encode())]

    def entry(self, action: str, now: datetime) -> Entry:
        return Entry(topic="out", key=action.split(":")[0], value=action.encode())


class Member:
    """A reader whose group divides partitions as the story says. What is new is read from what was committed."""

    def __init__(self, reader: SqliteReader) -> None:
        self._reader = reader
        self._assignment = Assignment(epoch=1, partitions=frozenset(range(PARTITIONS)))

    async def divide(self, *partitions: int) -> None:
        self._assignment = Assignment(self._assignment.epoch + 1, frozenset(partitions))
        committed = await self._reader.committed()
        await self._reader.seek({(topic, n): committed.get((topic, n), 0) for topic in TOPICS for n in partitions})

    def assignment(self) -> Assignment:
        return self._assignment

    async def poll(self, limit: int, wait: timedelta) -> Sequence[Record]:
        records = await self._reader.poll(limit, wait)
        return [one for one in records if one.partition in self._assignment.partitions]

    async def seek(self, positions: Positions) -> None:
        await self._reader.seek(positions)

    async def commit(self, positions: Positions) -> None:
        await self._reader.commit(positions)

    async def committed(self) -> Positions:
        return await self._reader.committed()

    async def ends(self) -> Positions:
        return await self._reader.ends()

    async def close(self) -> None:
        await self._reader.close()


class MoodyLog:
    """A log that can refuse appends of what was decided."""

    def __init__(self, inner: SqliteLog) -> None:
        self.inner = inner
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def append(self, entries: Sequence[Entry], at: datetime) -> None:
        if self.away:
            raise OSError("the log is away")
        await self.inner.append(entries, at)


@dataclass
class Notes:
    """What the worker told."""

    turns: list[Turn] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    def turned(self, turn: Turn) -> None:
        self.turns.append(turn)

    def store_failed(self, error: CarebellError) -> None:
        self.failures.append(error)

    def log_failed(self, error: OSError) -> None:
        self.failures.append(error)


class Life:
    """One process: a worker and its reader over the log and the store of the line."""

    def __init__(self, line: "WorkLine", member: Member) -> None:
        self.line = line
        self.member = member
        self.judge = CountingJudge()
        self.notes = Notes()
        self.worker: Worker[State, str, str] = Worker(
            scope="w",
            topics=TOPICS,
            log=line.log,
            store=line.store,
            judge=self.judge,
            clock=line.clock,
            watch=self.notes,
        )

    async def turn(self) -> int:
        return await self.worker.turn(self.member, NO_WAIT)

    async def work_off(self) -> None:
        """Until everything is judged and, where the store lets it, saved."""
        await self.turn()
        await self.worker.settle()
        while await self.turn():
            await self.worker.settle()
        await self.worker.settle()

    async def turns(self, count: int) -> None:
        """While the store does not answer, nothing can be waited for."""
        for _ in range(count):
            await self.turn()

    async def die(self) -> None:
        self.worker._keeper.cancel()
        await asyncio.gather(self.worker._keeper._errand or asyncio.sleep(0), return_exceptions=True)


@dataclass
class WorkLine:
    """Everything that outlives a process."""

    clock: Any
    log: Any
    store: MoodyStore

    async def life(self) -> Life:
        return Life(self, Member(await self.log.inner.reader("w", TOPICS)))

    async def say(self, *texts: str, key: str = "h", partition: int = 0, topic: str = "telemetry") -> None:
        now = self.clock.now()
        entries = [Entry(topic=topic, key=key, value=text.encode(), partition=partition) for text in texts]
        await self.log.inner.append(entries, now)

    async def passes(self, seconds: float) -> None:
        await self.clock.advance(timedelta(seconds=seconds))

    async def heard(self, key: str = "h", partition: int = 0) -> list[str]:
        """What the state holds that is saved."""
        saved = (await self.store.inner.load("w", partition)).states.get(key)
        heard: list[str] = [] if saved is None else json.loads(saved.value)["heard"]
        return heard

    async def position(self, partition: int = 0) -> int | None:
        return (await self.store.inner.load("w", partition)).positions.get(("telemetry", partition))

    async def committed(self, partition: int = 0) -> int | None:
        reader = await self.log.inner.reader("w", TOPICS)
        found: int | None = (await reader.committed()).get(("telemetry", partition))
        return found

    async def written(self, topic: str = "out") -> list[str]:
        return sorted(record.value.decode() for record in await self.log.inner.tail(topic, 10_000))


@asynccontextmanager
async def work_line(clock: Any = None) -> AsyncIterator[WorkLine]:
    clock = clock or ManualClock(AT)
    log = MoodyLog(await SqliteLog.open(":memory:", PARTITIONS, clock))
    line = WorkLine(clock, log, MoodyStore(await SqlStore.open(MEMORY)))
    yield line
    await line.log.inner.close()
    await line.store.close()
