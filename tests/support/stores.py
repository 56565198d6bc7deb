"""A store with moods, over the one that ships: it can be away, hang, go back in time, and be emptied."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from carebell.engine_sql import MEMORY
from carebell.errors import TryLater
from carebell.store import Change, Claim, Snapshot, Store
from carebell.store_sql import SqlStore


class MoodyStore:
    """`away` raises TryLater, `is_dumb` only where it should tell what it holds; while `answers` is not set, whoever asks
    waits. What was asked is counted."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.away = False
        self.is_dumb = False
        self.answers = asyncio.Event()
        self.answers.set()
        self.saves: list[Sequence[Change]] = []
        self.loads: list[int] = []

    async def empty(self) -> None:
        """Everything in it is forgotten."""
        await self.inner.close()
        self.inner = await SqlStore.open(MEMORY)

    async def claim(self, scope: str, partition: int, at: datetime) -> Claim:
        await self._mood()
        return await self.inner.claim(scope, partition, at)

    async def load(self, scope: str, partition: int) -> Snapshot:
        await self._mood()
        if self.is_dumb:
            raise TryLater("the store tells nothing")
        self.loads.append(partition)
        return await self.inner.load(scope, partition)

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        await self._mood()
        await self.inner.save(scope, changes)
        self.saves.append(changes)

    async def _mood(self) -> None:
        await self.answers.wait()
        if self.away:
            raise TryLater("the store is away")

    async def close(self) -> None:
        await self.inner.close()
