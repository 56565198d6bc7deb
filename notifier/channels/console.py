"""The console: a line on a stream. For demonstrations and for the box whose operator looks at its terminal."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TextIO

from carebell.errors import TryLater
from notifier.message import Outgoing


class ConsoleChannel:
    """Each message is one line, flushed. A terminal that takes nothing holds up this channel and nothing else."""

    name = "console"

    def __init__(self, stream: TextIO, timeout: timedelta = timedelta(seconds=4)) -> None:
        self._stream = stream
        self._timeout = timeout
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="console")

    async def send(self, message: Outgoing) -> str:
        role, step = message.data.get("role"), message.data.get("step")
        line = f"[{step} → {role} {message.to}] {message.subject} | {message.text}"
        writing = asyncio.get_running_loop().run_in_executor(self._thread, self._write, " ".join(line.split()))
        try:
            await asyncio.wait_for(writing, self._timeout.total_seconds())
        except TimeoutError:
            raise TryLater("the console takes nothing") from None
        except (OSError, ValueError) as error:
            raise TryLater(f"the console cannot be written: {error}") from error
        return "written"

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()

    async def close(self) -> None:
        """What is being written is left to itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)
