"""`carebell ingest`, `rules`, `notify` and `desk`: the processes of a city, any number of each."""

import argparse
import re
from pathlib import Path
from typing import Any

from deploy.city_config import SEAT_NAME, CityConfig, read_city
from deploy.cli.up import port

_ROLES = {
    "ingest": "from the MQTT broker into the log",
    "rules": "from readings to alerts",
    "notify": "from alerts to people who answer",
    "desk": "the desk's page and API",
}
_CODES = "Exit code 0: told to stop; 1: start it again; 2: a person must mend what the line says."


def add(commands: Any) -> None:
    """The commands and their arguments, the same for all."""
    for name, about in _ROLES.items():
        parser = commands.add_parser(
            name,
            help=f"city: {about}",
            description=f"A process of a city: {about}. Any number of them may run. {_CODES}",
        )
        add_config(parser)
        parser.add_argument(
            "--http-port",
            type=port,
            metavar="N",
            help=f"health and metrics; 0 takes any (default: http.{name} of the file)",
        )
        parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
        if name == "ingest":
            parser.add_argument("--seat", type=seat, metavar="NAME", help="in place of mqtt.seat of the file")
        parser.set_defaults(run=run)


def seat(text: str) -> str:
    """The name of a seat for argparse."""
    if not re.fullmatch(SEAT_NAME, text):
        raise argparse.ArgumentTypeError(f"a seat's name is letters, digits, - and _, not {text!r}")
    return text


def add_config(parser: argparse.ArgumentParser) -> None:
    """The city's configuration, which every command of a city reads."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="YAML; see docs/configuration.md")


def run(options: argparse.Namespace) -> int:
    """Run until told to stop."""
    # The clients of the city's servers are loaded by those alone who speak to them.
    from deploy.city import CityOptions, run_city
    from deploy.roles import ROLES

    config = read_city(options.config)
    if options.command == "ingest" and options.seat is not None:
        config = config.seated(options.seat)
    city = CityOptions(
        config=config,
        listen=config.desk.listen if options.command == "desk" else config.http.listen,
        http_port=_port(config, options),
        log_level=options.log_level,
    )
    return run_city(ROLES[options.command], city, lambda line: print(line, flush=True))


def _port(config: CityConfig, options: argparse.Namespace) -> int:
    asked: int | None = options.http_port
    return int(getattr(config.http, options.command)) if asked is None else asked
