"""What a case is: the values its step works on. One open case per home gathers its alerts; only a human closes it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from carebell.types import Alert, Severity
from notifier.person import Person
from notifier.policy import Policy


class CaseStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    CLOSED = "closed"


ANSWERED = frozenset({CaseStatus.ACCEPTED, CaseStatus.EN_ROUTE, CaseStatus.ARRIVED})


class What(StrEnum):
    """The kinds of lines on a case's time line."""

    OPENED = "opened"
    SIGNAL = "signal"
    STEP = "step"
    SKIPPED = "skipped"
    ROUND = "round"
    REMINDER = "reminder"
    DELIVERY = "delivery"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    NOTE = "note"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Purpose(StrEnum):
    """Why somebody is told."""

    CALL = "call"
    AGAIN = "again"
    REMINDER = "reminder"
    COMING = "coming"


class Move(StrEnum):
    """What a person can do with a case."""

    ACCEPT = "accept"
    EN_ROUTE = "en-route"
    ARRIVED = "arrived"
    NOTE = "note"
    ESCALATE = "escalate"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Caller:
    """A device that called, and its own id of the message: it is told when somebody is coming."""

    device_id: str
    source_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The state of a case. `due_at` is None only when it is closed; `called_at` is when what must be answered now began."""

    id: str
    home_id: str
    status: CaseStatus
    severity: Severity
    summary: str
    summary_zh: str
    opened_at: datetime
    caused_at: datetime
    policy: Policy
    people: tuple[Person, ...]
    round: int
    round_began_at: datetime
    next_step: int
    last_call_at: datetime
    called_at: datetime
    label: str = ""
    address: str = ""
    rule: str = "sos"
    calls: int = 0
    callers: tuple[Caller, ...] = ()
    tier: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    reminders: int = 0
    accepted_by: str = ""
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert of the home, and who may be told of it now; the case keeps its own people while it gets no worse."""

    alert: Alert
    people: tuple[Person, ...] = ()
    label: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Woken:
    """The case's due time has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A person did something."""

    move: Move
    by: str
    note: str = ""
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A delivery that will never arrive."""

    delivery_id: str


CaseEvent = Raised | Woken | Acted | Undelivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """A delivery to make."""

    id: str
    step: str
    round: int
    person: Person
    channel: str
    to: str
    purpose: Purpose
    why: str
    source_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line for the time line."""

    what: What
    why: str
    by: str = ""
    source_id: str = ""
    data: dict[str, JsonValue] = field(default_factory=dict)


CaseAction = Tell | Line
