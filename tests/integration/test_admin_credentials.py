"""`carebell admin credentials`, beside a box with a Mosquitto of its own and beside a city with an EMQX."""

import asyncio
import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from carebell.errors import BadInput
from carebell.mqtt import MqttAddress
from deploy.city_config import read_city
from deploy.cli import main
from tests.support.servers.mosquitto import ADMIN, ADMIN_PASSWORD, GuardedMosquitto
from tests.support.speaker import Speaker

pytestmark = pytest.mark.integration
HOMES = """\
homes:
- home_id: h1
  devices:
  - {device_id: button}
  - {device_id: stick, dialect: zigbee2mqtt, is_gateway: true}
  - {device_id: remote, dialect: zigbee2mqtt, gateway_id: stick}
"""
CITY = """\
kafka: {{servers: "k:9092"}}
redis: {{url: "redis://r:6379/0"}}
database: {{url: "{url}"}}
mqtt: {{url: "mqtt://m"}}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """A command: its exit code, what it printed, what it complained of."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["admin", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def password_in(said: str) -> str:
    (found,) = re.findall(r"^password +(\S+)$", said, re.MULTILINE)
    return str(found)


def is_let_in(broker: GuardedMosquitto, username: str, password: str) -> bool:
    async def tried() -> bool:
        async with Speaker(MqttAddress("127.0.0.1", broker.port, username, password), "any") as speaker:
            return speaker.is_in

    return asyncio.run(tried())


def test_a_credential_from_its_first_day_to_its_last(tmp_path: Path, run: Run) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    broker = GuardedMosquitto(tmp_path / "guarded")
    broker.folder.mkdir()
    login = f"{ADMIN}:{ADMIN_PASSWORD.replace(' ', '%20')}"
    box = ("--data", tmp_path)
    there = (*box, "--broker", f"mqtt://{login}@127.0.0.1:{broker.port}")
    assert run("homes", "import", tmp_path / "homes.yaml", *box)[0] == 0
    assert run("credentials", "export", broker.clients, *there)[0] == 0
    assert broker.clients.stat().st_mode & 0o077 == 0
    with broker:
        code, said, _ = run("credentials", "issue", "h1", "button", *there)
        assert code == 0
        assert "carebell/h1/button/up" in said
        first = password_in(said)
        assert is_let_in(broker, "h1/button", first)
        for more in (("h1", "stick"), ("--service", "carebell"), ("--server", "chirpstack", "--dialect", "chirpstack")):
            code, said, _ = run("credentials", "issue", *more, *there)
            assert code == 0
            assert password_in(said)
        code, said, _ = run("credentials", "rotate", "h1/button", *there)
        second = password_in(said)
        assert code == 0
        assert not is_let_in(broker, "h1/button", first)
        assert is_let_in(broker, "h1/button", second)
        assert run("credentials", "provision", *there)[:2] == (0, "the broker: nothing to do\n")
        assert run("credentials", "revoke", "h1/button", *there)[0] == 0
        assert not is_let_in(broker, "h1/button", second)
    _, said, _ = run("credentials", "list", *box)
    assert [line.split("\t")[0] for line in said.splitlines()] == ["carebell", "chirpstack", "h1/button", "h1/stick"]
    for secret in (first, second, "$7$"):
        assert secret not in said
    _, said, _ = run("credentials", "audit", "h1/button", *box)
    assert [line.split("\t")[1] for line in said.splitlines()] == ["issued", "rotated", "revoked"]


def test_what_the_broker_has_not_heard_is_told_until_it_has(tmp_path: Path, run: Run) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    broker = GuardedMosquitto(tmp_path / "guarded")
    broker.folder.mkdir()
    login = f"{ADMIN}:{ADMIN_PASSWORD.replace(' ', '%20')}"
    box = ("--data", tmp_path)
    there = (*box, "--broker", f"mqtt://{login}@127.0.0.1:{broker.port}")
    run("homes", "import", tmp_path / "homes.yaml", *box)
    run("credentials", "export", broker.clients, *there)
    with broker:
        password = password_in(run("credentials", "issue", "h1", "button", *there)[1])
        broker.stop()
        code, said, complaint = run("credentials", "revoke", "h1/button", *there)
        assert (code, said) == (1, "")
        assert "h1/button is revoked here, but the broker may still let it in" in complaint
        assert "THE BROKER MAY STILL LET IT IN" in run("credentials", "list", *box)[1]
        broker.start()
        assert is_let_in(broker, "h1/button", password)
        assert run("credentials", "provision", *there)[0] == 0
        assert not is_let_in(broker, "h1/button", password)
    assert "STILL" not in run("credentials", "list", "--home", "h1", *box)[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("issue", "h1", "buton"), "did you mean 'button'"),
        (("issue", "h9", "button"), "no home 'h9'"),
        (("issue", "h1", "remote"), "speaks through stick"),
        (("issue", "h1"), "say whose"),
        (("issue",), "say whose"),
        (("issue", "h1", "button", "--service", "x"), "say whose"),
        (("issue", "--server", "x"), "no dialect ''"),
        (("issue", "h9", "--all-missing", "new.csv"), "no home 'h9'"),
        (("issue", "h1", "--all-missing", "new.csv", "--dialect", "tasmota"), "leave the rest out"),
        (("revoke", "h1/button"), "never had a password"),
        (("rotate", "h1/button"), "no valid password"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    tmp_path: Path, run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    run("homes", "import", tmp_path / "homes.yaml", "--data", tmp_path)
    code, said, told = run("credentials", *arguments, "--data", tmp_path, "--broker", "mqtt://a:b@127.0.0.1:1")
    assert (code, said) == (2, "")
    assert complaint in told
    assert run("credentials", "list", "--data", tmp_path)[1] == ""


def test_a_box_without_a_broker_that_asks_for_passwords_is_told_so(tmp_path: Path, run: Run) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    run("homes", "import", tmp_path / "homes.yaml", "--data", tmp_path)
    code, _, told = run("credentials", "issue", "h1", "button", "--data", tmp_path)
    assert code == 2
    assert "the broker of a box asks nobody" in told
    assert run("credentials", "list", "--data", tmp_path / "none")[0] == 2


def test_an_emqx_is_told_nothing(tmp_path: Path, run: Run, database_url: str) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    city = tmp_path / "city.yaml"
    text = CITY.format(url=database_url.replace("postgresql+asyncpg", "postgresql"))
    city.write_text(text + "credentials: {hook_secret: a secret of both of us}\n")
    assert run("homes", "import", tmp_path / "homes.yaml", "--config", city)[0] == 0
    code, said, _ = run("credentials", "issue", "h1", "button", "--config", city)
    assert code == 0
    assert password_in(said)
    assert (
        run("credentials", "provision", "--config", city)[1]
        == "the broker asks the desk: there is nothing to provision\n"
    )
    (tmp_path / "less.yaml").write_text(HOMES.replace("  - {device_id: button}\n", ""))
    _, _, told = run("homes", "import", tmp_path / "less.yaml", "--config", city)
    assert told == "! h1/button is revoked with its device\n"
    assert run("credentials", "export", tmp_path / "x.json", "--config", city)[0] == 2
    city.write_text(text)
    code, _, told = run("credentials", "revoke", "h1/button", "--config", city)
    assert code == 2
    assert "admin_password (Mosquitto) or hook_secret (EMQX)" in told


def test_a_city_has_one_kind_of_broker_and_a_secret_that_is_one(tmp_path: Path) -> None:
    city = tmp_path / "city.yaml"
    for part, said in (
        ("{hook_secret: short}", "at least 20 characters"),
        ("{hook_secret: a secret of both of us, admin_password: x}", "set one of them"),
        ("{admin: ''}", "at least 1 character"),
    ):
        city.write_text(CITY.format(url="postgresql://u:p@d/c") + f"credentials: {part}\n")
        with pytest.raises(BadInput, match=said):
            read_city(city)
    city.write_text(
        CITY.format(url="postgresql://u:p@d/c").replace('"mqtt://m"', '"mqtts://m", certificate: a.crt, key: a.key')
    )
    address = read_city(city).mqtt.address
    assert (address.certificate, address.key) == ("a.crt", "a.key")


def test_all_that_are_missing_are_issued_at_once(tmp_path: Path, run: Run) -> None:
    more = "- home_id: h2\n  devices: [{device_id: button}, {device_id: pendant, dialect: chirpstack, address: a840}]\n"
    (tmp_path / "homes.yaml").write_text(HOMES + more, "utf-8")
    broker = GuardedMosquitto(tmp_path / "guarded")
    broker.folder.mkdir()
    login = f"{ADMIN}:{ADMIN_PASSWORD.replace(' ', '%20')}"
    box = ("--data", tmp_path)
    there = (*box, "--broker", f"mqtt://{login}@127.0.0.1:{broker.port}")
    run("homes", "import", tmp_path / "homes.yaml", *box)
    run("credentials", "export", broker.clients, *there)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    with broker:
        code, said, _ = run("credentials", "issue", "h1", "--all-missing", first, *there)
        assert (code, said) == (0, f"2 issued; their passwords are in {first} and nowhere else\n")
        assert first.stat().st_mode & 0o777 == 0o600
        rows = list(csv.DictReader(first.read_text("utf-8").splitlines()))
        assert [row["username"] for row in rows] == ["h1/stick", "h1/button"]
        assert rows[1]["publishes"] == "carebell/h1/button/up"
        assert all(is_let_in(broker, row["username"], row["password"]) for row in rows)
        before = first.read_bytes()
        code, _, complaint = run("credentials", "issue", "--all-missing", first, *there)
        assert code == 2
        assert "is there already" in complaint
        assert first.read_bytes() == before
        assert run("credentials", "issue", "--all-missing", second, *there)[0] == 0
        assert [row["username"] for row in csv.DictReader(second.read_text("utf-8").splitlines())] == ["h2/button"]
        third = tmp_path / "third.csv"
        assert run("credentials", "issue", "--all-missing", third, *there)[:2] == (0, "0 issued\n")
        assert not third.exists()
    _, said, _ = run("credentials", "list", *box)
    assert [line.split("\t")[-1] for line in said.splitlines()] == ["valid"] * 3


def test_a_broker_that_goes_away_meanwhile_loses_no_password(tmp_path: Path, run: Run) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    box, file = ("--data", tmp_path), tmp_path / "first.csv"
    run("homes", "import", tmp_path / "homes.yaml", *box)
    nobody = ("--broker", f"mqtt://{ADMIN}:x@127.0.0.1:1")
    code, said, complaint = run("credentials", "issue", "--all-missing", file, *box, *nobody)
    assert (code, said) == (1, "0 issued\n")
    assert "h1/stick, an older one may still work: rotate it" in complaint
    assert not file.exists()


def test_a_device_that_leaves_its_home_is_revoked_and_the_broker_is_told(tmp_path: Path, run: Run) -> None:
    (tmp_path / "homes.yaml").write_text(HOMES, "utf-8")
    (tmp_path / "back.yaml").write_text(
        HOMES.replace("{device_id: button}", "{device_id: button, returned_on: 2026-03-01}")
    )
    broker = GuardedMosquitto(tmp_path / "guarded")
    broker.folder.mkdir()
    login = f"{ADMIN}:{ADMIN_PASSWORD.replace(' ', '%20')}"
    box = ("--data", tmp_path)
    there = (*box, "--broker", f"mqtt://{login}@127.0.0.1:{broker.port}")
    run("homes", "import", tmp_path / "homes.yaml", *box)
    run("credentials", "export", broker.clients, *there)
    with broker:
        password = password_in(run("credentials", "issue", "h1", "button", *there)[1])
        code, said, told = run("homes", "import", tmp_path / "back.yaml", *box)
        assert (code, said) == (0, "1 homes read, 1 changed\n")
        assert "! h1/button is revoked with its device" in told
        assert "STILL LET IT IN" in run("credentials", "list", *box)[1]
        assert is_let_in(broker, "h1/button", password)
        assert run("credentials", "provision", *there)[0] == 0
        assert not is_let_in(broker, "h1/button", password)
        assert "issue it one" in run("homes", "import", tmp_path / "homes.yaml", *box)[2]
    assert "STILL" not in run("credentials", "list", *box)[1]
    _, said, _ = run("credentials", "audit", "h1/button", *box)
    assert [line.split("\t")[1] for line in said.splitlines()] == ["issued", "revoked with its device"]
