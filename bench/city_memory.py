"""What a home costs in memory: the resident size of a process that knows many homes, less that of one that knows none."""

from pathlib import Path

from bench.stage import Stage
from bench.states import save_states
from tests.support.city_process import CityProcess

_COUNTS = (0, 10_000, 50_000)
_EACH = 10_000
_KIB = 1024
_HEARD_WITHIN_S = 120


def memory(stage: Stage) -> None:
    """Rules with states as they were loaded and again when every home has spoken, ingest with profiles."""
    print("\nmemory, MiB resident")
    print(f"{'':<58} " + " ".join(f"{f'{count:,} homes':>14}" for count in _COUNTS) + f" {'per 10,000':>12}")
    loaded, spoken, ingest = [], [], []
    for count in _COUNTS:
        with stage.room() as room:
            room.append_homes(count)
            size = save_states(room, count)
            rules = room.start("rules")
            room.touch()
            loaded.append(resident_mib(rules))
            room.speak_once(count, _HEARD_WITHIN_S)
            spoken.append(resident_mib(rules))
            rules.kill()
            ingest.append(resident_mib(room.start("ingest")))
    _print(f"rules, states as loaded ({size:,.0f} bytes each)", loaded)
    _print("rules, after every home has said something", spoken)
    _print("ingest", ingest)


def _print(name: str, found: list[float]) -> None:
    each = (found[-1] - found[0]) / (_COUNTS[-1] - _COUNTS[0]) * _EACH
    print(f"{name:<58} " + " ".join(f"{one:>14.0f}" for one in found) + f" {each:>12.1f}", flush=True)


def resident_mib(process: CityProcess) -> float:
    """Now."""
    status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    [found] = [line.split()[1] for line in status if line.startswith("VmRSS:")]
    return int(found) / _KIB
