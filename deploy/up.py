"""All rooms in one process on one box: SQLite log and stores, a broker, the desk. What `carebell up` runs."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from socket import socket
from typing import Protocol, TextIO, TypeVar

from carebell.bell import Bell
from carebell.clock import SystemClock
from carebell.errors import BadInput
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.logs import open_logs
from carebell.store_sql import SqlStore
from carebell.telemetry import Telemetry
from deploy.address import without_login
from deploy.announce import wait_ready
from deploy.box import OWNER, Box, Running, assemble
from deploy.broker import EMBEDDED, Broker, BrokerChoice
from deploy.channels import check_channels, nobody_to_tell
from deploy.config import Config, ResponderPart, policies_of, products_of, rulebook_of, rulebook_text
from deploy.data_dir import DataDir, open_data_dir
from deploy.port import bind
from deploy.process import prepare_process, private_files, standard_error, stop_on_signals
from deploy.rulebook_in_force import keep_rulebook, tell_rulebook
from deploy.supervise import run_all
from devices.credentials_sql import SqlCredentials
from devices.listener import Products
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


class _Closable(Protocol):
    async def close(self) -> None: ...


Opened = TypeVar("Opened", bound=_Closable)


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
    private_files()
    if options.is_demo:
        options = replace(options, config=demo_config(options.config))
    policies, rulebook = policies_of(options.config), rulebook_of(options.config.rulebook)
    products = products_of(options.config)
    check_channels(policies, options.config.channels)
    data = open_data_dir(options.data)
    listening = bind(options.config.desk.listen, options.http_port, "--http-port")
    broker = BrokerChoice(options.broker, options.config.mqtt.listen, options.mqtt_port).open(data.path)
    prepare_process()
    with _log_stream(options, data) as stream:
        instruments = Instruments(SystemClock(), Telemetry(), open_logs(stream, options.log_level))
        keep_rulebook(data.path, rulebook_text(options.config.rulebook), instruments)
        asyncio.run(_run(options, data, _Bound(policies, rulebook, products, listening, broker), instruments, say))


@dataclass(frozen=True, slots=True)
class _Bound:
    """What was read and taken before anything runs."""

    policies: PolicyBook
    rulebook: Rulebook
    products: Products
    listening: socket
    broker: Broker


def _log_stream(options: UpOptions, data: DataDir) -> TextIO:
    """A demonstration keeps its terminal for people; its log lines go to a file."""
    if options.is_demo:
        return (data.path / "carebell.log").open("a", encoding="utf-8", buffering=1)
    return standard_error()


async def _run(
    options: UpOptions, data: DataDir, bound: _Bound, instruments: Instruments, say: Callable[[str], None]
) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with AsyncExitStack() as closing:
        box = await _open(options, data, bound, instruments, closing)
        running = assemble(box, stop)
        announcing = asyncio.create_task(_announce(box, running, options, stop, say))
        instruments.logger.info("started", rulebook=bound.rulebook.label, broker=without_login(options.broker))
        await tell_rulebook(box.log, bound.rulebook, instruments)
        await run_all(running.loops, stop, instruments, within=STOP_WITHIN)
        await announcing
        instruments.logger.info("stopped")


async def _open(
    options: UpOptions, data: DataDir, bound: _Bound, instruments: Instruments, closing: AsyncExitStack
) -> Box:
    config = options.config
    bell = Bell()
    log = await _until_closed(closing, _open_log(data, config, instruments))
    store = await _until_closed(closing, _open_store(data, instruments))
    registry = await _until_closed(closing, SqlRegistry.open(data.registry_url))
    credentials = await _until_closed(closing, SqlCredentials.open(data.registry_url))
    casebook = await _until_closed(
        closing, SqlCasebook.open(data.cases_url, bound.policies, bell, instruments.telemetry)
    )
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
        credentials=credentials,
        casebook=casebook,
        rulebook=bound.rulebook,
        products=bound.products,
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


async def _until_closed(closing: AsyncExitStack, opening: Awaitable[Opened]) -> Opened:
    opened = await opening
    closing.push_async_callback(opened.close)
    return opened


async def _open_log(data: DataDir, config: Config, instruments: Instruments) -> SqliteLog:
    try:
        return await SqliteLog.open(data.log, config.partitions, instruments.clock)
    except OSError as error:
        raise BadInput(f"--data {data.path}: {error}; see the runbook on restoring from a backup") from error


async def _open_store(data: DataDir, instruments: Instruments) -> SqlStore:
    """What the rules remember is rebuilt from the log: a damaged file of it must not keep calls from being heard."""
    try:
        return await SqlStore.open(data.rules_url)
    except BadInput as error:
        aside = data.put_rules_aside(instruments.clock.now())
        instruments.logger.error("the rules' memory is damaged: put aside, and rebuilt", file=aside, error=str(error))
        return await SqlStore.open(data.rules_url)


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
    if not await wait_ready(running.health, box.instruments.clock, stop, say):
        return
    for warning in nobody_to_tell(box.config, policies_of(box.config)):
        say(f"Warning: {warning}")
    if not options.config.desk.tokens:
        say(f"The desk's token is in {options.data / 'desk-token'}")
    hint = f"  token: {DEMO_TOKEN}" if options.is_demo and box.tokens.name_of(DEMO_TOKEN) else ""
    say(f"Carebell is running. Desk: {box.desk_url}/  MQTT: {box.broker.for_devices}{hint}")
