"""A process of a city, as a real process on a port of its own, with all that may befall it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from tests.support.asking import ask
from tests.support.box import wait_until
from tests.support.patience import PATIENCE_S
from tests.support.services import ROOT, free_port


class CityProcess:
    """`carebell ROLE --config …`. Its port stays the same over `kill` and `start`; a process started again is a new one."""

    def __init__(self, role: str, number: int, folder: Path, config: Path) -> None:
        self.role, self.number = role, number
        self.port = free_port()
        self._out, self._err = (folder / f"{role}-{number}.{end}" for end in ("out", "err"))
        command = [sys.executable, "-m", "deploy", role, "--config", str(config), "--http-port", str(self.port)]
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"{self.role} {self.number}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def launch(self) -> Self:
        """Start it and wait for nothing."""
        assert not self.is_running(), f"{self} runs already"
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = subprocess.Popen(
                self.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        return self

    def start(self, within: float = PATIENCE_S) -> Self:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_ready(within)
        return self

    def wait_ready(self, within: float = PATIENCE_S) -> None:
        """Until /readyz says yes."""

        def is_up() -> bool:
            assert self.is_running(), f"{self} has ended:\n{self.out_text()}\n{self.log_text()}"
            return not self.problems()

        try:
            wait_until(is_up, f"{self} is ready", within)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.problems()}\n{self.log_text()[-4000:]}") from None

    def is_running(self) -> bool:
        """Also true while it is frozen."""
        return self._process is not None and self._process.poll() is None

    def problems(self, path: str = "/readyz") -> dict[str, str]:
        """What a health address says is wrong; a process that does not answer has the problem `http`."""
        try:
            # A frozen one is asked again and again; that one lives is asked once.
            status, content = ask(self.url + path, within=20 if path == "/readyz" else PATIENCE_S)
        except OSError as error:
            return {"http": str(error)}
        assert content["ok"] == (status == 200), f"{path}: {status} {content}"
        problems: dict[str, str] = content["problems"]
        return problems

    def metric(self, sample: str) -> float | None:
        """The value of one line of /metrics, named as it stands there with its labels; None where there is none."""
        status, text = ask(self.url + "/metrics")
        assert status == 200
        found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{sample} ")]
        return float(found[0]) if found else None

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def terminate(self, within: float = PATIENCE_S) -> tuple[int, float]:
        """SIGTERM; the exit code and the seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(within)
        return code, time.monotonic() - began

    def close(self) -> None:
        """It is gone, whatever state it is in."""
        if self.is_running():
            self.kill()

    def out_text(self) -> str:
        """What it has said on its standard output."""
        return self._out.read_text("utf-8", "replace") if self._out.exists() else ""

    def log_text(self) -> str:
        """Its log lines, and whatever else came on its standard error."""
        return self._err.read_text("utf-8", "replace") if self._err.exists() else ""
