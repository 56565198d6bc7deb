"""Passwords for many at once, where the disk is full or somebody else gives some at the same time."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from carebell.clock import SystemClock
from carebell.engine_sql import MEMORY
from deploy.access import Access
from deploy.cli.credentials_file import every_home, issue_missing
from devices.credentials import device
from devices.credentials_sql import SqlCredentials
from devices.registry import Device, Home
from devices.registry_sql import SqlRegistry
from tests.support.patience import PATIENCE_S
from tests.support.porter import Porter
from tests.support.services import ROOT

pytestmark = pytest.mark.integration
HOME = Home(home_id="h1", devices=(Device(device_id="a"), Device(device_id="b"), Device(device_id="c")))
# A process may write files of so many bytes and no more: a disk that is full, for this process only.
_FULL = """
import asyncio, resource, sys
from pathlib import Path
from carebell.errors import Refused
from tests.integration.test_credentials_file import issued
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    asyncio.run(issued(Path(sys.argv[2])))
except Refused as refusal:
    print(refusal.reason)
"""


async def issued(path: Path, porter: Porter | None = None, *, others: str = "") -> int:
    """The exit code. `others`: whom somebody else gives a password while the broker is told of the first."""
    porter = porter or Porter()
    registry, credentials = await SqlRegistry.open(MEMORY), await SqlCredentials.open(MEMORY)
    clock = SystemClock()
    access = Access(credentials, porter)
    try:
        await registry.put([HOME], by="li", at=clock.now())
        if others:
            porter.meanwhile = lambda: access.issue(device("h1", others), by="wang", at=clock.now())
        return await issue_missing(access, every_home(registry), path, "li", clock)
    finally:
        await registry.close()
        await credentials.close()


@pytest.mark.parametrize(
    ("size", "what", "rows"),
    [
        pytest.param(10, "nothing is issued", [], id="at once"),
        pytest.param(40, "rotate h1/a", [], id="at the first"),
        pytest.param(120, "rotate h1/b", ["h1/a"], id="at the second"),
    ],
)
def test_a_full_disk_loses_one_password_and_says_whose(tmp_path: Path, size: int, what: str, rows: list[str]) -> None:
    path = tmp_path / "new.csv"
    # -B: it would leave compiled modules behind that are cut off at the limit, and break whoever imports them next.
    command = [sys.executable, "-B", "-c", _FULL, str(size), str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"{path}: cannot be written: No space left on device: {what}\n")
    assert path.exists() == bool(rows)
    if rows:
        assert [row["username"] for row in csv.DictReader(path.read_text("utf-8").splitlines())] == rows


async def test_whom_somebody_else_gives_one_stops_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new.csv"
    assert await issued(path, others="b") == 1
    assert "! h1/b has a password since" in capsys.readouterr().out
    assert [row["username"] for row in csv.DictReader(path.read_text("utf-8").splitlines())] == ["h1/a", "h1/c"]
