"""Committing in tests that go on from what their group has committed."""

import asyncio
from datetime import timedelta

from carebell.clock import SystemClock, pause
from carebell.log import Positions, Reader
from tests.support.patience import PATIENCE_S, patiently

_AGAIN = timedelta(milliseconds=50)


async def commit(reader: Reader, positions: Positions) -> None:
    """Until the group has them: a log may return before that, and go on trying. Of partitions that it owns only."""
    await reader.commit(positions)
    async with asyncio.timeout(PATIENCE_S):
        while not positions.items() <= (await patiently(reader.committed)).items():
            await pause(SystemClock(), _AGAIN)
