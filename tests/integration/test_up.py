"""`carebell up` from outside: what it says, what it refuses, and that it ends and comes back as it should."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import main
from deploy.up import DEMO_HOMES, DEMO_SEED
from devices.simulator.village import make_village
from tests.integration.conftest import MakeBox
from tests.support.box import Box, Device, wait_until
from tests.support.patience import PATIENCE_S
from tests.support.servers.mosquitto import Mosquitto
from tests.support.services import ROOT, answers, free_port, needed

pytestmark = pytest.mark.integration

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ON_DUTY = {"id": "desk-1", "name": "Duty desk", "role": "desk"}


def carebell(*arguments: str, text: str = "", within: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy", *arguments]
    return subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=within, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    """One clear line, exit code 2, no traceback."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for part in said:
        assert part in done.stderr


def test_it_says_where_the_desk_is_and_a_press_becomes_a_case(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()

    assert re.search(
        rf"Desk: http://127\.0\.0\.1:{box.http_port}/ .*MQTT: {box.mqtt_port}\b.*token: demo", box.out_text()
    )
    done = carebell("simulate", "--broker", f"mqtt://127.0.0.1:{box.mqtt_port}", "--press", "home-001/button-001")
    assert done.returncode == 0, done.stderr
    assert "received" in done.stdout
    case = box.wait_case("home-001")
    assert (case["status"], case["severity"]) == ("open", "critical")


def test_a_second_process_on_the_same_directory_is_refused(make_box: MakeBox) -> None:
    box = make_box().start()

    ports = ["--mqtt-port", str(free_port()), "--http-port", str(free_port())]
    assert_refused(carebell("up", "--data", str(box.data), *ports), str(box.data), "another carebell is running")
    assert box.is_ready()


@pytest.mark.parametrize("option", ["--mqtt-port", "--http-port"])
@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_a_port_in_use_is_refused_by_name(option: str, broker: str, tmp_path: Path) -> None:
    if broker == "mosquitto":
        needed("mosquitto")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        ports = {"--mqtt-port": str(free_port()), "--http-port": str(free_port()), option: taken}
        done = carebell(
            "up",
            "--data",
            str(tmp_path / "data"),
            "--broker",
            broker,
            *(part for pair in ports.items() for part in pair),
        )
    assert_refused(done, option, taken)


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert_refused(carebell("up", "--data", str(file / "data")), "--data", "cannot be written")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("desk: [", "not YAML"),
        ("desk: {lisen: 127.0.0.1}", "desk.lisen"),
        ("channels: {webhook: {secret: abc}}", "whsec_"),
        ("keep_readings: 30", "keep_readings"),
        ("partitions: 0", "partitions"),
        ("policies: nowhere.yaml", "nowhere.yaml"),
        ("rulebook: nowhere.yaml", "nowhere.yaml"),
        ("responders: [{id: x, name: X, role: king}]", "responders.0.role"),
        ("just a text", "expected names with values"),
        ("desk: {listen: 999.1.1.1}", "--http-port"),
        ("desk: {tokens: {'': nobody}}", "desk.tokens"),
        ("channels: {webhook: {secret: 'whsec_%%%'}}", "secret"),
    ],
)
def test_a_bad_configuration_is_refused_with_its_place(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "carebell.yaml"
    path.write_text(content)
    ports = ["--mqtt-port", str(free_port()), "--http-port", str(free_port())]
    assert main(["up", "--data", str(tmp_path / "data"), "--config", str(path), *ports]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("carebell up: ")
    assert said in line


def test_a_directory_that_sqlite_could_not_find_again_is_refused(tmp_path: Path) -> None:
    assert_refused(carebell("up", "--data", str(tmp_path / "a?b")), "--data", "question mark")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_may_have_an_odd_name(make_box: MakeBox, tmp_path: Path) -> None:
    box = make_box("ein Heim, 100% #ü 家").start()
    box.terminate()
    assert {one.name for one in box.data.iterdir()} >= {"log.db", "cases.db", "rules.db", "registry.db"}
    assert {one.suffix for one in tmp_path.iterdir()} == {"", ".out", ".err"}


def test_a_damaged_memory_of_the_rules_is_put_aside_and_calls_are_heard(make_box: MakeBox) -> None:
    box = make_box(config={"desk": {"tokens": {"t": "desk"}}}).start()
    with Device(box.mqtt_port, "h1", "button-1") as device:
        device.press("before")
    box.wait_case("h1")
    box.terminate()
    (box.data / "rules.db").write_bytes(b"this was a database once" * 200)
    box.start()
    with Device(box.mqtt_port, "h2", "button-1") as device:
        device.press("after")
    box.wait_case("h2")
    assert [one.name for one in box.data.glob("rules.db.damaged-*")]
    assert "put aside" in box.log_text()
    assert len(box.cases("h1")) == 1, "what is judged again is no new case"


def test_a_configuration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert_refused(carebell("up", "--data", str(tmp_path / "data"), "--config", str(tmp_path / "no.yaml")), "no.yaml")


@pytest.mark.parametrize("broker", ["kafka", "http://127.0.0.1", "mqtt://", "mqtt://127.0.0.1:99999", ""])
def test_an_unknown_broker_is_refused(broker: str, tmp_path: Path) -> None:
    done = carebell("up", "--data", str(tmp_path / "data"), "--http-port", str(free_port()), f"--broker={broker}")
    assert_refused(done, "--broker")


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("up",),
        ("simulate",),
        ("replay",),
        ("decode",),
        ("admin",),
        ("admin", "homes"),
        ("admin", "homes", "import"),
    ],
    ids=lambda command: " ".join(command) or "carebell",
)
def test_every_command_explains_itself_and_refuses_a_bad_argument(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as helped:
        main([*command, "--help"])
    assert helped.value.code == 0
    assert "usage: carebell" in capsys.readouterr().out
    with pytest.raises(SystemExit) as refused:
        main([*command, "--no-such-option"])
    assert refused.value.code == 2
    assert "carebell" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--mqtt-port", "70000"),
        ("up", "--http-port", "web"),
        ("up", "--log-level", "loud"),
        ("simulate", "--broker", "nonsense"),
        ("simulate", "--press", "home-001"),
        ("simulate", "--homes", "0"),
        ("simulate", "--speed", "0"),
        ("simulate", "--for", "0"),
        ("simulate", "--alerts", "alerts.jsonl"),
        ("replay",),
        ("replay", "nowhere.jsonl"),
        ("replay", "/dev/null", "--until", "tomorrow"),
        ("decode", "--dialect", "klingon"),
        ("admin", "homes", "import", "nowhere.yaml"),
        ("admin", "homes", "export", "homes.yaml", "--data", "/nowhere"),
    ],
    ids=" ".join,
)
def test_a_bad_argument_is_exit_code_2_with_one_clear_line(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: int | str | None = main(arguments)
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("carebell ")


def test_the_real_command_ends_with_that_code_and_no_traceback() -> None:
    assert_refused(carebell("simulate", "--press", "home-001"), "--press")


def test_homes_imported_while_it_runs_are_known_within_seconds(make_box: MakeBox, tmp_path: Path) -> None:
    box = make_box().start()
    other = make_box("other", demo=True).start()
    done = carebell("admin", "homes", "export", str(tmp_path / "homes.yaml"), "--data", str(other.data))
    assert done.returncode == 0, done.stderr
    done = carebell("admin", "homes", "import", str(tmp_path / "homes.yaml"), "--data", str(box.data))
    assert done.stdout.strip() == f"{DEMO_HOMES} homes read, {DEMO_HOMES} changed", done.stderr
    again = carebell("admin", "homes", "import", str(tmp_path / "homes.yaml"), "--data", str(box.data))
    assert again.stdout.strip() == f"{DEMO_HOMES} homes read, 0 changed", again.stderr
    with Device(box.mqtt_port, "home-005", "button-005") as button:
        button.press("p-1")
    village = make_village(DEMO_HOMES, DEMO_SEED)
    assert box.wait_case("home-005")["home"]["label"] == village[4].label


def test_a_press_without_a_broker_says_so() -> None:
    done = carebell("simulate", "--broker", f"mqtt://127.0.0.1:{free_port()}", "--press", "home-001/button-001")
    assert_refused(done, "no MQTT broker answers")


class Stuck:
    """A server that takes a connection and never answers."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.taken: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.taken.append(self._listening.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self.taken:
            one.close()


def test_sigterm_ends_it_whatever_hangs(make_box: MakeBox) -> None:
    stuck = Stuck()
    streams: list[Any] = []
    try:
        box = make_box(
            config={
                "channels": {"webhook": {"secret": SECRET, "timeout": "1h"}},
                "responders": [{**ON_DUTY, "webhook": f"http://127.0.0.1:{stuck.port}/hook"}],
            }
        ).start()
        request = urllib.request.Request(f"{box.url}/api/v1/feed", headers={"Authorization": f"Bearer {box.token}"})
        streams += [urllib.request.urlopen(request, timeout=PATIENCE_S) for _ in range(3)]
        with Device(box.mqtt_port, "home-1", "button") as device:
            device.press("p-1")
            box.wait_case("home-1")
            wait_until(lambda: stuck.taken, "the webhook is being called")
            children = box.children()
            assert children
            code, _ = box.terminate()
        assert code == 0, box.log_text()
        assert "Traceback" not in box.log_text(), box.log_text()
        assert_nothing_left(box, children)
    finally:
        for stream in streams:
            stream.close()
        stuck.close()


def test_sigterm_does_not_wait_for_a_device_that_does_not_read(make_box: MakeBox) -> None:
    box = make_box().start()
    with socket.socket() as deaf, Device(box.mqtt_port, "home-1", "loud") as loud:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", box.mqtt_port))
        deaf.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
        assert deaf.recv(4) == b"\x20\x02\x00\x00"
        deaf.sendall(b"\x82\x0f\x00\x01\x00\x0acarebell/#\x00")
        assert deaf.recv(5)[:1] == b"\x90"
        for _ in range(300):
            loud.say({"kind": "other", "value": "x" * 100_000})
        with Device(box.mqtt_port, "home-1", "button") as button:
            button.press("p-1")
        code, _ = box.terminate()
    assert code == 0, box.log_text()


def assert_nothing_left(box: Box, children: list[int]) -> None:
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "its child processes have ended")
    assert not answers(box.mqtt_port)
    assert not answers(box.http_port)


@pytest.mark.parametrize("broker", ["embedded", "mosquitto"])
def test_nothing_is_left_after_sigkill_and_it_starts_again_at_once(broker: str, make_box: MakeBox) -> None:
    if broker == "mosquitto":
        needed("mosquitto")
    box = make_box(broker=broker).start()
    children = box.children()
    assert children
    box.kill()
    box.start()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the old broker has ended")
    children = box.children()
    code, _ = box.terminate()
    assert code == 0
    assert_nothing_left(box, children)


def test_a_case_survives_sigkill_and_its_next_tier_comes_when_it_was_due(make_box: MakeBox, tmp_path: Path) -> None:
    (tmp_path / "policies.yaml").write_text(json.dumps(_policies(tiers={"desk": "0s", "provider": "20s"})))
    responders = [ON_DUTY, {"id": "provider-1", "name": "Provider", "role": "provider"}]
    box = make_box(
        config={"policies": "policies.yaml", "responders": responders, "channels": {"console": True}}
    ).start()
    with Device(box.mqtt_port, "home-1", "button") as device:
        device.press("p-1")
    before = box.wait_case("home-1")
    assert _seconds(before["due_at"]) - _seconds(before["opened_at"]) == pytest.approx(20)
    box.kill()
    box.start()

    (after,) = box.cases()
    assert after["id"] == before["id"]
    assert after["due_at"] == before["due_at"] or after["next_step"] != "provider", "it waits anew"

    def second_tier() -> Any:
        told = box.api(f"/cases/{before['id']}")["deliveries"]
        return [one for one in told if one["step"] == "provider" and one["status"] == "sent"]

    (delivery,) = wait_until(second_tier, "the second tier is told")
    assert _seconds(delivery["sent_at"]) >= _seconds(before["due_at"])


def _policies(tiers: dict[str, str]) -> dict[str, Any]:
    steps = [{"name": role, "after": after, "tell": [role]} for role, after in tiers.items()]
    policy = {"for": ["critical", "high", "low", "info"], "steps": steps}
    times = {"repeat_after": "10m", "remind_after": "10m", "group_for": "10m"}
    return {"format": 1, "version": "t", "policies": {"all": {**policy, **times}}}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_log_lines_name_nobody_and_repeat_no_payload(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    with Device(box.mqtt_port, "home-002", "button-002") as device:
        device.say(b'{"kind": 7, "secret": "the-payload-itself"}')
        device.hear("rejected")
        device.press("p-1")
    case = box.wait_case("home-002")
    # Closed before anybody was told, nothing would be sent.
    wait_until(lambda: "delivery" in box.log_text(), "a delivery stands in the log")
    box.api(f"/cases/{case['id']}/note", {"note": "the-note-itself", "by": "the-writer"})
    box.api(f"/cases/{case['id']}/close", {"outcome": "false_alarm"})
    code, _ = box.terminate()
    assert code == 0
    log = box.log_text()
    assert "delivery" in log
    for home in make_village(DEMO_HOMES, DEMO_SEED):
        people = [*(one.name for one in home.residents), *(one.name for one in home.contacts)]
        phones = [phone for one in home.contacts for phone in one.phones]
        for word in (*people, *phones, home.label, home.address):
            assert word not in log, f"{word} stands in the log"
    for word in ("the-payload-itself", "the-note-itself", "the-writer"):
        assert word not in log


def test_metrics_tell_how_long_each_hop_took(make_box: MakeBox) -> None:
    box = make_box(demo=True).start()
    with Device(box.mqtt_port, "home-003", "button-003") as device:
        device.press("p-1")
    case = box.wait_case("home-003")
    wait_until(lambda: any(one["sent_at"] for one in box.api(f"/cases/{case['id']}")["deliveries"]), "a delivery")
    box.api(f"/cases/{case['id']}/accept", {})

    status, text = box.request("/metrics", token="")
    assert status == 200
    for hop in (
        "received_to_log",
        "received_to_alert",
        "alert_to_case",
        "due_to_attempt",
        "received_to_attempt",
        "case_to_accepted",
    ):
        assert re.search(rf'carebell_hop_seconds_count{{hop="{hop}",kind="sos"}} [1-9]', text), hop
    assert "# TYPE carebell_budget_missed_total counter" in text
    assert 'carebell_mqtt_connected{client="ingest"} 1.0' in text
    assert "carebell_open_cases_without_next_action 0.0" in text
    assert box.request("/readyz", token="") == (200, {"ok": True, "problems": {}})
    assert box.request("/healthz", token="")[0] == 200


def test_a_press_goes_through_a_mosquitto_of_the_box(make_box: MakeBox) -> None:
    needed("mosquitto")
    _press_and_answer(make_box(broker="mosquitto", demo=True).start())


def test_a_press_goes_through_a_broker_that_runs_elsewhere(make_box: MakeBox, mosquitto: Mosquitto) -> None:
    box = make_box(broker=mosquitto.url, demo=True).start()
    assert f"MQTT: 127.0.0.1:{mosquitto.port}" in box.out_text()
    assert box.children() == []
    _press_and_answer(box, mosquitto.port)


def test_a_broker_that_wants_a_password_gets_it_and_the_log_does_not(make_box: MakeBox, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(
        [needed("mosquitto_passwd"), "-b", "-c", str(passwords), "box", "s3cr:t"], check=True, timeout=PATIENCE_S
    )
    passwords.chmod(0o644)
    with Mosquitto(tmp_path / "mosquitto", passwords) as broker:
        box = make_box(broker=f"mqtt://box:s3cr%3At@127.0.0.1:{broker.port}").start()
        code, _ = box.terminate()
        assert code == 0
        assert "s3cr" not in box.log_text() + box.out_text()
        refused = make_box("refused", broker=f"mqtt://box:wrong@127.0.0.1:{broker.port}").launch()
        wait_until(lambda: answers(refused.http_port), "the desk answers")
        wait_until(lambda: "not connected" in str(refused.request("/readyz", token="")), "it says what is wrong")
        tried = _refusals(broker)
        time.sleep(4)
        # Two connections, each with a pause that doubles up to 5 s.
        assert _refusals(broker) - tried <= 14
        wait_until(lambda: _refusals(broker) > tried, "it tries again")


def _refusals(broker: Mosquitto) -> int:
    return broker.log_text().lower().count("not authori")


def test_it_waits_for_a_broker_that_is_not_there_yet(make_box: MakeBox, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    box = make_box(broker=mosquitto.url).launch()
    wait_until(lambda: answers(box.http_port), "the desk answers")
    wait_until(lambda: box.request("/readyz", token="")[0] == 503, "it says that it is not ready")
    assert "Carebell is running" not in box.out_text()
    mosquitto.start()
    box.wait_running()
    _press_and_answer(box, mosquitto.port)


def _press_and_answer(box: Box, port: int | None = None) -> None:
    with Device(port or box.mqtt_port, "home-004", "button-004") as device:
        device.press("p-1")
        case = box.wait_case("home-004")
        box.api(f"/cases/{case['id']}/accept", {"by": "Anna"})
        assert device.hear("coming", "p-1")["who"] == "Anna"
    code, _ = box.terminate()
    assert code == 0, box.log_text()


def test_a_demonstration_steps_aside_where_the_usual_ports_are_taken(tmp_path: Path) -> None:
    blockers = [socket.create_server(("127.0.0.1", port)) for port in (1883, 8480) if not answers(port)]
    command = [sys.executable, "-m", "deploy", "up", "--demo", "--data", str(tmp_path / "data")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "Carebell is running." in line
        assert "MQTT: 1883" not in line
        assert ":8480/" not in line
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        process.stdout.close()
        for blocker in blockers:
            blocker.close()


def test_ctrl_c_before_it_is_ready_ends_it(make_box: MakeBox, mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    box = make_box(broker=mosquitto.url).launch()
    wait_until(lambda: answers(box.http_port), "the desk answers")
    time.sleep(0.2)
    code, _ = box.terminate()
    assert code == 0, box.log_text()
