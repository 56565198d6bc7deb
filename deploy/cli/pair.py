"""`carebell admin pair`: press it now, see what arrived, and say what it shall mean in this home."""

import argparse
import asyncio
import getpass
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from carebell.clock import SystemClock
from carebell.errors import BadInput
from carebell.log import Log, Reader
from carebell.topics import Topic
from carebell.types import BindingProfile, Kind, Reading
from carebell.wire import Unreadable, decode
from deploy.cli.place import add_place, open_log, open_registry
from devices.pairing import Gesture, best, gestures, with_binding
from devices.registry import Registry
from devices.registry_edit import change_home

_LIMIT, _WAIT = 500, timedelta(milliseconds=500)
_MOST_WAIT_S = 600
# A message may state several things, and a gesture may be told twice: so long the rest of it is waited for.
_SETTLES = timedelta(seconds=2)


def add(areas: Any) -> None:
    """The command and its arguments."""
    parser = areas.add_parser("pair", help="press a button now, and say what it means in a home", description=__doc__)
    parser.add_argument("home", metavar="HOME")
    parser.add_argument("device", metavar="DEVICE", help="as it is registered in the home")
    parser.add_argument(
        "--kind",
        choices=[kind.value for kind in Kind],
        default=Kind.SOS.value,
        help="what it shall mean (default: sos)",
    )
    parser.add_argument("--wait", type=int, default=60, metavar="S", help="seconds to wait for the press (default: 60)")
    parser.add_argument(
        "--any-gesture", action="store_true", help="bind every gesture of the device, not only this one"
    )
    add_place(parser)
    parser.set_defaults(run=pair)


def pair(options: argparse.Namespace) -> int:
    """Says what arrived and what was stored."""
    if not 1 <= options.wait <= _MOST_WAIT_S:
        raise BadInput(f"--wait is 1 to {_MOST_WAIT_S} seconds")
    return asyncio.run(_pair(options))


async def _pair(options: argparse.Namespace) -> int:
    async with open_registry(options) as registry:
        await _check(registry, options)
        async with open_log(options) as log:
            found, others = await _listen(log, options.home, options.device, timedelta(seconds=options.wait))
        for gesture in found:
            print(f"heard: {_told(gesture)}", flush=True)
        chosen = best(found)
        if chosen is None:
            _nothing(options.device, others)
            return 1
        if chosen.means == options.kind:
            print(f"{options.device} says {options.kind} by itself: no binding is needed, and this press was a call")
            return 0
        binding = chosen.bound_to(options.kind)
        if options.any_gesture:
            binding = BindingProfile(kind=options.kind)
        await change_home(
            registry,
            options.home,
            lambda home: with_binding(home, options.device, binding),
            by=getpass.getuser(),
            at=SystemClock().now(),
        )
    what = f"{_told(chosen)}" if not options.any_gesture else "any press"
    print(f"stored: {what} of {options.device} in {options.home} means {options.kind} from now on")
    return 0


async def _check(registry: Registry, options: argparse.Namespace) -> None:
    home = await registry.home(options.home)
    if home is None:
        raise BadInput(f"there is no home {options.home}; add it with carebell admin homes import")
    known = [device.device_id for device in home.devices]
    if options.device not in known:
        raise BadInput(f"home {options.home} has no device {options.device}; it has {', '.join(known) or 'none'}")


async def _listen(log: Log, home_id: str, device_id: str, wait: timedelta) -> tuple[Sequence[Gesture], Sequence[str]]:
    """What the device did, and who else was heard in the home meanwhile."""
    clock = SystemClock()
    reader = await log.reader(None, [Topic.URGENT, Topic.TELEMETRY])
    own: list[Reading] = []
    others: dict[str, None] = {}
    try:
        await reader.seek(await reader.ends())
        print(f"Press {device_id} now; waiting {wait.total_seconds():.0f} s.", flush=True)
        until = clock.now() + wait
        while (now := clock.now()) < until:
            for reading in await _next(reader, home_id):
                if reading.device_id == device_id:
                    own.append(reading)
                else:
                    others[reading.device_id] = None
            until = _until(until, own, now)
    finally:
        await reader.close()
    return gestures(own), tuple(others)


def _until(until: datetime, own: list[Reading], now: datetime) -> datetime:
    """Soon after the first gesture all of it has come."""
    return min(until, now + _SETTLES) if gestures(own) else until


async def _next(reader: Reader, home_id: str) -> list[Reading]:
    found = []
    for record in await reader.poll(_LIMIT, _WAIT):
        try:
            event = decode(record.value)
        except Unreadable:
            continue
        if isinstance(event, Reading) and event.home_id == home_id:
            found.append(event)
    return found


def _told(gesture: Gesture) -> str:
    channel = f" on {gesture.channel}" if gesture.channel else ""
    means = " (a call for help already)" if gesture.means else ""
    return f"{gesture.kind} {gesture.gesture}{channel}{means}"


def _nothing(device_id: str, others: Sequence[str]) -> None:
    print(f"nothing that can be bound was heard from {device_id}")
    if others:
        print(f"heard meanwhile from this home: {', '.join(others)}; is one of them meant, or its address wrong?")
    else:
        print("nobody was heard from this home: is its gateway connected? See the rejected messages of the desk.")
