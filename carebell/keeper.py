"""Carries what a worker remembers to the store and back, behind its back: one errand at a time, so that errands never meet.

The worker judges on while the store is slow or away. What changes meanwhile is gathered and goes with the next errand.

Who may save: a claim gives a fence, and only its holder can. Whoever saves writes states and positions that belong together
and are true of the log. So a process that was frozen and wakes with an old memory can at the worst, before its reader tells
it that the partition is another's, set the store back to an older truth: the true owner is refused then, claims anew, sees
a fence that is not its own, loads, and reads the log on from there, to the same alerts. That is why a claim that finds no
fence above our own (nobody has claimed since; the store was emptied or went back) may keep what is in memory.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any, Generic, TypeVar

from carebell.clock import Clock, pause
from carebell.errors import CarebellError, Fenced, TryLater
from carebell.memory import Handed, Memory
from carebell.store import Change, Saved, Snapshot, Store

State = TypeVar("State")

# After the store has failed: a refused owner also has so long to be told by its reader that it is none any more.
REST = timedelta(seconds=1)
SAVED_AT_ONCE = 200
ENCODED_AT_ONCE = 20
# What changes again and again is encoded and saved once for all of it.
SAVE_EVERY = timedelta(milliseconds=250)
NO_TIME = timedelta(0)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A partition that has been claimed, and what the store has of it."""

    number: int
    fence: int
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class _Load(Generic[State]):
    memory: Memory[State]
    handed: Handed[State]


class Keeper(Generic[State]):
    """`held` is what is in memory; `loaded` waits for the worker to take it."""

    def __init__(
        self,
        scope: str,
        store: Store,
        encode: Callable[[State], bytes],
        clock: Clock,
        on_failure: Callable[[CarebellError], None],
    ) -> None:
        self.held: dict[int, Memory[State]] = {}
        self.loaded: list[Loaded] = []
        self.news = asyncio.Event()
        self.answered_at = clock.monotonic()
        self._served_at = self.answered_at
        self._scope = scope
        self._store = store
        self._encode = encode
        self._clock = clock
        self._on_failure = on_failure
        self._owned: frozenset[int] = frozenset()
        self._wanted: list[int] = []
        self._errand: asyncio.Task[None] | None = None
        self._rests_until = clock.monotonic()
        self._unsaved_since: float | None = None
        self._saves_again_at = self._rests_until

    def own(self, numbers: frozenset[int]) -> None:
        """A new assignment: all of it is claimed anew. Nothing is forgotten while partitions are being divided."""
        self._owned = numbers
        self._wanted = sorted(numbers)
        self.loaded.clear()
        self._rests_until = self._clock.monotonic()
        if numbers:
            self.held = {number: memory for number, memory in self.held.items() if number in numbers}

    def look(self) -> None:
        """To be called when everything that the memory stands for has been emitted. Raises what an errand raised that is
        no failure of the store."""
        if self._errand is not None and self._errand.done():
            errand, self._errand = self._errand, None
            errand.result()
        now = self._clock.monotonic()
        if self._unsaved_since is None and self._owes():
            self._unsaved_since = now
        if self._errand is not None or now < self._rests_until:
            return
        if self._wanted:
            self._begin(self._claim_all)
        elif now >= self._saves_again_at and (
            ours := [memory for memory in self.held.values() if memory.has_moved and memory.is_claimed]
        ):
            self._saves_again_at = now + SAVE_EVERY.total_seconds()
            # Handed over here and now: an errand under way must not pick up what has not been emitted.
            loads = [_Load(memory, memory.hand_over()) for memory in ours]
            self._begin(lambda: self._save_all(loads, now))

    def _owes(self) -> bool:
        """Something has changed that the store does not have. What nobody gives us to keep, nobody misses."""
        return any(one.has_moved and (one.is_claimed or one.number in self._owned) for one in self.held.values())

    def _begin(self, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.news.clear()
        self._errand = asyncio.create_task(self._run(errand))

    async def _run(self, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await errand()
        except (TryLater, Fenced) as error:
            self._rests_until = self._clock.monotonic() + REST.total_seconds()
            # A store that gives claims but nothing of what it holds must not keep the calls waiting by that.
            self.answered_at = self._served_at
            self._on_failure(error)
        finally:
            self.news.set()

    @property
    def unsaved_for(self) -> timedelta:
        """How long the oldest change waits to be saved."""
        if self._unsaved_since is None:
            return NO_TIME
        return timedelta(seconds=max(0.0, self._clock.monotonic() - self._unsaved_since))

    async def settle(self) -> None:
        """Until all that can be is claimed and saved, or the store has failed."""
        while True:
            self._saves_again_at = self._clock.monotonic()
            self.look()
            if self._errand is None:
                return
            await asyncio.wait({self._errand})

    def cancel(self) -> None:
        """What is under way may have come to the store or not: either is true."""
        if self._errand is not None:
            self._errand.cancel()

    async def _claim_all(self) -> None:
        for number in list(self._wanted):
            if number not in self._wanted:
                continue
            claim = await self._store.claim(self._scope, number, self._clock.now())
            self.answered_at = self._clock.monotonic()
            memory = self.held.get(number)
            if memory is not None and memory.is_whole and claim.previous <= memory.fence:
                if memory.is_doubted or claim.previous < memory.fence:
                    memory.save_all()
                memory.own(claim.fence)
            else:
                snapshot = await self._store.load(self._scope, number)
                if number not in self._wanted:
                    continue
                self.loaded.append(Loaded(number, claim.fence, snapshot))
            if number in self._wanted:
                self._wanted.remove(number)
            self.answered_at = self._served_at = self._clock.monotonic()
            self.news.set()

    async def _save_all(self, loads: Iterable[_Load[State]], handed_at: float) -> None:
        waiting = deque(_pieces(loads))
        refused: Fenced | None = None
        try:
            while waiting:
                piece = waiting[0]
                try:
                    await self._save(piece)
                    waiting.popleft()
                except Fenced as error:
                    refused = error
                    waiting.popleft()
                    if len(piece) == 1:
                        self._doubt(piece[0])
                    else:  # one by one: who is refused, and who is not
                        waiting.extendleft([load] for load in piece)
        except BaseException:
            for load in chain.from_iterable(waiting):
                load.memory.take_back(load.handed)
            raise
        self._unsaved_since = handed_at if self._owes() else None
        if refused is not None:
            raise refused

    async def _save(self, piece: Sequence[_Load[State]]) -> None:
        changes = [await self._change(load) for load in piece]
        await self._store.save(self._scope, changes)
        for load, change in zip(piece, changes, strict=True):
            load.memory.was_saved(load.handed, change.states)

    def _doubt(self, load: _Load[State]) -> None:
        memory = load.memory
        memory.take_back(load.handed)
        memory.disown()
        if memory.number in self._owned and memory.number not in self._wanted:
            self._wanted.append(memory.number)

    async def _change(self, load: _Load[State]) -> Change:
        states: list[Saved] = []
        for key, (state, due_at) in load.handed.states.items():
            states.append(Saved(key, state if isinstance(state, bytes) else self._encode(state), due_at))
            if len(states) % ENCODED_AT_ONCE == 0:
                await pause(self._clock, NO_TIME)  # a call for help must not wait for the encoding of a whole city
        memory = load.memory
        return Change(partition=memory.number, fence=memory.fence, states=states, positions=load.handed.positions)


def _pieces(loads: Iterable[_Load[State]]) -> Iterable[list[_Load[State]]]:
    """Some partitions at once: states and positions of one belong into the same write."""
    piece: list[_Load[State]] = []
    for load in loads:
        if piece and sum(len(one.handed.states) for one in (*piece, load)) > SAVED_AT_ONCE:
            yield piece
            piece = []
        piece.append(load)
    if piece:
        yield piece
