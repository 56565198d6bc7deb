"""Press it now, see what arrived, say what it means: over the API."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.build import START, seconds
from tests.support.desk import Desk, open_desk
from tests.support.homeline import reading

HEARD, DEVICE = "/api/v1/homes/h1/heard", "/api/v1/homes/h1/devices/remote"
BINDINGS = f"{DEVICE}/bindings"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        answer = await desk.client.put(DEVICE, json={"device_id": "remote", "place": "bed", "expected_every": "25h"})
        assert answer.status_code in (200, 201)
        yield desk


def said(desk: Desk, kind: str, value: object, after_s: float = 0, **more: object) -> None:
    at = START + seconds(after_s)
    one = reading(kind, after_s, device_id="remote", value=value, **more)
    desk.library.words.note(type(one)(**{**_fields(one), "home_id": "h1", "received_at": at}))


def _fields(one: object) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}  # type: ignore[attr-defined]


async def remote_of(answer: httpx2.Response) -> dict[str, object]:
    [found] = [one for one in answer.json()["devices"] if one["device_id"] == "remote"]
    assert isinstance(found, dict)
    return found


async def test_a_press_is_shown_with_what_can_be_bound(desk: Desk) -> None:
    said(desk, "battery", 88)
    said(desk, "button", "single", 1, channel="2")
    answer = await desk.client.get(HEARD)
    device = await remote_of(answer)
    assert (device["battery"], device["last"], device["expected_every_s"]) == (
        88,
        {"kind": "button", "value": "single"},
        25 * 3600,
    )
    battery, press = answer.json()["recent"]
    assert (battery["binds"], press["means"]) == (None, None)
    assert press["binds"] == {"gesture": "single", "channel": "2", "heard": "button"}


async def test_a_device_that_never_spoke_is_shown_as_such(desk: Desk) -> None:
    device = await remote_of(await desk.client.get(HEARD))
    assert (device["heard_at"], device["battery"], device["place"]) == (None, None, "bed")


async def test_who_asks_with_wait_is_answered_when_something_comes(desk: Desk) -> None:
    asking = asyncio.create_task(desk.client.get(HEARD, params={"wait": 30}))
    for _ in range(3):
        await desk.clock.advance(seconds(1))
    assert not asking.done()
    said(desk, "button", "single", 60)
    assert [one["kind"] for one in (await asking).json()["recent"]] == ["button"]


async def test_what_is_stored_is_a_binding_of_the_device(desk: Desk) -> None:
    answer = await desk.client.post(BINDINGS, json={"gesture": " Single", "channel": "2", "kind": "sos"})
    assert answer.json()["bindings"] == [{"gesture": "single", "kind": "sos", "channel": "2", "heard": None}]
    home = await desk.library.homes.home("h1")
    assert home is not None
    assert [one.kind for device in home.home.devices for one in device.bindings] == ["sos"]
    audit = (await desk.client.get("/api/v1/homes/h1/audit")).json()["audit"]
    assert audit[0]["by"] == "night desk"
    gone = await desk.client.delete(BINDINGS, params={"gesture": "single", "channel": "2"})
    assert gone.json()["bindings"] == []


async def test_what_is_shown_can_be_stored_as_it_is_heard(desk: Desk) -> None:
    said(desk, "vibration", True)
    binds = (await desk.client.get(HEARD)).json()["recent"][0]["binds"]
    for more in ({"kind": "sos", "heard": "presence"}, {"kind": "test"}, {**binds, "kind": "sos"}):
        answer = await desk.client.post(BINDINGS, json={"gesture": "true", **more})
    assert answer.json()["bindings"] == [{"gesture": "true", "kind": "sos", "channel": None, "heard": "vibration"}]
    await desk.client.post(BINDINGS, json={"gesture": "true", "heard": "presence"})
    left = await desk.client.delete(BINDINGS, params={"gesture": "true", "heard": "vibration"})
    assert [one["heard"] for one in left.json()["bindings"]] == ["presence"]
    assert (await desk.client.delete(BINDINGS, params={"gesture": "true"})).json()["bindings"] == []


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/api/v1/homes/nowhere/devices/remote/bindings", {"gesture": "single"}, 404),
        ("/api/v1/homes/h1/devices/nothing/bindings", {"gesture": "single"}, 404),
        (BINDINGS, {"gesture": "single", "kind": "no such kind"}, 422),
        (BINDINGS, {"gesture": "single", "sort": "sos"}, 422),
        (BINDINGS, {"gesture": "true", "heard": "battery"}, 422),
    ],
)
async def test_what_cannot_be_bound_is_refused_with_what_to_do(
    desk: Desk, url: str, body: dict[str, str], status: int
) -> None:
    answer = await desk.client.post(url, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]


async def test_a_home_that_is_not_there_and_a_time_that_is_none_are_refused(desk: Desk) -> None:
    assert (await desk.client.get("/api/v1/homes/nowhere/heard")).status_code == 404
    assert (await desk.client.get(HEARD, params={"after": "yesterday"})).status_code == 422
    assert (await desk.client.delete(BINDINGS, params={"gesture": "single"})).status_code == 404
