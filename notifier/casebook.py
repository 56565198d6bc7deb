"""The port of the casebook: what other modules ask of it, and the values it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import JsonValue

from carebell.types import Alert
from notifier.case_value import Acted, Case, Heard, Purpose, Raised
from notifier.person import Person


class DeliveryStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """A line of a time line as it is kept; `id` rises over all cases and is the id of the feed."""

    id: int
    case_id: str
    home_id: str
    at: datetime
    what: str
    by: str
    why: str
    source_id: str
    status: str
    severity: str
    data: dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery as it is kept."""

    id: str
    case_id: str
    step: str
    round: int
    person_id: str
    person: str
    role: str
    language: str
    channel: str
    to: str
    purpose: Purpose
    why: str
    source_id: str
    status: DeliveryStatus
    created_at: datetime
    attempts: int
    caught: int
    first_attempt_at: datetime | None
    ended_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery whose lease is ours. `was_caught`: an earlier attempt began and was never recorded."""

    delivery: DeliveryRow
    case: Case
    fence: int
    due_at: datetime
    was_caught: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended. `retry_at` is set where it is to be tried again."""

    status: DeliveryStatus
    detail: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the auditor looks at: numbers over all cases at one moment."""

    open_by_status: dict[str, int]
    oldest_unanswered_at: datetime | None
    cases_overdue: int
    deliveries_overdue: int
    without_next: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Cases, newest first, and where the next page begins."""

    cases: tuple[tuple[Case, datetime], ...]
    next: str | None


class Casebook(Protocol):
    """State, due time, deliveries and lines of a case change in one transaction."""

    async def raise_alert(
        self, alert: Alert, people: tuple[Person, ...], at: datetime, *, label: str, address: str
    ) -> Case | None:
        """Open a case or let the alert join the open one; None where this alert was written down before."""
        ...

    async def raise_alerts(self, raised: Sequence[Raised], at: datetime) -> Sequence[Case | None]:
        """The same for several, in their order, in one transaction. A suspicion that another of them cancels in its
        pre-alarm calls nobody, however late both are read."""
        ...

    async def act(self, case_id: str, acted: Acted, at: datetime) -> Case | None:
        """What a person did; None for an unknown case. Raises Refused."""
        ...

    async def heard(self, heard: Heard, at: datetime) -> bool:
        """What a device said of a signal to it; False where no delivery has that id. The same again changes nothing."""
        ...

    async def wake(self, at: datetime, limit: int, *, listening_since: datetime | None = None) -> int:
        """Step the cases whose time has come; how many. `listening_since`: when we began to hear what devices answer."""
        ...

    async def signalled(self, since: datetime, limit: int) -> Sequence[Case]:
        """Open cases whose homes were to be shown something since then, the newest first."""
        ...

    async def claim(
        self,
        at: datetime,
        *,
        owner: str,
        lease: timedelta,
        limit: int,
        busy: Sequence[str] = (),
        taking_over: bool = True,
    ) -> Sequence[Claimed]:
        """Take deliveries that are due, calls for help first; of channels that are `busy` only those. `taking_over`:
        also those whose holder's lease has ended."""
        ...

    async def extend(self, claims: Sequence[Claimed], until: datetime) -> frozenset[str]:
        """Keep leases longer; the ids of the deliveries that are still held."""
        ...

    async def record(self, claimed: Claimed, outcome: Outcome, at: datetime) -> bool:
        """Write down how an attempt ended; False where somebody else holds the delivery by now. What waits together is
        written together."""
        ...

    async def release(self, owner: str) -> int:
        """Give back the leases of an owner that is known to be dead."""
        ...

    async def next_due(self) -> datetime | None: ...

    async def overview(self, at: datetime, late_after: timedelta) -> Overview: ...

    async def case(self, case_id: str) -> tuple[Case, datetime] | None: ...

    async def cases(
        self, statuses: Sequence[str], limit: int, cursor: str | None, *, home_id: str = "", outcome: str = ""
    ) -> Page:
        """A page of cases; those with an outcome are closed."""
        ...

    async def lines(self, *, after: int, limit: int, case_id: str | None = None) -> Sequence[LineRow]:
        """Lines behind an id, oldest first, of a case or of all. Of all, only those that no line to come stands before:
        whoever goes on from the last id misses none."""
        ...

    async def last_line(self) -> int: ...

    async def lines_behind(self, after: int, at_most: int) -> int:
        """How many lines of all cases stand behind an id, counted no further than `at_most`."""
        ...

    async def deliveries(self, case_id: str) -> Sequence[DeliveryRow]: ...

    async def relayed(self, name: str) -> int: ...

    async def relay_to(self, name: str, line_id: int) -> None:
        """Move a mark forward; it never goes back."""
        ...

    async def close(self) -> None: ...
