"""Programs from Debian's packages: installed by root, or unpacked under .cache/debian by anybody else."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.services import CACHED, UNPACKED

_POLICY = Path("/usr/sbin/policy-rc.d")
_UNITS = {"mosquitto": "mosquitto", "redis-server": "redis-server", "postgresql": "postgresql"}
_INSTALL = ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends")
# Without root: where each program lies in its package. PostgreSQL's compiler is left away, it is large and switched off.
_PROGRAMS = (
    "usr/sbin/mosquitto",
    "usr/bin/mosquitto_pub",
    "usr/bin/mosquitto_passwd",
    "usr/bin/redis-server",
    "usr/lib/postgresql/*/bin/initdb",
    "usr/lib/postgresql/*/bin/postgres",
)
_TOO_LARGE = ("libllvm",)
_WITHIN_S = 900


def run(command: Sequence[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str | None:
    """What it said if it went well; if not, None, and why is shown."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"{command[0]}: {error}", file=sys.stderr)
        return None
    if done.returncode == 0:
        return done.stdout.decode(errors="replace")
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    telling = [line for line in said if "rror" in line] or said[-1:] or [f"exit code {done.returncode}"]
    print(f"{' '.join(command)}: {telling[0].strip()}", file=sys.stderr)
    return None


def is_here() -> bool:
    """Whether this is a Debian, or a child of it."""
    return all(map(shutil.which, ("apt-get", "dpkg")))


def install(packages: Sequence[str]) -> None:
    """As root, into the system. Nothing that they bring is started, now or after a boot."""
    print(f"installing {' '.join(packages)} …", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services_started(packages):
        if run([*_INSTALL, *packages], env=env) is None and run(["apt-get", "update", "--quiet"], env=env) is not None:
            run([*_INSTALL, *packages], env=env)


def unpack(packages: Sequence[str]) -> None:
    """As anybody: the packages and what they need are fetched and unpacked, and each program gets a wrapper."""
    print(f"unpacking {' '.join(packages)} under .cache/debian …", flush=True)
    planned = run([*_INSTALL, "--simulate", *packages])
    if planned is None:
        return
    names = [line.split()[1] for line in planned.splitlines() if line.startswith("Inst ")]
    names = [name for name in names if not name.startswith(_TOO_LARGE)]
    with tempfile.TemporaryDirectory() as folder:
        if run(["apt-get", "download", *names], cwd=Path(folder)) is None:
            return
        UNPACKED.mkdir(parents=True, exist_ok=True)
        for package in sorted(Path(folder).glob("*.deb")):
            run(["dpkg", "-x", str(package), str(UNPACKED)])
    _wrap()


def _wrap() -> None:
    """A program finds the libraries that were unpacked with it."""
    CACHED.mkdir(parents=True, exist_ok=True)
    libraries = os.pathsep.join(
        str(one) for place in ("usr/lib", "lib") for one in sorted(UNPACKED.glob(f"{place}/*-linux-gnu*"))
    )
    for program in (found for pattern in _PROGRAMS for found in sorted(UNPACKED.glob(pattern))):
        wrapper = CACHED / program.name
        wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{program}" "$@"\n')
        wrapper.chmod(0o755)


@contextmanager
def _no_services_started(packages: Sequence[str]) -> Iterator[None]:
    """We want the programs: the service that a package would start must not sit on its port, now or after a boot."""
    is_ours = not _POLICY.exists()
    if is_ours:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        yield
    finally:
        if is_ours:
            _POLICY.unlink(missing_ok=True)
    units = [f"{_UNITS[one]}.service" for one in packages if one in _UNITS]
    if units and Path("/run/systemd/system").exists():
        run(["systemctl", "disable", "--now", *units])
