"""Whatever the moment of a crash, every input is in the states once and the outputs are the same set."""

import inspect
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from carebell.clock import ManualClock
from carebell.log import Entry, Log
from carebell.log_sqlite import SqliteLog
from carebell.store import Change, Saved, Snapshot, Store
from carebell.store_sql import SqlStore
from carebell.worker import Worker
from tests.support.workline import AT, NO_WAIT, PARTITIONS, TOPICS, CountingJudge, State

KEYS = ("h1", "h2", "h3", "h4")


class Pulled(Exception):
    """The plug."""


@dataclass
class Plug:
    """Pulled at the n-th moment."""

    left: int

    def moment(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Pulled


class Pluggable:
    """A port whose every await has a moment before it and one after it."""

    def __init__(self, port: Any, plug: Plug) -> None:
        self._port = port
        self._plug = plug

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*given: Any, **named: Any) -> Any:
            self._plug.moment()
            result = await found(*given, **named)
            self._plug.moment()
            return Pluggable(result, self._plug) if name == "reader" else result

        return call


@dataclass
class Process:
    """One life of a worker over the files of a folder."""

    log: Log
    store: Store
    worker: Worker[State, str, str]
    clock: ManualClock

    async def work_off(self) -> None:
        reader = await self.worker._log.reader("w", TOPICS)
        await self.worker.turn(reader, NO_WAIT)
        await self.worker.settle()
        while await self.worker.turn(reader, NO_WAIT):
            pass
        await self.worker.settle()

    async def states(self) -> dict[str, list[str]]:
        snapshots = [await self.store.load("w", number) for number in range(PARTITIONS)]
        return {key: json.loads(saved.value)["heard"] for one in snapshots for key, saved in one.states.items()}

    async def outputs(self, topic: str = "out") -> list[str]:
        return sorted(record.value.decode() for record in await self.log.tail(topic, 10_000))


@asynccontextmanager
async def process(folder: Path, plug: Plug | None = None) -> AsyncIterator[Process]:
    clock = ManualClock(AT)
    log = await SqliteLog.open(folder / "log.db", PARTITIONS, clock)
    store = await SqlStore.open(f"sqlite:///{folder / 'rules.db'}")
    plug = plug or Plug(0)
    worker: Worker[State, str, str] = Worker(
        scope="w",
        topics=TOPICS,
        log=Pluggable(log, plug),
        store=Pluggable(store, plug),
        judge=CountingJudge(),
        clock=clock,
    )
    yield Process(log, store, worker, clock)
    worker._keeper.cancel()
    await log.close()
    await store.close()


def entries(numbers: Iterable[int], topic: str = "telemetry") -> list[Entry]:
    return [Entry(topic=topic, key=key, value=f"{topic} {n}".encode()) for n in numbers for key in KEYS]


def said(text: str, key: str = "", partition: int | None = None) -> Entry:
    return Entry(topic="telemetry", key=key, value=text.encode(), partition=partition)


STAGES = (entries(range(3)), [*entries(range(3, 5)), *entries(range(2), "urgent")])
HEARD = [*(f"telemetry {n}" for n in range(3)), "urgent 0", "urgent 1", *(f"telemetry {n}" for n in range(3, 5))]
OUTPUTS = sorted(f"{key}: {text}" for key in KEYS for text in HEARD)


async def live(life: Process, begin: int) -> int:
    """Two stages of input, each worked off; how many were begun when the plug was pulled."""
    for number in range(begin, len(STAGES)):
        await life.log.append(STAGES[number], AT)
        try:
            await life.work_off()
        except Pulled:
            return number + 1
        await life.clock.advance(timedelta(minutes=1))
    return len(STAGES)


async def count_moments(folder: Path) -> int:
    plug = Plug(10**9)
    async with process(folder, plug) as life:
        await live(life, 0)
    return 10**9 - plug.left


async def test_a_worker_that_crashes_at_any_await_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    moments = await count_moments(tmp_path / "whole")
    assert moments > 30
    repeated = 0
    for pulled_at in range(1, moments + 1):
        folder = tmp_path / str(pulled_at)
        folder.mkdir()
        async with process(folder, Plug(pulled_at)) as life:
            begun = await live(life, 0)
        async with process(folder) as life:
            await life.work_off()
            await live(life, begun)
            states, outputs = await life.states(), await life.outputs()
        assert {key: sorted(heard) for key, heard in states.items()} == {key: sorted(HEARD) for key in KEYS}, pulled_at
        assert sorted(set(outputs)) == OUTPUTS, pulled_at
        repeated += len(outputs) > len(OUTPUTS)
    assert 0 < repeated < moments  # some crash fell between append and save: that is what computed ids are for


async def test_the_urgent_topic_is_judged_first(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([*entries(range(2)), *entries(range(1), "urgent")], AT)
        await life.work_off()
        assert (await life.states())["h1"] == ["urgent 0", "telemetry 0", "telemetry 1"]


async def test_a_tick_wakes_only_what_is_due_and_each_once(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said("wake 5", "h1"), said("wake 6", "h2"), said("plain", "h3")], AT)
        for second in (4, 5, 5, 9):
            await life.log.append([said(f"tick {second}", partition=part) for part in range(PARTITIONS)], AT)
        await life.work_off()
        assert await life.states() == {"h1": ["wake 5", "tick 5"], "h2": ["wake 6", "tick 9"], "h3": ["plain"]}


async def test_a_due_time_outlives_the_process(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said("wake 5", "h1"), said("wake 50", "h2")], AT)
        await life.work_off()
    async with process(tmp_path) as life:
        await life.log.append([said("tick 7", partition=part) for part in range(PARTITIONS)], AT)
        await life.work_off()
        assert await life.states() == {"h1": ["wake 5", "tick 7"], "h2": ["wake 50"]}


async def test_a_tick_does_not_wake_the_keys_of_another_partition(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said("wake 5", "a", partition=0), said("wake 5", "b", partition=1)], AT)
        await life.log.append([said("tick 7", partition=1)], AT)
        await life.work_off()
        assert await life.states() == {"a": ["wake 5"], "b": ["wake 5", "tick 7"]}


async def test_an_unreadable_record_becomes_an_entry_and_the_stream_goes_on(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said("1", "h1"), said("rubbish", "h1"), said("2", "h1")], AT)
        await life.work_off()
        assert await life.states() == {"h1": ["1", "2"]}
        assert await life.outputs("rejected") == ["1"]


async def test_a_quiet_turn_writes_nothing(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.work_off()
        reader = await life.log.reader("w", TOPICS)
        while await life.worker.turn(reader, NO_WAIT):
            pass
        assert await life.outputs() == []
        assert [await life.store.load("w", number) for number in range(PARTITIONS)] == [Snapshot({}, {})] * PARTITIONS


async def test_one_state_that_cannot_be_read_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said("1", "h1", partition=0), said("1", "h2", partition=0)], AT)
        await life.work_off()
        claim = await life.store.claim("w", 0, AT)
        wrong = Saved("h1", CountingJudge().encode(CountingJudge().start("other")))
        await life.store.save("w", [Change(partition=0, fence=claim.fence, states=[wrong], positions={})])
    async with process(tmp_path) as life:
        await life.log.append([said("2", "h1", partition=0), said("2", "h2", partition=0)], AT)
        await life.work_off()
        assert await life.states() == {"h1": ["2"], "h2": ["1", "2"]}
        assert await life.outputs("lost") == ["h1: of another key"]


async def test_a_log_that_began_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    async with process(tmp_path) as life:
        await life.log.append([said(str(number), "h1", partition=0) for number in range(5)], AT)
        await life.work_off()
    for file in tmp_path.glob("log.db*"):
        file.unlink()
    async with process(tmp_path) as life:
        await life.log.append([said("new", "h1", partition=0)], AT)
        await life.work_off()
        assert (await life.states())["h1"][-1] == "new"
        assert len(await life.outputs("lost")) == 1
