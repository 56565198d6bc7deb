"""What an EMQX asks, in the shapes that its documentation names: always a 200, allow only where it is certain.

No EMQX is asked here: these are requests as one would make them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from carebell.engine_sql import MEMORY
from carebell.errors import TryLater
from devices.credentials import Change, Credential, Credentials, Holder, device, gateway, service
from devices.credentials_sql import SqlCredentials
from devices.password import hashed
from notifier.desk.mqtt_hooks import HEADER, Doorkeeper, hook_routes
from tests.support.desk import open_desk

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "a secret of both of us"
BUTTON, OTHER, Z2M, MAIN = (
    device("h1", "button"),
    device("h2", "button"),
    gateway("h1", "stick", "zigbee2mqtt"),
    service("carebell"),
)
CONNECT, DO = "/hooks/mqtt/authentication", "/hooks/mqtt/authorization"
UP = "carebell/h1/button/up"

BROKEN = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"{",
    b"\xff\xfe",
    b'{"username": "h1/button"',
    b'{"username": null, "password": null, "clientid": null, "action": null, "topic": null}',
    b'{"username": 1, "password": 2, "clientid": 3, "action": 4, "topic": 5}',
    b'{"username": ["h1/button"], "password": {}, "clientid": "x", "action": "publish", "topic": "x"}',
    b'{"username": "h1/button", "action": "all", "topic": "carebell/h1/button/up", "password": "x"}',
    b'{"username": "\\ud800", "password": "\\ud800", "clientid": "x", "action": "publish", "topic": "x"}',
    b'{"username": "a\\u0000b", "password": "x", "clientid": "x", "action": "publish", "topic": "x"}',
    b"username=h1%2Fbutton&password=x&clientid=y",
    b"[" * 100_000,
    b'{"username": "h1/button", "x": "' + b"x" * 300_000 + b'"}',
)


class MoodyCredentials:
    """Over those that ship; `away` raises TryLater, `is_slow` never answers."""

    def __init__(self, inner: Credentials) -> None:
        self.inner = inner
        self.away = self.is_slow = False

    async def find(self, username: str) -> Credential | None:
        if self.away:
            raise TryLater("away")
        if self.is_slow:
            await asyncio.Event().wait()
        return await self.inner.find(username)

    async def page(self, after: str = "", limit: int = 500, *, home_id: str = "") -> Sequence[Credential]:
        return await self.inner.page(after, limit, home_id=home_id)

    async def issue(self, holder: Holder, secret: str, *, by: str, at: datetime) -> Credential:
        return await self.inner.issue(holder, secret, by=by, at=at)

    async def rotate(self, username: str, secret: str, *, by: str, at: datetime) -> Credential:
        return await self.inner.rotate(username, secret, by=by, at=at)

    async def revoke(self, username: str, *, by: str, at: datetime) -> Credential:
        return await self.inner.revoke(username, by=by, at=at)

    async def settle(self, credential: Credential) -> bool:
        return await self.inner.settle(credential)

    async def doubt(self, username: str) -> None:
        await self.inner.doubt(username)

    async def still_inside(self) -> Sequence[Credential]:
        return await self.inner.still_inside()

    async def audit(self, username: str) -> Sequence[Change]:
        return await self.inner.audit(username)

    async def close(self) -> None:
        await self.inner.close()


class Broker:
    """Asks as EMQX would."""

    def __init__(self, app: FastAPI, credentials: MoodyCredentials) -> None:
        self.credentials = credentials
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://desk", headers={HEADER: SECRET}
        )

    async def post(self, path: str, content: bytes, **headers: str) -> Any:
        answer = await self.client.post(path, content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/json"
        return answer.json()["result"]

    async def connects(self, username: object, password: object, clientid: object = "any") -> Any:
        body = {"clientid": clientid, "username": username, "password": password, "peerhost": "10.0.0.1"}
        return await self.post(CONNECT, orjson.dumps(body))

    async def does(self, username: object, action: object, topic: object) -> Any:
        return await self.post(DO, orjson.dumps({"username": username, "action": action, "topic": topic, "qos": 1}))


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    credentials = MoodyCredentials(await SqlCredentials.open(MEMORY))
    for holder in (BUTTON, OTHER, Z2M, MAIN):
        await credentials.issue(holder, hashed(f"of {holder.username}", b"a salt of 12"), by="test", at=AT)
    async with open_desk() as desk:
        desk.app.include_router(hook_routes(Doorkeeper(credentials, SECRET, desk.tools)))
        made = Broker(desk.app, credentials)
        yield made
        await made.client.aclose()
    await credentials.close()


async def test_who_is_let_in(broker: Broker) -> None:
    assert await broker.connects("h1/button", "of h1/button") == "allow"
    assert await broker.connects("carebell", "of carebell", "carebell-seat-1") == "allow"
    for username, password, clientid in (
        ("h1/button", "of h2/button", "any"),
        ("h1/button", "", "any"),
        ("h1/nobody", "of h1/button", "any"),
        ("", "", ""),
        ("h1/button", "of h1/button", "carebell-seat-1"),
        ("h1/button", "of h1/button", "notify-host-1"),
    ):
        assert await broker.connects(username, password, clientid) == "deny", (username, password, clientid)


async def test_each_may_do_what_is_its_own(broker: Broker) -> None:
    for username, action, topic, result in (
        ("h1/button", "publish", UP, "allow"),
        ("h1/button", "subscribe", "carebell/h1/button/down", "allow"),
        ("h1/button", "publish", "carebell/h2/button/up", "deny"),
        ("h1/button", "subscribe", "carebell/#", "deny"),
        ("h1/stick", "publish", "carebell/h1/zigbee2mqtt/button", "allow"),
        ("h1/stick", "subscribe", "carebell/+/zigbee2mqtt/#", "deny"),
        ("carebell", "subscribe", "$share/carebell/carebell/#", "allow"),
        ("carebell", "publish", "carebell-pulse/carebell-seat-1", "allow"),
        ("h1/nobody", "publish", "carebell/h1/nobody/up", "deny"),
    ):
        assert await broker.does(username, action, topic) == result, (username, action, topic)


async def test_who_is_revoked_may_do_nothing_more(broker: Broker) -> None:
    assert await broker.does("h1/button", "publish", UP) == "allow"
    await broker.credentials.revoke("h1/button", by="test", at=AT)
    assert await broker.does("h1/button", "publish", UP) == "deny"
    assert await broker.connects("h1/button", "of h1/button") == "deny"


async def test_an_old_password_stops_at_once(broker: Broker) -> None:
    await broker.credentials.rotate("h1/button", hashed("new", b"a salt of 12"), by="test", at=AT)
    assert await broker.connects("h1/button", "of h1/button") == "deny"
    assert await broker.connects("h1/button", "new") == "allow"


@pytest.mark.parametrize("path", [CONNECT, DO])
async def test_whatever_is_sent_is_answered_with_deny(broker: Broker, path: str) -> None:
    for body in BROKEN:
        assert await broker.post(path, body) == "deny", body[:40]


async def test_who_does_not_know_the_secret_is_denied(broker: Broker) -> None:
    right = orjson.dumps({"username": "h1/button", "password": "of h1/button", "clientid": "x"})
    for secret in (b"", b"wrong", SECRET[:-1].encode(), b"\xe9"):
        answer = await broker.client.post(CONNECT, content=right, headers={HEADER.encode(): secret})
        assert (answer.status_code, answer.json()) == (200, {"result": "deny"})


@pytest.mark.parametrize("mood", ["away", "is_slow"])
async def test_a_database_that_does_not_answer_locks_nobody_out_who_was_known(broker: Broker, mood: str) -> None:
    assert await broker.connects("h1/button", "of h1/button") == "allow"
    setattr(broker.credentials, mood, True)
    assert await broker.connects("h1/button", "of h1/button") == "allow"
    assert await broker.does("h1/button", "publish", UP) == "allow"
    assert await broker.connects("h1/button", "wrong") == "deny"
    assert await broker.connects("h2/button", "of h2/button") == "deny"


async def test_who_was_revoked_is_not_remembered(broker: Broker) -> None:
    assert await broker.connects("h1/button", "of h1/button") == "allow"
    await broker.credentials.revoke("h1/button", by="test", at=AT)
    assert await broker.connects("h1/button", "of h1/button") == "deny"
    broker.credentials.away = True
    assert await broker.connects("h1/button", "of h1/button") == "deny"


async def test_a_desk_that_no_broker_asks_answers_nothing() -> None:
    async with open_desk() as desk:
        assert (await desk.client.post(CONNECT, content=b"{}")).status_code == 404
