"""What every adapter of the Credentials port must do. A new adapter is put under it by one line in ADAPTERS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest

from carebell.errors import BadInput
from devices.credentials import Credentials, device, gateway, server, service
from devices.credentials_sql import SqlCredentials

Opener = Callable[[], Awaitable[Credentials]]
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BUTTON = device("h1", "button")
ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite-memory": lambda _: "sqlite://",
    "sqlite-file": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'registry.db'}",
    "postgres": lambda request: str(request.getfixturevalue("database_url")),
}
LASTING = ("sqlite-file", "postgres")


def adapters(names: Iterable[str]) -> list[object]:
    """As parameters; those that need a server are marked."""
    return [pytest.param(name, marks=[pytest.mark.integration] if name == "postgres" else []) for name in names]


@pytest.fixture(params=adapters(ADAPTERS))
async def credentials(request: pytest.FixtureRequest) -> AsyncIterator[Credentials]:
    opened = await SqlCredentials.open(ADAPTERS[request.param](request))
    yield opened
    await opened.close()


@pytest.fixture(params=adapters(LASTING))
def opener(request: pytest.FixtureRequest) -> Opener:
    url = ADAPTERS[request.param](request)
    return lambda: SqlCredentials.open(url)


async def test_what_is_issued_is_found(credentials: Credentials) -> None:
    issued = await credentials.issue(BUTTON, "$hash", by="li", at=AT)
    assert await credentials.find("h1/button") == issued
    assert issued.holder == BUTTON
    assert (issued.secret, issued.issued_at, issued.is_valid, issued.is_settled) == ("$hash", AT, True, False)
    assert await credentials.find("h1/other") is None
    assert await credentials.find("H1/button") is None


async def test_every_kind_of_holder_comes_back_as_it_was(credentials: Credentials) -> None:
    holders = [
        gateway("h1", "stick", "zigbee2mqtt"),
        gateway("李家", "плита", "shelly", "s-1"),
        server("chirpstack", "chirpstack"),
        service("carebell"),
    ]
    for holder in holders:
        await credentials.issue(holder, "$", by="li", at=AT)
    assert {one.holder for one in await credentials.page()} == set(holders)


async def test_a_second_one_is_refused_and_changes_nothing(credentials: Credentials) -> None:
    first = await credentials.issue(BUTTON, "$1", by="li", at=AT)
    with pytest.raises(BadInput, match="rotate it"):
        await credentials.issue(BUTTON, "$2", by="wang", at=LATER)
    assert await credentials.find("h1/button") == first
    assert len(await credentials.audit("h1/button")) == 1


async def test_rotated_and_revoked_and_issued_again(credentials: Credentials) -> None:
    await credentials.issue(BUTTON, "$1", by="li", at=AT)
    await credentials.rotate("h1/button", "$2", by="wang", at=LATER)
    revoked = await credentials.revoke("h1/button", by="li", at=LATER)
    assert revoked.revoked_at == LATER
    with pytest.raises(BadInput, match="no valid password"):
        await credentials.rotate("h1/button", "$3", by="li", at=LATER)
    assert await credentials.revoke("h1/button", by="li", at=LATER) == revoked, "once more is no change"
    again = await credentials.issue(gateway("h1", "button", "tasmota"), "$4", by="li", at=LATER)
    assert again.is_valid
    assert again.holder.dialect == "tasmota"
    said = [(one.what, one.by, one.at) for one in await credentials.audit("h1/button")]
    assert said == [("issued", "li", AT), ("rotated", "wang", LATER), ("revoked", "li", LATER), ("issued", "li", LATER)]


async def test_what_was_never_issued_cannot_be_changed(credentials: Credentials) -> None:
    for change in (credentials.revoke("h1/x", by="li", at=AT), credentials.rotate("h1/x", "$", by="li", at=AT)):
        with pytest.raises(BadInput):
            await change
    assert await credentials.audit("h1/x") == []


async def test_a_change_says_who_and_when(credentials: Credentials) -> None:
    with pytest.raises(BadInput, match="who made it"):
        await credentials.issue(BUTTON, "$", by=" ", at=AT)
    with pytest.raises(ValueError, match="time zone"):
        await credentials.issue(BUTTON, "$", by="li", at=AT.replace(tzinfo=None))
    assert await credentials.find("h1/button") is None


async def test_only_the_newest_change_is_settled(credentials: Credentials) -> None:
    first = await credentials.issue(BUTTON, "$1", by="li", at=AT)
    second = await credentials.rotate("h1/button", "$2", by="li", at=AT)
    assert not await credentials.settle(first)
    found = await credentials.find("h1/button")
    assert found is not None
    assert not found.is_settled
    assert await credentials.settle(second)
    found = await credentials.find("h1/button")
    assert found is not None
    assert found.is_settled
    third = await credentials.revoke("h1/button", by="li", at=AT)
    assert not third.is_settled


async def test_pages_go_by_name(credentials: Credentials) -> None:
    for home, name in (("h2", "a"), ("h1", "b"), ("h1", "a")):
        await credentials.issue(device(home, name), "$", by="li", at=AT)
    assert [one.username for one in await credentials.page(limit=2)] == ["h1/a", "h1/b"]
    assert [one.username for one in await credentials.page("h1/b", 2)] == ["h2/a"]
    assert [one.username for one in await credentials.page(home_id="h2")] == ["h2/a"]
    assert await credentials.page("h2/a") == []


async def test_one_of_two_at_once_is_refused(opener: Opener) -> None:
    one, two = await opener(), await opener()
    done = await asyncio.gather(
        *(store.issue(BUTTON, "$", by="li", at=AT) for store in (one, two)), return_exceptions=True
    )
    assert sorted(isinstance(end, BadInput) for end in done) == [False, True]
    await asyncio.gather(
        *(store.rotate("h1/button", f"${n}", by="li", at=AT) for n, store in enumerate((one, two) * 5))
    )
    assert [change.revision for change in await one.audit("h1/button")] == list(range(1, 12))
    await one.close()
    await two.close()


async def test_it_stays(opener: Opener) -> None:
    store = await opener()
    issued = await store.issue(BUTTON, "$", by="li", at=AT)
    await store.close()
    again = await opener()
    assert await again.find("h1/button") == issued
    await again.close()
