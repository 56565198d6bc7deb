"""The servers of a session, started when the first test asks and gone with the last, and room of one's own on each."""

import gc
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from secrets import token_hex

import pytest
from hypothesis import HealthCheck, settings

from deploy.migrate import migrate
from tests.support.idle import WatchedLoop
from tests.support.servers.kafka import KafkaCluster
from tests.support.servers.postgres import PostgresAddress, PostgresServer
from tests.support.servers.redis import RedisServer
from tests.support.servers.server import finish

# How long an example takes is a matter of the machine.
settings.register_profile("carebell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("carebell")
_KAFKA = frozenset({"kafka", "cluster", "three_brokers", "city"})


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], WatchedLoop]]:
    """Every test can wait until nothing is under way (`idle`)."""
    return {"watched": WatchedLoop}


@pytest.fixture(autouse=True)
def left_by_kafkas_client(request: pytest.FixtureRequest) -> Iterator[None]:
    """Connections that the client leaves open where it is stopped while it connects: they are collected with the test that had
    them, so that they fail none that comes later."""
    yield
    if _KAFKA.isdisjoint(request.fixturenames) and "city" not in request.path.name:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def namespace() -> str:
    """A prefix that nobody else on a shared server has."""
    return f"t{token_hex(4)}."


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis that all tests share."""
    if named := os.environ.get("CAREBELL_REDIS"):
        yield named
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresAddress]:
    """A PostgreSQL that all tests share; each makes databases in it."""
    if named := os.environ.get("CAREBELL_POSTGRES"):
        yield PostgresAddress(named)
        return
    with PostgresServer() as server:
        # Its transactions, in whatever database, would for a moment hold back the lines of cases that a test looks for.
        server.run("ALTER SYSTEM SET autovacuum = off")
        server.run("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a Kafka is that all tests share: one broker, without topics."""
    if named := os.environ.get("CAREBELL_KAFKA"):
        yield named
        return
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster.bootstrap


@pytest.fixture(scope="session")
def migrated(postgres: PostgresAddress) -> Iterator[str]:
    """A database with the schema, which nobody may use: it is there to be copied."""
    url = postgres.create_database()
    finish(migrate(url))
    yield url
    postgres.drop_database(url)


@pytest.fixture
def database_url(postgres: PostgresAddress, migrated: str) -> Iterator[str]:
    """A fresh database with the schema."""
    url = postgres.create_database(like=migrated)
    yield url
    postgres.drop_database(url)
