"""The processes of a city from outside: a call goes through all of them, they say how they are, and they end when told."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.registry import Contact, Device, Home
from devices.registry_file import read_homes
from devices.simulator.village import make_village
from tests.support.asking import ask
from tests.support.box import Device as Button
from tests.support.box import wait_until
from tests.support.city import ROLES, TOKEN, City
from tests.support.patience import PATIENCE_S
from tests.support.receiver import Receiver
from tests.support.services import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

HOME, BUTTON = "home-001", "button-001"
NEEDS = {
    "ingest": {"kafka", "mqtt"},
    "rules": {"kafka", "redis"},
    "notify": {"kafka", "database", "mqtt"},
    "desk": {"kafka", "database"},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One of each."""
    with City(tmp_path_factory.mktemp("city")) as city:
        yield city


@pytest.fixture
def whole(city: City) -> Iterator[City]:
    """It is whole again after every test."""
    yield city
    for server in (city.redis, city.postgres, city.mosquitto, *city.kafka.brokers):
        if not server.is_running():
            server.start()
    city.start()


def test_everybody_says_once_that_it_runs_and_where(whole: City) -> None:
    for one in whole.every_process:
        said = f"carebell {one.role} is running. {one.url}/readyz\n"
        wait_until(lambda said=said, one=one: said in one.out_text(), f"{one.role} says that it runs")


@pytest.mark.parametrize("role", ROLES)
def test_health_and_metrics_are_served_by_everybody(role: str, whole: City) -> None:
    (one,) = whole.processes[role]
    assert one.problems("/healthz") == {}
    # A server that is busy may be late with an answer, and has answered again when it is asked the next time.
    wait_until(lambda: one.problems("/readyz") == {}, f"{role} is ready")
    for server in NEEDS[role] - {"mqtt"}:
        answers = f'carebell_server_answers{{server="{server}"}}'
        wait_until(lambda answers=answers: one.metric(answers) == 1, f"{server} answers {role}")
    for server in NEEDS[role] & {"redis", "database"}:
        assert one.metric(f'carebell_clock_difference_seconds{{server="{server}"}}') == 0


async def test_a_press_goes_through_the_city_and_coming_comes_back(whole: City) -> None:
    async with Receiver() as phone:
        child = Contact(contact_id="child", name="Child", webhook=phone.url)
        home = Home(home_id=HOME, contacts=(child,), devices=(Device(device_id=BUTTON, is_sos=True),))
        await asyncio.to_thread(whole.import_homes, [home])
        with await asyncio.to_thread(Button, whole.mosquitto.port, HOME, BUTTON) as button:
            await asyncio.to_thread(button.press, "press-1")
            case = await asyncio.to_thread(whole.wait_case, HOME)
            await asyncio.to_thread(wait_until, lambda: phone.calls, "the webhook is called")
            (_, body, _) = phone.calls[0]
            assert case["id"] in str(body)
            await asyncio.to_thread(whole.api, f"/cases/{case['id']}/accept", {"by": "Li Wei"})
            told = await asyncio.to_thread(button.hear, "coming", "press-1")
            assert told["who"] == "Li Wei"
    notify = whole.processes["notify"][0]
    wait_until(lambda: notify.metric('carebell_waiting_seconds{group="rules"}') is not None, "the lag is measured")


def test_homes_come_out_as_they_went_in(whole: City, tmp_path: Path) -> None:
    homes = make_village(3, 7)
    whole.import_homes(homes)
    path = tmp_path / "homes.yaml"
    whole.carebell("admin", "homes", "export", str(path))
    exported = {home.home_id: home for home in read_homes(path.read_bytes(), path.name)}
    assert [exported[home.home_id] for home in homes] == list(homes)


@pytest.mark.parametrize("server", ["redis", "database", "kafka", "mqtt"])
def test_a_server_that_is_away_is_told_and_nobody_dies_of_it(server: str, whole: City) -> None:
    away = {
        "redis": whole.redis,
        "database": whole.postgres,
        "kafka": whole.kafka.brokers[0],
        "mqtt": whole.mosquitto,
    }[server]
    away.stop()
    for role, needs in NEEDS.items():
        (one,) = whole.processes[role]
        if server in needs:
            wait_until(lambda one=one: server in one.problems(), f"{role} says that {server} is away")
        assert one.problems("/healthz") == {}
    if path := {"database": "/cases", "kafka": "/rejected"}.get(server):
        status, content = ask(f"{whole.processes['desk'][0].url}/api/v1{path}", token=TOKEN)
        assert (status, content["status"]) == (503, 503)
    away.start()
    for one in whole.every_process:
        one.wait_ready()


def test_a_dead_fleet_of_rules_is_seen_by_the_notifiers(whole: City) -> None:
    notify, rules = whole.processes["notify"][0], whole.processes["rules"][0]
    rules.kill()
    # Not a home of the village: its silent gateway opens a case of its own after ten minutes.
    with Button(whole.mosquitto.port, "home-unjudged", "button-1") as button:
        button.press("press-nobody-judges")
    wait_until(lambda: "the group rules is" in notify.problems().get("late", ""), "the lag is told")
    wait_until(
        lambda: "the group rules is" in notify.problems().get("cases", ""), "the audit fails, and the beat with it"
    )
    rules.start()
    assert whole.wait_case("home-unjudged")["severity"] == "critical"
    wait_until(lambda: notify.problems() == {}, "all is well again")


def test_sigterm_ends_everybody_in_good_order(whole: City) -> None:
    for one in whole.every_process:
        code, _ = one.terminate()
        assert code == 0, one.log_text()


def test_who_still_waits_for_a_server_ends_when_told(whole: City) -> None:
    for one in whole.every_process:
        one.terminate()
    whole.kafka.brokers[0].stop()
    for one in whole.every_process:
        one.launch()
    for one in whole.every_process:
        wait_until(
            lambda one=one: "waiting for kafka" in str(one.problems()),
            f"{one} says whom it waits for",
        )
        assert one.problems("/healthz") == {}
        code, _ = one.terminate()
        assert code == 0, one.log_text()


def test_without_kafka_those_who_start_tell_people_of_open_cases_and_show_them(whole: City) -> None:
    notify, desk = whole.processes["notify"][0], whole.processes["desk"][0]
    child, button = Contact(contact_id="child", name="Child"), Device(device_id=BUTTON, is_sos=True)
    whole.import_homes([Home(home_id="without-kafka", contacts=(child,), devices=(button,))])
    with Button(whole.mosquitto.port, "without-kafka", BUTTON) as pressed:
        pressed.press("press-2")
        case = f"/cases/{whole.wait_case('without-kafka')['id']}"
    notify.terminate()
    desk.terminate()
    whole.kafka.brokers[0].stop()
    notify.launch()
    desk.launch()
    wait_until(lambda: not desk.problems().get("http"), "the desk can be asked")
    wait_until(lambda: ask(f"{desk.url}/api/v1{case}", token=TOKEN)[0] == 200, "the desk shows the case without")
    assert "waiting for kafka" in desk.problems()["log"]
    whole.api(f"{case}/escalate", {"by": "Li Wei"})

    def second_round() -> set[str]:
        return {one["status"] for one in whole.api(case)["deliveries"] if one["round"] == 2}

    wait_until(lambda: second_round() == {"sent"}, "who is to be told is told")
    wait_until(lambda: "log" in notify.problems(), "the notifier says that it is without")
    whole.kafka.brokers[0].start()
    notify.wait_ready()
    desk.wait_ready()


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("kafka", "namespace", "elsewhere.", "carebell admin topics"),
        ("database", "url", "", "carebell admin migrate"),
        ("redis", "url", "http://nowhere", "redis.url"),
        ("desk", "tokens", {}, "desk.tokens"),
    ],
)
def test_what_a_person_must_mend_ends_it_with_one_line(
    section: str, key: str, value: Any, said: str, whole: City, tmp_path: Path
) -> None:
    wrong = whole.configuration()
    wrong[section] = {**wrong[section], key: value or (whole.postgres.create_database() if key == "url" else value)}
    path = tmp_path / "wrong.yaml"
    path.write_text(json.dumps(wrong))
    command = [sys.executable, "-m", "deploy", "desk", "--config", str(path), "--http-port", "0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert line.startswith("carebell desk: ")
    assert said in line


def test_a_process_waits_for_servers_that_are_not_there_yet(whole: City) -> None:
    desk = whole.processes["desk"][0]
    desk.terminate()
    whole.postgres.stop()
    desk.launch()
    wait_until(lambda: "waiting for database" in desk.problems().get("starting", ""), "it says whom it waits for")
    assert desk.problems("/healthz") == {}
    status, content = ask(f"{desk.url}/api/v1/cases", token=TOKEN)
    assert (status, content["title"]) == (503, "The desk is starting")
    whole.postgres.start()
    desk.wait_ready()
