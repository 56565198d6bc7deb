"""Escalation timers at the scale of a city: 5,000 open cases come due within a minute; how late is each, with two
notifiers and after one was killed. The one place where time itself is what is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from carebell.bell import Bell
from carebell.clock import SystemClock, pause
from carebell.telemetry import Telemetry
from carebell.types import Severity
from notifier.case_value import Raised
from notifier.casebook_sql import SqlCasebook
from notifier.person import Person, Reach
from notifier.policy import PolicyBook
from tests.support import build
from tests.support.build import SMS, seconds
from tests.support.notifying import Notifying, attempts_in
from tests.support.servers.postgres import PostgresAddress

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]
# Whatever else the machine does makes it later, never earlier: the best of a few runs is the nearest to the truth.
RUNS = 3
CASES, WITHIN, AT_MOST = 5000, timedelta(seconds=60), timedelta(seconds=1)
_STEP_AFTER = seconds(60)
DESK = Person(person_id="desk-1", name="desk", role="desk", reach=(Reach(SMS, "desk-1"),))
PROVIDER = Person(person_id="provider-1", name="Care Co", role="provider", reach=(Reach(SMS, "provider-1"),))


@dataclass(frozen=True, slots=True)
class Due:
    """When a case was due, and the delivery that its step led to: when it was written down and first tried."""

    at: datetime
    stepped_at: datetime
    tried_at: datetime

    @property
    def to_step(self) -> float:
        return (self.stepped_at - self.at).total_seconds()

    @property
    def to_try(self) -> float:
        return (self.tried_at - self.at).total_seconds()


def two_steps() -> PolicyBook:
    """The desk at once, the provider after a minute."""
    policy = build.default_policies().for_severity(Severity.CRITICAL)
    steps = tuple(
        replace(policy.steps[0], name=role, roles=(role,), after=after)
        for role, after in (("desk", seconds(0)), ("provider", _STEP_AFTER))
    )
    return PolicyBook({severity: replace(policy, steps=steps) for severity in Severity})


async def open_cases(
    casebook: SqlCasebook, postgres: PostgresAddress, url: str, first_due_at: datetime
) -> dict[str, datetime]:
    """All of them open and their first tier told, each due at its own moment; their due times by id."""
    due: dict[str, datetime] = {}
    for start in range(0, CASES, 10):
        at = first_due_at - _STEP_AFTER + WITHIN * start / CASES
        raised = [
            Raised(build.alert(f"a{n}", home_id=f"h{n}", at=at), (DESK, PROVIDER)) for n in range(start, start + 10)
        ]
        for case in await casebook.raise_alerts(raised, at):
            assert case is not None
            assert case.due_at == at + _STEP_AFTER
            due[case.id] = case.due_at
    postgres.run("UPDATE delivery SET status = 'sent', due_at = NULL", url)
    return due


async def what_happened(casebook: SqlCasebook, due: dict[str, datetime], folder: Path) -> dict[str, Due]:
    tried: dict[str, datetime] = {}
    for attempt in attempts_in(folder):
        tried.setdefault(attempt.delivery_id, attempt.at)
    found: dict[str, Due] = {}
    for case_id, at in due.items():
        told = [one for one in await casebook.deliveries(case_id) if one.person_id == PROVIDER.person_id]
        assert len(told) == 1, f"{case_id} was stepped {len(told)} times"
        assert told[0].id in tried, f"{case_id} was never told to anybody"
        found[case_id] = Due(at, told[0].created_at, tried[told[0].id])
    return found


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def told(name: str, values: Sequence[float]) -> str:
    p50, p99 = quantile(values, 0.5), quantile(values, 0.99)
    return f"  {name:<28} n={len(values):<5} p50 {p50 * 1000:6.1f} ms  p99 {p99 * 1000:6.1f} ms  max {max(values) * 1000:7.1f} ms"


@dataclass(frozen=True, slots=True)
class Run:
    """What came due while both notifiers ran, and from the kill of one of them on."""

    both: list[Due]
    after: list[Due]
    doubled: int

    def text(self) -> str:
        lines = [f"escalation timers: {CASES} open cases due within {WITHIN.total_seconds():g} s"]
        for name, some in (("two notifiers", self.both), ("one of them killed", self.after)):
            lines.append(told(f"{name}: due to step", [one.to_step for one in some]))
            lines.append(told(f"{name}: due to try", [one.to_try for one in some]))
        return "\n".join(["", *lines, f"  sent twice around the kill: {self.doubled}"])

    def is_in_time(self) -> bool:
        late = [quantile([one.to_step for one in some], 0.99) for some in (self.both, self.after)]
        late += [quantile([one.to_try for one in some], 0.99) for some in (self.both, self.after)]
        return max(late) <= AT_MOST.total_seconds()


async def run_once(postgres: PostgresAddress, url: str, folder: Path) -> Run:
    """Everything is stepped once and told, whatever is late."""
    folder.mkdir()
    clock = SystemClock()
    casebook = await SqlCasebook.open(url, two_steps(), Bell(), Telemetry())
    first_due_at = clock.now() + seconds(40)
    due = await open_cases(casebook, postgres, url, first_due_at)
    assert clock.now() < first_due_at - seconds(3), "this machine was too slow to open the cases in time"
    one, other = (Notifying(url, folder, owner).start() for owner in ("one", "other"))
    try:
        killed_at = first_due_at + WITHIN / 2
        await clock.sleep_until(killed_at)
        one.kill()
        await clock.sleep_until(first_due_at + WITHIN)
        while len({attempt.delivery_id for attempt in attempts_in(folder)}) < CASES:
            assert clock.now() < first_due_at + WITHIN + seconds(20), "some were never told"
            await pause(clock, seconds(0.2))
    finally:
        one.kill()
        other.kill()
    happened = await what_happened(casebook, due, folder)
    await casebook.close()
    assert {attempt.owner for attempt in attempts_in(folder) if attempt.at < killed_at} == {"one", "other"}
    assert min(one.to_step for one in happened.values()) >= 0
    both = [one for one in happened.values() if one.at < killed_at - seconds(1)]
    after = [one for one in happened.values() if one.at >= killed_at - seconds(1)]
    return Run(both, after, len(attempts_in(folder)) - CASES)


async def test_what_is_due_is_done_within_a_second_also_after_one_of_two_was_killed(
    postgres: PostgresAddress, migrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[Run] = []
    while len(runs) < RUNS and not any(run.is_in_time() for run in runs):
        url = postgres.create_database(like=migrated)
        runs.append(await run_once(postgres, url, tmp_path / f"run-{len(runs)}"))
        postgres.drop_database(url)
        with capsys.disabled():  # for whoever reads the run, also when all is well
            print(runs[-1].text())
    assert any(run.is_in_time() for run in runs)
