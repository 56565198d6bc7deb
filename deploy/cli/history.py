"""`carebell admin replay`: a changed rulebook over the real history of homes, before it is switched on. The log of a box or
of a city is read while they run; nothing is written to it."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from carebell.clock import SystemClock
from carebell.errors import BadInput
from carebell.log import Record
from carebell.types import Alert
from deploy.alert_changes import fates, table
from deploy.cli.place import add_place, open_log, rulebook_at
from deploy.cli.replay_run import tell_failures, write_line
from deploy.cli.rules import add_choice, whole_days
from deploy.config import rulebook_of
from deploy.recording import alert_content, write_time
from deploy.rehearsal import Rehearsal
from deploy.rules_history import History, raised_alerts, read_history
from rules_engine.rule import RuleEvent
from rules_engine.rulebook import Rulebook


def add(areas: Any) -> None:
    """The command and its arguments."""
    parser = areas.add_parser("replay", help="a changed rulebook over the real history of homes", description=__doc__)
    parser.add_argument(
        "--from", dest="source", choices=("edge", "kafka"), required=True, help="a box's log or a city's"
    )
    parser.add_argument(
        "--days",
        type=whole_days,
        required=True,
        metavar="N",
        help="tell of the alerts of so many days; what the log holds from before is learned from",
    )
    add_choice(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--rulebook", type=Path, metavar="NEW", help="the rulebook to try (default: the one in force)")
    which.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("OLD", "NEW"),
        help="two rulebooks, in place of what was really raised",
    )
    add_place(parser)
    parser.set_defaults(run=run)


@dataclass(slots=True)
class _Trial:
    """A rulebook that is tried, and the alerts of the days that count."""

    rehearsal: Rehearsal
    since: datetime
    alerts: list[Alert] = field(default_factory=list)

    def hear(self, event: RuleEvent, record: Record) -> None:
        self.alerts += [alert for alert in self.rehearsal.hear(event, record) if alert.at >= self.since]


def run(options: argparse.Namespace) -> int:
    """Print each alert with what becomes of it, and the counts on standard error."""
    if (options.source == "kafka") != (options.config is not None):
        raise BadInput("--from kafka goes with --config FILE, --from edge with --data DIR")
    old, new = map(rulebook_of, options.compare) if options.compare else (None, rulebook_at(options))
    history = History()
    since = SystemClock().now() - options.days
    trial = _Trial(Rehearsal(new, history.known), since)
    former = None if old is None else _Trial(Rehearsal(old, history.known), since)
    before = asyncio.run(_read(options, trial, former, history))
    found = fates(before, trial.alerts, options.moved_within)
    for one in found:
        was = {} if one.was_at is None else {"was_at": write_time(one.was_at)}
        write_line({"change": one.what, **alert_content(one.alert), **was})
    sys.stdout.flush()
    _summarise(options, history, "what was raised" if old is None else old.label, new)
    print("\n".join(table(found)), file=sys.stderr)
    tell_failures(trial.rehearsal.failures)
    return 0


async def _read(options: argparse.Namespace, trial: _Trial, former: _Trial | None, history: History) -> Sequence[Alert]:
    """Let them hear the log; the alerts that those of the trial are compared with."""
    homes = frozenset(options.home)

    def hear(event: RuleEvent, record: Record) -> None:
        trial.hear(event, record)
        if former is not None:
            former.hear(event, record)

    async with open_log(options) as log:
        await read_history(log, homes, hear, history)
        if former is not None:
            return former.alerts
        # What the running rules have raised since the reading ended is no difference.
        now = trial.rehearsal.now
        raised = await raised_alerts(log, homes, trial.since)
        return [alert for alert in raised if now is not None and alert.at <= now]


def _summarise(options: argparse.Namespace, history: History, beside: str, new: Rulebook) -> None:
    days = options.days // timedelta(days=1)
    print(
        f"{history.readings} readings of {len(history.homes)} homes; {new.label} beside {beside}, the last {days} days:",
        file=sys.stderr,
    )
    for home_id in sorted(frozenset(options.home) - history.homes):
        print(f"the log has no reading of home {home_id}", file=sys.stderr)
