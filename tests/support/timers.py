"""Escalation timers: many open cases come due within a short time, while two notifiers look, of which one is killed."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

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
from tests.support.notifying import Attempted, Notifying, attempts_in
from tests.support.patience import PATIENCE_S
from tests.support.servers.postgres import PostgresAddress

_STEP_AFTER = seconds(60)
_NEVER = timedelta(days=1)
_AT_ONCE = 10
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


@dataclass(frozen=True, slots=True)
class Plan:
    """So many cases come due one after the other `within` this time, which begins `after` that one."""

    cases: int
    within: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Run:
    """What came due while both notifiers ran, and from the kill of one of them on. `is_late`: some were due before the
    notifiers were there, as the machine was too slow for the plan."""

    both: list[Due]
    after: list[Due]
    attempts: list[Attempted]
    is_late: bool


async def run_timers(postgres: PostgresAddress, url: str, folder: Path, plan: Plan) -> Run:
    """Raises AssertionError when a case is not stepped exactly once, or is never told to anybody, or too early."""
    clock = SystemClock()
    casebook = await SqlCasebook.open(url, _two_steps(), Bell(), Telemetry())
    first_due_at = clock.now() + plan.after
    due = await _open_cases(casebook, postgres, url, first_due_at, plan)
    one, other = (Notifying(url, folder, owner).start() for owner in ("one", "other"))
    try:
        is_late = clock.now() > first_due_at
        await clock.sleep_until(first_due_at + plan.within / 2)
        killed_at = clock.now()
        one.kill()
        await _until_told(folder, plan.cases)
    finally:
        one.kill()
        other.kill()
    happened = await _what_happened(casebook, due, folder)
    await casebook.close()
    both = [one for one in happened if one.at < killed_at - seconds(1)]
    after = [one for one in happened if one.at >= killed_at - seconds(1)]
    return Run(both, after, attempts_in(folder), is_late)


async def _until_told(folder: Path, count: int) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + 3 * PATIENCE_S
    while len(found := {attempt.delivery_id for attempt in attempts_in(folder)}) < count:
        assert clock.monotonic() < deadline, f"{len(found)} of {count} came"
        await pause(clock, seconds(0.2))


def _two_steps() -> PolicyBook:
    """The desk at once, the provider after a minute, and nothing more for as long as anybody looks."""
    policy = replace(build.default_policies().for_severity(Severity.CRITICAL), repeat_after=_NEVER, remind_after=_NEVER)
    steps = tuple(
        replace(policy.steps[0], name=role, roles=(role,), after=after)
        for role, after in (("desk", seconds(0)), ("provider", _STEP_AFTER))
    )
    return PolicyBook({severity: replace(policy, steps=steps) for severity in Severity})


async def _open_cases(
    casebook: SqlCasebook, postgres: PostgresAddress, url: str, first_due_at: datetime, plan: Plan
) -> dict[str, datetime]:
    """All of them open and their first tier told, each due at its own moment; their due times by id."""
    due: dict[str, datetime] = {}
    for start in range(0, plan.cases, _AT_ONCE):
        at = first_due_at - _STEP_AFTER + plan.within * start / plan.cases
        numbers = range(start, start + _AT_ONCE)
        raised = [Raised(build.alert(f"a{n}", home_id=f"h{n}", at=at), (DESK, PROVIDER)) for n in numbers]
        for case in await casebook.raise_alerts(raised, at):
            assert case is not None
            assert case.due_at == at + _STEP_AFTER
            due[case.id] = case.due_at
    postgres.run("UPDATE delivery SET status = 'sent', due_at = NULL", url)
    return due


async def _what_happened(casebook: SqlCasebook, due: dict[str, datetime], folder: Path) -> list[Due]:
    tried: dict[str, datetime] = {}
    for attempt in attempts_in(folder):
        tried.setdefault(attempt.delivery_id, attempt.at)
    found: list[Due] = []
    for case_id, at in due.items():
        told = [one for one in await casebook.deliveries(case_id) if one.person_id == PROVIDER.person_id]
        assert len(told) == 1, f"{case_id} was stepped {len(told)} times"
        assert told[0].id in tried, f"{case_id} was never told to anybody"
        found.append(Due(at, told[0].created_at, tried[told[0].id]))
        assert found[-1].to_step >= 0, f"{case_id} was stepped too early"
    return found
