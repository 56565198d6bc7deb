"""The file of a city: what it may say, where its secrets may be, and that a mistake is told with its line."""

from pathlib import Path

import pytest

from carebell.errors import BadInput
from deploy.channels import check_channels, nobody_to_tell
from deploy.city_config import read_city
from deploy.config import policies_of, rulebook_of
from tests.support.services import ROOT

SMALLEST = """kafka: {servers: "k:9092"}
redis: {url: "redis://r:6379/0"}
database: {url: "postgresql://u:p@d/carebell"}
mqtt: {url: "mqtt://m"}
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "city.yaml"
    path.write_text(text)
    return path


def test_the_smallest_file_is_enough(tmp_path: Path) -> None:
    config = read_city(written(tmp_path, SMALLEST))

    assert config.database.url.get_secret_value() == "postgresql+asyncpg://u:p@d/carebell"
    assert (config.mqtt.address.host, config.mqtt.address.port) == ("m", 1883)
    assert (config.kafka.partitions, config.kafka.replication) == (12, 3)
    assert config.spool == tmp_path / "spool"


def test_the_example_is_read_with_its_secrets_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "CAREBELL_REDIS_URL": "redis://:secret@redis:6379/0",
        "CAREBELL_DATABASE_URL": "postgresql://carebell:secret@postgres:5432/carebell",
        "CAREBELL_MQTT_PASSWORD": "secret",
        "CAREBELL_WEBHOOK_SECRET": "whsec_cmVwbGFjZSB0aGlzIHdpdGggcmFuZG9tIGJ5dGVz",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)

    config = read_city(ROOT / "deploy/city.example.yaml")

    assert config.redis.url.get_secret_value() == secrets["CAREBELL_REDIS_URL"]
    assert config.mqtt.address.password == "secret"
    check_channels(policies_of(config), config.channels)
    rulebook_of(config.rulebook)
    assert nobody_to_tell(config, policies_of(config)) == []


def test_a_secret_is_read_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("very secret\n")
    text = SMALLEST.replace('"mqtt://m"', f'"mqtt://m", username: u, password: {{file: {secret}}}')

    config = read_city(written(tmp_path, text))

    assert config.mqtt.address.password == "very secret"
    assert "very secret" not in repr(config)
    assert ":p@" not in repr(config)


def test_an_ingest_process_may_have_a_seat_of_its_own(tmp_path: Path) -> None:
    config = read_city(written(tmp_path, SMALLEST))
    assert (config.mqtt.seat, config.seated("ingest-2").mqtt.seat) == ("1", "ingest-2")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("servers:", "server:", "1: kafka.server"),
        ('"k:9092"', '"k"', "1: kafka.servers: servers are host:port"),
        ('"redis://r:6379/0"', '"http://r"', "2: redis.url: a Redis address begins with"),
        ('"postgresql://u:p@d/carebell"', '"mysql://d/carebell"', "3: database.url: a database address is"),
        ('"postgresql://u:p@d/carebell"', "{env: NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE is not set"),
        ('"postgresql://u:p@d/carebell"', "{file: /nowhere/at/all}", "/nowhere/at/all cannot be read"),
        ('"postgresql://u:p@d/carebell"', "{vault: x}", "a secret is a text, {env: NAME} or {file: PATH}"),
        ('"redis://r:6379/0"', '"redis://:ge#heim@r:6379/0"', "2: redis.url: not an address: in a password"),
        ('"postgresql://u:p@d/carebell"', '"postgresql://u:ge#heim@d/c"', "3: database.url: not an address: in a pass"),
        ('"postgresql://u:p@d/carebell"', '"postgresql://u:ge/heim@d/c"', "3: database.url: not an address: in a pass"),
        ('"postgresql://u:p@d/carebell"', '"postgresql://u:ge@heim@d/c"', "3: database.url: not an address: in a pass"),
        ('"postgresql://u:p@d/carebell"', '"postgresql://u:ge[heim@d/c"', "3: database.url: not an address: in a pass"),
        ('"postgresql://u:p@d/carebell"', '"postgresql://d:1,e:2/c"', "3: database.url: not an address"),
        ('"postgresql://u:p@d/carebell"', '"postgresql:///c"', "3: database.url: a database address is"),
        (
            '"postgresql://u:p@d/carebell"',
            '"postgresql://d/c?sslmod=x"',
            "3: database.url: behind the ? may stand sslmode",
        ),
        ('"mqtt://m"', '"tcp://m"', "4: mqtt.url"),
        ('"mqtt://m"', '"mqtt://m", pasword: x', "4: mqtt.pasword"),
        ('kafka: {servers: "k:9092"}', "", "1: kafka: Field required"),
    ],
)
def test_a_mistake_is_told_with_its_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, SMALLEST.replace(old, new))
    with pytest.raises(BadInput) as raised:
        read_city(path)
    assert any(said in problem for problem in raised.value.problems), raised.value.problems
    assert all(problem.startswith(f"{path}:") for problem in raised.value.problems)
    assert "heim" not in str(raised.value)
