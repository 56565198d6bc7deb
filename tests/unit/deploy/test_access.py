"""Giving and taking credentials: our table first, then the broker, and no password is shown that may not work."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from carebell.engine_sql import MEMORY
from carebell.errors import Refused, TryLater
from deploy.access import Access, AskingGate, every
from devices.credentials import Credentials, device
from devices.credentials_sql import SqlCredentials
from devices.password import is_password
from tests.support.porter import Porter

AT = datetime(2026, 3, 1, tzinfo=UTC)
BUTTON = device("h1", "button")


@pytest.fixture
async def credentials() -> AsyncIterator[Credentials]:
    opened = await SqlCredentials.open(MEMORY)
    yield opened
    await opened.close()


async def test_the_password_that_is_shown_is_the_one_that_works(credentials: Credentials) -> None:
    porter = Porter()
    access = Access(credentials, porter)
    first = await access.issue(BUTTON, by="li", at=AT)
    second = await access.rotate("h1/button", by="li", at=AT)
    kept = await credentials.find("h1/button")
    assert kept is not None
    assert kept.is_settled
    assert first != second
    assert is_password(second, kept.secret)
    assert porter.inside == {"h1/button": second}
    await access.revoke("h1/button", by="li", at=AT)
    assert porter.inside == {}
    assert [one.is_settled async for one in every(credentials)] == [True]


@pytest.mark.parametrize("refusal", [TryLater("it is away"), Refused("it does not like it")])
async def test_a_broker_that_does_not_take_it_leaves_it_unsettled(
    credentials: Credentials, refusal: TryLater | Refused
) -> None:
    porter = Porter()
    access = Access(credentials, porter)
    porter.refusal = refusal
    with pytest.raises(type(refusal), match="rotate it"):
        await access.issue(BUTTON, by="li", at=AT)
    with pytest.raises(type(refusal), match="may still let it in: revoke it again"):
        await access.revoke("h1/button", by="li", at=AT)
    assert [one.is_settled async for one in every(credentials)] == [False]
    porter.refusal = None
    await access.revoke("h1/button", by="li", at=AT)
    assert [one.is_settled async for one in every(credentials)] == [True]


async def test_who_is_revoked_while_it_is_admitted_does_not_stay(credentials: Credentials) -> None:
    porter = Porter()
    access = Access(credentials, porter)
    porter.meanwhile = lambda: access.revoke("h1/button", by="wang", at=AT)
    with pytest.raises(Refused, match="at the same time"):
        await access.issue(BUTTON, by="li", at=AT)
    assert porter.inside == {}


async def test_of_two_rotations_at_once_the_one_that_may_not_hold_is_not_shown(credentials: Credentials) -> None:
    porter = Porter()
    access = Access(credentials, porter)
    await access.issue(BUTTON, by="li", at=AT)
    porter.meanwhile = lambda: access.rotate("h1/button", by="wang", at=AT)
    with pytest.raises(Refused, match="rotate it if it shall stay"):
        await access.rotate("h1/button", by="li", at=AT)


async def test_who_gets_a_password_while_it_is_put_out_is_told_that_it_may_not_work(credentials: Credentials) -> None:
    porter = Porter()
    access = Access(credentials, porter)
    await access.issue(BUTTON, by="li", at=AT)
    porter.meanwhile = lambda: access.issue(BUTTON, by="wang", at=AT)
    with pytest.raises(Refused, match="at the same time, which may not work: rotate it"):
        await access.revoke("h1/button", by="li", at=AT)
    assert porter.inside == {}
    kept = await credentials.find("h1/button")
    assert kept is not None
    assert (kept.is_valid, kept.is_settled) == (True, False)


async def test_with_a_broker_that_asks_nothing_is_left_to_be_told(credentials: Credentials) -> None:
    await credentials.issue(BUTTON, "$", by="li", at=AT)
    await credentials.revoke("h1/button", by="li", at=AT)
    await AskingGate().reconcile(credentials)
    assert await credentials.still_inside() == []


async def test_a_password_is_kept_before_it_counts_as_given(credentials: Credentials) -> None:
    """Whoever is ended in between leaves one that is told of, and not one that works and that nobody knows."""
    porter, kept = Porter(), list[str]()
    access = Access(credentials, porter)

    def ended(password: str) -> None:
        kept.append(password)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await access.issue(BUTTON, by="li", at=AT, keep=ended)
    assert kept == [porter.inside["h1/button"]]
    assert [one.is_settled async for one in every(credentials)] == [False]
    shown = await access.issue(device("h1", "other"), by="li", at=AT, keep=kept.append)
    assert kept[-1] == shown
