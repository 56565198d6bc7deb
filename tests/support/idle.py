"""When everything that can happen without time passing has happened: no thread works, and no task has a turn to take.

Counting turns while a thread works means nothing: how many the loop takes meanwhile is a matter of the machine.
"""

import asyncio
from collections.abc import Callable
from typing import Any

# Steps of the longest chain of tasks that wake each other; without threads their number is the same on every machine.
_TURNS = 100


class WatchedLoop(asyncio.SelectorEventLoop):
    """The loop of every test; knows what its threads have not answered yet."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work: set[asyncio.Future[Any]] = set()

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        answer = super().run_in_executor(executor, func, *args)
        self.at_work.add(answer)
        answer.add_done_callback(self.at_work.discard)
        return answer


async def idle() -> None:
    """Until all there is waits for time, for a server or for the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, WatchedLoop)
    quiet = 0
    while quiet < _TURNS:
        if loop.at_work:
            await asyncio.wait(tuple(loop.at_work), return_when=asyncio.FIRST_COMPLETED)
            quiet = 0
        else:
            await asyncio.sleep(0)
            quiet += 1
