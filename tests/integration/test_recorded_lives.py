"""Recorded falls and homes through `carebell replay`, scored by the runners that judge it. They live beside a checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("CAREBELL_RECORDINGS") or ROOT.parent / "shared")
CARED = f"{sys.executable} -m deploy replay"
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        not (SHARED / "tools/eval_falls.py").exists(),
        reason="NO RECORDINGS HERE: falls and silences were not scored; CAREBELL_RECORDINGS names the folder that has them",
    ),
]


def scored(tool: str, *arguments: str) -> str:
    """What the runner printed; it exits with 0 only where all that it needs is reached."""
    run = subprocess.run(
        [sys.executable, str(SHARED / "tools" / tool), "--cmd", CARED, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_recorded_falls_are_found_and_daily_life_is_not_taken_for_one() -> None:
    print(scored("eval_falls.py", "--data", str(SHARED / "data/falls"), "--limit", "120"))


def test_silences_of_recorded_homes_are_found() -> None:
    homes = [str(SHARED / f"data/homes/{home}.csv.gz") for home in ("hh101_5min", "casas_al_30d", "ordonez_A")]
    print(scored("eval_homes.py", "--data", *homes, "--cuts", "6"))
