"""The notifier and the desk, wired the same way in a box and in a city."""

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI

from carebell.bell import Bell
from carebell.duty import Duties
from carebell.instruments import Instruments
from carebell.log import Log
from carebell.mqtt import MqttConnection
from deploy.channels import make_beat, make_channels
from deploy.config import Common
from devices.registry import Registry
from notifier.casebook import Casebook
from notifier.delivery import Courier
from notifier.desk.app import desk_app
from notifier.desk.auth import Tokens
from notifier.desk.feed import Feed
from notifier.desk.health import Health
from notifier.desk.library import Library
from notifier.desk.page_facts import Page
from notifier.main import Notifier, People, build_notifier


@dataclass(frozen=True, slots=True)
class Books:
    """What notifier and desk read and write. The bell rings when the casebook has changed. `duties`: where there are
    several notifiers."""

    log: Log
    casebook: Casebook
    registry: Registry
    bell: Bell
    duties: Duties | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the name on its leases, its way back to the homes, the address that messages link to."""

    owner: str
    outgoing: MqttConnection
    desk_url: str


def wire_notifier(config: Common, books: Books, sender: Sender, instruments: Instruments) -> Notifier:
    """The loops of a notifier, with the channels and the beat of the configuration."""
    channels = make_channels(config.channels, sender.outgoing, instruments.clock)
    return build_notifier(
        log=books.log,
        casebook=books.casebook,
        people=People(books.registry.home, [responder.person() for responder in config.responders]),
        courier=Courier(sender.owner, channels, sender.desk_url),
        bell=books.bell,
        instruments=instruments,
        on_audit=make_beat(config.beat, instruments.logger),
        duties=books.duties,
    )


@dataclass(frozen=True, slots=True)
class Facade:
    """What the desk shows of its surroundings: who may use it, facts for the page, health."""

    tokens: Tokens
    page: Page
    health: Health


def wire_desk(books: Books, facade: Facade, instruments: Instruments, stop: asyncio.Event) -> FastAPI:
    """The desk's web application; its live feeds end with `stop`."""
    library = Library(books.casebook, books.registry)
    return desk_app(
        casebook=books.casebook,
        library=library,
        feed=Feed(library, instruments.clock, books.bell, stop),
        log=books.log,
        tokens=facade.tokens,
        health=facade.health,
        instruments=instruments,
        page=facade.page,
    )
