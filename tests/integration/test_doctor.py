"""`carebell doctor` on real servers: what is well is said to be well, and each fault is told with what mends it."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client

from deploy.cli import main
from tests.support.servers.mosquitto import Mosquitto
from tests.support.servers.postgres import PostgresAddress
from tests.support.servers.redis import RedisServer
from tests.support.services import free_port, needed

pytestmark = pytest.mark.integration

ON_DUTY = [{"id": role, "name": role, "role": role} for role in ("desk", "provider", "health_centre")]
Doctor = Callable[..., tuple[int, list[str]]]


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as server:
        yield server


@pytest.fixture
def config(
    kafka: str, namespace: str, redis: RedisServer, database_url: str, mosquitto: Mosquitto, tmp_path: Path
) -> dict[str, Any]:
    """A city in which nothing is set up yet."""
    return {
        "kafka": {"servers": kafka, "namespace": namespace, "partitions": 2, "replication": 1},
        "redis": {"url": redis.url},
        "database": {"url": database_url},
        "mqtt": {"url": mosquitto.url},
        "desk": {"tokens": {"token": "desk"}},
        "channels": {"console": True},
        "responders": ON_DUTY,
        "spool": str(tmp_path / "spool"),
    }


@pytest.fixture
def doctor(config: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs it; the exit code and the lines that tell of a problem. Without `set_up`, schema and topics are not made."""

    def ask(*, set_up: bool = True, **more: Any) -> tuple[int, list[str]]:
        path = tmp_path / "city.yaml"
        path.write_text(json.dumps(config))
        for what in ("migrate", "topics") if set_up else ():
            assert main(["admin", what, "--config", str(path)]) == 0
        path.write_text(json.dumps(config | {name: config.get(name, {}) | part for name, part in more.items()}))
        capsys.readouterr()
        code = main(["doctor", "--config", str(path)])
        said = capsys.readouterr()
        assert said.err == ""
        return code, [line for line in said.out.splitlines() if line.startswith("PROBLEM")]

    return ask


def test_a_city_that_is_set_up_is_well(doctor: Doctor) -> None:
    assert doctor() == (0, [])


def test_what_is_not_set_up_yet_is_told_with_the_command(doctor: Doctor, postgres: PostgresAddress) -> None:
    empty = postgres.create_database()
    code, problems = doctor(set_up=False, database={"url": empty})
    postgres.drop_database(empty)
    assert code == 1
    assert all("arebell admin migrate" in line or "arebell admin topics" in line for line in problems), problems
    assert any("schema" in line for line in problems)
    assert any("carebell.readings.urgent" in line for line in problems)


def test_a_wrong_file_ends_with_two(doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("kafka: {}")
    assert main(["doctor", "--config", str(path)]) == 2
    assert "kafka.servers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "key", "address", "said"),
    [
        ("kafka", "servers", "{}", "PROBLEM  kafka: nobody listens at 127.0.0.1:{}"),
        ("redis", "url", "redis://{}/0", "PROBLEM  redis: nobody listens at 127.0.0.1:{}"),
        ("database", "url", "postgresql://u@{}/d", "PROBLEM  database: nobody listens at 127.0.0.1:{}"),
        ("mqtt", "url", "mqtt://{}", "PROBLEM  mqtt: nobody listens at 127.0.0.1:{}"),
    ],
)
def test_nobody_there(section: str, key: str, address: str, said: str, doctor: Doctor) -> None:
    port = free_port()
    code, (problem,) = doctor(**{section: {key: address.format(f"127.0.0.1:{port}")}})
    assert code == 1
    assert problem.startswith(said.format(port))


def test_a_name_that_is_not_known(doctor: Doctor) -> None:
    for name in ("nowhere.invalid", "no..where"):
        _, (problem,) = doctor(redis={"url": f"redis://{name}:6379/0"})
        assert f"no address is known for the name {name}" in problem


def test_somebody_who_accepts_and_says_nothing(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        code, problems = doctor(
            kafka={"servers": host},
            redis={"url": f"redis://{host}/0"},
            database={"url": f"postgresql://u@{host}/d"},
            mqtt={"url": f"mqtt://{host}"},
        )
    assert code == 1
    for server in ("kafka", "redis", "database", "mqtt login"):
        assert any(line.startswith(f"PROBLEM  {server}: ") for line in problems), problems


@contextmanager
def set_in_redis(redis: RedisServer, name: str, value: str) -> Iterator[None]:
    with redis_client.Redis.from_url(redis.url, decode_responses=True) as client:
        before = client.config_get(name)[name]  # type: ignore[index]
        client.config_set(name, value)
        try:
            yield
        finally:
            client.config_set(name, before)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("appendonly", "no", "Set appendonly yes"),
        ("maxmemory-policy", "allkeys-lru", "Set maxmemory-policy noeviction"),
        ("maxmemory", "1mb", "Raise maxmemory"),
    ],
)
def test_a_redis_that_would_forget(name: str, value: str, said: str, redis: RedisServer, doctor: Doctor) -> None:
    with set_in_redis(redis, name, value):
        _, (problem,) = doctor()
    assert said in problem


def test_a_redis_that_refuses_us(redis: RedisServer, doctor: Doctor) -> None:
    _, (problem,) = doctor(redis={"url": redis.url.replace("redis://", "redis://u:wrong@")})
    assert "Redis refuses our login" in problem


@pytest.mark.parametrize(("name", "said"), [("synchronous_commit", "Set synchronous_commit = on")])
def test_a_database_that_would_forget(
    name: str, said: str, postgres: PostgresAddress, database_url: str, doctor: Doctor
) -> None:
    database = database_url.rpartition("/")[2]
    postgres.run(f'ALTER DATABASE "{database}" SET {name} = off')
    _, (problem,) = doctor()
    assert said in problem


def test_a_database_that_is_not_there(database_url: str, doctor: Doctor) -> None:
    _, (problem,) = doctor(database={"url": f"{database_url}_not_there"})
    assert "does not exist" in problem


def test_fewer_brokers_than_copies_and_topics_that_differ(doctor: Doctor) -> None:
    code, problems = doctor(kafka={"replication": 3, "partitions": 5})
    assert code == 1
    assert any("Start the brokers that are down" in line for line in problems)
    assert any("has 2 partitions, not 5" in line for line in problems)
    assert any("has 1 replicas, not 3" in line for line in problems)


def test_a_broker_that_does_not_let_us_in(doctor: Doctor, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run([needed("mosquitto_passwd"), "-b", "-c", str(passwords), "carebell", "right"], check=True)
    passwords.chmod(0o644)
    with Mosquitto(tmp_path / "guarded", passwords) as guarded:
        login = {"url": guarded.url, "username": "carebell"}
        assert doctor(mqtt={**login, "password": "right"}) == (0, [])
        _, (problem,) = doctor(mqtt={**login, "password": "wrong"})
    assert "it does not let us in" in problem


def test_people_who_cannot_be_told_are_named(doctor: Doctor, config: dict[str, Any]) -> None:
    config["responders"] = ON_DUTY[:1]
    config["channels"] = {"console": False}
    code, problems = doctor()
    assert code == 1
    assert any("no channel is set up" in line for line in problems)
