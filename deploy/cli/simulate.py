"""`carebell simulate`: homes as real MQTT clients, against any Carebell; or one press, and what the home hears of it."""

import argparse
import asyncio
import signal
from datetime import timedelta
from typing import Any

from carebell.clock import SystemClock, wait_set
from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.address import read_address
from devices.simulator.home import SimulatedHome
from devices.simulator.live import live_village
from devices.simulator.village import make_village

MOST_HOMES, MOST_SPEED, MOST_WAIT_S = 10_000, 1000, 86_400


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
    parser.add_argument(
        "--homes", type=int, default=30, metavar="N", help="how many homes live their day (default: 30)"
    )
    parser.add_argument("--speed", type=float, default=1.0, metavar="X", help="seconds lived per second (default: 1)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed, the same village (default: 1)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the village until told to stop, or make one press."""
    address = read_address(options.broker)
    if options.press is not None:
        home_id, _, device_id = options.press.partition("/")
        if not home_id or not device_id or set("/+#") & set(device_id) or set("+#") & set(home_id) or options.wait < 0:
            raise BadInput(f"--press {options.press}: expected HOME/DEVICE, such as home-001/button-001")
        return asyncio.run(_press(address, home_id, device_id, timedelta(seconds=min(options.wait, MOST_WAIT_S))))
    if not 1 <= options.homes <= MOST_HOMES or not 0 < options.speed <= MOST_SPEED:
        raise BadInput(f"--homes is 1 to {MOST_HOMES}, and --speed above 0 and {MOST_SPEED} at most")
    asyncio.run(_village(address, options))
    return 0


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


async def _village(address: MqttAddress, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    homes = make_village(options.homes, options.seed)
    print(f"{len(homes)} homes live their day; stop with Ctrl-C", flush=True)
    await live_village(homes, address, SystemClock(), options.seed, stop, options.speed)
