"""The notifier and the desk, wired the same way in a box and in a city."""

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI

from carebell.bell import Bell
from carebell.duty import Duties
from carebell.instruments import Instruments
from carebell.log import Log
from deploy.channels import WayHome, make_beat, make_channels
from deploy.config import Common
from devices.credentials import Credentials
from devices.registry import Registry
from notifier.casebook import Casebook
from notifier.delivery import Courier
from notifier.desk.app import desk_app
from notifier.desk.auth import Tokens
from notifier.desk.feed import Feed
from notifier.desk.health import Health
from notifier.desk.last_words import LastWords
from notifier.desk.library import Library
from notifier.desk.mqtt_hooks import Doorkeeper, hook_routes
from notifier.desk.page_facts import Page
from notifier.main import Notifier, People, build_notifier
from rules_engine.in_force import ParametersInForce
from rules_engine.rulebook import Rulebook


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
    home: WayHome
    desk_url: str


def wire_notifier(config: Common, books: Books, sender: Sender, instruments: Instruments) -> Notifier:
    """The loops of a notifier, with the channels and the beat of the configuration."""
    channels = make_channels(config.channels, sender.home, instruments.clock)
    return build_notifier(
        log=books.log,
        casebook=books.casebook,
        people=People(books.registry.home, [responder.person() for responder in config.responders]),
        courier=Courier(sender.owner, channels, sender.desk_url, sender.home.answers),
        bell=books.bell,
        instruments=instruments,
        on_audit=make_beat(config.beat, instruments.logger),
        duties=books.duties,
    )


@dataclass(frozen=True, slots=True)
class Facade:
    """What the desk shows of its surroundings: who may use it, facts for the page, health, the rules' view of settings, who may
    speak to the broker, and what devices said last, which somebody must run."""

    tokens: Tokens
    page: Page
    health: Health
    rulebook: Rulebook
    credentials: Credentials
    words: LastWords


def wire_desk(
    books: Books,
    facade: Facade,
    instruments: Instruments,
    stop: asyncio.Event,
    doorkeeper: Doorkeeper | None = None,
) -> FastAPI:
    """The desk's web application; its live feeds end with `stop`. `doorkeeper`: who answers a broker that asks."""
    in_force = ParametersInForce(facade.rulebook)
    library = Library(
        books.casebook,
        books.registry,
        facade.credentials,
        lambda home: in_force.of(home.profile(0)).refused,
        facade.words,
    )
    app = desk_app(
        casebook=books.casebook,
        library=library,
        feed=Feed(library, instruments.clock, books.bell, stop),
        log=books.log,
        tokens=facade.tokens,
        health=facade.health,
        instruments=instruments,
        page=facade.page,
    )
    if doorkeeper is not None:
        app.include_router(hook_routes(doorkeeper))
    return app
