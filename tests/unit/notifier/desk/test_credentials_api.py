"""Who may speak to the broker, and who needs a password, over the API."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from devices.credentials import device
from devices.dialects import native
from tests.support import build
from tests.support.desk import Desk, open_desk

H1 = "/api/v1/homes/h1"
STICK = {"device_id": "stick", "dialect": "zigbee2mqtt", "is_gateway": True}
LEAK = {"device_id": "leak", "dialect": "zigbee2mqtt", "gateway_id": "stick"}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


async def told(desk: Desk) -> dict[str, Any]:
    answer = await desk.client.get(f"{H1}/credentials")
    assert answer.status_code == 200
    return dict(answer.json())


async def with_devices(desk: Desk, *devices: dict[str, Any]) -> None:
    changed = await desk.client.patch(
        H1, json={"devices": list(devices)}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert changed.status_code == 200


async def test_who_needs_a_password_is_named_until_it_has_one(desk: Desk) -> None:
    await with_devices(desk, {"device_id": "button"}, STICK, LEAK)
    assert await told(desk) == {"credentials": [], "missing": ["h1/stick", "h1/button"], "problems": []}
    given = await desk.credentials.issue(device("h1", "button"), "$hash", by="li", at=build.START)
    await desk.credentials.settle(given)
    said = await told(desk)
    assert said["missing"] == ["h1/stick"]
    (shown,) = said["credentials"]
    assert shown == {
        "username": "h1/button",
        "speaker": "device",
        "dialect": native.NAME,
        "issued_at": build.START.isoformat().replace("+00:00", "Z"),
        "revoked_at": None,
    }


async def test_who_came_back_needs_another(desk: Desk) -> None:
    await with_devices(desk, {"device_id": "button"})
    await desk.credentials.issue(device("h1", "button"), "$hash", by="li", at=build.START)
    await desk.credentials.revoke("h1/button", by="li", at=build.START)
    said = await told(desk)
    assert said["missing"] == ["h1/button"]
    assert said["credentials"][0]["revoked_at"] is not None


async def test_who_had_one_is_found_behind_many_that_are_gone(desk: Desk) -> None:
    await with_devices(desk, {"device_id": "z-button"})
    for name in (*(f"gone-{number:04d}" for number in range(501)), "z-button"):
        await desk.credentials.issue(device("h1", name), "$hash", by="li", at=build.START)
    said = await told(desk)
    assert (len(said["credentials"]), said["missing"]) == (502, [])


async def test_what_a_person_must_look_at_is_said(desk: Desk) -> None:
    await with_devices(desk, {"device_id": "button"})
    await desk.credentials.issue(device("h1", "button"), "$hash", by="li", at=build.START)
    (problem,) = (await told(desk))["problems"]
    assert "h1/button" in problem
    assert "rotate" in problem


async def test_only_homes_that_there_are_and_only_for_who_signed_in(desk: Desk) -> None:
    nobody = await desk.client.get("/api/v1/homes/nobody/credentials")
    assert (nobody.status_code, nobody.json()["title"]) == (404, "No such home")
    assert (await desk.client.get(f"{H1}/credentials", headers={"Authorization": "Bearer x"})).status_code == 401
