"""`carebell simulate`: homes as real MQTT clients, against any Carebell; or one press, and what the home hears of it."""

import argparse
import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from carebell.clock import SystemClock, wait_set
from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.address import read_address
from deploy.cli.simulate_score import score_run
from deploy.cli.simulate_village import check, live, record_village, write_village
from devices.simulator.home import SimulatedHome

MOST_WAIT_S = 86_400


def add(commands: Any) -> None:
    """The command and its arguments."""
    parser = commands.add_parser("simulate", help="simulated homes, or one press", description=__doc__)
    parser.add_argument(
        "--broker", default="mqtt://127.0.0.1:1883", metavar="URL", help="default: mqtt://127.0.0.1:1883"
    )
    parser.add_argument("--press", metavar="HOME/DEVICE", help="press one button, wait for “received” and “coming”")
    parser.add_argument(
        "--wait", type=int, default=0, metavar="S", help="with --press: seconds to wait for “coming” (default: 0)"
    )
    _add_village(parser)
    _add_written(parser)
    parser.set_defaults(run=run)


def _add_village(parser: argparse.ArgumentParser) -> None:
    """How the homes live."""
    parser.add_argument(
        "--homes", type=int, default=30, metavar="N", help="how many homes live their day (default: 30)"
    )
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="seconds lived per second (default: 1)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed, the same village (default: 1)")
    parser.add_argument(
        "--mixed", action="store_true", help="homes that speak several ecosystems; without it all speak the native one"
    )
    parser.add_argument(
        "--incidents",
        type=float,
        metavar="RATE",
        help="calls, falls, a collapse in silence, smoke: so many a home and a day; with visitors, weak batteries, dead gateways",
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="write what really happened there, as JSON lines")
    parser.add_argument("--for", dest="seconds", type=int, metavar="S", help="end after so many seconds")


def _add_written(parser: argparse.ArgumentParser) -> None:
    """What is written down, and compared."""
    parser.add_argument(
        "--write-homes",
        type=Path,
        metavar="FILE",
        help="write the homes (.yaml or .csv) for carebell admin homes import",
    )
    parser.add_argument(
        "--record", type=Path, metavar="DIR", help="no broker: write events, homes and truth for carebell replay there"
    )
    parser.add_argument("--days", type=int, default=28, metavar="D", help="with --record: how many days (default: 28)")
    parser.add_argument("--score", type=Path, metavar="TRUTH", help="compare alerts with a ground truth")
    parser.add_argument("--alerts", type=Path, metavar="FILE", help="with --score: what carebell replay printed")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="with --score: the alerts of the box with this directory"
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="with --score: the alerts of that city")


def run(options: argparse.Namespace) -> int:
    """Run the village until told to stop, or make one press."""
    address = read_address(options.broker)
    if options.press is not None:
        home_id, _, device_id = options.press.partition("/")
        if not home_id or not device_id or set("/+#") & set(device_id) or set("+#") & set(home_id) or options.wait < 0:
            raise BadInput(f"--press {options.press}: expected HOME/DEVICE, such as home-001/button-001")
        return asyncio.run(_press(address, home_id, device_id, timedelta(seconds=min(options.wait, MOST_WAIT_S))))
    if options.score is not None:
        return score_run(options)
    check(options)
    if options.write_homes is not None:
        return write_village(options)
    if options.record is not None:
        return record_village(options)
    return asyncio.run(live(address, options))


async def _press(address: MqttAddress, home_id: str, device_id: str, wait: timedelta) -> int:
    clock, stop = SystemClock(), asyncio.Event()
    home = SimulatedHome(home_id, address, clock, seed=0, client_id=f"carebell-press-{clock.now().timestamp():.6f}")
    running = asyncio.create_task(home.run(stop))
    try:
        if not await home.connection.wait_connected(timedelta(seconds=10)):
            raise BadInput(f"--broker: no MQTT broker answers at {address.host}:{address.port}")
        press = home.press(device_id)
        print(f"pressed {home_id}/{device_id}, id {press.id}", flush=True)
        if not await wait_set(press.received, clock, timedelta(seconds=30)):
            print("no answer within 30 s", flush=True)
            return 1
        took = (clock.now() - press.at) / timedelta(milliseconds=1)
        print(f"received: the call went out ({took:.0f} ms)", flush=True)
        if not wait:
            return 0
        if await wait_set(press.coming, clock, wait):
            print(f"coming: {press.who}", flush=True)
            return 0
        print(f"nobody has accepted within {wait.total_seconds():.0f} s", flush=True)
        return 1
    finally:
        stop.set()
        await running
