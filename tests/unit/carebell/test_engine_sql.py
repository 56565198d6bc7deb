"""Work in a SQLite database: what waits together is committed together, and a piece that fails takes only itself back."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from carebell.engine_sql import MEMORY, SqliteDatabase, open_database
from carebell.errors import BadInput, TryLater
from tests.support.patience import PATIENCE_S

METADATA = sa.MetaData()
NUMBER = sa.Table("number", METADATA, sa.Column("value", sa.Integer, primary_key=True))


class Torn(Exception):
    """A step that fails half way."""


def put(value: int, *, fails: bool = False) -> Callable[[sa.Connection], int]:
    def work(connection: sa.Connection) -> int:
        connection.execute(sa.insert(NUMBER).values(value=value))
        if fails:
            raise Torn
        return value

    return work


def held(connection: sa.Connection) -> list[int]:
    return list(connection.scalars(sa.select(NUMBER.c.value).order_by(NUMBER.c.value)))


@pytest.mark.parametrize("is_file", [False, True])
async def test_a_piece_that_fails_takes_only_itself_back(tmp_path: Path, is_file: bool) -> None:
    database = await open_database(f"sqlite:///{tmp_path / 'n.db'}" if is_file else MEMORY, METADATA)
    pieces = [database.write(put(number, fails=number % 3 == 0)) for number in range(1, 10)]
    ends = await asyncio.gather(*pieces, return_exceptions=True)
    assert [end for end in ends if not isinstance(end, Torn)] == [1, 2, 4, 5, 7, 8]
    assert sum(isinstance(end, Torn) for end in ends) == 3
    assert await database.read(held) == [1, 2, 4, 5, 7, 8]
    await database.close()


async def test_more_than_fits_together_is_written_in_order() -> None:
    database = await open_database(MEMORY, METADATA)
    ends = await asyncio.gather(*(database.write(put(number)) for number in range(500)))
    assert ends == list(range(500))
    assert len(await database.read(held)) == 500
    await database.close()


async def test_a_write_that_is_given_up_is_made_or_not_but_holds_up_nobody() -> None:
    database = await open_database(MEMORY, METADATA)
    given_up = asyncio.ensure_future(database.write(put(1)))
    await asyncio.wait([given_up], timeout=0)
    given_up.cancel()
    assert await database.write(put(2)) == 2
    await database.close()


async def test_a_database_that_is_held_by_another_may_take_it_later(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    await (await open_database(f"sqlite:///{path}", METADATA)).close()
    holder = await open_database(f"sqlite:///{path}", METADATA)
    database = SqliteDatabase(f"sqlite:///{path}", "FULL", busy_timeout_ms=0)
    is_held, let_go = threading.Event(), threading.Event()

    def hold(_: sa.Connection) -> None:
        is_held.set()
        let_go.wait(PATIENCE_S)

    holding = asyncio.ensure_future(holder.write(hold))
    assert await asyncio.to_thread(is_held.wait, PATIENCE_S)
    with pytest.raises(TryLater, match="cannot be written"):
        await database.write(put(1))
    let_go.set()
    await holding
    assert await database.write(put(1)) == 1
    await database.close()
    await holder.close()


async def test_a_file_that_is_no_database_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    path.write_bytes(b"this is no database, however long one reads it" * 100)
    with pytest.raises(BadInput, match=r"n\.db: this database cannot be opened"):
        await open_database(f"sqlite:///{path}", METADATA)
