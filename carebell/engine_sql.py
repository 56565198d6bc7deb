"""How a SQL database is opened, and how work is done in it: a function of a connection, in one transaction.

On SQLite the function runs in a thread of the database: one hand-over between loop and thread a transaction, not one a
statement. Stock pysqlite does not BEGIN before a SELECT, so that a read-modify-write can lose updates without an error;
here every writing transaction takes the write lock first. One connection writes, so that writers queue in order instead
of polling for the lock; readers have connections of their own and never wait for a writer (WAL). On PostgreSQL the same
functions run on an asynchronous connection.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

BUSY_TIMEOUT_MS = 5000
MEMORY = "sqlite://"
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
    """Connect to `sqlite:///FILE`, `MEMORY` or `postgresql+asyncpg://…` and make the tables that are missing.

    `is_rebuildable`: a power cut may take the last commits of SQLite back, all of each.
    """
    database: Database
    if url.startswith("sqlite"):
        database = SqliteDatabase(url, "NORMAL" if is_rebuildable else "FULL")
    else:
        database = PostgresDatabase(create_async_engine(url, pool_pre_ping=True))
    await database.write(metadata.create_all)
    return database


class SqliteDatabase:
    """A file, or memory, with a thread that writes and threads that read."""

    def __init__(self, url: str, synchronous: str) -> None:
        self._writer = _engine(url, 1, synchronous, "BEGIN IMMEDIATE")
        self._write_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sql-write")
        self._reader, self._read_threads = self._writer, self._write_thread
        if url != MEMORY:
            self._reader = _engine(url, _READERS, synchronous, "BEGIN")
            self._read_threads = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="sql-read")

    async def write(self, work: Work[Result]) -> Result:
        def transaction() -> Result:
            with self._writer.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._write_thread, transaction)

    async def read(self, work: Work[Result]) -> Result:
        def view() -> Result:
            with self._reader.connect() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, view)

    async def close(self) -> None:
        """After what is under way."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._write_thread, self._writer.dispose)
        self._write_thread.shutdown(wait=True)
        if self._reader is not self._writer:
            self._read_threads.shutdown(wait=True)
            self._reader.dispose()


class PostgresDatabase:
    """The same functions, run over an asynchronous driver."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def write(self, work: Work[Result]) -> Result:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def read(self, work: Work[Result]) -> Result:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _engine(url: str, connections: int, synchronous: str, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare(synchronous))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare(synchronous: str) -> Callable[[Any, Any], None]:
    pragmas = (
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    )

    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare
