"""Escalation timers at the scale of a city: 5,000 open cases come due within a minute; how late is each."""

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

from bench.stage import Stage
from deploy.migrate import migrate
from tests.support.figures import HEADER, Figures
from tests.support.servers.postgres import PostgresServer
from tests.support.timers import Plan, run_timers

PLAN = Plan(cases=5000, within=timedelta(seconds=60), after=timedelta(seconds=40))


def timers(_stage: Stage) -> None:
    """Two notifiers, then one, as the other is killed half way. Neither Kafka nor Redis has a part in it."""
    print(f"\nescalation timers: {PLAN.cases} open cases due within {PLAN.within.total_seconds():g} s")
    print(HEADER)
    with tempfile.TemporaryDirectory(prefix="carebell-timers-") as folder, PostgresServer() as postgres:
        url = postgres.create_database()
        asyncio.run(migrate(url))
        run = asyncio.run(run_timers(postgres, url, Path(folder), PLAN))
    for name, some in (("two notifiers", run.both), ("one of them killed", run.after)):
        print(Figures.of([one.to_step for one in some]).row(f"{name}: due to step"))
        print(Figures.of([one.to_try for one in some]).row(f"{name}: due to try"))
    print(f"sent twice around the kill: {len(run.attempts) - PLAN.cases}", flush=True)
    if run.is_late:
        print("this machine was too slow to open the cases in time: some were due before anybody looked", flush=True)
