"""`carebell admin rules`: what is in force in a home and why, whether a rulebook is right, and a rulebook run in the shadow."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from carebell.clock import SystemClock
from carebell.duration import parse_duration
from carebell.errors import BadInput
from carebell.types import Alert, HomeProfile
from deploy.alert_changes import Fate, table
from deploy.cli.place import add_place, open_log, open_registry, rulebook_at
from deploy.cli.replay_run import write_line
from deploy.config import rulebook_of
from deploy.process import stop_on_signals
from deploy.recording import alert_content
from deploy.rulebook_difference import differences, said
from deploy.rulebook_in_force import rulebook_in_force
from deploy.shadow import Shadow, Tell, learn, run_shadow
from rules_engine.in_force import Explained, ParametersInForce, ability_level, explain


def add(areas: Any) -> None:
    """The commands and their arguments."""
    actions = areas.add_parser("rules", help="what is in force and why; a changed rulebook").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    explaining = actions.add_parser("explain", help="every parameter in force in a home, and what decided it")
    explaining.add_argument("home", metavar="HOME")
    explaining.add_argument("--json", action="store_true", help="one JSON object, for programs")
    _add_rulebook(explaining, "in place of the one in force there")
    add_place(explaining)
    explaining.set_defaults(run=explain_home)
    checking = actions.add_parser("check", help="validate a rulebook, and tell what it changes")
    checking.add_argument("file", type=Path, metavar="FILE")
    add_place(checking).add_argument("--against", type=Path, metavar="OLD", help="in place of the one in force there")
    checking.set_defaults(run=check_rulebook)
    _add_shadow(actions.add_parser("shadow", help="run a rulebook live, tell nobody, and count"))


def _add_rulebook(parser: argparse.ArgumentParser, what: str, *, required: bool = False) -> None:
    parser.add_argument("--rulebook", type=Path, required=required, metavar="FILE", help=what)


def _add_shadow(parser: argparse.ArgumentParser) -> None:
    _add_rulebook(parser, "the rulebook to try", required=True)
    parser.add_argument(
        "--days", type=whole_days, metavar="N", help="learn from so many days (default: all that the log holds)"
    )
    add_choice(parser)
    parser.add_argument(
        "--for", dest="run_for", type=duration, metavar="TIME", help="such as 1h (default: until Ctrl-C)"
    )
    parser.add_argument(
        "--every", type=duration, default=timedelta(minutes=1), metavar="TIME", help="count so often (default: 1m)"
    )
    add_place(parser)
    parser.set_defaults(run=shadow_rules)


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which homes, and when two alerts are the same one."""
    parser.add_argument("--home", action="append", default=[], metavar="ID", help="only this home; may be repeated")
    parser.add_argument(
        "--moved-within",
        type=duration,
        default=timedelta(hours=12),
        metavar="DURATION",
        help="further apart, two alerts of a rule are not the same one (default: 12h)",
    )


def whole_days(text: str) -> timedelta:
    """A number of days for argparse."""
    if not text.isdecimal() or not 1 <= int(text) <= 3660:
        raise argparse.ArgumentTypeError(f"days are a whole number from 1 to 3660, not {text}")
    return timedelta(days=int(text))


def duration(text: str) -> timedelta:
    """A length of time for argparse."""
    try:
        length = parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if length < timedelta(seconds=1):
        raise argparse.ArgumentTypeError(f"at least 1s, not {text}")
    return length


def explain_home(options: argparse.Namespace) -> int:
    """Print them."""
    rulebook = rulebook_at(options)
    home = asyncio.run(_profile(options))
    told, refused = explain(rulebook, home), ParametersInForce(rulebook).of(home).refused
    level = ability_level(home)
    if options.json:
        content = {
            "home_id": home.home_id,
            "rulebook": rulebook.label,
            "ability_level": level,
            "residents": len(home.residents),
            "parameters": [
                {"rule": one.rule, "parameter": one.parameter, "value": one.value, "source": one.source} for one in told
            ],
            "refused": dict(refused),
        }
        print(orjson.dumps(content).decode())
        return 0
    able = "ability level not known" if level is None else f"ability level {level}, that of the most dependent"
    print(f"Home {home.home_id}, residents: {len(home.residents)}, {able}. Rulebook {rulebook.label}.\n")
    print("\n".join(_table(told)))
    for rule, reason in sorted(refused.items()):
        print(f"\nRefused, so that the rulebook holds: this home's own settings of {rule}: {reason}")
    return 0


async def _profile(options: argparse.Namespace) -> HomeProfile:
    async with open_registry(options) as registry:
        home = await registry.home(options.home)
    if home is None:
        raise BadInput(f"there is no home {options.home!r} in the registry")
    return home.profile(0)


def _table(told: Sequence[Explained]) -> list[str]:
    rows = [("rule", "parameter", "from", "value")]
    rows += [(one.rule, one.parameter, one.source, said(one.value)) for one in told]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def check_rulebook(options: argparse.Namespace) -> int:
    """Print its label, and parameter by parameter what it changes."""
    new = rulebook_of(options.file)
    old = rulebook_in_force(options.data, options.config) if options.against is None else rulebook_of(options.against)
    found = differences(old, new)
    print(f"{options.file}: rulebook {new.label}; beside {old.label} it changes: {'' if found else 'nothing'}".rstrip())
    for difference in found:
        print(f"  {difference}")
    if found and new.version == old.version:
        print(
            f"{options.file}: its rules differ and its version does not: give it another than {new.version!r}",
            file=sys.stderr,
        )
    return 0


def shadow_rules(options: argparse.Namespace) -> int:
    """Print each alert that it would raise, and the counts on standard error."""
    asyncio.run(_shadow(options))
    return 0


async def _shadow(options: argparse.Namespace) -> None:
    clock, stop = SystemClock(), asyncio.Event()
    began_at = clock.now()
    learn_from = began_at - (options.days or timedelta(days=36600))
    shadow = Shadow(rulebook_of(options.rulebook), frozenset(options.home), learn_from, began_at, options.moved_within)
    async with open_log(options) as log:
        await learn(log, shadow)
        stop_on_signals(stop)
        if options.run_for is not None:
            asyncio.get_running_loop().call_later(options.run_for.total_seconds(), stop.set)
        _say(f"{shadow.rulebook.label} has heard {shadow.history.readings} readings, and listens")
        await run_shadow(log, shadow, Tell(_would_be, _count, options.every), clock, stop)


def _would_be(alert: Alert) -> None:
    write_line(alert_content(alert))
    sys.stdout.flush()


def _count(found: Sequence[Fate]) -> None:
    _say("\n".join(table(found)))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
