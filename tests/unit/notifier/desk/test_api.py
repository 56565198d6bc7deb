"""The API of the desk, as a client sees it."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from carebell.log import Entry
from carebell.topics import Topic
from carebell.types import AlertStatus, Rejected, Severity
from carebell.wire import encode
from tests.support import build
from tests.support.build import seconds
from tests.support.desk import TOKEN, Desk, open_desk

PROBLEM = "application/problem+json"
OPEN_TO_ALL = {("POST", "/api/v1/session"), ("DELETE", "/api/v1/session")}


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


@pytest.fixture
async def stranger() -> AsyncIterator[Desk]:
    async with open_desk(is_signed_in=False) as desk:
        yield desk


def is_problem(answer: httpx2.Response, status: int, word: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail"}
    assert body["status"] == status
    assert word in body["detail"]


async def test_every_route_of_the_api_asks_who_it_is(stranger: Desk) -> None:
    paths = (await stranger.client.get("/openapi.json")).json()["paths"]
    routes = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    guarded = {(method, path) for method, path in routes if path.startswith("/api/")} - OPEN_TO_ALL
    assert len(guarded) >= 8
    for method, path in guarded:
        for name in ("case_id", "home_id"):
            path = path.replace("{" + name + "}", "x")
        answer = await stranger.client.request(method, path.replace("{move}", "accept"))
        is_problem(answer, 401, "Authorization: Bearer")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}"]
)
async def test_a_wrong_token_is_no_token(stranger: Desk, header: str) -> None:
    is_problem(await stranger.client.get("/api/v1/cases", headers={"Authorization": header}), 401, "token")


async def test_signing_in_makes_a_cookie_that_no_script_and_no_other_site_can_use(stranger: Desk) -> None:
    is_problem(await stranger.client.post("/api/v1/session", json={"token": "wrong"}), 401, "token")
    answer = await stranger.client.post("/api/v1/session", json={"token": TOKEN})
    assert answer.status_code == 204
    flags = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= flags
    assert (await stranger.client.get("/api/v1/me")).json() == {
        "name": "night desk",
        "demo": False,
        "phone": None,
        "press": None,
    }
    await stranger.client.delete("/api/v1/session")
    assert (await stranger.client.get("/api/v1/me")).status_code == 401


async def test_only_a_demonstration_signs_the_page_in_by_itself(stranger: Desk) -> None:
    assert "set-cookie" not in (await stranger.client.get("/")).headers
    async with open_desk(is_demo=True, is_signed_in=False) as demo:
        page = await demo.client.get("/")
        assert ("set-cookie" in page.headers) == (page.status_code == 200)


async def test_a_list_shows_the_newest_case_first_with_what_the_contract_names(desk: Desk) -> None:
    first = await desk.opens()
    await desk.clock.advance(seconds(1))
    second = await desk.opens(build.alert("b", home_id="h2"))
    body = (await desk.client.get("/api/v1/cases")).json()
    assert [case["id"] for case in body["cases"]] == [second.id, first.id]
    assert body["next"] is None
    assert body["feed_id"] == await desk.casebook.last_line()
    shown = body["cases"][1]
    expected = {"home_id": "h1", "status": "open", "severity": "critical", "opened_at": "2026-03-01T08:00:00.000Z"}
    assert expected.items() <= shown.items()
    assert shown["next_step"] == "provider"
    assert shown["due_at"] == "2026-03-01T08:01:00.000Z"


async def test_pages_follow_their_cursor(desk: Desk) -> None:
    ids = [(await desk.opens(build.alert(f"a{n}", home_id=f"x{n}"))).id for n in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    while True:
        given = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        body = (await desk.client.get("/api/v1/cases", params=given)).json()
        seen += [case["id"] for case in body["cases"]]
        cursor = body["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    is_problem(await desk.client.get("/api/v1/cases", params={"cursor": "!"}), 422, "cursor")


async def test_cases_are_found_by_status(desk: Desk) -> None:
    first = await desk.opens()
    second = await desk.opens(build.alert("b", home_id="h2"))
    third = await desk.opens(build.alert("c", home_id="h3"))
    await desk.client.post(f"/api/v1/cases/{second.id}/accept")
    await desk.client.post(f"/api/v1/cases/{third.id}/close", json={"outcome": "test"})
    for status, expected in (
        ("open", {first.id}),
        ("accepted", {second.id}),
        ("open,closed", {first.id, third.id}),
        ("open, accepted", {first.id, second.id}),
        ("active", {first.id, second.id}),
        ("", {first.id, second.id, third.id}),
        ("arrived", set()),
    ):
        body = (await desk.client.get("/api/v1/cases", params={"status": status})).json()
        assert {case["id"] for case in body["cases"]} == expected, status
    is_problem(await desk.client.get("/api/v1/cases", params={"status": "opne"}), 422, "not 'opne'")


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many"])
async def test_a_limit_out_of_bounds_is_refused(desk: Desk, limit: str) -> None:
    is_problem(await desk.client.get("/api/v1/cases", params={"limit": limit}), 422, "limit")


async def test_a_case_is_shown_with_its_time_line_and_deliveries(desk: Desk) -> None:
    case = await desk.opens()
    body = (await desk.client.get(f"/api/v1/cases/{case.id}")).json()
    assert [line["what"] for line in body["timeline"]] == ["opened", "signal", "step", "step"]
    assert body["timeline"][1]["source_id"] == "source-of-alert-1"
    assert all(line["why"] for line in body["timeline"])
    assert {one["person"] for one in body["deliveries"]} == {"值班台", "李明"}
    assert all(one["idempotency_key"] == one["id"] for one in body["deliveries"])
    assert body["home"]["residents"][0]["name"] == "李奶奶"
    is_problem(await desk.client.get("/api/v1/cases/nobody"), 404, "/api/v1/cases")


async def test_from_accepting_to_closing(desk: Desk) -> None:
    case = await desk.opens()
    url = f"/api/v1/cases/{case.id}"
    accepted = (await desk.client.post(f"{url}/accept", json={"by": "王芳"})).json()
    assert (accepted["status"], accepted["accepted_by"]) == ("accepted", "王芳")
    assert (await desk.client.post(f"{url}/en-route")).json()["status"] == "en_route"
    assert (await desk.client.post(f"{url}/arrived")).json()["status"] == "arrived"
    noted = (await desk.client.post(f"{url}/note", json={"note": "she is fine"})).json()
    assert (noted["timeline"][-1]["why"], noted["timeline"][-1]["by"]) == ("she is fine", "night desk")
    is_problem(await desk.client.post(f"{url}/close"), 422, "false_alarm")
    is_problem(await desk.client.post(f"{url}/close", json={"outcome": "  "}), 422, "outcome")
    closed = (await desk.client.post(f"{url}/close", json={"outcome": "helped_at_home"})).json()
    assert (closed["status"], closed["outcome"], closed["due_at"]) == ("closed", "helped_at_home", None)
    is_problem(await desk.client.post(f"{url}/accept"), 409, "a new call opens a new case")


async def test_a_second_person_who_accepts_is_told_who_was_first(desk: Desk) -> None:
    case = await desk.opens()
    await desk.client.post(f"/api/v1/cases/{case.id}/accept", json={"by": "a"})
    is_problem(
        await desk.client.post(f"/api/v1/cases/{case.id}/accept", json={"by": "b"}), 409, "already accepted by a"
    )
    given = (await desk.client.post(f"/api/v1/cases/{case.id}/escalate", json={"by": "a"})).json()
    assert (given["status"], given["accepted_by"]) == ("open", None)
    assert {one["person_id"] for one in given["deliveries"]} == {"desk-1", "family-1", "provider-1", "button-1"}


async def test_what_cannot_be_done_is_said_in_words(desk: Desk) -> None:
    case = await desk.opens()
    url = f"/api/v1/cases/{case.id}"
    is_problem(await desk.client.post("/api/v1/cases/nobody/accept"), 404, "/api/v1/cases")
    is_problem(await desk.client.post(f"{url}/explode"), 422, "move")
    is_problem(await desk.client.post(f"{url}/note", json={"note": " "}), 422, "note")
    is_problem(await desk.client.post(f"{url}/note", json={"note": "x" * 4001}), 422, "note")
    is_problem(await desk.client.post(f"{url}/accept", json={"by": "x" * 101}), 422, "by")
    is_problem(await desk.client.post(f"{url}/accept", json=["x"]), 422, "body")
    is_problem(await desk.client.get("/api/v1/nothing"), 404, "/docs")
    is_problem(await desk.client.delete("/api/v1/cases"), 405, "/docs")
    assert (await desk.casebook.case(case.id)) == (case, build.START)


async def test_homes_are_listed_in_pages_and_shown_whole(desk: Desk) -> None:
    body = (await desk.client.get("/api/v1/homes", params={"limit": 2})).json()
    assert ([home["home_id"] for home in body["homes"]], body["next"]) == (["h1", "h2"], "h2")
    rest = (await desk.client.get("/api/v1/homes", params={"limit": 2, "cursor": "h2"})).json()
    assert ([home["home_id"] for home in rest["homes"]], rest["next"]) == (["h3"], None)
    home = (await desk.client.get("/api/v1/homes/h1")).json()
    [contact] = home["contacts"]
    assert (contact["name"], contact["role"], contact["phones"]) == ("李明", "family", ["13800000000"])
    is_problem(await desk.client.get("/api/v1/homes/nowhere"), 404, "/api/v1/homes")


async def test_what_could_not_be_read_is_shown_with_the_reason(desk: Desk) -> None:
    rejected = Rejected(id="r1", topic="t", reason="not_json", detail="line 1", payload="{", received_at=build.START)
    entries = [Entry(topic=Topic.REJECTED, key="k", value=value) for value in (encode(rejected), b"\xff not ours")]
    await desk.log.append(entries[:1], build.START)
    await desk.log.append(entries[1:], build.START + seconds(1))
    shown = (await desk.client.get("/api/v1/rejected")).json()["rejected"]
    assert shown[0] == {"reason": "unreadable_record", "payload": "\\xff not ours"}
    assert (shown[1]["id"], shown[1]["received_at"]) == ("r1", "2026-03-01T08:00:00.000Z")


async def test_health_says_what_is_wrong_and_answers_with_503(stranger: Desk) -> None:
    for path, name in (("/healthz", "audit"), ("/readyz", "mqtt")):
        fine = await stranger.client.get(path)
        assert (fine.status_code, fine.json()) == (200, {"ok": True, "problems": {}})
        stranger.problems[name] = "no audit for 40 s"
        ill = await stranger.client.get(path)
        assert (ill.status_code, ill.json()["problems"]) == (503, {name: "no audit for 40 s"})


async def test_metrics_are_in_the_prometheus_format_and_measure_acceptance(desk: Desk) -> None:
    case = await desk.opens()
    await desk.clock.advance(seconds(3))
    for _ in range(2):
        await desk.client.post(f"/api/v1/cases/{case.id}/accept")
        await desk.clock.advance(seconds(1))
    answer = await desk.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    measured = [line for line in answer.text.splitlines() if 'hop="case_to_accepted"' in line]
    values = {line.split("{")[0]: float(line.rsplit(" ", 1)[1]) for line in measured}
    assert (values["carebell_hop_seconds_count"], values["carebell_hop_seconds_sum"]) == (1, 3)


async def test_the_api_is_described_at_docs(stranger: Desk) -> None:
    assert "swagger" in (await stranger.client.get("/docs")).text.lower()
    paths = (await stranger.client.get("/openapi.json")).json()["paths"]
    assert {"/api/v1/cases", "/api/v1/cases/{case_id}", "/api/v1/cases/{case_id}/{move}", "/api/v1/feed"} <= set(paths)


async def test_answers_may_not_be_framed_or_sniffed(stranger: Desk) -> None:
    headers = (await stranger.client.get("/api/v1/cases")).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_suspected_fall_is_shown_with_its_countdown_before_anybody_is_called(desk: Desk) -> None:
    fall = build.alert("fall-1", rule="fall", device_id="pendant-1", pre_alarm=seconds(20))
    case = await desk.opens(fall)
    (shown,) = (await desk.client.get("/api/v1/cases?status=active")).json()["cases"]
    assert (shown["id"], shown["status"], shown["rule"]) == (case.id, "open", "fall")
    assert shown["pre_alarm_until"] == "2026-03-01T08:00:20.000Z"
    whole = (await desk.client.get(f"/api/v1/cases/{case.id}")).json()
    (line,) = [one for one in whole["timeline"] if one["what"] == "pre_alarm"]
    assert line["data"]["until"] == "2026-03-01T08:00:20+00:00"
    answer = await desk.client.post(f"/api/v1/cases/{case.id}/accept")
    assert answer.json()["pre_alarm_until"] is None
    assert answer.json()["status"] == "accepted"


async def test_a_suspicion_stands_in_front_of_a_fault_until_it_is_cancelled(desk: Desk) -> None:
    fault = await desk.opens(build.alert("fault", rule="supervision", severity=Severity.LOW))
    await desk.opens(build.alert("fall-1", rule="fall", pre_alarm=seconds(20)))
    shown = (await desk.client.get(f"/api/v1/cases/{fault.id}")).json()
    assert (shown["severity"], shown["rule"], shown["policy"]["name"]) == ("critical", "fall", "fault")
    await desk.opens(build.alert("fall-1", rule="fall", status=AlertStatus.RESOLVED))
    shown = (await desk.client.get(f"/api/v1/cases/{fault.id}")).json()
    assert (shown["severity"], shown["rule"], shown["pre_alarm_until"]) == ("low", "supervision", None)


async def test_a_hazard_says_which_number_to_call_first(desk: Desk) -> None:
    case = await desk.opens(build.alert("smoke", rule="hazard"))
    assert (await desk.client.get(f"/api/v1/cases/{case.id}")).json()[
        "call"
    ] == "119 (火灾、烟雾、燃气、一氧化碳 / fire, smoke, gas, CO)"


async def test_the_last_test_of_a_home_is_one_question(desk: Desk) -> None:
    for number in (1, 2):
        await desk.opens(build.alert(f"t{number}", severity=Severity.INFO, is_test=True))
        await desk.clock.advance(seconds(1))
    await desk.opens()
    query = "/api/v1/cases?home_id=h1&outcome=test&limit=1"
    (last,) = (await desk.client.get(query)).json()["cases"]
    assert (last["opened_at"], last["status"], last["outcome"]) == ("2026-03-01T08:00:01.000Z", "closed", "test")
    assert (await desk.client.get("/api/v1/cases?home_id=h2&outcome=test")).json()["cases"] == []
