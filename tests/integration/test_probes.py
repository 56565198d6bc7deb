"""Whether a server is of use, asked of real ones: it answers with its time, or what is wrong is said in words."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import pytest

from carebell.clock import SystemClock
from carebell.engine_sql import schema_version
from carebell.errors import TryLater
from carebell.log_kafka_probe import KafkaProbe
from carebell.postgres_sql import PostgresDatabase
from carebell.probe_redis import RedisProbe
from carebell.probe_sql import SqlProbe
from deploy.watch import difference
from tests.support.patience import PATIENCE_S, patiently
from tests.support.servers.postgres import PostgresServer
from tests.support.servers.redis import RedisServer
from tests.support.services import free_port

pytestmark = pytest.mark.integration

T = TypeVar("T")
NOBODY = f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


async def refusal(look: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises((TryLater, OSError)) as raised:
        await look()
    return str(raised.value)


async def refuses(look: Callable[[], Awaitable[object]], why: str) -> None:
    """A probe waits two seconds at the most: until a busy server has found the time to say it."""
    async with asyncio.timeout(PATIENCE_S):
        while why not in await refusal(look):
            await asyncio.sleep(0.1)


async def answer(look: Callable[[], Awaitable[T]]) -> T:
    """As soon as a busy server has found the time."""

    async def attempt() -> T:
        try:
            return await look()
        except TryLater as error:
            raise OSError(str(error)) from error

    return await patiently(attempt)


async def tells_the_time(probe: RedisProbe | SqlProbe) -> None:
    clock = SystemClock()

    async def ask() -> timedelta:
        asked = clock.now()
        return difference(await probe.look(), asked, clock.now())

    assert await answer(ask) == timedelta(0)


async def test_redis_tells_its_time_and_how_it_is_set_up(redis: RedisServer) -> None:
    probe = RedisProbe(redis.url)
    try:
        await tells_the_time(probe)
        facts = await answer(probe.facts)
        assert facts.info["aof_enabled"] == "1"
        assert facts.settings["maxmemory-policy"] == "noeviction"
    finally:
        await probe.close()


async def test_a_redis_that_died_is_told_and_found_again(redis: RedisServer) -> None:
    probe = RedisProbe(redis.url)
    try:
        await answer(probe.look)
        redis.kill()
        assert "Redis does not answer" in await refusal(probe.look)
        redis.start()
        await answer(probe.look)
    finally:
        await probe.close()


async def test_a_redis_with_another_password_is_told(redis: RedisServer) -> None:
    probe = RedisProbe(redis.url.replace("redis://", "redis://somebody:wrong@"))
    try:
        await refuses(probe.look, "Redis refuses our login")
    finally:
        await probe.close()


async def test_postgresql_tells_its_time_and_how_it_is_set_up(database: PostgresServer) -> None:
    probe = SqlProbe(database.url)
    try:
        await tells_the_time(probe)
        facts = await answer(probe.facts)
        assert facts.settings["fsync"] == "on"
        assert facts.connections >= 1
    finally:
        await probe.close()


async def test_a_postgresql_that_died_is_told_and_found_again(database: PostgresServer) -> None:
    probe = SqlProbe(database.url)
    try:
        await answer(probe.look)
        database.kill()
        assert "PostgreSQL does not answer" in await refusal(probe.look)
        database.start()
        await answer(probe.look)
    finally:
        await probe.close()


async def test_how_a_connection_is_secured_is_said_as_postgresql_s_own_tools_say_it(database: PostgresServer) -> None:
    """To the probe and to the work alike; this server speaks no TLS."""

    async def ask(mode: str) -> None:
        url = f"{database.url}?sslmode={mode}"
        probe, work = SqlProbe(url), PostgresDatabase(url)
        try:
            await probe.look()
            await work.read(schema_version)
        finally:
            await probe.close()
            await work.close()

    await answer(lambda: ask("disable"))
    await refuses(lambda: ask("require"), "rejected SSL upgrade")


async def test_a_login_of_odd_characters_is_the_same_for_the_probe_and_the_work(database: PostgresServer) -> None:
    database.run('CREATE ROLE "o/d#d" LOGIN')
    url = database.url.replace("carebell@", "o%2Fd%23d:p%40ss@")
    probe, work = SqlProbe(url), PostgresDatabase(url)
    try:
        await answer(probe.look)
        assert await answer(lambda: work.read(schema_version)) is None
    finally:
        await probe.close()
        await work.close()


async def test_a_database_that_is_not_there_is_told(database: PostgresServer) -> None:
    probe = SqlProbe(database.url.replace("/postgres", "/nowhere"))
    try:
        await refuses(probe.look, 'database "nowhere" does not exist')
    finally:
        await probe.close()


@pytest.mark.parametrize("server", ["redis", "database"])
async def test_a_frozen_server_is_given_up_in_time(server: str, redis: RedisServer, database: PostgresServer) -> None:
    frozen = redis if server == "redis" else database
    probe = RedisProbe(redis.url) if server == "redis" else SqlProbe(database.url)
    try:
        await answer(probe.look)
        frozen.freeze()
        async with asyncio.timeout(PATIENCE_S):
            assert "does not answer" in await refusal(probe.look)
        frozen.thaw()
        await answer(probe.look)
    finally:
        with suppress(ProcessLookupError):
            frozen.thaw()
        await probe.close()


async def test_nobody_there_is_told() -> None:
    probes = (RedisProbe(f"redis://{NOBODY}/0"), SqlProbe(f"postgresql+asyncpg://u@{NOBODY}/d"), KafkaProbe(NOBODY, ()))
    for probe in probes:
        assert await refusal(probe.look)
        await probe.close()


async def test_kafka_tells_how_many_brokers_live_and_which_topics_are_missing(kafka: str, namespace: str) -> None:
    probe = KafkaProbe(kafka, ())
    try:
        await answer(probe.look)
        assert await answer(probe.brokers) >= 1
    finally:
        await probe.close()
    probe = KafkaProbe(kafka, (f"{namespace}carebell.alerts",))
    try:
        await refuses(probe.look, f"topics are missing: {namespace}carebell.alerts")
    finally:
        await probe.close()
