"""Calls that wait together are made together: one hand-over, one transaction, one commit for many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from carebell.errors import TryLater

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathered(Generic[Item, Result]):
    """`work` takes many items and gives a result for each, in their order. An item that it fails for fails alone."""

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], at_once: int) -> None:
        self._work = work
        self._at_once = at_once
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._working: asyncio.Task[None] | None = None

    async def one(self, item: Item) -> Result:
        """The result for one item; it shares the work with whoever else waits."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work_off())
        return await done

    async def close(self) -> None:
        """After what is under way."""
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
                await self._do(batch)
        finally:
            self._working = None
            for _, done in self._waiting:
                done.cancel()

    async def _do(self, batch: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        [ended] = await asyncio.gather(self._work([item for item, _ in batch]), return_exceptions=True)
        if not isinstance(ended, BaseException):
            for (_, done), result in zip(batch, ended, strict=True):
                if not done.done():
                    done.set_result(result)
        elif len(batch) == 1 or isinstance(ended, TryLater):
            for _, done in batch:
                if not done.done():
                    done.set_exception(ended)
        else:
            for one in batch:
                await self._do([one])
