"""The desk over the ASGI transport, without a socket: a casebook, a registry, a log and the application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from fastapi import FastAPI

from carebell.bell import Bell
from carebell.clock import ManualClock
from carebell.engine_sql import MEMORY
from carebell.instruments import Instruments
from carebell.log_sqlite import SqliteLog
from carebell.types import Alert
from devices.credentials_sql import SqlCredentials
from devices.registry_sql import SqlRegistry
from notifier.case_value import Case
from notifier.casebook_sql import SqlCasebook
from notifier.desk.app import Health, Page, desk_app
from notifier.desk.auth import Tokens
from notifier.desk.feed import Feed
from notifier.desk.homes import Refusals
from notifier.desk.library import Library
from tests.support import build

TOKEN = "a-token"
SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Desk:
    """What a test of the desk needs."""

    app: FastAPI
    client: httpx2.AsyncClient
    clock: ManualClock
    casebook: SqlCasebook
    library: Library
    feed: Feed
    log: SqliteLog
    credentials: SqlCredentials
    bell: Bell
    tools: Instruments
    stop: asyncio.Event
    problems: dict[str, str] = field(default_factory=dict)

    async def opens(self, alert: Alert | None = None) -> Case:
        raised = alert or build.alert()
        case = await self.casebook.raise_alert(
            raised, build.PEOPLE, self.clock.now(), label="幸福里 3-101", address="上海市"
        )
        assert case is not None
        return case


@asynccontextmanager
async def open_desk(
    *, is_demo: bool = False, is_signed_in: bool = True, refusals: Refusals = lambda home: {}
) -> AsyncIterator[Desk]:
    clock, bell, stop = ManualClock(build.START), Bell(), asyncio.Event()
    tools = build.instruments(clock)
    casebook = await SqlCasebook.open(MEMORY, build.default_policies(), bell, tools.telemetry)
    registry = await SqlRegistry.open(MEMORY)
    await registry.put([build.home("h1"), build.home("h2"), build.home("h3")], by="test", at=build.START)
    log = await SqliteLog.open(":memory:", 2, clock)
    credentials = await SqlCredentials.open(MEMORY)
    library = Library(casebook, registry, credentials, refusals)
    feed = Feed(library, clock, bell, stop)
    problems: dict[str, str] = {}
    app = desk_app(
        casebook=casebook,
        library=library,
        feed=feed,
        log=log,
        tokens=Tokens({TOKEN: "night desk"}),
        health=Health(
            alive={"audit": lambda: problems.get("audit", "")}, ready={"mqtt": lambda: problems.get("mqtt", "")}
        ),
        instruments=tools,
        page=Page(is_demo=is_demo),
    )
    transport = httpx2.ASGITransport(app)
    headers = SIGNED_IN if is_signed_in else {}
    async with httpx2.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
        yield Desk(app, client, clock, casebook, library, feed, log, credentials, bell, tools, stop, problems)
    stop.set()
    await casebook.close()
    await registry.close()
    await credentials.close()
    await log.close()
