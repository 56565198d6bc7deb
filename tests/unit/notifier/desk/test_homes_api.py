"""Homes over the API: whole, by device, as files, and who has changed what."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support.build import seconds
from tests.support.desk import TOKEN, Desk, open_desk

PROBLEM = "application/problem+json"
H1 = "/api/v1/homes/h1"
BUTTON = {"device_id": "bed", "dialect": "zigbee2mqtt", "address": "bed button", "expected_every": "25h"}
LORA = {"device_id": "pendant", "dialect": "chirpstack", "address": "A840-1"}
FILE = """\
homes:
  - home_id: h1
    label: Lane 3
  - home_id: new
    devices:
      - device_id: d
        dialect: chirpstack
        address: a840-1
"""


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


def is_problem(answer: httpx2.Response, status: int, word: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert word in answer.json()["detail"]


async def taken(desk: Desk, text: str, media_type: str = "application/yaml", query: str = "") -> httpx2.Response:
    return await desk.client.post(
        f"/api/v1/homes/import{query}", content=text.encode(), headers={"Content-Type": media_type}
    )


async def audit_of(desk: Desk, home_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.client.get(f"/api/v1/homes/{home_id}/audit")).json()["audit"]
    return found


async def test_what_is_read_can_be_sent_back(desk: Desk) -> None:
    read = await desk.client.get(H1)
    assert read.json()["contacts"][0]["phones"] == ["13800000000"]
    sent = await desk.client.put(H1, json=read.json(), headers={"If-Match": read.headers["ETag"]})
    assert (sent.status_code, sent.json(), sent.headers["ETag"]) == (200, read.json(), read.headers["ETag"])
    assert len(await audit_of(desk, "h1")) == 1


async def test_a_home_is_added_changed_and_removed_and_each_is_audited(desk: Desk) -> None:
    url = "/api/v1/homes/new"
    added = await desk.client.put(url, json={"home_id": "new", "devices": [BUTTON]})
    assert (added.status_code, added.json()["devices"][0]["expected_every"]) == (201, "1d1h")
    await desk.clock.advance(seconds(60))
    changed = await desk.client.put(url, json={**added.json(), "key_safe": "left of the door"})
    assert changed.status_code == 200
    assert (await desk.client.delete(url, headers={"If-Match": changed.headers["ETag"]})).status_code == 204
    is_problem(await desk.client.get(url), 404, "/api/v1/homes")
    is_problem(await desk.client.delete(url), 404, "/api/v1/homes")
    removed, written, first = await audit_of(desk, "new")
    assert [line["what"] for line in (first, written, removed)] == ["added", "changed", "removed"]
    assert {line["by"] for line in (first, written, removed)} == {"night desk"}
    assert written["at"] == "2026-03-01T08:01:00.000Z"
    assert written["changes"] == [{"field": "key_safe", "before": "", "after": "left of the door"}]
    is_problem(await desk.client.get("/api/v1/homes/never/audit"), 404, "/api/v1/homes")


async def test_the_audit_comes_in_pages(desk: Desk) -> None:
    for label in "abcd":
        await desk.client.put(H1, json={"home_id": "h1", "label": label})
    seen: list[int] = []
    cursor = ""
    while True:
        body = (await desk.client.get(f"{H1}/audit?limit=2{cursor}")).json()
        seen += [line["revision"] for line in body["audit"]]
        if body["next"] is None:
            break
        cursor = f"&cursor={body['next']}"
    assert seen == [7, 6, 5, 4, 1]


async def test_whoever_has_read_an_older_revision_changes_nothing(desk: Desk) -> None:
    before = (await desk.client.get(H1)).headers["ETag"]
    await desk.client.put(H1, json={"home_id": "h1", "label": "first", "devices": [BUTTON]})
    old = {"If-Match": before}
    for answer in (
        await desk.client.put(H1, json={"home_id": "h1", "label": "second"}, headers=old),
        await desk.client.delete(H1, headers=old),
        await desk.client.put(f"{H1}/devices/bed", json=BUTTON, headers=old),
        await desk.client.delete(f"{H1}/devices/bed", headers=old),
    ):
        is_problem(answer, 412, "read it again and make your change anew")
    assert (await desk.client.get(H1)).json()["label"] == "first"
    assert (await desk.client.put(H1, json={"home_id": "h1"}, headers={"If-None-Match": "*"})).status_code == 412
    gone = {"If-Match": '"99"'}
    is_problem(await desk.client.put("/api/v1/homes/x", json={"home_id": "x"}, headers=gone), 412, "not there any more")
    for header in ({"If-Match": "17"}, {"If-Match": "*"}, {"If-Match": '"x"'}, {"If-None-Match": '"1"'}):
        is_problem(await desk.client.put(H1, json={"home_id": "h1"}, headers=header), 412, "If-")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"home_id": "h2"}, "'h2' in the body and 'h1' in the address"),
        ({}, "home_id"),
        ([], "body"),
        ({"home_id": "h1", "adress": "x"}, "a home has no 'adress', did you mean 'address'"),
        ({"home_id": "h1", "devices": [{"device_id": "d", "bindings": [{"gestur": "x"}]}]}, "did you mean 'gesture'"),
        ({"home_id": "h1", "devices": [{"device_id": "d", "expected_every": 25}]}, "25h"),
        ({"home_id": "h1", "devices": [{"device_id": "d", "dialect": "zigbee2mqt"}]}, "did you mean 'zigbee2mqtt'"),
        ({"home_id": "h1", "devices": [{"device_id": "d", "bindings": [{"kind": "soss"}]}]}, "did you mean 'sos'"),
        ({"home_id": "h1", "devices": [{"device_id": "d", "gateway_id": "g"}]}, "this home has no device 'g'"),
        ({"home_id": "h1", "contacts": [{"contact_id": "c", "name": "n", "hours": ["8-22"]}]}, "08:00-22:00"),
        ({"home_id": "h1", "timezone": "Asia/Shangai"}, "did you mean 'Asia/Shanghai'"),
        ({"home_id": "h1", "residents": [{"resident_id": "r", "name": "n", "ability_level": 7}]}, "between 0 and 4"),
        ({"home_id": "h1", "settings": {"Bed": {}}}, "'Bed' is no name"),
    ],
)
async def test_a_home_that_is_not_in_order_is_refused_in_words(desk: Desk, body: Any, said: str) -> None:
    is_problem(await desk.client.put(H1, json=body), 422, said)
    assert len(await audit_of(desk, "h1")) == 1


async def test_words_of_a_library_are_left_out_of_a_refusal(desk: Desk) -> None:
    refused = await desk.client.put(H1, json={"home_id": "h1", "adress": "x"})
    is_problem(refused, 422, "body: a home has no 'adress'")
    binding = {"kind": "sos", "gestur": "single"}
    refused = await desk.client.post(f"{H1}/devices/{BUTTON['device_id']}/bindings", json=binding)
    is_problem(refused, 422, "body.gestur: there is no such field")


@pytest.mark.parametrize("name", ["import", "export"])
async def test_a_home_cannot_have_the_name_of_another_path(desk: Desk, name: str) -> None:
    is_problem(await desk.client.put(f"/api/v1/homes/{name}", json={"home_id": name}), 422, "choose another id")


async def test_one_device_is_read_written_and_taken_away(desk: Desk) -> None:
    url = f"{H1}/devices/bed"
    is_problem(await desk.client.get(url), 404, H1)
    added = await desk.client.put(url, json=BUTTON)
    assert (added.status_code, added.json()["address"]) == (200, "bed button")
    bound = {**BUTTON, "bindings": [{"gesture": "single", "kind": "sos"}]}
    changed = await desk.client.put(url, json=bound, headers={"If-Match": added.headers["ETag"]})
    assert changed.json()["bindings"] == [{"gesture": "single", "kind": "sos", "channel": None, "heard": None}]
    assert (await desk.client.get(url)).json() == changed.json()
    assert (await desk.client.get(H1)).headers["ETag"] == changed.headers["ETag"]
    assert [one["device_id"] for one in (await desk.client.get(H1)).json()["devices"]] == [
        "button-1",
        "pendant-1",
        "bed",
    ]
    assert (await desk.client.delete(url)).status_code == 204
    is_problem(await desk.client.delete(url), 404, H1)
    is_problem(await desk.client.put("/api/v1/homes/x/devices/bed", json=BUTTON), 404, "/api/v1/homes")
    is_problem(await desk.client.put(url, json={**BUTTON, "device_id": "x"}), 422, "make them one")
    is_problem(await desk.client.put(url, json={**BUTTON, "gateway_id": "g"}), 422, "this home has no device 'g'")
    fields = [change["field"] for line in await audit_of(desk, "h1") for change in line["changes"]]
    assert fields[:3] == ["devices.bed", "devices.bed.bindings", "devices.bed"]


async def test_an_address_that_another_home_has_is_refused(desk: Desk) -> None:
    await desk.client.put("/api/v1/homes/h2/devices/pendant", json=LORA)
    is_problem(await desk.client.put(f"{H1}/devices/pendant", json=LORA), 409, "is in home h2 already")
    is_problem(await desk.client.put(H1, json={"home_id": "h1", "devices": [LORA]}), 409, "is in home h2 already")
    await desk.client.put("/api/v1/homes/h2/devices/pendant", json={**LORA, "returned_on": "2026-03-01"})
    assert (await desk.client.put(f"{H1}/devices/pendant", json=LORA)).status_code == 200


async def test_a_returned_device_is_not_shown_with_a_case(desk: Desk) -> None:
    for device_id in ("button-1", "pendant-1"):
        returned = {"device_id": device_id, "returned_on": "2026-03-01"} if device_id == "pendant-1" else {}
        await desk.client.put(f"{H1}/devices/{device_id}", json={"device_id": device_id, **returned})
    case = await desk.opens()
    home = (await desk.client.get(f"/api/v1/cases/{case.id}")).json()["home"]
    assert [one["device_id"] for one in home["devices"]] == ["button-1"]


async def test_a_file_is_imported_whole_and_a_trial_changes_nothing(desk: Desk) -> None:
    trial = (await taken(desk, FILE, query="?dry_run=true")).json()
    assert trial == {"homes": 2, "changed": 2, "dry_run": True}
    is_problem(await desk.client.get("/api/v1/homes/new"), 404, "/api/v1/homes")
    assert (await taken(desk, FILE)).json() == {"homes": 2, "changed": 2, "dry_run": False}
    assert (await desk.client.get(H1)).json()["label"] == "Lane 3"
    assert (await audit_of(desk, "new"))[0]["by"] == "night desk"


async def test_every_bad_line_is_told_and_nothing_is_imported(desk: Desk) -> None:
    refused = await taken(
        desk, f"{FILE}      - {{device_id: e, dialect: lora}}\n    contact: []\n", "text/yaml; charset=utf-8"
    )
    is_problem(refused, 422, "homes.yaml:9: dialect: there is no dialect 'lora'")
    assert [error["line"] for error in refused.json()["errors"]] == [9, 10]
    assert "did you mean 'contacts'" in refused.json()["errors"][1]["detail"]
    await desk.client.put("/api/v1/homes/h2/devices/pendant", json=LORA)
    for query in ("", "?dry_run=true"):
        refused = await taken(desk, FILE, query=query)
        is_problem(refused, 422, "is in home h2 already")
        assert [error["line"] for error in refused.json()["errors"]] == [8]
    assert (await desk.client.get(H1)).json()["label"] == "幸福里 3-101"


@pytest.mark.parametrize("format", ["yaml", "csv"])
async def test_what_is_exported_is_imported_without_a_change(desk: Desk, format: str) -> None:
    await desk.client.put(f"{H1}/devices/bed", json={**BUTTON, "bindings": [{"gesture": "single", "kind": "sos"}]})
    exported = await desk.client.get(f"/api/v1/homes/export?format={format}")
    media_type = exported.headers["content-type"]
    assert media_type.startswith("text/csv" if format == "csv" else "application/yaml")
    assert exported.headers["content-disposition"] == f'attachment; filename="homes.{format}"'
    again = await taken(desk, exported.text, media_type)
    assert again.json() == {"homes": 3, "changed": 0, "dry_run": False}


async def test_a_body_that_is_no_file_of_homes_is_refused(desk: Desk) -> None:
    is_problem(await taken(desk, FILE, "application/json"), 415, "text/csv")
    is_problem(await taken(desk, "#" * (4 * 1024 * 1024 + 1)), 413, "carebell admin homes import")
    is_problem(await taken(desk, ""), 422, "homes.yaml:1: the file is empty")
    is_problem(await desk.client.get("/api/v1/homes/export?format=xlsx"), 422, "format")


async def test_settings_that_no_rule_understands_are_refused() -> None:
    async with open_desk(refusals=lambda home: {rule: "no such rule" for rule in home.settings}) as desk:
        body = {"home_id": "h1", "settings": {"bedd": {"cap": "4h"}}}
        is_problem(await desk.client.put(H1, json=body), 422, "settings of bedd: no such rule")
        text = "homes:\n- home_id: h1\n  settings:\n    bedd: {cap: 4h}\n"
        is_problem(await taken(desk, text), 422, "homes.yaml:4: settings of bedd: no such rule")


async def test_a_stranger_reads_and_changes_nothing(desk: Desk) -> None:
    for header in ({"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}x"}):
        for method, path in (
            ("PUT", H1),
            ("DELETE", H1),
            ("POST", "/api/v1/homes/import"),
            ("GET", "/api/v1/homes/export"),
        ):
            is_problem(await desk.client.request(method, path, headers=header), 401, "token")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_a_body_without_end_is_not_taken_into_memory(desk: Desk, headers: dict[str, str]) -> None:
    """It is read before anybody has asked who sends it."""
    given = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal given
        for _ in range(64):
            given += 1
            yield b" " * 1024 * 1024

    answer = await desk.client.put(H1, content=body(), headers={"Content-Type": "application/json", **headers})
    is_problem(answer, 413, "Too large")
    assert given <= 8
