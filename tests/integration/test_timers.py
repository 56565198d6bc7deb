"""Escalation timers: many open cases come due within seconds, with two notifiers and after one was killed.

How late each is, at the scale of a city, is measured by `make bench-city`, in bench/city_timers.py.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.servers.postgres import PostgresAddress
from tests.support.timers import Plan, run_timers

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(900)]
PLAN = Plan(cases=500, within=timedelta(seconds=10), after=timedelta(seconds=10))


async def test_what_is_due_is_stepped_once_and_told_also_after_one_of_two_was_killed(
    postgres: PostgresAddress, database_url: str, tmp_path: Path
) -> None:
    run = await run_timers(postgres, database_url, tmp_path, PLAN)
    assert len(run.both) + len(run.after) == PLAN.cases
    assert len({attempt.delivery_id for attempt in run.attempts}) == PLAN.cases
