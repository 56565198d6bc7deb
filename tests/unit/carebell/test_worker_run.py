"""The loop itself: it outlives a log that fails, keeps what is in memory, and leaves with everything saved."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from carebell.clock import SystemClock
from carebell.errors import Fenced, TryLater
from tests.support.workline import TOPICS, Life, Member, WorkLine, work_line


@pytest.fixture
async def line() -> AsyncIterator[WorkLine]:
    async with work_line(SystemClock()) as opened:
        yield opened


class BrokenMember(Member):
    """Gives up at the poll that it is told to."""

    def __init__(self, reader: Any, polls: int) -> None:
        super().__init__(reader)
        self.polls = polls

    async def poll(self, limit: int, wait: Any) -> Any:
        self.polls -= 1
        if self.polls == 0:
            raise OSError("no member any more")
        return await super().poll(limit, wait)


async def until(is_so: Callable[[], Any]) -> None:
    """Looking into the store while somebody claims it is refused; then it is not so yet."""
    while True:
        with suppress(Fenced):
            if await is_so():
                return
        await asyncio.sleep(0.01)


async def running(line: WorkLine, members: list[Member]) -> tuple[Life, asyncio.Event, asyncio.Task[None]]:
    life = await line.life()
    given = iter(members)

    async def reader(*_: Any) -> Member:
        return next(given, life.member)

    line.log.reader = reader
    stop = asyncio.Event()
    return life, stop, asyncio.create_task(life.worker.run(stop))


async def test_it_leaves_with_everything_saved_and_committed(line: WorkLine) -> None:
    life, stop, task = await running(line, [])
    await line.say(*map(str, range(100)))

    async def all_written() -> bool:
        return len(await line.written()) == 100

    await until(all_written)
    stop.set()
    await task
    assert await line.heard() == [str(number) for number in range(100)]
    assert await line.committed() == 100
    assert life.notes.failures == []


async def test_a_reader_that_fails_is_replaced_and_what_is_in_memory_stays(line: WorkLine) -> None:
    broken = BrokenMember(await line.log.inner.reader("w", TOPICS), polls=3)
    await line.say("1")
    life, stop, task = await running(line, [broken])
    await until(lambda: line.heard())
    line.store.loads.clear()

    async def failed() -> bool:
        return bool(life.notes.failures)

    await until(failed)
    await line.say("2")

    async def both() -> bool:
        return await line.heard() == ["1", "2"]

    await until(both)
    assert [type(one) for one in life.notes.failures] == [OSError]
    assert line.store.loads == []
    stop.set()
    await task


async def test_an_error_that_is_nobody_s_fault_but_ours_ends_it(line: WorkLine) -> None:
    life, _, task = await running(line, [])

    async def broken(*_: Any) -> None:
        raise RuntimeError("a mistake")

    line.store.save = broken  # type: ignore[assignment]
    await line.say("1")
    with pytest.raises(RuntimeError):
        await task
    assert not any(isinstance(one, TryLater) for one in life.notes.failures)
