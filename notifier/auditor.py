"""Watches the watcher: every open case has a next action, and what is due is done. Independent of the loops it looks at.

A beat to the outside (`on_audit`) is sent only when everything is in order; when it stops, somebody outside must look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from carebell.clock import wait_set
from carebell.errors import TryLater
from carebell.instruments import Instruments
from notifier.case_value import CaseStatus
from notifier.casebook import Casebook, Overview

EVERY = timedelta(seconds=5)
LATE_AFTER = timedelta(seconds=10)


class Auditor:
    """Looks at every open case and at whether the loops move; `problem` says what is wrong, empty when nothing is."""

    def __init__(
        self,
        *,
        casebook: Casebook,
        instruments: Instruments,
        on_audit: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._casebook = casebook
        self._clock = instruments.clock
        self._telemetry = instruments.telemetry
        self._logger = instruments.logger
        self._on_audit = on_audit
        self._progress = instruments.progress
        self.problem = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Every five seconds until told to stop."""
        while not stop.is_set():
            await self.turn()
            await wait_set(stop, self._clock, EVERY)

    async def turn(self) -> None:
        """One look."""
        now = self._clock.now()
        stuck: tuple[str, ...] = ()
        try:
            overview = await self._casebook.overview(now, LATE_AFTER)
        except TryLater as error:
            told = f"the cases cannot be read: {error.reason}"
        else:
            self._export(overview)
            told, stuck = _problem(overview), overview.without_next
        self.problem = "; ".join(
            part for part in (told, self._progress.standing_still(), self._progress.too_late()) if part
        )
        if self.problem:
            self._logger.error("audit failed", problem=self.problem, case_ids=list(stuck))
        elif self._on_audit is not None:
            await self._on_audit()
        self._progress.turned("audit")
        self._telemetry.audit_at.set(now.timestamp())

    def _export(self, overview: Overview) -> None:
        for status in CaseStatus:
            if status is not CaseStatus.CLOSED:
                self._telemetry.cases_open.labels(status).set(overview.open_by_status.get(status, 0))
        oldest = overview.oldest_unanswered_at
        age = timedelta(0) if oldest is None else self._clock.now() - oldest
        self._telemetry.oldest_unanswered.set(age.total_seconds())
        self._telemetry.overdue.labels("step").set(overview.cases_overdue)
        self._telemetry.overdue.labels("delivery").set(overview.deliveries_overdue)
        self._telemetry.without_next.set(len(overview.without_next))


def _problem(overview: Overview) -> str:
    parts = (
        (len(overview.without_next), "open cases have no next action"),
        (overview.cases_overdue, "cases were due and not stepped"),
        (overview.deliveries_overdue, "deliveries were due and not made"),
    )
    return "; ".join(f"{count} {what}" for count, what in parts if count)
