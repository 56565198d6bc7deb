"""The homes as ingest knows them: the newest profile of each, followed from the log from its beginning."""

import asyncio
from datetime import timedelta

from carebell.clock import Clock, wait_set
from carebell.log import Log, Reader
from carebell.topics import Topic
from carebell.types import HomeProfile
from carebell.wire import Unreadable, decode
from ingest.roster import Roster

_LIMIT = 1000
_WAIT = timedelta(seconds=1)


class Directory:
    """Read it as `directory.roster`; `run` keeps it new."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self.roster = Roster()

    async def open(self) -> Reader:
        """Everything that stands in the log now."""
        reader = await self._log.reader(None, [Topic.HOMES])
        try:
            while await self._turn(reader, timedelta(0)):
                pass
        except BaseException:
            await reader.close()
            raise
        return reader

    async def run(self, following: Reader, stop: asyncio.Event) -> None:
        """Follow the topic until told to stop. While the log is away, what is known of the homes stays good."""
        reader: Reader | None = following
        try:
            while not stop.is_set():
                try:
                    reader = reader or await self._log.reader(None, [Topic.HOMES])
                    await self._turn(reader, _WAIT)
                except OSError:
                    lost, reader = reader, None
                    if lost is not None:
                        await lost.close()
                    await wait_set(stop, self._clock, _WAIT)
        finally:
            if reader is not None:
                await reader.close()

    async def _turn(self, reader: Reader, wait: timedelta) -> bool:
        records = await reader.poll(_LIMIT, wait)
        for record in records:
            try:
                profile = decode(record.value)
            except Unreadable:
                continue
            if isinstance(profile, HomeProfile) and profile.revision >= self._revision(profile.home_id):
                self.roster.put(profile)
        return bool(records)

    def _revision(self, home_id: str) -> int:
        known = self.roster.homes.get(home_id)
        return -1 if known is None else known.revision
