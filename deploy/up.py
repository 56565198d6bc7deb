"""All rooms in one process on one box: SQLite log and stores, a broker, the desk. What `carebell up` runs."""

import asyncio
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from socket import socket
from typing import TextIO

from carebell.bell import Bell
from carebell.clock import SystemClock, pause
from carebell.errors import BadInput
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.store_sql import SqlStore
from carebell.telemetry import Telemetry
from deploy.box import OWNER, Box, Running, assemble
from deploy.broker import EMBEDDED, Broker, BrokerChoice, without_login
from deploy.channels import check_channels, nobody_to_tell
from deploy.config import Config, ResponderPart, policies_of, rulebook_of
from deploy.data_dir import DataDir, open_data_dir
from deploy.port import bind
from deploy.supervise import run_all
from devices.registry import Home, Role
from devices.registry_sql import SqlRegistry
from devices.simulator.village import make_village
from notifier.casebook_sql import SqlCasebook
from notifier.desk.auth import Tokens
from notifier.policy import PolicyBook
from rules_engine.rulebook import Rulebook

STOP_WITHIN = timedelta(seconds=3)
DEMO_HOMES, DEMO_SEED = 30, 1
DEMO_TOKEN = "demo"  # noqa: S105 - a demonstration has no secret, and listens on loopback only
_LOOK_EVERY = timedelta(milliseconds=50)
_PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The command line of `carebell up`."""

    data: Path
    config: Config
    mqtt_port: int
    http_port: int
    broker: str = EMBEDDED
    is_demo: bool = False
    log_level: str = "info"


def run_up(options: UpOptions, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. Raises BadInput where the box cannot be set up as asked."""
    # What is written from here on is about people.
    os.umask(0o077)
    if options.is_demo:
        options = replace(options, config=demo_config(options.config))
    policies, rulebook = policies_of(options.config), rulebook_of(options.config.rulebook)
    check_channels(policies, options.config.channels)
    data = open_data_dir(options.data)
    listening = bind(options.config.desk.listen, options.http_port, "--http-port")
    broker = BrokerChoice(options.broker, options.config.mqtt.listen, options.mqtt_port).open(data.path)
    _allow_connections()
    # A call passes between the loop and the threads of three databases many times; with the usual 5 ms a hand-over waits
    # that long whenever another thread is at work.
    sys.setswitchinterval(0.0005)
    with _log_stream(options, data) as stream:
        instruments = Instruments(SystemClock(), Telemetry(), open_logs(stream, options.log_level))
        asyncio.run(_run(options, data, _Bound(policies, rulebook, listening, broker), instruments, say))


def _allow_connections() -> None:
    """Each device takes two descriptors of ours: as many as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class _Bound:
    """What was read and taken before anything runs."""

    policies: PolicyBook
    rulebook: Rulebook
    listening: socket
    broker: Broker


def _log_stream(options: UpOptions, data: DataDir) -> TextIO:
    """A demonstration keeps its terminal for people; its log lines go to a file."""
    if options.is_demo:
        return (data.path / "carebell.log").open("a", encoding="utf-8", buffering=1)
    return open(sys.stderr.fileno(), "w", encoding="utf-8", buffering=1, closefd=False)


async def _run(
    options: UpOptions, data: DataDir, bound: _Bound, instruments: Instruments, say: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as closing:
        box = await _open(options, data, bound, instruments, closing)
        running = assemble(box, stop)
        announcing = asyncio.create_task(_announce(box, running, options, stop, say))
        instruments.logger.info("started", rulebook=bound.rulebook.label, broker=without_login(options.broker))
        await run_all(running.loops, stop, instruments, within=STOP_WITHIN)
        await announcing
        instruments.logger.info("stopped")


async def _open(
    options: UpOptions, data: DataDir, bound: _Bound, instruments: Instruments, closing: AsyncExitStack
) -> Box:
    config = options.config
    bell = Bell()
    log = await _open_log(data, config, instruments)
    closing.push_async_callback(log.close)
    store = await SqlStore.open(data.rules_url)
    closing.push_async_callback(store.close)
    registry = await SqlRegistry.open(data.registry_url)
    closing.push_async_callback(registry.close)
    casebook = await SqlCasebook.open(data.cases_url, bound.policies, bell, instruments.telemetry)
    closing.push_async_callback(casebook.close)
    # We hold the lock of the directory: whoever held leases is dead, and what it was sending is sent again at once.
    await casebook.release(OWNER)
    village = await _settle(registry, options.data, instruments.clock.now()) if options.is_demo else ()
    await bound.broker.start()
    closing.push_async_callback(bound.broker.stop)
    tokens = config.desk.tokens or {data.token(): "desk"}
    port = bound.listening.getsockname()[1]
    return Box(
        config=config,
        name=data.name(),
        log=log,
        store=store,
        registry=registry,
        casebook=casebook,
        rulebook=bound.rulebook,
        broker=bound.broker,
        bell=bell,
        listening=bound.listening,
        desk_url=config.desk.url or f"http://{config.desk.listen}:{port}",
        tokens=Tokens(tokens),
        instruments=instruments,
        village=village,
        seed=DEMO_SEED,
        command=_command(),
    )


async def _open_log(data: DataDir, config: Config, instruments: Instruments) -> SqliteLog:
    try:
        return await SqliteLog.open(data.log, config.partitions, instruments.clock)
    except OSError as error:
        raise BadInput(f"--data {data.path}: {error}; see the runbook on restoring from a backup") from error


def _command() -> str:
    """How whoever started this types the command: as a path where it is not on theirs."""
    return "carebell" if shutil.which("carebell") else os.path.relpath(Path(sys.executable).with_name("carebell"))


async def _settle(registry: SqlRegistry, data: Path, now: datetime) -> tuple[Home, ...]:
    """The village moves in; real homes must never be told of by a demonstration."""
    village = make_village(DEMO_HOMES, DEMO_SEED)
    known = {home.home_id for home in village}
    others = [home.home_id for home in await registry.homes(limit=len(known) + 1) if home.home_id not in known]
    if others:
        raise BadInput(f"--data {data}: it holds homes that are not of the demonstration; choose another directory")
    await registry.put(village, by="demo", at=now)
    return village


def demo_config(config: Config) -> Config:
    """A demonstration has somebody on duty in every role, and a token that everybody knows."""
    desk = config.desk if config.desk.tokens else config.desk.model_copy(update={"tokens": {DEMO_TOKEN: "demo desk"}})
    responders = config.responders or (
        ResponderPart(id="desk-1", name="值班台 (desk)", role=Role.DESK, language="en"),
        ResponderPart(id="provider-1", name="示范养老服务站 (provider)", role=Role.PROVIDER, language="en"),
        ResponderPart(
            id="health-centre-1", name="示范社区卫生服务中心 (health centre)", role=Role.HEALTH_CENTRE, language="en"
        ),
    )
    channels = config.channels.model_copy(update={"console": True})
    return config.model_copy(update={"desk": desk, "responders": responders, "channels": channels})


async def _announce(
    box: Box, running: Running, options: UpOptions, stop: asyncio.Event, say: Callable[[str], None]
) -> None:
    """One line, as soon as a press would be heard."""
    clock = box.instruments.clock
    tell_at: datetime | None = clock.now() + _PATIENCE
    while problems := [problem for check in running.health.ready.values() if (problem := check())]:
        if stop.is_set():
            return
        if tell_at is not None and clock.now() > tell_at:
            say(f"Not ready yet: {'; '.join(problems)}. Still trying.")
            tell_at = None
        await pause(clock, _LOOK_EVERY)
    for warning in nobody_to_tell(box.config, policies_of(box.config)):
        say(f"Warning: {warning}")
    if not options.config.desk.tokens:
        say(f"The desk's token is in {options.data / 'desk-token'}")
    hint = f"  token: {DEMO_TOKEN}" if options.is_demo and box.tokens.name_of(DEMO_TOKEN) else ""
    say(f"Carebell is running. Desk: {box.desk_url}/  MQTT: {box.broker.for_devices}{hint}")
