"""From alerts to cases: each alert opens a case or joins the open one, exactly once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.log import Log, Reader, Record
from carebell.telemetry import Hop
from carebell.topics import Topic
from carebell.types import Alert, AlertStatus
from carebell.wire import Unreadable, decode
from devices.registry import Home
from notifier.casebook import Casebook
from notifier.person import Person, circle

GROUP = "notifier"
_LIMIT = 200
_WAIT = timedelta(seconds=1)


class Intake:
    """The loop that reads the alerts."""

    def __init__(
        self,
        *,
        log: Log,
        casebook: Casebook,
        find_home: Callable[[str], Awaitable[Home | None]],
        responders: Sequence[Person],
        channels: Sequence[str],
        instruments: Instruments,
    ) -> None:
        self._log = log
        self._casebook = casebook
        self._find_home = find_home
        self._responders = responders
        self._channels = frozenset(channels)
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._progress = instruments.progress
        self._logger = instruments.logger

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop; the positions are committed behind what is written down."""
        reader = await self._log.reader(GROUP, [Topic.ALERTS])
        try:
            while not stop.is_set():
                await self.turn(reader, _WAIT)
        finally:
            await reader.close()

    async def turn(self, reader: Reader, wait: timedelta) -> int:
        """One batch; how many records it held."""
        records = await reader.poll(_LIMIT, wait)
        self._progress.turned("alerts")
        for record in records:
            await self._take(record)
        if records:
            await reader.commit({record.place: record.offset + 1 for record in records})
        return len(records)

    async def _take(self, record: Record) -> None:
        try:
            alert = decode(record.value)
        except Unreadable as error:
            self._telemetry.rejected.labels("unreadable_record").inc()
            where = f"{record.topic}/{record.partition}/{record.offset}"
            self._logger.error("unreadable alert", record=where, detail=str(error))
            return
        if isinstance(alert, Alert):
            await self._raise(alert, record)

    async def _home(self, home_id: str) -> Home | None:
        """A registry that cannot be read must not keep a call from whoever is on duty."""
        try:
            return await self._find_home(home_id)
        except TryLater as error:
            self._logger.error(
                "the registry cannot be read: the family is not known", home_id=home_id, error=error.reason
            )
            return None

    async def _raise(self, alert: Alert, record: Record) -> None:
        home = await self._home(alert.home_id)
        people = circle(home, self._responders, self._channels)
        now = self._clock.now()
        case = await self._casebook.raise_alert(
            alert,
            people,
            now,
            label="" if home is None else home.label,
            address="" if home is None else home.address,
        )
        if case is not None and alert.status is AlertStatus.OPENED:
            self._telemetry.observe_rule(Hop.ALERT_TO_CASE, alert.rule, self._clock.now() - record.appended_at)
            self._logger.info("alert on a case", case_id=case.id, alert_id=alert.id, home_id=alert.home_id)
