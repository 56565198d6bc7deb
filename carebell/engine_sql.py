"""How a SQL database is opened, and how work is done in it: a function of a connection, in one transaction.

On SQLite the function runs in a thread of the database: one hand-over between loop and thread a transaction, not one a
statement. Stock pysqlite does not BEGIN before a SELECT, so that a read-modify-write can lose updates without an error;
here every writing transaction takes the write lock first. One connection writes, so that writers queue in order instead
of polling for the lock; readers have connections of their own and never wait for a writer (WAL). On PostgreSQL the same
functions run on an asynchronous connection (`postgres_sql`), and nobody but `carebell admin migrate` makes tables.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import QueuePool

from carebell.errors import BadInput, TryLater
from carebell.postgres_sql import PostgresDatabase, first_line

BUSY_TIMEOUT_MS = 5000
MEMORY = "sqlite://"
# The newest of deploy/migrations/versions.
SCHEMA = "0003"
AT_ONCE = 64
_READERS = 2
Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]


class Database(Protocol):
    """Build with `open_database`."""

    async def write(self, work: Work[Result]) -> Result:
        """Do work in a transaction that commits at its end, or not at all."""
        ...

    async def read(self, work: Work[Result]) -> Result:
        """Do work on a view of what is committed."""
        ...

    async def close(self) -> None: ...


async def open_database(url: str, metadata: sa.MetaData, *, is_rebuildable: bool = False) -> Database:
    """Connect to `sqlite:///FILE` or `MEMORY`, where missing tables are made, or to `postgresql+asyncpg://…`, where the
    schema must be the one of this program. Raises TryLater where PostgreSQL does not answer.

    `is_rebuildable`: a power cut may take the last commits of SQLite back, all of each.
    """
    if not url.startswith("sqlite"):
        return await _open_postgres(url)
    database = SqliteDatabase(url, "NORMAL" if is_rebuildable else "FULL")
    try:
        await database.write(metadata.create_all)
    except (TryLater, sa.exc.DatabaseError) as error:
        await database.close()
        raise BadInput(f"{url.rpartition('///')[2]}: this database cannot be opened: {error}"[:300]) from error
    return database


async def _open_postgres(url: str) -> Database:
    database = PostgresDatabase(url)
    try:
        problem = await schema_problem(database)
    except sa.exc.SQLAlchemyError as error:
        problem = f"this database cannot be opened: {first_line(error)}"
    except TryLater:
        await database.close()
        raise
    if problem:
        await database.close()
        raise BadInput(f"PostgreSQL: {problem}")
    return database


async def schema_problem(database: Database) -> str:
    """Why this program must not work with the tables of a PostgreSQL; empty when it may."""
    version = await database.read(schema_version)
    if version is None:
        return "it has no tables yet: run `carebell admin migrate`"
    if version < SCHEMA:
        return f"its tables are of version {version}, this program needs {SCHEMA}: run `carebell admin migrate`"
    if version > SCHEMA:
        return (
            f"its tables are of version {version}, newer than this program knows ({SCHEMA}): update the program; "
            "`carebell admin migrate` of the newer one has run already"
        )
    return ""


def schema_version(connection: sa.Connection) -> str | None:
    """What `carebell admin migrate` has written down; None before its first run."""
    if connection.scalar(sa.text("SELECT to_regclass('alembic_version')::text")) is None:
        return None
    version: str | None = connection.scalar(sa.text("SELECT max(version_num) FROM alembic_version"))
    return version


class SqliteDatabase:
    """A file, or memory, with a thread that writes and threads that read."""

    def __init__(self, url: str, synchronous: str, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self._writer = _engine(url, 1, _prepare(synchronous, busy_timeout_ms), "BEGIN IMMEDIATE")
        self._write_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql-write")
        self._reader, self._read_threads = self._writer, self._write_thread
        if url != MEMORY:
            self._reader = _engine(url, _READERS, _prepare(synchronous, busy_timeout_ms), "BEGIN")
            self._read_threads = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="sql-read")
        self._waiting: list[tuple[Work[Any], asyncio.Future[Any]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def write(self, work: Work[Result]) -> Result:
        """What waits together is committed together, each piece of work in a savepoint of its own: an fsync is shared,
        and a piece that fails takes only itself back."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit())
        return await done

    async def _commit(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                works = [work for work, _ in batch]
                loop = asyncio.get_running_loop()
                try:
                    ends = await loop.run_in_executor(self._write_thread, self._transaction, works)
                except Exception as error:  # noqa: BLE001 - whatever it was, whoever waits is told
                    ends = [(None, error)] * len(batch)
                for (_, done), (result, failure) in zip(batch, ends, strict=True):
                    if done.cancelled():
                        continue
                    if failure is None:
                        done.set_result(result)
                    else:
                        done.set_exception(_told(failure))
        finally:
            self._committing = None

    def _transaction(self, works: Sequence[Work[Any]]) -> list[tuple[Any, Exception | None]]:
        with self._writer.begin() as connection:
            return [_savepoint(connection, work) for work in works]

    async def read(self, work: Work[Result]) -> Result:
        def view() -> Result:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, view)

    async def close(self) -> None:
        """After what is under way."""
        if self._committing is not None:
            await asyncio.gather(self._committing, return_exceptions=True)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._write_thread, self._writer.dispose)
        self._write_thread.shutdown(wait=True)
        if self._reader is not self._writer:
            self._read_threads.shutdown(wait=True)
            self._reader.dispose()


def _told(failure: Exception) -> Exception:
    """A database that is held, full or gone may take it later; anything else is what it is."""
    if isinstance(failure, sa.exc.OperationalError):
        return TryLater(f"the database cannot be written: {failure.orig}")
    return failure


def _savepoint(connection: sa.Connection, work: Work[Any]) -> tuple[Any, Exception | None]:
    try:
        with connection.begin_nested():
            return work(connection), None
    except Exception as error:  # noqa: BLE001 - it goes to whoever asked for this piece of work
        return None, error


def _engine(url: str, connections: int, prepare: Callable[[Any, Any], None], begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        # Parameters are people's names and addresses: no error and no log line may repeat them.
        hide_parameters=True,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare(synchronous: str, busy_timeout_ms: int) -> Callable[[Any, Any], None]:
    pragmas = (
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        f"busy_timeout={busy_timeout_ms}",
        "foreign_keys=ON",
    )

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare
