"""What devices may say ends when they leave their homes: on the adapters that keep both in one database."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from devices.credentials import Credentials, device, gateway, server
from devices.credentials_sql import SqlCredentials
from devices.registry import Device, Home, Registry
from devices.registry_edit import change_home, with_device, without_device
from devices.registry_sql import SqlRegistry

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BUTTON = Device(device_id="button", lent_on=date(2026, 1, 5))
HOME = Home(home_id="h1", devices=(BUTTON, Device(device_id="stick", dialect="zigbee2mqtt", is_gateway=True)))
RETURNED = replace(BUTTON, returned_on=date(2026, 3, 1))
LASTING: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite-file": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'registry.db'}",
    "postgres": lambda request: str(request.getfixturevalue("database_url")),
}


def adapters(names: Iterable[str]) -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.integration] if name == "postgres" else []) for name in names]


@dataclass
class Both:
    registry: Registry
    credentials: Credentials

    async def valid(self) -> list[str]:
        return [one.username for one in await self.credentials.page() if one.is_valid]


@pytest.fixture(params=adapters(LASTING))
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    """A home with a button and a gateway that have passwords, as a second home and a server have."""
    url = LASTING[request.param](request)
    made = Both(await SqlRegistry.open(url), await SqlCredentials.open(url))
    await made.registry.put([HOME, Home(home_id="h2", devices=(BUTTON,))], by="li", at=AT)
    holders = device("h1", "button"), gateway("h1", "stick", "zigbee2mqtt"), device("h2", "button")
    for holder in (*holders, server("chirpstack", "chirpstack")):
        await made.credentials.settle(await made.credentials.issue(holder, "$", by="li", at=AT))
    yield made
    await made.registry.close()
    await made.credentials.close()


async def test_a_returned_device_is_revoked_in_the_change_that_says_so(both: Both) -> None:
    await change_home(both.registry, "h1", lambda home: with_device(home, RETURNED), by="wang", at=LATER)
    assert await both.valid() == ["chirpstack", "h1/stick", "h2/button"]
    (inside,) = await both.credentials.still_inside()
    assert (inside.username, inside.revoked_at) == ("h1/button", LATER)
    line = (await both.credentials.audit("h1/button"))[-1]
    assert (line.what, line.by, line.at) == ("revoked with its device", "wang", LATER)
    await both.credentials.settle(inside)
    assert await both.credentials.still_inside() == []


async def test_so_is_one_that_is_taken_out_of_the_home(both: Both) -> None:
    await change_home(both.registry, "h1", lambda home: without_device(home, "button"), by="li", at=LATER)
    assert await both.valid() == ["chirpstack", "h1/stick", "h2/button"]


async def test_and_all_of_a_home_that_is_removed(both: Both) -> None:
    await both.registry.remove("h1", by="li", at=LATER)
    assert await both.valid() == ["chirpstack", "h2/button"]


async def test_other_changes_revoke_nobody(both: Both) -> None:
    await both.registry.put([replace(HOME, label="x"), Home(home_id="h3")], by="li", at=LATER)
    assert len(await both.valid()) == 4


async def test_a_trial_and_a_refused_change_revoke_nobody(both: Both) -> None:
    home = replace(HOME, devices=(RETURNED,))
    await both.registry.put([home], by="li", at=LATER, is_trial=True)
    with pytest.raises(Exception, match="somebody has changed it"):
        await both.registry.put([home], by="li", at=LATER, expected={"h1": 99})
    assert len(await both.valid()) == 4


async def test_a_device_that_is_lent_again_gets_another(both: Both) -> None:
    await change_home(both.registry, "h1", lambda home: with_device(home, RETURNED), by="li", at=LATER)
    await change_home(both.registry, "h1", lambda home: with_device(home, BUTTON), by="li", at=LATER)
    assert "h1/button" not in await both.valid()
    await both.credentials.issue(device("h1", "button"), "$", by="li", at=LATER)
    assert "h1/button" in await both.valid()
