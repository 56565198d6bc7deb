"""What every server of the tests can do: start, die, be frozen, and never outlive the tests.

A server hangs on a leash: the kernel kills it when the thread that started it ends. Threads of tests come and go, so one
thread starts them all; it lives as long as the process of the tests.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from pwd import struct_passwd
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.support.patience import PATIENCE_S

_STARTER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="servers")
_LEASH = ("setpriv", "--pdeathsig", "KILL")
_TURN_S = 0.02

Result = TypeVar("Result")


class Server:
    """One server. A subclass says how it is called and when it answers.

    `with` starts it and, at the end, removes it with its data. All calls block until they are done.
    """

    polite = signal.SIGTERM

    def __init__(self, folder: Path, *, user: struct_passwd | None = None, within_s: float = PATIENCE_S) -> None:
        self.folder = folder
        self._user = user
        self._within_s = within_s
        self._child: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """The command line; called before every start."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers, not only listens."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Whatever must be there before a start."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Until it answers."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Without waiting for it."""
        assert not self.is_running(), "it runs already"
        self.prepare()
        command = [*self.leash(), *self.command()]
        how = {"stdin": subprocess.DEVNULL, "cwd": "/", "start_new_session": True}  # Ctrl-C is for us, not for them
        with self._log.open("ab") as log:
            self._child = _STARTER.submit(subprocess.Popen, command, stdout=log, stderr=log, **how).result()

    def wait_until_ready(self) -> None:
        """Fails with what it wrote when it ends or takes too long."""
        name, deadline = type(self).__name__, time.monotonic() + self._within_s
        while not self.is_ready():
            assert self._child is not None, f"{name} was not launched"
            assert self._child.poll() is None, f"{name} has ended:\n{self.log_text()}"
            assert time.monotonic() < deadline, f"{name} does not answer:\n{self.log_text()}"
            time.sleep(_TURN_S)

    def is_running(self) -> bool:
        """Also true while it is frozen."""
        return self._child is not None and self._child.poll() is None

    def is_awake(self) -> bool:
        """It runs and is not frozen."""
        return self.is_running() and self._child is not None and _state_of(self._child.pid)[0] != "T"

    def kill(self) -> None:
        """As if its machine lost power: nothing of it gets to say goodbye."""
        self._signal(signal.SIGSTOP)
        family = self._family()
        self._signal(signal.SIGKILL)
        self._reap()
        until(lambda: not any(map(_lives, family)), self._within_s)

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)
        until(lambda: not self.is_awake(), self._within_s)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """In good order; the data stay."""
        if self._child is not None:
            self.thaw()
            self._child.send_signal(self.polite)
            self._reap()

    def close(self) -> None:
        """The end of it, with its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self) -> str:
        """What it has written."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def memory_mib(self) -> int:
        """What it and its children keep in memory, what they share counted once for each."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._family())
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024**2

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def leash(self) -> list[str]:
        """What stands before a command line, so that it runs as the right user and no longer than we do."""
        if shutil.which("setpriv") is None:
            return []
        if self._user is None:
            return [*_LEASH]
        return [*_LEASH, f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._family():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _family(self) -> list[int]:
        """It and its children: PostgreSQL has one for every connection, each in a session of its own."""
        if self._child is None or self._child.poll() is not None:
            return []
        ids = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
        return [self._child.pid, *(pid for pid in ids if _state_of(pid)[1] == str(self._child.pid))]

    def _reap(self) -> None:
        if self._child is not None:
            self._child.wait(self._within_s)
            self._child = None


def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs it to its end on a loop of its own: the caller may be inside another."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


def until(is_so: Callable[[], bool], within_s: float) -> None:
    """Waits for something of a server outside."""
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(_TURN_S)


def _state_of(pid: int) -> list[str]:
    """The kernel's letter for its state and its parent; X and nobody for who is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return ["X", ""]


def _lives(pid: int) -> bool:
    return _state_of(pid)[0] not in "XZ"
