"""The loop that turns a log into alerts: batch, step in memory, append what was decided; save and commit behind it.

Nothing is saved or committed before what follows from it is in the log. A crash between any two of these repeats work and
changes nothing, because ids are computed and the positions are saved in the same write as the states they stand for. A
store that is slow or away delays no alert: see the keeper.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from carebell.clock import Clock, pause, wait_set
from carebell.errors import CarebellError
from carebell.judge import Heard, Judge
from carebell.keeper import Keeper, Loaded
from carebell.log import Entry, Log, Positions, Reader, Record
from carebell.memory import Memory
from carebell.store import Store
from carebell.wire import Unreadable

State = TypeVar("State")
Event = TypeVar("Event")
Action = TypeVar("Action")

# A call for help that has arrived waits for the batch that is being judged.
BATCH = 6
WAIT = timedelta(seconds=1)
# What is not a call for help waits so long for company: saving is paid per batch.
GATHER = timedelta(milliseconds=100)
COMMIT_EVERY = timedelta(seconds=1)
# A store that says nothing for so long keeps no call waiting any longer: it is judged without what was remembered.
PATIENCE = timedelta(seconds=3)
# While partitions are taken over, a turn looks so often whether another one is there.
SOON = timedelta(milliseconds=20)
AT_FIRST = timedelta(milliseconds=200)
LOG_AGAIN = timedelta(milliseconds=500)
FINISH_S = 5.0
NO_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class Turn:
    """How old the oldest record of the batch was, the oldest of the first topic, and the oldest change that is not saved."""

    age: timedelta = NO_TIME
    urgent_age: timedelta = NO_TIME
    unsaved_for: timedelta = NO_TIME


class Watch(Protocol):
    """Who is told how the work goes."""

    def turned(self, turn: Turn) -> None: ...

    def store_failed(self, error: CarebellError) -> None: ...

    def log_failed(self, error: OSError) -> None: ...


class Unwatched:
    """Nobody is told."""

    def turned(self, turn: Turn) -> None: ...

    def store_failed(self, error: CarebellError) -> None: ...

    def log_failed(self, error: OSError) -> None: ...


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
        watch: Watch | None = None,
    ) -> None:
        self._scope = scope
        self._topics = tuple(topics)
        self._log = log
        self._judge = judge
        self._clock = clock
        self._watch = watch or Unwatched()
        self._keeper: Keeper[State] = Keeper(scope, store, judge.encode, clock, self._watch.store_failed)
        self._epoch: int | None = None
        self._owned: frozenset[int] = frozenset()
        self._active: set[int] = set()
        self._followed_at = clock.monotonic()
        self._unsent: list[Entry] = []
        self._committed_at = clock.now() - COMMIT_EVERY
        self._committed: Positions = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a batch begun is finished. While the log is away, what is in memory stays there."""
        try:
            while not stop.is_set():
                try:
                    await self._run(stop)
                except OSError as error:
                    self._watch.log_failed(error)
                    await wait_set(stop, self._clock, LOG_AGAIN)
        finally:
            self._keeper.cancel()

    async def _run(self, stop: asyncio.Event) -> None:
        reader = await self._log.reader(self._scope, self._topics, GATHER)
        self._epoch = None
        try:
            while not stop.is_set():
                await self.turn(reader, WAIT)
            await self._finish(reader)
        finally:
            await reader.close()

    async def _finish(self, reader: Reader) -> None:
        """What is not saved in time is judged again by whoever comes next."""
        try:
            async with asyncio.timeout(FINISH_S):
                await self.settle()
                if not self._unsent:
                    await reader.commit(self._done())
        except TimeoutError as error:
            self._watch.log_failed(error)

    async def settle(self) -> None:
        """Until all that was judged is saved, unless the store fails."""
        if not self._unsent or await self._send():
            await self._keeper.settle()

    async def turn(self, reader: Reader, wait: timedelta) -> int:
        """One batch; how many records it held. Not 0 while there is something else to do: to send or to take over."""
        if self._unsent and not await self._send():
            await pause(self._clock, min(wait, LOG_AGAIN))
            return len(self._unsent)
        await self._follow(reader)
        self._keeper.look()
        await self._take_over(reader)
        records = await self._poll(reader, wait)
        await self._judge_all(records)
        if self._unsent and not await self._send():
            return len(records)
        self._keeper.look()
        await self._commit(reader)
        self._watch.turned(self._turn(records))
        return len(records) or len(self._owned - self._active)

    def _turn(self, records: Sequence[Record]) -> Turn:
        now = self._clock.now()
        age = now - min((one.appended_at for one in records), default=now)
        urgent = now - min((one.appended_at for one in records if one.topic == self._topics[0]), default=now)
        return Turn(age, urgent, self._keeper.unsaved_for)

    async def _send(self) -> bool:
        """Append what was decided. What could not be is kept, and nothing is read or saved before it is in the log."""
        try:
            await self._log.append(self._unsent, self._clock.now())
        except OSError as error:
            self._watch.log_failed(error)
            return False
        self._unsent = []
        return True

    async def _poll(self, reader: Reader, wait: timedelta) -> Sequence[Record]:
        waiting = self._owned - self._active
        if waiting and not self._active:
            if not self._keeper.loaded:
                self._keeper.news.clear()
                await wait_set(self._keeper.news, self._clock, min(wait, AT_FIRST))
            return []
        records = await reader.poll(BATCH, min(wait, SOON) if waiting else wait)
        # Those of another assignment may begin behind what is in memory; they are read again from there.
        return records if reader.assignment().epoch == self._epoch else []

    def _done(self) -> Positions:
        """Up to where what follows is in the log. Nothing where nothing was ever saved: what is missing in the store would
        look like a loss."""
        known = [memory for number in self._active if not (memory := self._keeper.held[number]).is_new]
        return {at: end for memory in known for at, end in memory.positions.items()}

    async def _commit(self, reader: Reader) -> None:
        """For whoever measures lag, and for who must judge without a store; now and then, so that it takes no disk from
        the appends."""
        now = self._clock.now()
        done = self._done()
        if now - self._committed_at >= COMMIT_EVERY and done != self._committed:
            self._committed_at = now
            await reader.commit(done)
            self._committed = done

    async def _follow(self, reader: Reader) -> None:
        """A new assignment: what is in memory goes on at once; whether it was ours all the time is seen at the claim."""
        assignment = reader.assignment()
        if assignment.epoch == self._epoch:
            return
        self._active.clear()
        self._owned = assignment.partitions
        self._keeper.own(self._owned)
        for number in sorted(self._owned & self._keeper.held.keys()):
            await reader.seek(self._keeper.held[number].positions)
            self._active.add(number)
        self._followed_at = self._clock.monotonic()
        self._committed = {}
        self._epoch = assignment.epoch

    async def _take_over(self, reader: Reader) -> None:
        """Begin with the partitions that have been loaded; without the store, with those that have waited too long."""
        loaded = [one for one in self._keeper.loaded if one.number in self._owned]
        silent_since = max(self._followed_at, self._keeper.answered_at)
        late = self._clock.monotonic() - silent_since >= PATIENCE.total_seconds()
        without = self._owned - self._active - {one.number for one in loaded} if late else ()
        if not loaded and not without:
            return
        # Asked for after the load: what was saved can only be behind these.
        ends, committed = await reader.ends(), await reader.committed()
        if reader.assignment().epoch != self._epoch:
            return  # these say nothing of what we no longer own
        for one in loaded:
            memory, detail = self._restored(one, ends, committed)
            await self._begin(reader, memory, detail)
            self._keeper.loaded.remove(one)
        for number in sorted(without):
            positions = {place: committed.get(place, 0) for place in self._places(number)}
            detail = f"the store does not answer: partition {number} is judged without what is remembered of it until it does"
            await self._begin(reader, Memory(number, positions, is_whole=False), detail)
        if self._unsent:
            await self._send()

    async def _begin(self, reader: Reader, memory: Memory[State], detail: str) -> None:
        await reader.seek(memory.positions)
        self._keeper.held[memory.number] = memory
        self._active.add(memory.number)
        if detail:
            self._unsent += self._judge.lost("", detail, self._clock.now())

    def _places(self, number: int) -> list[tuple[str, int]]:
        return [(topic, number) for topic in self._topics]

    def _restored(self, loaded: Loaded, ends: Positions, committed: Positions) -> tuple[Memory[State], str]:
        """What was saved of a partition, and what is lost of it, in words."""
        number, saved, detail = loaded.number, loaded.snapshot.positions, ""
        places = self._places(number)
        positions = {place: saved.get(place, 0) for place in places}
        if not saved and any(committed.get(place, 0) for place in places):
            detail = f"the store has nothing of partition {number}: it is rebuilt from what the log still holds"
        elif any(at > ends.get(place, 0) for place, at in positions.items()):
            # These positions are of another log: read this one from its beginning rather than pass over what it holds.
            positions = dict.fromkeys(places, 0)
            detail = f"the log of partition {number} is shorter than what was read of it: it is read from its beginning"
        memory: Memory[State] = Memory(number, positions, loaded.snapshot.states.values(), fence=loaded.fence)
        memory.has_moved = bool(detail)  # so that the next owner does not find the same loss
        return memory, detail

    async def _judge_all(self, records: Sequence[Record]) -> None:
        for record in records:
            self._unsent += self._judge_record(record)
            await pause(self._clock, NO_TIME)  # a tick may wake many: the group must hear of us meanwhile

    def _judge_record(self, record: Record) -> Iterable[Entry]:
        memory = self._keeper.held.get(record.partition)
        if memory is None or record.partition not in self._active or record.offset < memory.positions[record.place]:
            return []
        memory.move(record.place, record.offset + 1)
        heard = self._judge.hear(record)
        if isinstance(heard, Entry):
            return [heard]
        keys = memory.due_at(heard.at) if heard.key is None else [heard.key]
        return [entry for key in keys for entry in self._step(memory, key, heard)]

    def _step(self, memory: Memory[State], key: str, heard: Heard[Event]) -> list[Entry]:
        now = self._clock.now()
        state, entries = self._state(memory, key)
        following = self._judge.step(state, heard.event, heard.at)
        memory.put(key, following.state, following.due_at)
        return [*entries, *(self._judge.entry(action, now) for action in following.actions)]

    def _state(self, memory: Memory[State], key: str) -> tuple[State, Sequence[Entry]]:
        """One state that cannot be read is reported and begins anew: it must not silence all the others."""
        held = memory.state(key)
        if held is None:
            return self._judge.start(key), ()
        if not isinstance(held, bytes):
            return held, ()
        try:
            return self._judge.decode(key, held), ()
        except Unreadable as error:
            return self._judge.start(key), self._judge.lost(key, str(error), self._clock.now())
