"""A database that is damaged under a living worker: it may be mended, and nobody crashes over it meanwhile."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carebell.errors import TryLater
from carebell.store import Change, Saved
from carebell.store_sql import SqlStore

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def without_tables(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        for table in ("rule_fence", "rule_state", "rule_position"):
            connection.execute(f"DROP TABLE {table}")


def overwritten(file: Path) -> None:
    for one in file.parent.iterdir():
        one.write_bytes(b"rubbish" * 10_000)


@pytest.mark.parametrize("damage", [without_tables, overwritten])
async def test_whatever_is_wrong_with_the_database_may_be_mended_later(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    store = await SqlStore.open(f"sqlite:///{tmp_path / 'rules.db'}")
    fence = (await store.claim("rules", 0, AT)).fence
    damage(tmp_path / "rules.db")
    with pytest.raises(TryLater):
        await store.load("rules", 0)
    with pytest.raises(TryLater):
        await store.save("rules", [Change(partition=0, fence=fence, states=[Saved("h", b"1")], positions={})])
    with pytest.raises(TryLater):
        await store.claim("rules", 0, AT)
    await store.close()
