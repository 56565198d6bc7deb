"""`carebell doctor`: asks every server of a city and says in words what is wrong, and how to mend it."""

import argparse
import asyncio
from typing import Any

from deploy.city_config import read_city
from deploy.cli.city import add_config


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser(
        "doctor",
        help="city: what is wrong, and how to mend it",
        description="Asks every server of a city, not its processes: those say at /readyz how they are. "
        "Exit code 0: all is well; 1: there are problems; 2: the file is wrong.",
    )
    add_config(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """One line for each finding."""
    from deploy.doctor.main import examine_city, tell

    return tell(asyncio.run(examine_city(read_city(options.config))), lambda line: print(line, flush=True))
