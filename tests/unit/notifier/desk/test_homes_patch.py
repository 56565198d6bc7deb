"""The usual small change of a home over the API."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import orjson
import pytest

from tests.support.desk import Desk, open_desk

H1 = "/api/v1/homes/h1"
MERGE_PATCH = "application/merge-patch+json"
WEI = {"contact_id": "son", "name": "Wei", "phones": ["13900000000"]}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk(refusals=lambda home: {"bed": "no such rule"} if "bed" in home.settings else {}) as desk:
        yield desk


async def patch(desk: Desk, body: Any, media_type: str = MERGE_PATCH, url: str = H1, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return await desk.client.patch(url, content=content, headers={"Content-Type": media_type, **headers})


async def test_one_field_changes_and_the_audit_says_which(desk: Desk) -> None:
    before = await desk.client.get(H1)
    changed = await patch(desk, {"contacts": [WEI], "notes": "dog"}, media_type=f"{MERGE_PATCH}; charset=utf-8")
    assert changed.status_code == 200
    after = await desk.client.get(H1)
    assert (changed.json(), changed.headers["ETag"]) == (after.json(), after.headers["ETag"])
    same = {name: value for name, value in before.json().items() if name not in ("contacts", "notes")}
    assert same.items() <= after.json().items()
    assert after.json()["contacts"][0]["phones"] == ["13900000000"]
    (line, *_) = (await desk.client.get(f"{H1}/audit")).json()["audit"]
    assert (line["by"], line["what"]) == ("night desk", "changed")
    assert {"field": "notes", "before": "", "after": "dog"} in line["changes"]
    assert {change["field"].split(".")[0] for change in line["changes"]} == {"contacts", "notes"}


async def test_nothing_changes_nothing(desk: Desk) -> None:
    before = (await desk.client.get(H1)).headers["ETag"]
    assert (await patch(desk, {})).headers["ETag"] == before


async def test_whoever_has_read_an_older_revision_changes_nothing(desk: Desk) -> None:
    tag = (await desk.client.get(H1)).headers["ETag"]
    assert (await patch(desk, {"label": "first"}, **{"If-Match": tag})).status_code == 200
    late = await patch(desk, {"label": "second"}, **{"If-Match": tag})
    assert (late.status_code, late.headers["content-type"]) == (412, "application/problem+json")
    assert (await desk.client.get(H1)).json()["label"] == "first"
    assert (await patch(desk, {}, **{"If-Match": "x"})).status_code == 412


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ({"contacts": [{**WEI, "phones": ["12x"]}]}, "/contacts/0/phones", "not a phone number"),
        ({"lable": "x"}, "/lable", "did you mean 'label'"),
        ({"home_id": "h2"}, "/home_id", "stays so"),
        ({"settings": {"bed": {"cap": "4h"}}}, "/settings/bed", "no such rule"),
    ],
)
async def test_what_is_wrong_is_told_by_its_place_and_changes_nothing(
    desk: Desk, body: Any, path: str, said: str
) -> None:
    before = await desk.client.get(H1)
    refused = await patch(desk, body)
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    (error,) = refused.json()["errors"]
    assert error["path"] == path
    assert said in error["detail"]
    assert said in refused.json()["detail"]
    assert (await desk.client.get(H1)).headers["ETag"] == before.headers["ETag"]


async def test_an_address_that_another_home_has_is_refused(desk: Desk) -> None:
    lora = {"device_id": "p", "dialect": "chirpstack", "address": "a840"}
    assert (await patch(desk, {"devices": [lora]}, url="/api/v1/homes/h2")).status_code == 200
    refused = await patch(desk, {"devices": [lora]})
    assert (refused.status_code, refused.json()["title"]) == (409, "Another home has this address")


async def test_what_is_no_merge_patch_is_refused(desk: Desk) -> None:
    assert (await patch(desk, {}, media_type="application/json")).status_code == 415
    assert (await patch(desk, b"{")).status_code == 400
    assert (await patch(desk, [1])).status_code == 422
    assert (await patch(desk, {}, url="/api/v1/homes/nobody")).status_code == 404
    signed_out = await patch(desk, {}, Authorization="Bearer x")
    assert signed_out.status_code == 401
