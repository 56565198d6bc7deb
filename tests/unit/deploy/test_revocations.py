"""Who is revoked in our table is put out at the broker, as often as it takes; and what devices left behind is found."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from carebell.errors import Refused, TryLater
from deploy.access import Access
from deploy.revocations import revoke_left_behind, tell_broker
from devices.credentials import Credentials, device, gateway
from devices.credentials_sql import SqlCredentials
from devices.registry import Device, Home, Registry
from devices.registry_sql import SqlRegistry
from tests.support.porter import Porter

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def credentials(tmp_path: Path) -> AsyncIterator[Credentials]:
    opened = await SqlCredentials.open(f"sqlite:///{tmp_path / 'registry.db'}")
    yield opened
    await opened.close()


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    opened = await SqlRegistry.open(f"sqlite:///{tmp_path / 'registry.db'}")
    yield opened
    await opened.close()


async def issued(credentials: Credentials, *devices: str) -> Porter:
    """A broker that lets these in."""
    porter = Porter()
    for one in devices:
        await Access(credentials, porter).issue(device("h1", one), by="li", at=AT)
    return porter


async def test_whoever_is_revoked_here_only_is_put_out(credentials: Credentials) -> None:
    porter = await issued(credentials, "a", "b", "c")
    for one in "ab":
        await credentials.revoke(f"h1/{one}", by="li", at=AT)
    assert await tell_broker(Access(credentials, porter)) == set()
    assert set(porter.inside) == {"h1/c"}
    assert await credentials.still_inside() == []


@pytest.mark.parametrize("refusal", [TryLater("it is away"), Refused("it does not like it")])
async def test_it_is_tried_again_until_it_is_done(credentials: Credentials, refusal: TryLater | Refused) -> None:
    porter = await issued(credentials, "a")
    await credentials.revoke("h1/a", by="li", at=AT)
    porter.refusal = refusal
    (reason,) = await tell_broker(Access(credentials, porter))
    assert "h1/a is revoked here, but the broker may still let it in" in reason
    assert len(await credentials.still_inside()) == 1
    porter.refusal = None
    assert await tell_broker(Access(credentials, porter)) == set()
    assert porter.inside == {}


async def test_who_got_another_password_meanwhile_stays_in(credentials: Credentials) -> None:
    """The first is put out so slowly that the second has been given a password when its turn comes."""
    porter = await issued(credentials, "a", "b")
    for one in "ab":
        await credentials.revoke(f"h1/{one}", by="li", at=AT)
    access = Access(credentials, porter)
    porter.meanwhile = lambda: access.issue(device("h1", "b"), by="wang", at=AT)
    assert await tell_broker(access) == set()
    assert set(porter.inside) == {"h1/b"}


async def test_what_was_left_behind_before_is_found(credentials: Credentials, registry: Registry) -> None:
    """A gateway that was returned while its successor still spoke by its password; a home of which nothing is known."""
    new = Device(device_id="new", dialect="tasmota", is_gateway=True)
    old = Device(device_id="old", dialect="tasmota", is_gateway=True)
    await registry.put([Home(home_id="h1", devices=(old,))], by="li", at=AT)
    for holder in (gateway("h1", "old", "tasmota"), device("h9", "x")):
        await credentials.issue(holder, "$", by="li", at=AT)
    returned = Device(device_id="old", dialect="tasmota", is_gateway=True, returned_on=date(2026, 3, 1))
    await registry.put([Home(home_id="h1", devices=(returned, new))], by="li", at=AT)
    said = await revoke_left_behind(credentials, registry, by="li", at=AT)
    assert said == [
        "! h1/old: its device is gone, and others speak by its password: issue them their own",
        "h9/x is revoked: its device is not in the home any more",
    ]
    await credentials.issue(gateway("h1", "new", "tasmota"), "$", by="li", at=AT)
    said = await revoke_left_behind(credentials, registry, by="li", at=AT)
    assert said == ["h1/old is revoked: its device is not in the home any more"]
    assert [one.username for one in await credentials.page() if one.is_valid] == ["h1/new"]
    assert await revoke_left_behind(credentials, registry, by="li", at=AT) == []


async def test_who_came_back_without_a_password_is_told_of(credentials: Credentials, registry: Registry) -> None:
    """Somebody took devices out of a file by mistake; one of them had been put out by name before."""
    home = Home(home_id="h1", devices=(Device(device_id="a"), Device(device_id="lost"), Device(device_id="plug")))
    await registry.put([home], by="li", at=AT)
    await issued(credentials, "a", "lost", "plug")
    await credentials.revoke("h1/lost", by="li", at=AT)
    await registry.put([Home(home_id="h1", devices=home.devices[2:])], by="li", at=AT)
    await registry.put([home], by="li", at=AT)
    again = "! h1/a: it is in its home again, its password was revoked when it left: issue it one"
    assert await revoke_left_behind(credentials, registry, by="li", at=AT) == [again]
    await credentials.issue(device("h1", "a"), "$", by="li", at=AT)
    assert await revoke_left_behind(credentials, registry, by="li", at=AT) == []
    moved = Device(device_id="plug", dialect="tasmota")
    await registry.put([Home(home_id="h1", devices=(*home.devices[:2], moved))], by="li", at=AT)
    other = "! h1/plug: its password is not for what the registry says of it now: revoke it, then issue it one"
    assert await revoke_left_behind(credentials, registry, by="li", at=AT) == [other]
