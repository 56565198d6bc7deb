"""How a SQL database is opened: pragmas and transactions that do what they say.

Stock pysqlite does not BEGIN before a SELECT, so that a read-modify-write can lose updates without an error; here every
writing transaction on SQLite takes the write lock first. One connection writes, so that writers queue in order instead of
polling for the lock; readers have connections of their own and never wait for a writer (WAL).
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

BUSY_TIMEOUT_MS = 5000
MEMORY = "sqlite+aiosqlite://"


class Database:
    """Build with `Database.open(url, metadata)`: `sqlite+aiosqlite:///FILE`, `MEMORY`, or `postgresql+asyncpg://…`."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    async def open(cls, url: str, metadata: sa.MetaData, *, is_rebuildable: bool = False) -> "Database":
        """Connect and make the tables that are missing. `is_rebuildable`: a power cut may take the last commits back."""
        database = cls(*_engines(url, "NORMAL" if is_rebuildable else "FULL"))
        async with database.writing() as connection:
            await connection.run_sync(metadata.create_all)
        return database

    def writing(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that commits at the end, or not at all."""
        return self._writer.begin()

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A view of what is committed."""
        return self._reader.connect()

    async def close(self) -> None:
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()


def _engines(url: str, synchronous: str) -> tuple[AsyncEngine, AsyncEngine]:
    if not url.startswith("sqlite"):
        engine = create_async_engine(url, pool_pre_ping=True)
        return engine, engine
    writer = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=1, max_overflow=0)
    event.listen(writer.sync_engine, "connect", _prepare(synchronous))
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    if url == MEMORY:
        return writer, writer
    reader = create_async_engine(url, poolclass=AsyncAdaptedQueuePool, pool_size=4, max_overflow=0)
    event.listen(reader.sync_engine, "connect", _prepare(synchronous))
    event.listen(reader.sync_engine, "begin", _begin_deferred)
    return writer, reader


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


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
