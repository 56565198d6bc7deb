"""From alerts to cases: each alert opens a case or joins the open one, exactly once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from carebell.clock import pause, wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from carebell.log import Log, Reader, Record
from carebell.telemetry import Hop
from carebell.topics import Topic
from carebell.types import Alert, AlertStatus
from carebell.wire import Unreadable, decode
from devices.registry import Home
from notifier.case_value import Raised
from notifier.casebook import Casebook
from notifier.confirmation import what_matters
from notifier.person import Person, circle

GROUP = "notifier"
_LIMIT = 200
_WAIT = timedelta(seconds=1)
_AGAIN_AFTER = timedelta(milliseconds=250)


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
        while not stop.is_set():
            self._progress.turned("alerts")
            try:
                await self._read(stop)
            except OSError as error:
                self._logger.error("the alerts cannot be read", error=str(error))
                await wait_set(stop, self._clock, _AGAIN_AFTER)

    async def _read(self, stop: asyncio.Event) -> None:
        """With one reader, until it fails or the end has come."""
        reader = await self._log.reader(GROUP, [Topic.ALERTS])
        try:
            while not stop.is_set():
                await self.turn(reader, _WAIT)
        finally:
            await reader.close()

    async def turn(self, reader: Reader, wait: timedelta) -> int:
        """One batch, written down in one transaction; how many records it held."""
        records = await reader.poll(_LIMIT, wait)
        alerts = [(record, alert) for record in records if (alert := self._alert(record)) is not None]
        if alerts:
            await self._raise(alerts)
        if records:
            await reader.commit({record.place: record.offset + 1 for record in records})
        age = self._clock.now() - min((record.appended_at for record in records), default=self._clock.now())
        self._telemetry.oldest_unprocessed.labels(GROUP).set(max(0.0, age.total_seconds()))
        self._progress.turned("alerts")
        self._progress.behind("alerts", age.total_seconds())
        return len(records)

    def _alert(self, record: Record) -> Alert | None:
        try:
            alert = decode(record.value)
        except Unreadable as error:
            self._telemetry.rejected.labels("unreadable_record").inc()
            where = f"{record.topic}/{record.partition}/{record.offset}"
            self._logger.error("unreadable alert", record=where, detail=str(error))
            return None
        return alert if isinstance(alert, Alert) else None

    async def _raise(self, alerts: Sequence[tuple[Record, Alert]]) -> None:
        """The alerts are held until they are written down: reading on would leave them behind."""
        while True:
            try:
                raised = await self._with_people([alert for _, alert in alerts])
                cases = await self._casebook.raise_alerts(raised, self._clock.now())
                break
            except TryLater as error:
                self._logger.error("alerts not written down yet", count=len(alerts), error=error.reason)
                self._progress.turned("alerts")
                await pause(self._clock, _AGAIN_AFTER)
        now = self._clock.now()
        for (record, alert), case in zip(alerts, cases, strict=True):
            if case is not None and alert.status is AlertStatus.OPENED:
                self._telemetry.observe_rule(Hop.ALERT_TO_CASE, alert.rule, now - record.appended_at)
                self._logger.info("alert on a case", case_id=case.id, alert_id=alert.id, home_id=alert.home_id)

    async def _with_people(self, alerts: Sequence[Alert]) -> list[Raised]:
        """Asked anew each time, and what the registry does not tell twice: it may have been away with the casebook."""
        ids = list(dict.fromkeys(alert.home_id for alert in alerts))
        homes: dict[str, Home | TryLater | None] = {}
        for _ in range(2):
            missing = [one for one in ids if one not in homes or isinstance(homes[one], TryLater)]
            if homes and missing:
                # Raises TryLater while the casebook is away too: then all of it waits.
                await self._casebook.last_line()
            homes |= dict(zip(missing, await asyncio.gather(*map(self._home, missing)), strict=True))
        return [self._raised(alert, self._known(alert.home_id, homes[alert.home_id])) for alert in alerts]

    def _known(self, home_id: str, found: Home | TryLater | None) -> Home | None:
        """A registry that cannot be read must not keep a call from whoever is on duty."""
        if not isinstance(found, TryLater):
            return found
        problem = "the registry cannot be read: the family is not known"
        self._logger.error(problem, home_id=home_id, error=found.reason)
        return None

    def _raised(self, alert: Alert, home: Home | None) -> Raised:
        people = circle(home, self._responders, self._channels)
        if home is None:
            return Raised(alert, people)
        matters = what_matters(home.profile(0), alert.device_id)
        return Raised(alert, people, home.label, home.address, matters)

    async def _home(self, home_id: str) -> Home | TryLater | None:
        try:
            return await self._find_home(home_id)
        except TryLater as error:
            return error
