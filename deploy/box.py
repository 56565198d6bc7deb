"""The rooms of one box, put together: what exists once, and the loops that run over it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket

from fastapi import FastAPI

from carebell.bell import Bell
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.mqtt import MqttConnection
from carebell.store import Store
from deploy.broker import Broker
from deploy.care import trim_log, watch_broker
from deploy.channels import make_beat, make_channels
from deploy.config import Config
from deploy.homes_feed import publish_homes
from deploy.serve import serve
from deploy.supervise import Loop
from devices.registry import Home, Registry
from devices.simulator.live import live_village
from ingest.main import IngestView, run_ingest
from notifier.auditor import Auditor
from notifier.casebook import Casebook
from notifier.delivery import Courier
from notifier.desk.app import Health, desk_app
from notifier.desk.auth import Tokens
from notifier.desk.feed import Feed
from notifier.desk.library import Library
from notifier.desk.page_facts import Page
from notifier.main import Notifier, build_notifier
from rules_engine.main import run_rules
from rules_engine.rulebook import Rulebook

OWNER = "box"
_DEAF_AFTER_S = 60.0
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
    casebook: Casebook
    rulebook: Rulebook
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
    outgoing = MqttConnection(
        address=box.broker.address,
        client_id=f"carebell-notifier-{box.name}",
        clock=clock,
        on_change=box.instruments.telemetry.mqtt_connected.labels("notifier").set,
    )
    ingest = IngestView()
    for name in _MUST_MOVE:
        box.instruments.progress.expect(name)
    notifier = _notifier(box, outgoing)
    health = Health(alive=_alive(box, ingest), ready=_ready(box, notifier.auditor, ingest))
    loops: dict[str, Loop] = {
        "broker": box.broker.run,
        "broker-watch": lambda stop: watch_broker(box.broker, ingest, box.instruments, stop),
        "ingest": lambda stop: run_ingest(
            log=box.log,
            instruments=box.instruments,
            address=box.broker.address,
            client_id=f"carebell-ingest-{box.name}",
            stop=stop,
            view=ingest,
        ),
        "rules": lambda stop: run_rules(
            log=box.log, store=box.store, rulebook=box.rulebook, instruments=box.instruments, stop=stop
        ),
        "mqtt-out": outgoing.run,
        **notifier.loops,
        "desk": lambda _stop: serve(_desk(box, health, stop), box.listening, stop),
        "homes": lambda stop: publish_homes(box.registry, box.log, clock, stop),
        "trim": lambda stop: trim_log(box.log, box.config.keep_readings, box.instruments, stop),
    }
    if box.village:
        loops["village"] = lambda stop: live_village(box.village, box.broker.address, clock, box.seed, stop)
    return Running(loops, health)


def _notifier(box: Box, outgoing: MqttConnection) -> Notifier:
    channels = make_channels(box.config.channels, outgoing, box.instruments.clock)
    return build_notifier(
        log=box.log,
        casebook=box.casebook,
        find_home=box.registry.home,
        responders=[responder.person() for responder in box.config.responders],
        courier=Courier(OWNER, channels, box.desk_url),
        bell=box.bell,
        instruments=box.instruments,
        on_audit=make_beat(box.config.beat, box.instruments.logger),
    )


def _desk(box: Box, health: Health, stop: asyncio.Event) -> FastAPI:
    library = Library(box.casebook, box.registry)
    return desk_app(
        casebook=box.casebook,
        library=library,
        feed=Feed(library, box.instruments.clock, box.bell, stop),
        log=box.log,
        tokens=box.tokens,
        health=health,
        instruments=box.instruments,
        page=_page(box),
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


def _alive(box: Box, ingest: IngestView) -> dict[str, Callable[[], str]]:
    """Loops that stand still, and a pulse that no longer comes back."""
    clock = box.instruments.clock
    began_s = clock.monotonic()

    def pulse() -> str:
        age_s = clock.monotonic() - (ingest.pulse_heard_s or began_s)
        return f"no pulse for {age_s:.0f} s" if age_s > _DEAF_AFTER_S else ""

    return {"pulse": pulse, "loops": box.instruments.progress.standing_still}


def _ready(box: Box, auditor: Auditor, ingest: IngestView) -> dict[str, Callable[[], str]]:
    def mqtt() -> str:
        return "" if ingest.is_connected else "not connected to the MQTT broker"

    return {
        "mqtt": mqtt,
        "log": lambda: "the log cannot be written" if ingest.is_stuck else "",
        "loops": box.instruments.progress.standing_still,
        "late": box.instruments.progress.too_late,
        "cases": lambda: auditor.problem,
    }
