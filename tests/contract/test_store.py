"""What every adapter of the Store port must do. A new adapter is put under it by one line in ADAPTERS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from carebell.engine_sql import MEMORY
from carebell.errors import Fenced
from carebell.log import Positions
from carebell.store import Change, Claim, Saved, Snapshot, Store
from carebell.store_redis import RedisStore
from carebell.store_sql import SqlStore

Opener = Callable[[], Awaitable[Store]]
AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
EMPTY = Snapshot(states={}, positions={})


def sqlite_memory(request: pytest.FixtureRequest) -> Opener:
    return lambda: SqlStore.open(MEMORY)


def sqlite_file(request: pytest.FixtureRequest) -> Opener:
    folder = request.getfixturevalue("tmp_path")
    return lambda: SqlStore.open(f"sqlite:///{folder / 'rules.db'}")


def postgres(request: pytest.FixtureRequest) -> Opener:
    url = request.getfixturevalue("database_url")
    return lambda: SqlStore.open(url)


def redis(request: pytest.FixtureRequest) -> Opener:
    url, namespace = request.getfixturevalue("redis_url"), request.getfixturevalue("namespace")
    return lambda: RedisStore.open(url, namespace=namespace)


# How each adapter is opened, given a request for fixtures.
ADAPTERS = (sqlite_memory, sqlite_file, postgres, redis)
# Where two processes can look at one store.
LASTING = (sqlite_file, postgres, redis)


def adapters(openers: Iterable[Callable[[pytest.FixtureRequest], Opener]]) -> list[object]:
    """As parameters; those that need a server are marked."""
    servers = (postgres, redis)
    return [pytest.param(one, id=one.__name__, marks=[pytest.mark.integration] * (one in servers)) for one in openers]


@pytest.fixture(params=adapters(ADAPTERS))
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    opened = await request.param(request)()
    yield opened
    await opened.close()


@pytest.fixture(params=adapters(LASTING))
def opener(request: pytest.FixtureRequest) -> Opener:
    opened: Opener = request.param(request)
    return opened


async def claim(store: Store, scope: str, partition: int) -> int:
    return (await store.claim(scope, partition, AT)).fence


async def save(
    store: Store, scope: str, partition: int, *, fence: int, states: Sequence[Saved], positions: Positions
) -> None:
    await store.save(scope, [Change(partition=partition, fence=fence, states=states, positions=positions)])


async def test_a_partition_begins_with_nothing(store: Store) -> None:
    await claim(store, "rules", 0)
    assert await store.load("rules", 0) == EMPTY


async def test_what_was_saved_is_loaded(store: Store) -> None:
    fence = await claim(store, "rules", 1)
    states = [Saved("h1", b"\x00\xff", AT), Saved("家", b"", None)]
    await save(store, "rules", 1, fence=fence, states=states, positions={("t", 1): 7, ("u", 1): 2**40})
    loaded = await store.load("rules", 1)
    assert loaded.states == {"h1": states[0], "家": states[1]}
    assert loaded.positions == {("t", 1): 7, ("u", 1): 2**40}


async def test_a_later_save_replaces_only_what_it_names(store: Store) -> None:
    fence = await claim(store, "rules", 1)
    await save(
        store,
        "rules",
        1,
        fence=fence,
        states=[Saved("a", b"1", AT), Saved("b", b"1")],
        positions={("t", 1): 1, ("u", 1): 1},
    )
    await save(store, "rules", 1, fence=fence, states=[Saved("a", b"2")], positions={("t", 1): 2})
    loaded = await store.load("rules", 1)
    assert loaded.states == {"a": Saved("a", b"2", None), "b": Saved("b", b"1")}
    assert loaded.positions == {("t", 1): 2, ("u", 1): 1}


async def test_positions_are_saved_without_states(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    await save(store, "rules", 0, fence=fence, states=[], positions={("t", 0): 3})
    assert (await store.load("rules", 0)).positions == {("t", 0): 3}


@pytest.mark.parametrize(
    "due_at", [AT, AT + timedelta(microseconds=1), AT.astimezone(timezone(timedelta(hours=8))), None]
)
async def test_a_due_time_is_kept_to_the_microsecond(store: Store, due_at: datetime | None) -> None:
    fence = await claim(store, "rules", 0)
    await save(store, "rules", 0, fence=fence, states=[Saved("h", b"", due_at)], positions={})
    assert (await store.load("rules", 0)).states["h"].due_at == due_at


async def test_each_claim_is_higher_than_all_before(store: Store) -> None:
    fences = [await claim(store, "rules", 0) for _ in range(5)]
    assert fences == sorted(set(fences))


async def test_a_claim_tells_whose_place_it_takes(store: Store) -> None:
    first = await store.claim("rules", 0, AT)
    second = await store.claim("rules", 0, AT)
    later = await store.claim("rules", 0, AT + timedelta(seconds=2))
    back = await store.claim("rules", 0, AT - timedelta(days=1))
    milliseconds = int(AT.timestamp() * 1000)
    assert first == Claim(milliseconds, 0)
    assert second == Claim(milliseconds + 1, milliseconds)
    assert later == Claim(milliseconds + 2000, second.fence)
    assert back == Claim(later.fence + 1, later.fence)


async def test_the_first_claims_of_a_partition_by_many_at_once_are_a_chain(opener: Opener) -> None:
    stores = [await opener() for _ in range(4)]
    claims = await asyncio.gather(*(one.claim("rules", 0, AT) for one in stores * 5))
    chain = sorted(claims, key=lambda one: one.fence)
    assert [one.previous for one in chain] == [0, *(one.fence for one in chain[:-1])]
    for one in stores:
        await one.close()


async def test_many_states_come_back_in_pieces(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    states = [Saved(f"h{number:05}", b"x" * 100, AT + timedelta(seconds=number)) for number in range(6001)]
    await save(store, "rules", 0, fence=fence, states=states, positions={("t", 0): 1})
    loaded = await store.load("rules", 0)
    assert loaded.states == {one.key: one for one in states}
    assert loaded.positions == {("t", 0): 1}


async def test_the_same_may_be_saved_twice(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    for _ in range(2):
        await save(store, "rules", 0, fence=fence, states=[Saved("h", b"1", AT)], positions={("t", 0): 1})
    assert await store.load("rules", 0) == Snapshot(states={"h": Saved("h", b"1", AT)}, positions={("t", 0): 1})


async def test_of_claims_at_once_no_two_are_equal(store: Store) -> None:
    fences = await asyncio.gather(*(claim(store, "rules", 0) for _ in range(20)))
    assert len(set(fences)) == 20


async def test_the_owner_before_cannot_save_and_nothing_of_it_is_seen(store: Store) -> None:
    first = await claim(store, "rules", 0)
    await save(store, "rules", 0, fence=first, states=[Saved("h", b"1")], positions={("t", 0): 1})
    second = await claim(store, "rules", 0)
    with pytest.raises(Fenced):
        await save(store, "rules", 0, fence=first, states=[Saved("h", b"x"), Saved("i", b"x")], positions={("t", 0): 9})
    assert await store.load("rules", 0) == Snapshot(states={"h": Saved("h", b"1")}, positions={("t", 0): 1})
    await save(store, "rules", 0, fence=second, states=[Saved("h", b"2")], positions={("t", 0): 2})
    assert (await store.load("rules", 0)).states["h"].value == b"2"


async def test_a_fence_that_was_never_given_cannot_save(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    with pytest.raises(Fenced):
        await save(store, "rules", 0, fence=fence + 1, states=[], positions={("t", 0): 9})
    assert await store.load("rules", 0) == EMPTY


async def test_a_save_that_fails_half_way_leaves_nothing(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the adapter raises for what it cannot keep
        await save(store, "rules", 0, fence=fence, states=[Saved("h", b"1")], positions={("t", 0): object()})  # type: ignore[dict-item]
    assert await store.load("rules", 0) == EMPTY


async def test_another_partition_is_not_fenced(store: Store) -> None:
    fence = await claim(store, "rules", 0)
    await claim(store, "rules", 1)
    await save(store, "rules", 0, fence=fence, states=[Saved("h", b"1")], positions={("t", 0): 1})
    assert (await store.load("rules", 0)).positions == {("t", 0): 1}
    assert await store.load("rules", 1) == EMPTY


async def test_partitions_are_saved_together_or_not_at_all(store: Store) -> None:
    fences = [await claim(store, "rules", number) for number in range(3)]
    await claim(store, "rules", 2)
    changes = [
        Change(partition=n, fence=fence, states=[Saved(f"h{n}", b"1", AT)], positions={("t", n): n + 1})
        for n, fence in enumerate(fences)
    ]
    with pytest.raises(Fenced):
        await store.save("rules", changes)
    assert [await store.load("rules", number) for number in range(3)] == [EMPTY] * 3
    await store.save("rules", changes[:2])
    assert [dict((await store.load("rules", n)).positions) for n in range(3)] == [{("t", 0): 1}, {("t", 1): 2}, {}]


async def test_saving_nothing_is_nothing(store: Store) -> None:
    await store.save("rules", [])
    assert await store.load("rules", 0) == EMPTY


async def test_scopes_are_kept_apart(store: Store) -> None:
    rules, cases = await claim(store, "rules", 0), await claim(store, "cases", 0)
    await save(store, "rules", 0, fence=rules, states=[Saved("h", b"rules")], positions={("t", 0): 1})
    await save(store, "cases", 0, fence=cases, states=[Saved("h", b"cases")], positions={("t", 0): 5})
    await claim(store, "cases", 0)
    await save(store, "rules", 0, fence=rules, states=[], positions={("t", 0): 2})
    assert await store.load("rules", 0) == Snapshot(states={"h": Saved("h", b"rules")}, positions={("t", 0): 2})
    assert await store.load("cases", 0) == Snapshot(states={"h": Saved("h", b"cases")}, positions={("t", 0): 5})


async def test_everything_stays_when_it_is_opened_again(opener: Opener) -> None:
    store = await opener()
    fence = await claim(store, "rules", 0)
    await save(store, "rules", 0, fence=fence, states=[Saved("h", b"1", AT)], positions={("t", 0): 4})
    await store.close()
    store = await opener()
    assert await store.load("rules", 0) == Snapshot(states={"h": Saved("h", b"1", AT)}, positions={("t", 0): 4})
    assert await claim(store, "rules", 0) > fence
    with pytest.raises(Fenced):
        await save(store, "rules", 0, fence=fence, states=[], positions={})
    await store.close()


async def test_an_owner_in_another_process_is_fenced_too(opener: Opener) -> None:
    here, there = await opener(), await opener()
    first = await claim(here, "rules", 0)
    await claim(there, "rules", 0)
    with pytest.raises(Fenced):
        await save(here, "rules", 0, fence=first, states=[Saved("h", b"1")], positions={("t", 0): 1})
    assert await there.load("rules", 0) == EMPTY
    await here.close()
    await there.close()
