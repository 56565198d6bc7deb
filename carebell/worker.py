"""The loop that turns a log into alerts: batch, step in memory, append what was decided, save, commit.

A crash between any two of these repeats work and changes nothing, because ids are computed and the positions are saved
in the same write as the states they stand for; the committed offsets only serve lag metrics.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from carebell.clock import Clock
from carebell.errors import Fenced
from carebell.log import Entry, Log, Positions, Reader, Record
from carebell.step import Next
from carebell.store import Change, Saved, Snapshot, Store
from carebell.wire import Unreadable

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")

BATCH = 500
WAIT = timedelta(seconds=1)
# What is not a call for help waits so long for company: saving is paid per batch.
GATHER = timedelta(milliseconds=100)
COMMIT_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Heard(Generic[Event]):
    """A record understood: what it says and the time it carries. `key` is None where it concerns every key that is due."""

    event: Event
    at: datetime
    key: str | None


class Judge(Protocol[State, Event, Action]):
    """What a worker works for: understands records, steps a state, and turns actions into entries."""

    def hear(self, record: Record) -> Heard[Event] | Entry:
        """The event of a record, or the entry that reports it as unreadable."""
        ...

    def start(self, key: str) -> State: ...

    def step(self, state: State, event: Event, now: datetime) -> Next[State, Action]: ...

    def encode(self, state: State) -> bytes: ...

    def decode(self, key: str, data: bytes) -> State:
        """Raises Unreadable."""
        ...

    def lost(self, key: str, detail: str, now: datetime) -> Sequence[Entry]:
        """The entries that report that what was remembered of a key cannot be used."""
        ...

    def entry(self, action: Action, now: datetime) -> Entry: ...


@dataclass(slots=True)
class _Partition(Generic[State]):
    fence: int
    states: dict[str, State] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    has_moved: bool = False
    positions: dict[tuple[str, int], int] = field(default_factory=dict)


class Worker(Generic[State, Event, Action]):
    """One member of a group of workers over co-partitioned topics; topics are read in the order given."""

    def __init__(
        self,
        *,
        scope: str,
        topics: Sequence[str],
        log: Log,
        store: Store,
        judge: Judge[State, Event, Action],
        clock: Clock,
        on_turn: Callable[[timedelta], None] = lambda age: None,
    ) -> None:
        self._scope = scope
        self._topics = tuple(topics)
        self._log = log
        self._store = store
        self._judge = judge
        self._clock = clock
        self._on_turn = on_turn
        self._epoch: int | None = None
        self._committed_at = clock.now() - COMMIT_EVERY
        self._partitions: dict[int, _Partition[State]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a batch begun is finished."""
        reader = await self._log.reader(self._scope, self._topics, GATHER)
        try:
            while not stop.is_set():
                await self.turn(reader, WAIT)
        finally:
            await reader.close()

    async def turn(self, reader: Reader, wait: timedelta) -> int:
        """One batch; how many records it held."""
        await self._follow(reader)
        records = await reader.poll(BATCH, wait)
        if not records:
            self._on_turn(timedelta(0))
            return 0
        actions = [entry for record in records for entry in self._judge_record(record)]
        await self._log.append(actions, self._clock.now())
        await self._save()
        await self._commit(reader)
        self._on_turn(self._clock.now() - min(record.appended_at for record in records))
        return len(records)

    async def _commit(self, reader: Reader) -> None:
        """For whoever measures lag; now and then, so that it takes no disk from the appends."""
        now = self._clock.now()
        if now - self._committed_at >= COMMIT_EVERY:
            self._committed_at = now
            await reader.commit({at: end for part in self._partitions.values() for at, end in part.positions.items()})

    async def _follow(self, reader: Reader) -> None:
        """Take over the partitions of a new assignment, from the states and positions that were saved together."""
        assignment = reader.assignment()
        if assignment.epoch == self._epoch:
            return
        self._partitions = {}
        ends = await reader.ends()
        lost: list[Entry] = []
        for number in sorted(assignment.partitions):
            fence = await self._store.claim(self._scope, number)
            snapshot = await self._store.load(self._scope, number)
            part, reports = self._restore(number, fence, snapshot, ends)
            lost += reports
            await reader.seek(part.positions)
            self._partitions[number] = part
        await self._log.append(lost, self._clock.now())
        self._epoch = assignment.epoch

    def _restore(
        self, number: int, fence: int, snapshot: Snapshot, ends: Positions
    ) -> tuple[_Partition[State], list[Entry]]:
        """What was saved of a partition. One key that cannot be read must not silence all the others."""
        part: _Partition[State] = _Partition(fence)
        lost: list[Entry] = []
        now = self._clock.now()
        for key, saved in snapshot.states.items():
            try:
                part.states[key] = self._judge.decode(key, saved.value)
            except Unreadable as error:
                lost += self._judge.lost(key, str(error), now)
                continue
            if saved.due_at is not None:
                part.due[key] = saved.due_at
        positions = {(topic, number): snapshot.positions.get((topic, number), 0) for topic in self._topics}
        if any(at > ends.get(place, 0) for place, at in positions.items()):
            # These positions are of another log: read this one from its beginning rather than pass over what it holds.
            positions = dict.fromkeys(positions, 0)
            lost += self._judge.lost("", f"the log of partition {number} is shorter than what was read of it", now)
        part.positions = positions
        return part, lost

    def _judge_record(self, record: Record) -> list[Entry]:
        part = self._partitions.get(record.partition)
        if part is None or record.offset < part.positions[record.place]:
            return []
        part.positions[record.place] = record.offset + 1
        part.has_moved = True
        heard = self._judge.hear(record)
        if isinstance(heard, Entry):
            return [heard]
        if heard.key is not None:
            return self._step(part, heard.key, heard)
        due = sorted(key for key, at in part.due.items() if at <= heard.at)
        return [entry for key in due for entry in self._step(part, key, heard)]

    def _step(self, part: _Partition[State], key: str, heard: Heard[Event]) -> list[Entry]:
        state = part.states.get(key)
        following = self._judge.step(self._judge.start(key) if state is None else state, heard.event, heard.at)
        part.states[key] = following.state
        part.changed.add(key)
        if following.due_at is None:
            part.due.pop(key, None)
        else:
            part.due[key] = following.due_at
        now = self._clock.now()
        return [self._judge.entry(action, now) for action in following.actions]

    async def _save(self) -> None:
        moved = {number: part for number, part in self._partitions.items() if part.has_moved}
        changes = [self._change(number, part) for number, part in moved.items()]
        try:
            await self._store.save(self._scope, changes)
        except Fenced:
            self._epoch = None
            raise
        for part in moved.values():
            part.changed.clear()
            part.has_moved = False

    def _change(self, number: int, part: _Partition[State]) -> Change:
        states = [Saved(key, self._judge.encode(part.states[key]), part.due.get(key)) for key in sorted(part.changed)]
        return Change(partition=number, fence=part.fence, states=states, positions=part.positions)
