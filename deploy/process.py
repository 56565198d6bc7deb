"""What every long-running process asks of the system before it begins."""

import asyncio
import gc
import os
import resource
import signal
import sys
from typing import TextIO


def private_files() -> None:
    """What is written from here on is about people: nobody else may read it."""
    os.umask(0o077)


def prepare_process() -> None:
    """As many descriptors as the system lets us have, and quick hand-overs between threads: a call passes between the
    loop and other threads many times, and with the usual 5 ms each waits that long whenever another thread is at work.
    Garbage is looked for less often: by default a fifth of what a message costs ingest goes into that."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sys.setswitchinterval(0.0005)
    gc.set_threshold(50_000, 20, 20)


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT end the process in good order."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)


async def cut_off(stop: asyncio.Event, within_s: float) -> None:
    """What has not ended so long after it was told to is cut off: what it had begun, others do again under the same ids."""
    await stop.wait()
    asyncio.get_running_loop().call_later(within_s, os._exit, 1)


def standard_error() -> TextIO:
    """For log lines, written as they come."""
    return open(sys.stderr.fileno(), "w", encoding="utf-8", buffering=1, closefd=False)
