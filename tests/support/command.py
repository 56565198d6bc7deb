"""`carebell …` as a real process."""

import subprocess
import sys

from tests.support.services import ROOT


def carebell(*arguments: str, within: float = 120) -> str:
    """What it printed; anything but exit code 0 is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy", *arguments],
        capture_output=True,
        text=True,
        timeout=within,
        check=True,
        cwd=ROOT,
    )
    return done.stdout
