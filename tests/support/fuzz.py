"""Whatever arrives, every dialect answers: `python -m tests.support.fuzz --inputs 1000000 --seed 1`, first part of `make soak`.

Each input goes through Listener.hear, as in ingest. An exception, an unbounded answer, a value that cannot be written or
read back, an input that takes too long, and memory that grows without end each make the exit code 1.
"""

import argparse
import random
import resource
import sys
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from os import cpu_count
from time import process_time_ns

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.dialect import DeviceRecord, Message, Reason
from devices.ecosystems import BY_NAME
from devices.listener import Heard, Listener, Registered
from tests.support.examples import examples
from tests.support.mutation import Input, grown

_BEGAN = datetime(2026, 1, 15, tzinfo=UTC)
_KINDS = frozenset(Kind)
_FACTS, _TEXT, _DETAIL = 10_000, 1000, 4000
# Of processor time, so that a machine that does other things too finds nothing slow.
SLOWEST_US = 1_000_000
GROWTH_MB = 600


class AnyDevices:
    """A registry that knows some devices of the examples, changing with every input."""

    def __init__(self) -> None:
        stated = [row.device for row in examples() if row.device]
        names = ("vendor", "model", "description")
        self._records = [DeviceRecord(**{name: one.get(name, "") for name in names}) for one in stated]
        self._record: DeviceRecord | None = None

    def turn(self, chance: random.Random) -> None:
        self._record = chance.choice(self._records) if self._records and chance.random() < 0.5 else None

    def find(self, dialect: str, home_id: str, address: str) -> Registered | None:
        if self._record is None:
            return None
        return Registered(
            home_id=home_id or "h", device_id=address[:200], record=self._record, is_sos=len(address) % 2 == 0
        )

    def gateway(self, dialect: str, home_id: str) -> Registered | None:
        return None


@dataclass(slots=True)
class Tally:
    """What one dialect did."""

    inputs: int = 0
    facts: int = 0
    slowest_us: int = 0
    total_us: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        self.inputs += other.inputs
        self.facts += other.facts
        self.slowest_us = max(self.slowest_us, other.slowest_us)
        self.total_us += other.total_us
        self.faults += other.faults


def faults_of(heard: Heard) -> list[str]:
    """What is wrong with an answer, in words."""
    found = [f"exception: {one.detail}" for one in heard.decoded.problems if one.reason == Reason.DECODER_FAILED]
    found += ["a problem without end" for one in heard.decoded.problems if len(one.detail) > _DETAIL]
    if len(heard.decoded.facts) > _FACTS or len(heard.decoded.problems) > _FACTS:
        found.append("facts without end")
    for fact in heard.decoded.facts:
        if fact.kind not in _KINDS:
            found.append(f"unknown kind {fact.kind[:40]!r}")
        texts = (
            fact.unit,
            fact.channel,
            fact.sub_device,
            fact.message_id,
            fact.stated_at,
            fact.correlation_id,
            fact.note,
        )
        if any(not isinstance(text, str) or len(text) > _TEXT for text in texts):
            found.append(f"{fact.kind}: a text without end")
        if not _is_kept(fact.value):
            found.append(f"{fact.kind}: a value that does not come back from the log")
    return found


def _is_kept(value: JsonValue) -> bool:
    try:
        return len(written := orjson.dumps(value)) < 100_000 and orjson.loads(written) == value
    except (TypeError, ValueError):
        return False


class Fuzz:
    """One process of it: a listener that lives through all its inputs."""

    def __init__(
        self, seed: int, *, dialects: tuple[str, ...] = tuple(BY_NAME), devices: AnyDevices | None = None
    ) -> None:
        self._chance = random.Random(seed)
        self._dialects = dialects
        self._devices = devices or AnyDevices()
        self._listener = Listener(self._devices)
        self._at = _BEGAN
        self.tallies = {name: Tally() for name in dialects}
        self.shown: list[str] = []

    def run(self, inputs: int) -> None:
        """The dialects in turn."""
        for number in range(inputs):
            name = self._dialects[number % len(self._dialects)]
            self.feed(name, grown(name, self._chance))

    def feed(self, name: str, one: Input) -> list[str]:
        """One input; what was wrong with the answer."""
        self._at += timedelta(milliseconds=self._chance.choice((1, 500, 20_000)))
        self._devices.turn(self._chance)
        message = Message(topic=one.topic, payload=one.payload, received_at=self._at, retained=one.retained)
        began = process_time_ns()
        heard = self._listener.hear(message, dialect=name)
        took_us = (process_time_ns() - began) // 1000
        tally, found = self.tallies[name], faults_of(heard)
        tally.inputs += 1
        tally.facts += len(heard.decoded.facts)
        tally.slowest_us = max(tally.slowest_us, took_us)
        tally.total_us += took_us
        if took_us > SLOWEST_US:
            found.append(f"slower than {SLOWEST_US} µs")
        for fault in set(found):
            if fault not in tally.faults and len(self.shown) < 50:
                self.shown.append(f"{name}: {fault}\n    {one.topic[:200]!r} {one.payload[:600]!r}")
            tally.faults[fault] += 1
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """What a process found; memory in megabytes."""

    tallies: dict[str, Tally]
    shown: list[str]
    grown_mb: float
    most_mb: float


def _worker(seed: int, inputs: int) -> Report:
    fuzz = Fuzz(seed)
    fuzz.run(inputs // 10)
    before = _most_mb()
    fuzz.run(inputs - inputs // 10)
    return Report(fuzz.tallies, fuzz.shown, _most_mb() - before, _most_mb())


def _most_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print the table; 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=cpu_count() or 1)
    options = parser.parse_args()
    each = -(-options.inputs // options.workers)
    seeds = [options.seed * 1000 + number for number in range(options.workers)]
    # The descriptions of protobuf do not outlive a fork.
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        reports = list(pool.map(_worker, seeds, [each] * options.workers))
    total: dict[str, Tally] = {}
    for report in reports:
        for name, tally in report.tallies.items():
            total.setdefault(name, Tally()).add(tally)
    return show(total, reports)


def show(total: Mapping[str, Tally], reports: list[Report]) -> int:
    """The table, what was wrong, and the exit code."""
    print(f"{'':<16} {'inputs':>9} {'facts':>9} {'mean µs':>8} {'slowest µs':>11} {'faults':>7}")
    for name, tally in total.items():
        faults, mean = sum(tally.faults.values()), tally.total_us / max(1, tally.inputs)
        print(f"{name:<16} {tally.inputs:>9} {tally.facts:>9} {mean:>8.0f} {tally.slowest_us:>11} {faults:>7}")
    grown_mb, most_mb = max(one.grown_mb for one in reports), max(one.most_mb for one in reports)
    print(f"{sum(tally.inputs for tally in total.values())} inputs; a process held {most_mb:.0f} MB at most,")
    print(f"{grown_mb:.0f} MB more than after its first tenth (limit {GROWTH_MB})")
    for line in [line for report in reports for line in report.shown]:
        print(line)
    is_bad = any(tally.faults for tally in total.values()) or grown_mb > GROWTH_MB
    return 1 if is_bad else 0


if __name__ == "__main__":
    sys.exit(main())
