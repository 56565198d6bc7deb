"""The villages of `carebell simulate`: living over MQTT, or written down for `carebell replay`."""

import argparse
import asyncio
import gzip
import heapq
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import orjson

from carebell.clock import SystemClock, wait_set
from carebell.duration import format_duration
from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.recording import write_time
from devices.registry import Home
from devices.registry_file import write_homes
from devices.simulator.day import Said
from devices.simulator.live import Script, Told, live_village
from devices.simulator.score import write_truth
from devices.simulator.trouble import Truth, live_day
from devices.simulator.village import make_village

MOST_HOMES, MOST_SPEED, MOST_DAYS = 10_000, 1000, 3660
_TELL_EVERY = timedelta(minutes=1)
_FIRST_DAY = date(2026, 1, 5)


def check(options: argparse.Namespace) -> None:
    """Raises BadInput."""
    if not 1 <= options.homes <= MOST_HOMES or not 0 < options.speed <= MOST_SPEED:
        raise BadInput(f"--homes is 1 to {MOST_HOMES}, and --speed above 0 and {MOST_SPEED} at most")
    if options.incidents is not None and not 0 <= options.incidents <= 1:
        raise BadInput("--incidents is from 0 to 1: how many a home has a day")
    if not 1 <= options.days <= MOST_DAYS:
        raise BadInput(f"--days is 1 to {MOST_DAYS}")
    if options.truth is not None and options.incidents is None:
        raise BadInput("--truth needs --incidents: without them nothing happens")
    if options.seconds is not None and options.seconds < 1:
        raise BadInput("--for is 1 second or more")
    if options.alerts is not None:
        raise BadInput("--alerts needs --score TRUTH: the truth that they are compared with")


def _village(options: argparse.Namespace) -> tuple[Home, ...]:
    return make_village(options.homes, options.seed, is_mixed=options.mixed)


def write_village(options: argparse.Namespace) -> int:
    """The registry of the village, as a file."""
    homes = _village(options)
    try:
        options.write_homes.write_text(write_homes(homes, options.write_homes.suffix), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{options.write_homes}: cannot be written: {error.strerror}") from error
    print(f"{len(homes)} homes written")
    return 0


async def live(address: MqttAddress, options: argparse.Namespace) -> int:
    """Until told to stop, or for so many seconds; says at the end how it went."""
    stop, clock = asyncio.Event(), SystemClock()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    homes = _village(options)
    print(f"{len(homes)} homes live their day; stop with Ctrl-C", flush=True)
    with ExitStack() as closing:
        script = Script(
            seed=options.seed,
            speed=options.speed,
            incidents=options.incidents,
            on_truth=_teller(options.truth, closing),
        )
        village = asyncio.create_task(live_village(homes, address, clock, script, stop))
        if options.seconds is not None:
            await wait_set(stop, clock, timedelta(seconds=options.seconds))
            stop.set()
        told = await village
    print(_summary(told), flush=True)
    if told.lost and told.lost == told.messages:
        print(f"--broker: no MQTT broker answers at {address.host}:{address.port}", flush=True)
        return 1
    return 0


def _summary(told: Told) -> str:
    return (
        f"{told.messages} messages, {told.calls} calls among them; {told.lost} lost, as nobody listened;"
        f" {told.unheard} calls not received; {told.late_s:.1f} s late at the most"
    )


def _teller(path: Path | None, closing: ExitStack) -> Callable[[Truth], None]:
    if path is None:
        return lambda _truth: None
    file = closing.enter_context(_open(path))

    def tell(truth: Truth) -> None:
        file.write(write_truth(truth) + "\n")
        file.flush()

    return tell


def _open(path: Path) -> TextIO:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "wt", encoding="utf-8", compresslevel=1)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def record_village(options: argparse.Namespace) -> int:
    """Days of the village in the form that `carebell replay` reads, and the truth about them."""
    homes = _village(options)
    folder: Path = options.record
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--record {folder}: {error.strerror}") from error
    with _open(folder / "homes.jsonl") as file:
        for home in homes:
            file.write(orjson.dumps(_profile(home)).decode() + "\n")
    events = truths = 0
    with _open(folder / "events.jsonl.gz") as said_file, _open(folder / "truth.jsonl") as truth_file:
        for number in range(options.days):
            said, happened = _recorded_day(homes, options, number)
            for line in said:
                said_file.write(line)
                events += 1
            for truth in happened:
                truth_file.write(write_truth(truth) + "\n")
                truths += 1
    print(f"{events} readings of {len(homes)} homes and {options.days} days, {truths} incidents")
    print(f"next: carebell replay {folder}/events.jsonl.gz --homes {folder}/homes.jsonl > alerts.jsonl")
    print(f"then: carebell simulate --score {folder}/truth.jsonl --alerts alerts.jsonl")
    return 0


def _profile(home: Home) -> dict[str, Any]:
    """A home as `carebell replay` reads it."""
    names = ("device_id", "model", "place", "gateway_id", "is_gateway", "is_sos")
    devices = []
    for device in home.devices:
        every = {} if device.expected_every is None else {"expected_every": format_duration(device.expected_every)}
        devices.append({name: getattr(device, name) for name in names} | every)
    residents = [{"ability_level": one.ability_level} for one in home.residents]
    return {"home_id": home.home_id, "timezone": home.timezone, "devices": devices, "residents": residents}


def _recorded_day(homes: Sequence[Home], options: argparse.Namespace, number: int) -> tuple[Iterator[str], list[Truth]]:
    truths: list[Truth] = []
    streams = []
    for home in homes:
        day = live_day(home, options.seed, number, incidents=options.incidents or 0)
        midnight = datetime.combine(_FIRST_DAY + timedelta(days=number), datetime.min.time(), ZoneInfo(home.timezone))
        truths += [
            Truth(
                home_id=home.home_id,
                what=one.what,
                device_id=one.device_id,
                at=midnight + timedelta(seconds=one.second),
                until=midnight + timedelta(seconds=one.until),
            )
            for one in day.incidents
        ]
        streams.append([(midnight + timedelta(seconds=one.second), home.home_id, one) for one in day.said])
    merged = heapq.merge(*streams, key=lambda one: one[0])
    return (line for at, home_id, one in merged for line in _lines(at, home_id, one)), truths


def _lines(at: datetime, home_id: str, said: Said) -> Iterator[str]:
    about = {"home_id": home_id, "device_id": said.device_id, "observed_at": write_time(at)}
    yield orjson.dumps({**about, "kind": said.kind, "value": said.value}).decode() + "\n"
    if said.battery is not None:
        yield orjson.dumps({**about, "kind": "battery", "value": said.battery}).decode() + "\n"
