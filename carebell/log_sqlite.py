"""The Log port on one SQLite file: the log of a box that has no Kafka.

One writer gathers the appends that wait and commits them together (WAL, synchronous=FULL), so that an fsync is shared and
an append that returned survives a pulled plug. Readers have a connection of their own and never wait for the writer.
"""

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from carebell.clock import Clock
from carebell.log import NO_TIME, Entry, Positions, Record
from carebell.log_sqlite_reader import SqliteReader
from carebell.sqlite_thread import SqliteThread
from carebell.topics import partition_of

_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
  topic TEXT NOT NULL, part INTEGER NOT NULL, pos INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
  headers TEXT NOT NULL, appended_at TEXT NOT NULL, PRIMARY KEY (topic, part, pos)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS record_age ON record (topic, appended_at);
CREATE TABLE IF NOT EXISTS head (
  topic TEXT NOT NULL, part INTEGER NOT NULL, pos INTEGER NOT NULL, PRIMARY KEY (topic, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
  grp TEXT NOT NULL, topic TEXT NOT NULL, part INTEGER NOT NULL, pos INTEGER NOT NULL,
  PRIMARY KEY (grp, topic, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
TRIM_PIECE = 500
_COLUMNS = "topic, part, pos, key, value, headers, appended_at"
_BEHIND = f"SELECT {_COLUMNS} FROM record WHERE topic = ? AND part = ? AND pos >= ? ORDER BY pos LIMIT ?"  # noqa: S608
# Per partition, by the primary key: the first record behind what the group has committed.
_WAITING = """
SELECT min((SELECT appended_at FROM record WHERE topic = head.topic AND part = head.part AND pos >= coalesce(done.pos, 0)
            ORDER BY pos LIMIT 1))
FROM head LEFT JOIN position done ON done.grp = ? AND done.topic = head.topic AND done.part = head.part
WHERE head.topic = ?
"""


class SqliteLog:
    """Build with `SqliteLog.open(path, partitions, clock)`; `:memory:` keeps it in memory."""

    def __init__(self, path: str, partitions: int, clock: Clock) -> None:
        self._partitions = partitions
        self._clock = clock
        self._writer = SqliteThread(path, "log-write")
        self._reader = self._writer if path == ":memory:" else SqliteThread(path, "log-read")
        self._waiting: list[tuple[list[Entry], datetime, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._readers: set[SqliteReader] = set()

    @classmethod
    async def open(cls, path: Path | str, partitions: int, clock: Clock) -> "SqliteLog":
        """The partition count is fixed when the file is made: a file keeps its own."""
        log = cls(str(path), partitions, clock)
        try:
            log._partitions = await log._writer.run(lambda connection: _prepare(connection, partitions))
        except sqlite3.Error as error:
            await log.close()
            raise OSError(f"the log {path} could not be opened: {error}") from error
        return log

    @classmethod
    async def look(cls, path: Path, clock: Clock) -> "SqliteLog":
        """To read only, beside the process whose log it is: nothing is ever written or locked here. Its readers learn of
        what that process appends when they are polled the next time."""
        log = cls(f"{path.absolute().as_uri()}?mode=ro", 0, clock)
        try:
            log._partitions = await log._reader.run(_count)
        except sqlite3.Error as error:
            await log.close()
            raise OSError(f"the log {path} cannot be read: {error}") from error
        return log

    @property
    def partitions(self) -> int:
        return self._partitions

    async def append(self, entries: Sequence[Entry], at: datetime) -> None:
        if not entries:
            return
        if any(entry.partition is not None and not 0 <= entry.partition < self._partitions for entry in entries):
            raise ValueError(f"a partition is 0 to {self._partitions - 1}: nobody would read another")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((list(entries), at, done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                try:
                    await self._writer.run(lambda connection, batch=batch: self._write(connection, batch))  # type: ignore[misc]
                except Exception as error:  # noqa: BLE001 - whatever it was, whoever waits is told
                    for _, _, done in batch:
                        if not done.done():
                            done.set_exception(_failure(error))
                    continue
                for _, _, done in batch:
                    if not done.done():
                        done.set_result(None)
                grown = {str(entry.topic) for entries, _, _ in batch for entry in entries}
                for reader in self._readers:
                    reader.notice(grown)
        finally:
            self._flushing = None

    def _write(
        self, connection: sqlite3.Connection, batch: Sequence[tuple[Sequence[Entry], datetime, asyncio.Future[None]]]
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            heads: dict[tuple[str, int], int] = {}
            rows = [self._row(connection, heads, entry, at) for entries, at, _ in batch for entry in entries]
            connection.executemany(f"INSERT INTO record ({_COLUMNS}) VALUES (?,?,?,?,?,?,?)", rows)  # noqa: S608
            connection.executemany(
                "INSERT INTO head VALUES (?,?,?) ON CONFLICT (topic, part) DO UPDATE SET pos = excluded.pos",
                [(topic, part, pos) for (topic, part), pos in heads.items()],
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has rolled back already
                connection.execute("ROLLBACK")
            raise

    def _row(
        self, connection: sqlite3.Connection, heads: dict[tuple[str, int], int], entry: Entry, at: datetime
    ) -> tuple[object, ...]:
        part = partition_of(entry.key, self._partitions) if entry.partition is None else entry.partition
        place = (str(entry.topic), part)
        if place not in heads:
            found = connection.execute("SELECT pos FROM head WHERE topic = ? AND part = ?", place).fetchone()
            heads[place] = found[0] if found else 0
        offset = heads[place]
        heads[place] = offset + 1
        headers = json.dumps(dict(entry.headers), separators=(",", ":"))
        return (*place, offset, _storable(entry.key), entry.value, headers, at.astimezone(UTC).isoformat())

    async def reader(self, group: str | None, topics: Sequence[str], gather: timedelta = NO_TIME) -> SqliteReader:
        names = [str(topic) for topic in topics]
        positions = {} if group is None else await self.remembered(group, names)
        reader = SqliteReader(self, group, names, positions, self._clock, gather)
        self._readers.add(reader)
        return reader

    async def fetch(self, positions: Mapping[str, Mapping[int, int]], limit: int) -> list[Record]:
        """Records behind the given offset of each partition of each topic, topics in their order, up to `limit` in all."""

        def work(connection: sqlite3.Connection) -> list[Record]:
            records: list[Record] = []
            for topic, parts in positions.items():
                for part, pos in parts.items():
                    if len(records) < limit:
                        rows = connection.execute(_BEHIND, (topic, part, pos, limit - len(records)))
                        records += [_record(row) for row in rows]
            return records

        return await self._reader.run(work)

    async def heads(self, topics: Sequence[str]) -> Positions:
        """The offset behind the newest record of every partition of the topics."""
        rows = await self._reader.run(
            lambda connection: connection.execute("SELECT topic, part, pos FROM head").fetchall()
        )
        return {(topic, part): pos for topic, part, pos in rows if topic in topics}

    async def remember(self, group: str, positions: Positions) -> None:
        """Keep a group's offsets; they never go back, save by `seek` of a reader."""
        rows = [(group, topic, part, pos) for (topic, part), pos in positions.items()]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")  # one fsync for all of them: appends wait behind it
            with connection:
                connection.executemany(
                    "INSERT INTO position VALUES (?,?,?,?) "
                    "ON CONFLICT (grp, topic, part) DO UPDATE SET pos = excluded.pos",
                    rows,
                )

        await self._writer.run(work)

    async def remembered(self, group: str, topics: Sequence[str]) -> Positions:
        """What `remember` kept of these topics."""
        marks = ",".join("?" * len(topics))
        rows = await self._reader.run(
            lambda connection: connection.execute(
                f"SELECT topic, part, pos FROM position WHERE grp = ? AND topic IN ({marks})",  # noqa: S608
                (group, *topics),
            ).fetchall()
        )
        return {(topic, part): pos for topic, part, pos in rows}

    async def waiting_since(self, group: str, topic: str) -> datetime | None:
        [(oldest,)] = await self._reader.run(
            lambda connection: connection.execute(_WAITING, (group, str(topic))).fetchall()
        )
        return None if oldest is None else datetime.fromisoformat(oldest)

    async def tail(self, topic: str, limit: int) -> Sequence[Record]:
        query = f"SELECT {_COLUMNS} FROM record WHERE topic = ? ORDER BY appended_at DESC, pos DESC LIMIT ?"  # noqa: S608
        rows = await self._reader.run(lambda connection: connection.execute(query, (str(topic), limit)).fetchall())
        return [_record(row) for row in rows]

    async def trim(self, topic: str, before: datetime) -> int:
        """In pieces, so that an append waits behind one piece at the most."""
        moment, gone = before.astimezone(UTC).isoformat(), 0
        query = (
            "DELETE FROM record WHERE (topic, part, pos) IN "
            "(SELECT topic, part, pos FROM record WHERE topic = ? AND appended_at < ? LIMIT ?)"
        )
        while True:
            piece = await self._writer.run(
                lambda connection: connection.execute(query, (str(topic), moment, TRIM_PIECE)).rowcount
            )
            gone += piece
            if piece < TRIM_PIECE:
                return gone

    def forget(self, reader: SqliteReader) -> None:
        """A reader that closed wants no more news."""
        self._readers.discard(reader)

    async def close(self) -> None:
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        if self._reader is not self._writer:
            await self._reader.close()
        await self._writer.close()


def _prepare(connection: sqlite3.Connection, partitions: int) -> int:
    connection.executescript(_SCHEMA)
    connection.execute("INSERT OR IGNORE INTO fact VALUES ('partitions', ?)", (str(partitions),))
    return _count(connection)


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM fact WHERE name = 'partitions'").fetchone()[0])


def _failure(error: Exception) -> Exception:
    return OSError(f"the log could not be written: {error}") if isinstance(error, sqlite3.Error) else error


def _storable(key: str) -> str | bytes:
    """SQLite takes no half of a surrogate pair as text, and whoever sends one must not stop the others: as bytes it does."""
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return key.encode("utf-8", "surrogatepass")
    return key


def _record(row: tuple[str, int, int, str | bytes, bytes, str, str]) -> Record:
    topic, part, pos, key, value, headers, appended_at = row
    return Record(
        topic=topic,
        partition=part,
        offset=pos,
        key=key if isinstance(key, str) else key.decode("utf-8", "surrogatepass"),
        value=value,
        headers=json.loads(headers),
        appended_at=datetime.fromisoformat(appended_at),
    )
