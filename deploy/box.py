"""The rooms of one box, put together: what exists once, and the loops that run over it."""

import asyncio
from dataclasses import dataclass
from socket import socket

from carebell.bell import Bell
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.store import Store
from deploy.broker import Broker
from deploy.care import trim_log, watch_broker
from deploy.channels import way_home
from deploy.checks import alive_of_ingest, alive_of_loops, ready_of_ingest, ready_of_loops, ready_of_notifier
from deploy.config import Config
from deploy.homes_feed import publish_homes
from deploy.serve import serve
from deploy.supervise import Loop
from deploy.wiring import Books, Facade, Sender, wire_desk, wire_notifier
from devices.confirm_routes import ROUTE_FILTERS
from devices.credentials import Credentials
from devices.listener import Products
from devices.registry import Home, Registry
from devices.simulator.live import Script, live_village
from ingest.main import IngestView, run_ingest
from ingest.seat import EVERYTHING, Seat
from notifier.casebook import Casebook
from notifier.desk.auth import Tokens
from notifier.desk.health import Health
from notifier.desk.last_words import LastWords
from notifier.desk.page_facts import Page
from notifier.main import Notifier
from rules_engine.main import run_rules
from rules_engine.rulebook import Rulebook

OWNER = "box"
# The embedded broker ends the connection of whoever asks for topics that begin with $.
_WAYS, _HEARD = (tuple(one for one in some if not one.startswith("$")) for some in (ROUTE_FILTERS, EVERYTHING))
# A loop that is not among these may stand still without a call being lost.
_MUST_MOVE = ("ingest", "rules", "alerts", "escalation", "delivery", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What exists once in a box."""

    config: Config
    name: str
    log: Log
    store: Store
    registry: Registry
    credentials: Credentials
    casebook: Casebook
    rulebook: Rulebook
    products: Products
    broker: Broker
    bell: Bell
    listening: socket
    desk_url: str
    tokens: Tokens
    instruments: Instruments
    village: tuple[Home, ...]
    seed: int
    command: str


@dataclass(frozen=True, slots=True)
class Running:
    """The loops of a box, and what tells that it can do its work."""

    loops: dict[str, Loop]
    health: Health


def assemble(box: Box, stop: asyncio.Event) -> Running:
    """Every loop of the box by name."""
    clock = box.instruments.clock
    home = way_home(box.broker.address, f"carebell-notifier-{box.name}", box.instruments, filters=_WAYS)
    ingest = IngestView()
    for name in _MUST_MOVE:
        box.instruments.progress.expect(name)
    books = Books(box.log, box.casebook, box.registry, box.bell)
    notifier = wire_notifier(box.config, books, Sender(OWNER, home, box.desk_url), box.instruments)
    health = _health(box, ingest, notifier)
    facade = Facade(box.tokens, _page(box), health, box.rulebook, box.credentials, LastWords())
    loops: dict[str, Loop] = {
        "broker": box.broker.run,
        "broker-watch": lambda stop: watch_broker(box.broker, ingest, box.instruments, stop),
        "ingest": lambda stop: run_ingest(
            log=box.log,
            instruments=box.instruments,
            address=box.broker.address,
            seat=Seat(client_id=f"carebell-ingest-{box.name}", filters=_HEARD),
            stop=stop,
            view=ingest,
            products=box.products,
        ),
        "rules": lambda stop: _run_rules(box, stop),
        "mqtt-out": home.connection.run,
        **notifier.loops,
        "desk": lambda stop: serve(wire_desk(books, facade, box.instruments, stop), box.listening, stop),
        "last-words": lambda stop: facade.words.run(box.log, clock, stop),
        "homes": lambda stop: publish_homes(box.registry, box.log, clock, stop),
        "trim": lambda stop: trim_log(box.log, box.config.keep_readings, box.instruments, stop),
    }
    if box.village:
        loops["village"] = lambda stop: _live(box, stop)
    return Running(loops, health)


async def _run_rules(box: Box, stop: asyncio.Event) -> None:
    await run_rules(log=box.log, store=box.store, rulebook=box.rulebook, instruments=box.instruments, stop=stop)


async def _live(box: Box, stop: asyncio.Event) -> None:
    await live_village(box.village, box.broker.address, box.instruments.clock, Script(seed=box.seed), stop)


def _health(box: Box, ingest: IngestView, notifier: Notifier) -> Health:
    progress = box.instruments.progress
    return Health(
        alive=alive_of_ingest(ingest, box.instruments.clock) | alive_of_loops(progress),
        ready=ready_of_ingest(ingest) | ready_of_loops(progress) | ready_of_notifier(notifier.auditor),
    )


def _page(box: Box) -> Page:
    if not box.village:
        return Page(phone=box.config.desk.phone)
    home = box.village[0]
    button = next(device.device_id for device in home.devices if device.is_sos)
    command = (
        f"{box.command} simulate --broker mqtt://127.0.0.1:{box.broker.for_devices} --press {home.home_id}/{button}"
    )
    return Page(is_demo=True, phone=box.config.desk.phone, press=command)
