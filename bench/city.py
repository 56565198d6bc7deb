"""What `make bench-city` prints: a city of real processes over real servers, beside the same road without any logic.

Ratios of one run on one machine. `python -m bench.city --only latency` runs one part alone.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.city_latency import latency
from bench.city_memory import memory
from bench.city_takeover import takeover
from bench.city_throughput import throughput
from bench.city_timers import timers
from bench.city_urgent import urgent
from bench.stage import Stage

PARTS: Mapping[str, Callable[[Stage], None]] = {
    "latency": latency,
    "urgent": urgent,
    "throughput": throughput,
    "memory": memory,
    "takeover": takeover,
    "timers": timers,
}


def main() -> None:
    """Every part, or those asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.city", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="this part alone; may be given again")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave log lines and configurations here")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that nothing that was started stays
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="carebell-bench-") as folder, Stage(options.keep or Path(folder)) as stage:
        print(f"{os.cpu_count()} cores; one broker of each kind; load before the start: {os.getloadavg()[0]:.1f}")
        for name in options.only or PARTS:
            PARTS[name](stage)
    print(f"\ntook {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
