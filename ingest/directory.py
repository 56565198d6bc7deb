"""The homes as ingest knows them: the newest profile of each, followed from the log from its beginning."""

import asyncio
from datetime import timedelta

from carebell.log import Log, Reader
from carebell.topics import Topic
from carebell.types import HomeProfile
from carebell.wire import Unreadable, decode

_LIMIT = 1000
_WAIT = timedelta(seconds=1)


class Directory:
    """Read it as `directory.homes`; `run` keeps it new."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.homes: dict[str, HomeProfile] = {}

    async def open(self) -> Reader:
        """Everything that stands in the log now."""
        reader = await self._log.reader("directory", [Topic.HOMES])
        await reader.seek({(Topic.HOMES.value, part): 0 for part in reader.assignment().partitions})
        while await self._turn(reader, timedelta(0)):
            pass
        return reader

    async def run(self, reader: Reader, stop: asyncio.Event) -> None:
        """Follow the topic until told to stop."""
        try:
            while not stop.is_set():
                await self._turn(reader, _WAIT)
        finally:
            await reader.close()

    async def _turn(self, reader: Reader, wait: timedelta) -> bool:
        records = await reader.poll(_LIMIT, wait)
        for record in records:
            try:
                profile = decode(record.value)
            except Unreadable:
                continue
            if isinstance(profile, HomeProfile) and profile.revision >= self._revision(profile.home_id):
                self.homes[profile.home_id] = profile
        return bool(records)

    def _revision(self, home_id: str) -> int:
        known = self.homes.get(home_id)
        return -1 if known is None else known.revision
