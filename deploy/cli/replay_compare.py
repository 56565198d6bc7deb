"""`carebell replay --compare`: two rulebooks over the same readings. What changes on stdout, how many there are on stderr."""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from carebell.duration import parse_duration
from carebell.errors import BadInput
from carebell.types import Alert
from deploy.cli.replay_run import tell_failures, until_of, write_line
from deploy.config import rulebook_of
from deploy.recording import alert_content, read_homes, read_readings, write_time
from rules_engine.compare import Change, changes, opened
from rules_engine.replay import Replay

MONTH = timedelta(days=30)
_ALL = "all rules"
_SECOND = timedelta(seconds=1)


def compare(options: argparse.Namespace) -> int:
    """Print what comes, goes and moves, and the table."""
    until, moved_within = until_of(options.until), _moved_within(options.moved_within)
    old, new = (Replay(rulebook_of(path)) for path in options.compare)
    homes = [] if options.homes is None else read_homes(options.homes)
    raised: tuple[list[Alert], list[Alert]] = ([], [])
    for run in (old, new):
        run.know(homes)
    for reading in read_readings(options.events):
        if until is not None and reading.received_at > until:
            break
        raised[0].extend(old.hear(reading))
        raised[1].extend(new.hear(reading))
    raised[0].extend(old.finish(until))
    raised[1].extend(new.finish(until))
    found = changes(*raised, moved_within)
    for change in found:
        write_line(_content(change))
    sys.stdout.flush()
    months = new.home_time() / MONTH
    print(f"{new.readings} readings of {len(new.began)} homes, {months:.2f} home-months of 30 days", file=sys.stderr)
    for line in _table(opened(raised[0]), opened(raised[1]), found, months):
        print(line, file=sys.stderr)
    for run, path in zip((old, new), options.compare, strict=True):
        tell_failures(run.failures, f" under {path}")
    return 0


def _moved_within(stated: str) -> timedelta:
    try:
        return parse_duration(stated)
    except ValueError as error:
        raise BadInput(f"--moved-within: {error}") from error


def _content(change: Change) -> dict[str, Any]:
    content = {"change": change.what.value, **alert_content(change.alert)}
    if change.old is not None and change.new is not None:
        content["was_at"] = write_time(change.old.at)
        content["moved_by_s"] = (change.new.at - change.old.at) / _SECOND
        content["was_severity"] = change.old.severity.value
    return content


def _table(old: Sequence[Alert], new: Sequence[Alert], found: Sequence[Change], months: float) -> list[str]:
    """Alerts that open, by rule."""
    counts = [Counter(one.rule for one in alerts) for alerts in (old, new)]
    counts += [Counter(one.alert.rule for one in found if one.what == what) for what in ("comes", "goes", "moves")]
    rules = sorted(set().union(*counts))
    for count in counts:
        count[_ALL] = count.total()
    lines = [f"{'rule':<14}{'old':>8}{'new':>8}{'come':>8}{'go':>8}{'move':>8}{'old/month':>12}{'new/month':>12}"]
    for rule in (*rules, _ALL):
        rates = (f"{count[rule] / months:.2f}" if months else "-" for count in counts[:2])
        numbers = "".join(f"{count[rule]:>8}" for count in counts)
        lines.append(f"{rule:<14}{numbers}" + "".join(f"{rate:>12}" for rate in rates))
    lines.append("per month: for each home and 30 days. On recorded ordinary life every alert is a false one.")
    return lines
