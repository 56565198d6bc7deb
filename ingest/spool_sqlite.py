"""Calls for help on the local disk, for as long as the log does not take them (WAL, synchronous=FULL).

Ids are computed, so a call that is spooled twice stands here once. Processes of one machine may share the file: each
brings into the log whatever stands in it.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from carebell.log import Entry
from carebell.sqlite_thread import SqliteThread

FILE = "spool.db"
LIMIT = 100_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spooled (
  id TEXT PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, headers TEXT NOT NULL,
  spooled_at TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS spooled_age ON spooled (spooled_at);
"""
Result = TypeVar("Result")
# When it was spooled, and its id.
Place = tuple[str, str]
NOTHING: Place = ("", "")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A call in the spool."""

    place: Place
    entry: Entry


class Spool:
    """Build with `Spool.open(folder)`. Raises OSError when the disk fails it, or when it is full."""

    def __init__(self, path: Path, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._thread = SqliteThread(str(path), "spool")

    @classmethod
    async def open(cls, folder: Path, limit: int = LIMIT) -> "Spool":
        folder.mkdir(parents=True, exist_ok=True)
        spool = cls(folder / FILE, limit)
        try:
            await spool._run(lambda connection: connection.executescript(_SCHEMA))
        except OSError:
            await spool.close()
            raise
        return spool

    async def keep(self, entries: Sequence[Entry], at: datetime) -> int:
        """When this returns, a pulled plug takes none of them; how many were not there yet."""
        moment = at.astimezone(UTC).isoformat()
        rows = [
            (entry.headers["ce_id"], str(entry.topic), entry.key, entry.value, json.dumps(dict(entry.headers)), moment)
            for entry in entries
        ]

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                held = connection.execute("SELECT count(*) FROM spooled").fetchone()[0]
                if held + len(rows) > self._limit:
                    raise OSError(f"it holds {held} calls; more than {self._limit} are not kept")
                return connection.executemany("INSERT OR IGNORE INTO spooled VALUES (?,?,?,?,?,?)", rows).rowcount

        return await self._run(work)

    async def behind(self, after: Place, limit: int) -> list[Spooled]:
        """Behind a place, what has waited longest first."""
        query = (
            "SELECT spooled_at, id, topic, key, value, headers FROM spooled WHERE (spooled_at, id) > (?, ?) "
            "ORDER BY spooled_at, id LIMIT ?"
        )
        rows = await self._run(lambda connection: connection.execute(query, (*after, limit)).fetchall())
        return [
            Spooled((at, name), Entry(topic=topic, key=key, value=value, headers=json.loads(headers)))
            for at, name, topic, key, value, headers in rows
        ]

    async def remove(self, ids: Iterable[str]) -> None:
        """These are in the log."""
        rows = [(one,) for one in ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                connection.executemany("DELETE FROM spooled WHERE id = ?", rows)

        await self._run(work)

    async def count(self) -> int:
        return await self._run(lambda connection: int(connection.execute("SELECT count(*) FROM spooled").fetchone()[0]))

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return await self._thread.run(work)
        except sqlite3.Error as error:
            raise OSError(f"the spool {self._path} failed: {error}") from error

    async def close(self) -> None:
        await self._thread.close()
