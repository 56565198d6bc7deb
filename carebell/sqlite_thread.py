"""One SQLite connection and the thread it lives in, for adapters that need its raw speed."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class SqliteThread:
    """One connection and the thread it lives in."""

    def __init__(self, path: str, name: str) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._path = path
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(self._open()))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, uri=self._path.startswith("file:"), check_same_thread=False
            )
            try:
                for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
                    connection.execute(f"PRAGMA {pragma}")
            except sqlite3.Error:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    async def close(self) -> None:
        connection = self._connection
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._threads, connection.close)
        self._threads.shutdown(wait=True)
