"""`carebell replay` of made-up homes: readings a second on one core, beside reading the same lines without any rule."""

import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from deploy.config import rulebook_of
from deploy.recording import read_homes, read_readings
from rules_engine.replay import Replay

HOMES, DAYS = 8, 14
TIMES = 3
_START = datetime(2026, 3, 1, tzinfo=UTC)
_ROOMS = ("bedroom", "bathroom", "kitchen", "living room", "hall")


def homes() -> Iterator[dict[str, Any]]:
    """A gateway, a sensor for motion and warmth in each room, a door."""
    for number in range(HOMES):
        places = {f"sensor-{room}": room for room in _ROOMS} | {"door": "front door"}
        devices = [{"device_id": key, "place": room, "gateway_id": "gateway"} for key, room in places.items()]
        gateway = {"device_id": "gateway", "is_gateway": True, "expected_every": "1h"}
        yield {"home_id": f"home-{number}", "timezone": "Asia/Shanghai", "devices": [gateway, *devices]}


def readings() -> list[dict[str, Any]]:
    """Motion and what else a home says by the minute, by day more than by night; the same in every run."""
    chance = random.Random(1)
    said = []
    for number in range(HOMES):
        for minute in range(DAYS * 1440):
            at = _START + timedelta(minutes=minute, seconds=chance.uniform(0, 5))
            said += [
                {
                    "home_id": f"home-{number}",
                    "observed_at": (at + timedelta(seconds=chance.uniform(0, 55)))
                    .isoformat(timespec="milliseconds")
                    .replace("+00:00", "Z"),
                    **one,
                }
                for one in _minute(minute, chance)
            ]
    return sorted(said, key=lambda one: str(one["observed_at"]))


def _minute(minute: int, chance: random.Random) -> Iterator[dict[str, Any]]:
    if minute % 5 == 0:
        yield {"device_id": "gateway", "kind": "heartbeat", "value": True}
    hour = (minute // 60 + 8) % 24
    room = _ROOMS[0] if hour < 6 or hour > 21 else chance.choice(_ROOMS)
    sensor = {"device_id": f"sensor-{room}", "place": room}
    if chance.random() < (0.05 if room == _ROOMS[0] else 0.7):
        yield {**sensor, "kind": "motion", "value": True}
        yield {**sensor, "kind": "motion", "value": False}
    if chance.random() < 0.1:
        yield {**sensor, "kind": "temperature", "value": round(chance.uniform(19, 24), 1), "unit": "°C"}
    if hour in (9, 16) and chance.random() < 0.1:
        yield {
            "device_id": "door",
            "place": "front door",
            "kind": "contact",
            "value": chance.choice(["open", "closed"]),
        }


def measure() -> None:
    """Print the table. CPU time, the best of some runs: what else the machine does counts as little as may be."""
    with tempfile.TemporaryDirectory() as folder:
        events = _written(Path(folder) / "events.jsonl", readings())
        profiles = read_homes(_written(Path(folder) / "homes.jsonl", homes()))
        count = sum(1 for _ in read_readings(events))

        def through_the_rules() -> None:
            for _ in Replay(rulebook_of(None)).run(profiles, read_readings(events), None):
                pass

        def without_logic() -> None:
            for _ in read_readings(events):
                pass

        bare, ours = (count / _best(run) for run in (without_logic, through_the_rules))
    print(f"\nreplay of {count:,} readings: {HOMES} homes, {DAYS} days, one core")
    print(f"{'':<58} {'readings/s':>12}")
    print(f"{'no logic: parse each line, make the reading':<58} {bare:>12,.0f}")
    print(f"{'through all rules':<58} {ours:>12,.0f}")
    print(f"through all rules, to reading alone: {ours / bare:.2f}×")


def _written(path: Path, contents: Iterable[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in contents))
    return path


def _best(run: Callable[[], None]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.process_time()
        run()
        took.append(time.process_time() - began)
    return min(took)


if __name__ == "__main__":
    measure()
