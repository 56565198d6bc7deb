"""A notifier as a process of its own, over a PostgreSQL, whose only channel writes each attempt into a file.

python -m tests.support.notifying URL FOLDER OWNER
"""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from carebell.bell import Bell
from carebell.clock import SystemClock
from carebell.duty_sql import SqlDuties
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.telemetry import Telemetry
from deploy.supervise import run_all
from devices.registry import Home
from notifier.casebook_sql import SqlCasebook
from notifier.delivery import Courier
from notifier.main import People, build_notifier
from notifier.message import Outgoing
from tests.support import build
from tests.support.build import ROOT, SMS, seconds
from tests.support.patience import PATIENCE_S

READY = "notifying"


class FileChannel:
    """An attempt is a line: when, by whom, for which delivery."""

    name = SMS

    def __init__(self, path: Path, owner: str, clock: SystemClock) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._owner = owner
        self._clock = clock

    async def send(self, message: Outgoing) -> str:
        os.write(self._file, f"{self._clock.now().isoformat()} {self._owner} {message.key}\n".encode())
        return "written"

    async def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Attempted:
    at: datetime
    owner: str
    delivery_id: str


def attempts_in(folder: Path) -> list[Attempted]:
    """What was sent, in the order it was."""
    path = folder / "attempts"
    # A line that is being written may be there in part.
    lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
    return [Attempted(datetime.fromisoformat(at), owner, key) for at, owner, key in (line.split() for line in lines)]


class Notifying:
    """The process, seen from a test."""

    def __init__(self, url: str, folder: Path, owner: str) -> None:
        self._command = [sys.executable, "-m", "tests.support.notifying", url, str(folder), owner]
        self._log = folder / f"{owner}.log"
        self.owner = owner
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._command], cwd=ROOT, stdout=subprocess.PIPE, stderr=log
            )
        assert self._child.stdout is not None
        assert self._child.stdout.readline().decode().strip() == READY, self.log_text()
        return self

    def log_text(self) -> str:
        return self._log.read_text()

    def send(self, number: int) -> None:
        assert self._child is not None
        self._child.send_signal(number)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait(PATIENCE_S)
            assert self._child.stdout is not None
            self._child.stdout.close()
            self._child = None

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self.send(signal.SIGCONT)


async def run(url: str, folder: Path, owner: str) -> None:
    clock, bell, stop = SystemClock(), Bell(), asyncio.Event()
    tools = Instruments(clock, Telemetry(), open_logs(sys.stderr, "info"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log = await SqliteLog.open(folder / f"{owner}.db", 2, clock)
    casebook = await SqlCasebook.open(url, build.default_policies(), bell, tools.telemetry)
    duties = await SqlDuties.open(url)

    async def nobody(_: str) -> Home | None:
        return None

    notifier = build_notifier(
        log=log,
        casebook=casebook,
        people=People(nobody, ()),
        courier=Courier(owner, {SMS: FileChannel(folder / "attempts", owner, clock)}, ""),
        bell=bell,
        instruments=tools,
        duties=duties,
    )
    print(READY, flush=True)
    await run_all(notifier.loops, stop, tools, within=seconds(3))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
