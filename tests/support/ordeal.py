"""A city under fire: homes press and tell while one thing after the other is killed, frozen or emptied; then the accounts.

`python -m tests.support.ordeal` is the long one, `make soak`.
"""

import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from carebell.clock import SystemClock, pause
from carebell.log import Log
from carebell.mqtt import MqttAddress
from carebell.topics import Topic
from tests.support.city import City
from tests.support.city_ledger import account, first_attempts, read_casebook, unsettled
from tests.support.city_process import CityProcess
from tests.support.faults import Faults, Kind, Victim, at_once, frozen, killed, worst
from tests.support.fleet import Fleet, homes_of
from tests.support.ledger import Ledger
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver
from tests.support.topics import open_log

CLOCK = SystemClock()
POLICY = """
format: 1
version: ordeal
policies:
  call:
    for: [critical, high, low, info]
    steps:
      - {name: desk, after: 0s, tell: [desk]}
      - {name: family, after: 0s, tell: [family]}
      - {name: provider, after: 5s, tell: [provider]}
    repeat_after: 1h
    remind_after: 1h
    group_for: 10m
"""
# A call that was made up to so long after a fault is counted to it: what had to be taken over shows there.
_AFTER_S = 8.0
# What is due later is a repetition, which nobody waits for.
_TIERS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is said, how fast, and what befalls the city meanwhile. `kinds` None: all of them."""

    homes: int
    presses: int
    presses_per_s: float
    facts: int
    facts_per_s: float
    faults: int
    kinds: Sequence[str] | None = None
    between_s: tuple[float, float] = (1.0, 4.0)
    seed: int = 1


LONG = Plan(homes=400, presses=10_200, presses_per_s=9, facts=204_000, facts_per_s=180, faults=69, between_s=(2.0, 8.0))
SHORT = Plan(
    homes=100,
    presses=900,
    presses_per_s=5,
    facts=9_000,
    facts_per_s=50,
    faults=11,
    kinds=(
        "ingest killed",
        "ingest frozen",
        "rules killed",
        "rules frozen",
        "notify killed",
        "notify frozen",
        "leader of the urgent lane killed",
        "Redis emptied",
        "PostgreSQL killed",
        "Mosquitto killed",
        "rules killed + Redis killed",
    ),
)


@dataclass(frozen=True, slots=True)
class Survived:
    """What came of it."""

    ledger: Ledger
    table: str
    faults: int

    def text(self) -> str:
        return f"{self.ledger.text()}\n{self.table}"


async def endure(folder: Path, plan: Plan, say: Callable[[str], None] = lambda line: None) -> Survived:
    """Build the city, let it all happen, and settle the accounts. Raises AssertionError when it does not recover."""
    async with Receiver() as receiver:
        city = City(folder, brokers=3, config=_config(folder, receiver.url), ingest=2, rules=2, notify=2, desk=1)
        try:
            await asyncio.to_thread(city.start_servers)
            await asyncio.to_thread(city.start)
            await asyncio.to_thread(city.import_homes, homes_of(plan.homes, receiver.url))
            return await _endure(city, plan, receiver, say)
        finally:
            await asyncio.to_thread(city.close)


def _config(folder: Path, url: str) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    return {
        "policies": str(folder / "policy.yaml"),
        "channels": {"console": False},
        "responders": [{"id": role, "name": role, "role": role, "webhook": url} for role in ("desk", "provider")],
    }


async def _endure(city: City, plan: Plan, receiver: Receiver, say: Callable[[str], None]) -> Survived:
    kinds = [kind for kind in kinds_of(city, plan.seed) if plan.kinds is None or kind.name in plan.kinds]
    assert plan.kinds is None or len(kinds) == len(plan.kinds), "a kind of fault that does not exist"
    faults = Faults(kinds, CLOCK, plan.seed, partial(_recovered, city), say)
    address, stop = MqttAddress("127.0.0.1", city.mosquitto.port), asyncio.Event()
    async with Fleet(plan.homes, address, CLOCK, plan.seed) as fleet:
        closing = asyncio.create_task(_close_cases(city, stop))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fleet.press_steadily(plan.presses, plan.presses_per_s))
            tasks.create_task(fleet.tell_steadily(plan.facts, plan.facts_per_s))
            tasks.create_task(faults.run(plan.faults, plan.between_s))
        assert await fleet.all_received(3 * PATIENCE_S), "something was never told received"
        stop.set()
        await closing
    log = await open_log(city.kafka.bootstrap, CLOCK, "")
    try:
        await _settled(log, city)
        kept = await read_casebook(city.database_url)
        ledger = await account(log, kept, fleet.presses, fleet.facts, receiver)
    finally:
        await log.close()
    ledger.notes.append(
        f"faults {len(faults.struck)}; presses {len(fleet.presses)}, facts {len(fleet.facts)}, sent {fleet.sent()} times"
    )
    took = first_attempts(kept, fleet.presses, lambda at: faults.kind_at(at, _AFTER_S))
    return Survived(ledger, f"{worst(took)}\n{faults.recoveries()}", len(faults.struck))


def kinds_of(city: City, seed: int) -> list[Kind]:
    """Everything that may befall it."""
    chance = random.Random(f"victims/{seed}")

    def one_of(victims: Sequence[Victim]) -> Callable[[], Victim]:
        return lambda: chance.choice(victims)

    processes = {role: one_of([_Launched(one) for one in some]) for role, some in city.processes.items()}
    broker, redis = one_of(city.kafka.brokers), one_of([city.redis])
    postgres, mosquitto = one_of([city.postgres]), one_of([city.mosquitto])

    def leader() -> Victim:
        return city.kafka.leader_of(Topic.URGENT.value, 0)

    def emptied() -> Callable[[], object]:
        city.redis.wipe()
        return lambda: None

    kills = {role: killed(role, choose) for role, choose in processes.items()}
    kills |= {"Redis": killed("Redis", redis), "PostgreSQL": killed("PostgreSQL", postgres)}
    kills |= {"broker": killed("broker", broker), "Mosquitto": killed("Mosquitto", mosquitto)}
    return [
        *kills.values(),
        *(frozen(role, choose) for role, choose in processes.items() if role != "desk"),
        killed("leader of the urgent lane", leader),
        frozen("broker", broker),
        frozen("Redis", redis),
        Kind("Redis emptied", emptied, (1.0, 2.0)),
        frozen("PostgreSQL", postgres, (2.0, 8.0)),
        frozen("Mosquitto", mosquitto, (2.0, 8.0)),
        at_once(kills["rules"], kills["Redis"]),
        at_once(kills["ingest"], kills["broker"]),
        at_once(kills["notify"], kills["PostgreSQL"]),
        at_once(kills["rules"], kills["notify"]),
        at_once(kills["ingest"], kills["Mosquitto"]),
    ]


class _Launched:
    """A process that is started again without waiting: what it waits for may still be away."""

    def __init__(self, process: CityProcess) -> None:
        self._process = process
        self.kill, self.freeze, self.thaw = process.kill, process.freeze, process.thaw

    def start(self) -> object:
        return self._process.launch()


def _recovered(city: City) -> None:
    """Every process says that it can do its work."""
    for one in city.every_process:
        one.wait_ready(2 * PATIENCE_S)


async def _close_cases(city: City, stop: asyncio.Event) -> None:
    """Cases end, so that later presses open new ones. The desk may be away at any moment."""
    chance = random.Random(3)
    while not stop.is_set():
        await pause(CLOCK, timedelta(seconds=0.5))
        try:
            cases = (await asyncio.to_thread(city.api, "/cases?status=open&limit=100"))["cases"]
            for case in chance.sample(cases, min(5, len(cases))):
                await asyncio.to_thread(city.api, f"/cases/{case['id']}/close", {"outcome": "test"})
        except (OSError, ValueError, AssertionError):
            continue


async def _settled(log: Log, city: City) -> None:
    """Every call is on a case, the last tier has been told and nothing waits to be sent."""
    given_up_at = CLOCK.monotonic() + 3 * PATIENCE_S
    while left := await unsettled(log, city.database_url, CLOCK.now() + _TIERS_WITHIN):
        assert CLOCK.monotonic() < given_up_at, f"it does not settle: {left}"
        await pause(CLOCK, timedelta(seconds=1))


def main() -> int:
    """The long one."""
    folder = Path(tempfile.mkdtemp(prefix="carebell-soak-"))
    began = CLOCK.monotonic()
    try:
        survived = asyncio.run(endure(folder, LONG, lambda line: print(line, flush=True)))
    except BaseException:
        print(f"the city's files and log lines are in {folder}", file=sys.stderr)
        raise
    print(survived.text())
    print(f"{CLOCK.monotonic() - began:.0f} s in all")
    shutil.rmtree(folder)
    wrong = [row.line() for row in survived.ledger.rows if row.missing or row.strangers]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
