"""Processes of the measuring itself, beside what is measured."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.patience import PATIENCE_S
from tests.support.servers.server import until
from tests.support.services import ROOT


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that has come out at the far end; times in seconds."""

    number: int
    said: float
    seen: float
    partition: int


class Part:
    """A process of the measuring itself: it says `ready`, and ends when its standard input does."""

    def __init__(self, out: Path, module: str, *arguments: str) -> None:
        self._out = out
        with out.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=stream
            )

    def __enter__(self) -> Self:
        def is_ready() -> bool:
            assert self._process.poll() is None, f"it has ended: {self._process.args}"
            return self._out.read_bytes().startswith(b"ready\n")

        until(is_ready, PATIENCE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """When it has finished what it does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()

    def lines(self) -> list[str]:
        """What it has written so far, whole lines."""
        return self._out.read_text().rpartition("\n")[0].splitlines()[1:]


class Sink(Part):
    """The far end: see tests/support/sink.py."""

    def marks(self) -> list[Mark]:
        """The first coming of each."""
        found: dict[int, Mark] = {}
        for number, said, seen, partition in map(str.split, self.lines()):
            found.setdefault(int(number), Mark(int(number), float(said), float(seen), int(partition)))
        return list(found.values())

    def wait_for(self, count: int, within_s: float) -> list[Mark]:
        """As soon as so many have come; an AssertionError when they do not."""
        deadline = time.monotonic() + within_s
        while len(self.lines()) < count or len(found := self.marks()) < count:
            assert time.monotonic() < deadline, f"{len(self.marks())} of {count} came within {within_s:g} s"
            time.sleep(0.05)
        return found
