"""`carebell up`: everything on one box."""

import argparse
from pathlib import Path
from typing import Any

from deploy.broker import EMBEDDED
from deploy.config import read_config
from deploy.port import free_port, is_taken
from deploy.up import UpOptions, run_up

MQTT_PORT, HTTP_PORT = 1883, 8480


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("up", help="run everything on one box", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path("data"), metavar="DIR", help="all state is kept here (default: data)"
    )
    parser.add_argument("--mqtt-port", type=port, metavar="N", help="devices connect here (default: 1883)")
    parser.add_argument("--http-port", type=port, metavar="N", help="the desk listens here (default: 8480)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML; see docs/configuration.md")
    parser.add_argument(
        "--broker",
        default=EMBEDDED,
        metavar="WHICH",
        help="embedded, mosquitto or mqtt://host:port (default: embedded)",
    )
    parser.add_argument("--demo", action="store_true", help="with a village of simulated homes and the token “demo”")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.set_defaults(run=run)


def port(text: str) -> int:
    """A port number for argparse."""
    if not text.isdigit() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"not a port: {text}")
    return int(text)


def _chosen(asked: int | None, usual: int, *, is_demo: bool) -> int:
    """The port asked for. A demonstration that was asked for none steps aside where the usual one is taken."""
    if asked is not None:
        return asked
    return free_port() if is_demo and is_taken(usual) else usual


def run(options: argparse.Namespace) -> int:
    """Run until told to stop."""
    up = UpOptions(
        data=options.data,
        config=read_config(options.config),
        mqtt_port=_chosen(options.mqtt_port, MQTT_PORT, is_demo=options.demo),
        http_port=_chosen(options.http_port, HTTP_PORT, is_demo=options.demo),
        broker=options.broker,
        is_demo=options.demo,
        log_level=options.log_level,
    )
    run_up(up, lambda line: print(line, flush=True))
    return 0
