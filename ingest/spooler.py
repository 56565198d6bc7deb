"""A call for help that the log has not taken for a while goes to the local disk, and from there into the log once it can.

The broker holds it as well, as it is not acknowledged: the spool is for the case that the broker dies too.
"""

import asyncio
from collections.abc import Sequence, Set
from pathlib import Path

from carebell.errors import TooLarge
from carebell.instruments import Instruments
from carebell.log import Entry, Log
from carebell.topics import Topic, partition_of
from ingest.spool_sqlite import NOTHING, Spool
from ingest.taken import Taken

SPOOL_AFTER_S = 5.0
_PIECE = 500


async def open_spooler(folder: Path | None, log: Log, instruments: Instruments) -> "Spooler":
    """Homes are heard also when the disk fails: that is told of, and the broker keeps what the log does not take."""
    try:
        return Spooler(None if folder is None else await Spool.open(folder), log, instruments)
    except OSError as error:
        instruments.logger.error("the spool cannot be opened", error=str(error))
        return Spooler(None, log, instruments, str(error))


class Spooler:
    """`turn` is called every second with everything urgent that is under way."""

    def __init__(self, spool: Spool | None, log: Log, instruments: Instruments, failure: str = "") -> None:
        self._spool = spool
        self._log = log
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._in_the_log: list[str] = []
        self._waiting = 0
        self._late = 0
        self._failure = failure
        self._draining: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        """What a person must know; empty when nothing waits."""
        if self._failure:
            return f"calls for help cannot be kept on local disk: {self._failure}"
        if waiting := max(self._waiting, self._late):
            return f"{waiting} calls for help wait for the log" + (" on local disk" if self._waiting else "")
        return ""

    def appended(self, taken: Taken) -> None:
        """It is in the log now."""
        if taken.is_spooled:
            self._in_the_log += _ids([taken])

    async def turn(self, urgent: Sequence[Taken]) -> None:
        """Spool what is late, forget what the log has, and bring the rest there."""
        late = [one for one in urgent if self._clock.monotonic() - one.waits_since_s >= SPOOL_AFTER_S]
        self._late = len(set(_ids(late)))
        if self._spool is None:
            return
        try:
            await self._forget(self._spool)
            await self._keep(self._spool, [one for one in late if not one.is_spooled])
            self._waiting = await self._spool.count()
            self._failure = ""
        except OSError as error:
            self._failure = str(error)
            self._logger.error("the spool fails", error=str(error), calls=len(late))
        self._telemetry.spool_waiting.set(self._waiting)
        under_way = set(_ids([one for one in urgent if one.is_spooled]))
        if self._waiting > len(under_way) and (self._draining is None or self._draining.done()):
            self._draining = asyncio.create_task(self._drain(self._spool, under_way))

    async def _forget(self, spool: Spool) -> None:
        if self._in_the_log:
            ids, self._in_the_log = self._in_the_log, []
            try:
                await spool.remove(ids)
            except OSError:
                self._in_the_log += ids
                raise

    async def _keep(self, spool: Spool, late: Sequence[Taken]) -> None:
        entries = [entry for one in late for entry in one.entries if entry.topic == Topic.URGENT]
        if not entries:
            return
        kept = await spool.keep(entries, self._clock.now())
        for one in late:
            one.is_spooled = True
            if one.is_done:  # while it was being written
                self.appended(one)
        if kept:  # not what a device only repeats
            self._telemetry.spooled.inc(kept)
            self._logger.error("calls for help wait on local disk: the log does not take them", calls=kept)

    async def _drain(self, spool: Spool, under_way: Set[str]) -> None:
        """Once through, in the order in which they came. What is under way comes by itself; what the log has by now from
        elsewhere has the same id. A partition that takes nothing holds up no other."""
        away: set[int] = set()
        after = NOTHING
        try:
            while len(away) < self._log.partitions and (piece := await spool.behind(after, _PIECE)):
                after = piece[-1].place
                parts: dict[int, list[Entry]] = {}
                for row in piece:
                    if row.place[1] not in under_way:
                        parts.setdefault(partition_of(row.entry.key, self._log.partitions), []).append(row.entry)
                for part in parts.keys() - away:
                    if not await self._append(spool, parts[part]):
                        away.add(part)
        except OSError as error:
            self._logger.error("the spool fails", error=str(error))

    async def _append(self, spool: Spool, entries: Sequence[Entry]) -> bool:
        try:
            await self._log.append(entries, self._clock.now())
        except TooLarge as error:
            self._logger.error("the spool holds what the log refuses", error=error.reason, calls=len(error.places))
            rest = [entry for place, entry in enumerate(entries) if place not in error.places]
            return not rest or await self._append(spool, rest)
        except OSError as error:
            self._logger.error("the spool could not be brought into the log", error=str(error))
            return False
        await spool.remove(entry.headers["ce_id"] for entry in entries)
        self._logger.warning("calls for help came from local disk into the log", calls=len(entries))
        return True

    async def close(self) -> None:
        """What stands in the spool stays there for the next start."""
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.gather(self._draining, return_exceptions=True)
        if self._spool is not None:
            await self._spool.close()


def _ids(taken: Sequence[Taken]) -> list[str]:
    return [entry.headers["ce_id"] for one in taken for entry in one.entries if entry.topic == Topic.URGENT]
