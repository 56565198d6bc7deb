"""One replay: its alerts on stdout, its summary on stderr, its picture in a file."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from carebell.errors import BadInput
from deploy.config import rulebook_of
from deploy.life import Lives
from deploy.recording import alert_content, read_homes, read_readings, read_time
from rules_engine.replay import Replay


def replay(options: argparse.Namespace) -> int:
    """Print the alerts, and draw what is asked for."""
    until = until_of(options.until)
    draw = None if options.plot is None else _drawer()
    run = Replay(rulebook_of(options.rulebook))
    homes = [] if options.homes is None else read_homes(options.homes)
    lives = None if draw is None else Lives(run, homes, options.home)
    count: Counter[str] = Counter()
    judged = None if lives is None else lives.hear
    for alert in run.run(homes, read_readings(options.events), until, judged):
        count[f"{alert.rule} {alert.status}"] += 1
        write_line(alert_content(alert))
        if lives is not None:
            lives.alert(alert)
    sys.stdout.flush()
    said = ", ".join(f"{name}: {number}" for name, number in sorted(count.items())) or "none"
    print(f"{run.readings} readings, {len(homes)} homes; alerts: {said}", file=sys.stderr)
    tell_failures(run.failures)
    if draw is not None and lives is not None:
        print(draw(options.plot, lives.ended()), file=sys.stderr)
    return 0


def until_of(stated: str | None) -> datetime | None:
    """The time of --until."""
    try:
        return None if stated is None else read_time(stated)
    except BadInput as error:
        raise BadInput(f"--until: {error}") from error


def write_line(content: Mapping[str, Any]) -> None:
    """One JSON line on stdout."""
    sys.stdout.write(orjson.dumps(content).decode() + "\n")


def tell_failures(failures: Mapping[str, int], under: str = "") -> None:
    """Which rules broke, on stderr."""
    for rule, number in sorted(failures.items()):
        print(f"rule {rule} failed {number} times{under}", file=sys.stderr)


def _drawer() -> Callable[..., str]:
    """matplotlib is needed by those alone who draw."""
    try:
        from deploy.plot import draw
    except ModuleNotFoundError as error:
        raise BadInput(f"--plot needs {error.name}: pip install 'carebell[plot]'") from error
    return draw
