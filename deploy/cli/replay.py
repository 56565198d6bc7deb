"""`carebell replay`: recorded readings through the real rules, alerts as JSON lines on stdout, a summary on stderr."""

import argparse
from pathlib import Path
from typing import Any

from carebell.errors import BadInput

_DRAWN = (".html", ".png")


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("replay", help="recorded readings through the rules", description=__doc__)
    parser.add_argument(
        "events",
        type=Path,
        metavar="EVENTS.jsonl[.gz]",
        help="readings, ordered by observed_at, or by received_at where they have it",
    )
    parser.add_argument("--rulebook", type=Path, metavar="FILE", help="default: the one that comes with Carebell")
    parser.add_argument(
        "--homes",
        type=Path,
        metavar="FILE",
        help="homes as JSON lines, see docs/configuration.md",
    )
    parser.add_argument("--until", metavar="TIME", help="end at this time (RFC 3339), not at the last reading")
    parser.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("OLD.yaml", "NEW.yaml"),
        help="which alerts would come, go or move with another rulebook, and how many there are per home-month",
    )
    parser.add_argument(
        "--moved-within",
        default="12h",
        metavar="DURATION",
        help="with --compare: further apart, two alerts of a rule are not the same one (default: 12h)",
    )
    parser.add_argument("--plot", type=Path, metavar="OUT.html|png", help="draw the days of homes, with their alerts")
    parser.add_argument(
        "--home", action="append", metavar="ID", help="with --plot: this home; may be repeated (default: the first 10)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the alerts, or what changes."""
    if options.compare is not None and (options.rulebook is not None or options.plot is not None):
        raise BadInput("--compare brings both rulebooks and draws nothing: leave out --rulebook and --plot")
    if options.plot is None and options.home is not None:
        raise BadInput("--home chooses what --plot draws: give --plot too")
    if options.plot is not None and options.plot.suffix not in _DRAWN:
        raise BadInput(f"--plot {options.plot}: the name ends in .html or .png")
    # The rules are loaded by those alone who replay: --help and what is refused are quick.
    if options.compare is not None:
        from deploy.cli.replay_compare import compare

        return compare(options)
    from deploy.cli.replay_run import replay

    return replay(options)
