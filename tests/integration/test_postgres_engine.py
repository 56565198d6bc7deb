"""Work in PostgreSQL when things go wrong: every wait ends, what was not committed is run again or told as TryLater."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.util import await_only

from carebell.errors import TryLater
from carebell.postgres_sql import Limits, PostgresDatabase
from carebell.words_sql import Words
from tests.support.patience import PATIENCE_S
from tests.support.servers.postgres import PostgresServer

pytestmark = pytest.mark.integration
METADATA = sa.MetaData()
NUMBER = sa.Table(
    "number", METADATA, sa.Column("value", sa.Integer, primary_key=True), sa.Column("word", Words(), nullable=True)
)
# Nothing here takes so long, however busy the machine is. A test shortens the one limit that it asks for.
LONG = Limits(connections=3, connect=60, command=60, lock=60, idle_in_transaction=60, whole=60)
Limited = Callable[..., PostgresDatabase]


def put(value: int, word: str | None = None) -> Callable[[sa.Connection], int]:
    def work(connection: sa.Connection) -> int:
        connection.execute(sa.insert(NUMBER).values(value=value, word=word))
        return value

    return work


def add_one(value: int) -> Callable[[sa.Connection], int]:
    """Without looking first: two at once collide."""

    def work(connection: sa.Connection) -> int:
        if connection.scalar(sa.select(NUMBER.c.value).where(NUMBER.c.value == value)) is not None:
            return 0
        connection.execute(sa.insert(NUMBER).values(value=value))
        return 1

    return work


def held(connection: sa.Connection) -> list[int]:
    return list(connection.scalars(sa.select(NUMBER.c.value).order_by(NUMBER.c.value)))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One of our own: it is killed and frozen here."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
async def limited(server: PostgresServer) -> AsyncIterator[Limited]:
    """The same database with limits of one's own."""
    url = server.create_database()
    opened: list[PostgresDatabase] = []

    def open_with(**limits: float) -> PostgresDatabase:
        opened.append(PostgresDatabase(url, replace(LONG, **limits)))
        return opened[-1]

    await open_with().write(METADATA.create_all)
    yield open_with
    for one in opened:
        await one.close()
    server.drop_database(url)


@pytest.fixture
def database(limited: Limited) -> PostgresDatabase:
    return limited()


class Holders:
    """Pieces of work that lock the rows there are, and stand still until they may go on."""

    def __init__(self) -> None:
        self._standing = asyncio.Semaphore(0)
        self._may_go = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def stand(self, database: PostgresDatabase, count: int = 1) -> None:
        """As soon as so many do."""
        self._tasks += [asyncio.create_task(database.write(self._work)) for _ in range(count)]
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                await self._standing.acquire()

    def _work(self, connection: sa.Connection) -> None:
        connection.execute(sa.select(NUMBER).with_for_update()).all()
        self._standing.release()
        await_only(self._may_go.wait())

    async def go_on(self) -> None:
        """Until all have ended, and well."""
        self._may_go.set()
        await asyncio.gather(*self._tasks)


async def patiently(work: Callable[[], object]) -> object:
    """As a loop of ours would: again until it goes."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await work()  # type: ignore[misc]
        except TryLater:
            assert time.monotonic() < deadline, "it never came back"
            await asyncio.sleep(0.05)


async def test_work_that_fails_leaves_nothing(database: PostgresDatabase) -> None:
    def torn(connection: sa.Connection) -> None:
        put(1)(connection)
        raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        await database.write(torn)
    assert await database.read(held) == []


async def test_two_that_insert_the_same_are_run_again_and_see_each_other(database: PostgresDatabase) -> None:
    ends = await asyncio.gather(*(database.write(add_one(1)) for _ in range(12)))
    assert sorted(ends) == [0] * 11 + [1]


async def test_what_collides_for_good_is_told_as_it_is(database: PostgresDatabase) -> None:
    await database.write(put(1))
    with pytest.raises(sa.exc.IntegrityError):
        await database.write(put(1))


async def test_a_deadlock_is_run_again(database: PostgresDatabase) -> None:
    await database.write(put(1))
    await database.write(put(2))
    runs: list[int] = []
    met, has_both = asyncio.Barrier(2), asyncio.Event()

    def both(first: int, second: int) -> Callable[[sa.Connection], None]:
        def work(connection: sa.Connection) -> None:
            is_again = first in runs
            runs.append(first)
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'")
            if is_again:
                # a row that is free again may go to whoever comes, before the one who has waited for it wakes
                await_only(has_both.wait())
            for value in (first, second):
                connection.execute(sa.update(NUMBER).where(NUMBER.c.value == value).values(word=str(first)))
                if value == first and not is_again:
                    await_only(met.wait())
            has_both.set()

        return work

    await asyncio.gather(database.write(both(1, 2)), database.write(both(2, 1)))
    assert sorted(runs) in ([1, 1, 2], [1, 2, 2])


async def test_a_row_that_somebody_holds_is_told_as_try_later(limited: Limited) -> None:
    database, holders = limited(lock=0.5), Holders()
    await database.write(put(1))
    await holders.stand(database)
    with pytest.raises(TryLater, match="lock timeout"):
        await database.write(lambda connection: connection.execute(sa.update(NUMBER).values(word="x")))
    await holders.go_on()


async def test_more_than_the_pool_holds_wait_their_turn(database: PostgresDatabase) -> None:
    holders = Holders()
    await holders.stand(database, LONG.connections)
    waiting = [asyncio.create_task(database.write(put(value))) for value in range(6)]
    await asyncio.wait(waiting, timeout=0)
    assert not any(one.done() for one in waiting)
    await holders.go_on()
    assert await asyncio.gather(*waiting) == list(range(6))


async def test_more_than_the_pool_holds_wait_no_longer_than_a_command(limited: Limited) -> None:
    database, holders = limited(command=5), Holders()
    await holders.stand(database, LONG.connections)
    async with asyncio.timeout(LONG.whole / 2):
        ends = await asyncio.gather(*(database.write(put(value)) for value in range(6)), return_exceptions=True)
    assert {type(end) for end in ends} == {TryLater}
    await holders.go_on()
    assert await limited().read(held) == []


async def test_a_statement_that_takes_too_long_is_given_up(limited: Limited) -> None:
    async with asyncio.timeout(LONG.whole / 2):
        with pytest.raises(TryLater):
            await limited(command=1).read(lambda connection: connection.exec_driver_sql("SELECT pg_sleep(60)"))
    assert await limited().read(held) == []


async def test_connections_that_died_meanwhile_are_not_noticed(
    database: PostgresDatabase, server: PostgresServer
) -> None:
    await asyncio.gather(*(database.read(held) for _ in range(3)))
    server.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'carebell'")
    assert await database.write(put(7)) == 7
    assert await database.read(held) == [7]


async def test_a_server_that_was_killed_is_told_at_once_and_used_again_when_it_is_back(
    database: PostgresDatabase, server: PostgresServer
) -> None:
    await database.write(put(1))
    server.kill()
    async with asyncio.timeout(LONG.connect / 2):
        with pytest.raises(TryLater):
            await database.write(put(2))
    server.launch()  # and it still recovers: "the database system is starting up"
    assert await patiently(lambda: database.write(put(3))) == 3
    server.wait_until_ready()
    assert await database.read(held) == [1, 3]


async def test_a_server_killed_under_work_loses_only_what_it_did_not_commit(
    database: PostgresDatabase, server: PostgresServer
) -> None:
    begun = asyncio.Event()

    async def one(value: int) -> int:
        try:
            return await database.write(put(value))
        except TryLater:
            return 0
        finally:
            begun.set()

    async def many() -> list[int]:
        return [await one(value) for value in range(1, 400)]

    writing = asyncio.create_task(many())
    await begun.wait()
    await asyncio.to_thread(server.kill)
    server.launch()
    told = {value for value in await writing if value}
    await patiently(lambda: database.read(held))
    server.wait_until_ready()
    assert told
    assert told <= set(await database.read(held))


async def test_a_frozen_server_holds_nobody_up_for_good(limited: Limited, server: PostgresServer) -> None:
    database = limited(connect=1, command=1, lock=0.5, idle_in_transaction=1, whole=3)
    await asyncio.gather(*(patiently(lambda: database.read(held)) for _ in range(3)))
    server.freeze()
    try:
        async with asyncio.timeout(PATIENCE_S):
            ends = await asyncio.gather(
                *(database.write(put(value)) for value in range(8)), database.read(held), return_exceptions=True
            )
        assert {type(end) for end in ends} == {TryLater}
    finally:
        server.thaw()
    # what is written again may have been committed before, by a server that was too slow to say so
    await patiently(lambda: database.write(add_one(100)))
    # nothing of the pool was lost on the way
    await asyncio.gather(*(patiently(lambda value=value: database.write(add_one(value))) for value in range(200, 220)))
    assert {100, *range(200, 220)} <= set(await limited().read(held))


async def test_a_frozen_process_loses_its_locks(limited: Limited) -> None:
    """It is the server that ends its transaction; the process hears of it when it wakes."""
    database = limited(idle_in_transaction=1)
    await limited().write(put(1))

    def stand_still(connection: sa.Connection) -> None:
        connection.execute(sa.select(NUMBER).with_for_update()).all()
        time.sleep(1.5)
        connection.execute(sa.update(NUMBER).values(word="late"))

    with pytest.raises(TryLater):
        await database.write(stand_still)
    assert await database.read(lambda connection: connection.scalar(sa.select(NUMBER.c.word))) is None


@pytest.mark.parametrize("word", ["\x00", "a\x00b\x1a0", "\x1a", "\x1a1\x00\x1a0", "平安\x00", "", "plain"])
async def test_a_text_comes_back_as_it_was(database: PostgresDatabase, word: str) -> None:
    await database.write(put(1, word))
    same = sa.select(NUMBER.c.word).where(NUMBER.c.word == word)
    assert await database.read(lambda connection: connection.scalars(same).all()) == [word]


async def test_what_cannot_be_kept_is_a_value_error(database: PostgresDatabase) -> None:
    with pytest.raises(ValueError, match="out of int32 range"):
        await database.write(put(2**40))
    with pytest.raises(ValueError, match="surrogate"):
        await database.write(put(1, "\ud800"))


async def test_no_error_repeats_what_was_to_be_written(database: PostgresDatabase) -> None:
    """It would stand in the log lines: names, addresses."""
    await database.write(put(1))
    with pytest.raises(sa.exc.IntegrityError) as raised:
        await database.write(put(1, "Granny Li, Garden Road 3"))
    assert "Granny" not in str(raised.value)


async def test_work_that_is_given_up_by_its_caller_leaves_the_pool_whole(database: PostgresDatabase) -> None:
    def slow(connection: sa.Connection) -> None:
        connection.exec_driver_sql("SELECT pg_sleep(0.3)")

    for _ in range(5):
        given_up = [asyncio.create_task(database.write(slow)) for _ in range(6)]
        await asyncio.sleep(0.05)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
    assert await asyncio.gather(*(patiently(lambda: database.read(held)) for _ in range(6))) == [[]] * 6
