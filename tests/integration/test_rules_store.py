"""What Redis can do to the rules' memory: die, hang, forget, go back in time, refuse to write."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from carebell.errors import BadInput, Fenced, TryLater
from carebell.store import Change, Saved, Snapshot
from carebell.store_redis import RedisStore
from tests.support.patience import PATIENCE_S
from tests.support.servers.redis import RedisServer

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
async def store(server: RedisServer, namespace: str) -> AsyncIterator[RedisStore]:
    opened = await RedisStore.open(server.url, namespace=namespace)
    yield opened
    await opened.close()


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    """A look from beside."""
    client = Redis.from_url(server.url)
    yield client
    await client.aclose()


def change(fence: int, position: int, *values: bytes) -> Change:
    states = [Saved(f"h{number}", value) for number, value in enumerate(values)]
    return Change(partition=0, fence=fence, states=states, positions={("t", 0): position})


def snapshot(position: int, *values: bytes) -> Snapshot:
    return Snapshot({f"h{n}": Saved(f"h{n}", value) for n, value in enumerate(values)}, {("t", 0): position})


async def test_after_a_restart_the_scripts_are_told_to_it_again(server: RedisServer, store: RedisStore) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    server.kill()
    with pytest.raises(TryLater):
        await store.save("rules", [change(fence, 2, b"2")])
    server.start()
    await store.save("rules", [change(fence, 3, b"3")])
    assert await store.load("rules", 0) == snapshot(3, b"3")


async def test_an_emptied_redis_refuses_the_former_owner_and_gives_a_higher_fence(
    server: RedisServer, store: RedisStore
) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    server.empty()
    with pytest.raises(Fenced):
        await store.save("rules", [change(fence, 2, b"2")])
    assert await store.load("rules", 0) == Snapshot({}, {})
    claim = await store.claim("rules", 0, AT + timedelta(seconds=1))
    assert claim.previous == 0
    assert claim.fence > fence
    with pytest.raises(Fenced):
        await store.save("rules", [change(fence, 2, b"2")])


async def test_a_redis_that_went_back_to_an_older_copy_refuses_what_would_leave_a_gap(
    store: RedisStore, redis: Redis
) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    [key] = [one async for one in redis.scan_iter(f"*{store._namespace}*")]
    copy = await redis.dump(key)
    await store.save("rules", [change(fence, 2, b"2", b"2")])
    await redis.restore(key, 0, copy, replace=True)
    with pytest.raises(Fenced, match="forgotten"):
        await store.save("rules", [change(fence, 3, b"3")])
    assert await store.load("rules", 0) == snapshot(1, b"1")
    again = await store.claim("rules", 0, AT)
    assert again.previous == 0
    await store.save("rules", [change(again.fence, 3, b"3", b"2")])
    assert await store.load("rules", 0) == snapshot(3, b"3", b"2")


async def test_a_redis_that_went_back_is_seen_through_at_a_claim_too(store: RedisStore, redis: Redis) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    [key] = [one async for one in redis.scan_iter(f"*{store._namespace}*")]
    copy = await redis.dump(key)
    await store.save("rules", [change(fence, 2, b"2")])
    await redis.restore(key, 0, copy, replace=True)
    claim = await store.claim("rules", 0, AT)
    assert claim.previous == 0
    assert claim.fence > fence
    assert (await store.claim("rules", 0, AT)).previous == claim.fence


async def test_what_somebody_else_wrote_into_a_hash_is_no_crash(store: RedisStore, redis: Redis) -> None:
    await store.claim("rules", 0, AT)
    [key] = [one async for one in redis.scan_iter(f"*{store._namespace}*")]
    await redis.hset(key, "=h", "no time\n{}")  # type: ignore[misc]
    with pytest.raises(TryLater, match="not written"):
        await store.load("rules", 0)


async def test_a_save_that_a_frozen_redis_does_after_all_does_not_undo_a_later_one(
    server: RedisServer, store: RedisStore, redis: Redis
) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    server.freeze()
    with pytest.raises(TryLater):
        await store.save("rules", [change(fence, 2, b"2")])
    server.thaw()
    await store.save("rules", [change(fence, 3, b"3")])
    late = RedisStore(redis, redis, store._namespace)  # the same again from a connection that was read last
    late._saves.update({("rules", 0, fence): type(store._saves["rules", 0, fence])(1, 1)})
    with pytest.raises(Fenced):
        await late.save("rules", [change(fence, 2, b"2")])
    assert await store.load("rules", 0) == snapshot(3, b"3")


async def test_a_save_whose_answer_was_lost_is_saved_again(store: RedisStore) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    store._saves["rules", 0, fence].answered -= 1
    await store.save("rules", [change(fence, 2, b"2")])
    assert await store.load("rules", 0) == snapshot(2, b"2")


@pytest.mark.parametrize("trouble", ["replicaof 127.0.0.1 1", "config set maxmemory 1"])
async def test_a_redis_that_takes_no_writes_may_take_them_later_and_has_taken_no_part(
    store: RedisStore, redis: Redis, trouble: str
) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, b"1")])
    await redis.execute_command(*trouble.split())
    try:
        with pytest.raises(TryLater):
            await store.save("rules", [change(fence, 2, b"2", b"2")])
        with pytest.raises(TryLater):
            await store.claim("rules", 0, AT)
    finally:
        await redis.execute_command("replicaof", "no", "one")
        await redis.execute_command("config", "set", "maxmemory", "0")
    await store.save("rules", [change(fence, 2, b"2")])
    assert (await store.load("rules", 0)).positions == {("t", 0): 2}


async def test_a_frozen_redis_is_given_up(server: RedisServer, store: RedisStore) -> None:
    await store.claim("rules", 0, AT)
    server.freeze()
    try:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(TryLater):
                await store.claim("rules", 0, AT)
            with pytest.raises(TryLater):
                await store.load("rules", 0)
    finally:
        server.thaw()


async def test_a_partition_that_is_claimed_while_it_is_loaded_is_not_half_another_s(
    server: RedisServer, namespace: str, store: RedisStore, redis: Redis
) -> None:
    fence = (await store.claim("rules", 0, AT)).fence
    await store.save("rules", [change(fence, 1, *[b"x" * 100] * 50_000)])
    other = await RedisStore.open(server.url, namespace=namespace)
    await other.claim("elsewhere", 0, AT)  # it is connected
    loading = asyncio.create_task(store.load("rules", 0))
    async with asyncio.timeout(PATIENCE_S):
        while not any(client["cmd"] == "hscan" for client in await redis.client_list()):
            assert not loading.done(), "it was loaded before anybody could look"
    await other.claim("rules", 0, AT)
    with pytest.raises(Fenced):
        await loading
    await other.close()


async def test_an_address_that_is_none_is_told_at_once() -> None:
    with pytest.raises(BadInput, match="is no address of a Redis"):
        await RedisStore.open("http://localhost")
