"""What a case is: the values its step works on. One open case per home gathers its alerts; only a human closes it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from carebell.step import earliest
from carebell.types import Alert, HomeProfile, Severity
from devices.confirm import Stage
from notifier.person import Person
from notifier.policy import Policy
from notifier.words import Said


class CaseStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    EN_ROUTE = "en_route"
    ARRIVED = "arrived"
    CLOSED = "closed"


# How a case ends that no human closed, because nobody was called: `cancelled` by the home, or a `test`.
CANCELLED = "cancelled"
TEST = "test"
ANSWERED = frozenset({CaseStatus.ACCEPTED, CaseStatus.EN_ROUTE, CaseStatus.ARRIVED})


class What(StrEnum):
    """The kinds of lines on a case's time line."""

    OPENED = "opened"
    SIGNAL = "signal"
    STEP = "step"
    SKIPPED = "skipped"
    LATER = "later"
    ROUND = "round"
    REMINDER = "reminder"
    PRE_ALARM = "pre_alarm"
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
    RECEIVED = "received"
    COMING = "coming"
    PRE_ALARM = "pre_alarm"
    TEST_OK = "test_ok"
    NOTE = "note"


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


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert of the home, and who may be told of it now; the case keeps its own people while it gets no worse."""

    alert: Alert
    people: tuple[Person, ...] = ()
    label: str = ""
    address: str = ""
    home: HomeProfile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A signal to a device of the home, and how far it has come. `best` is the surest stage that can be had of this device;
    `due_at` is when it becomes doubtful whether the home has heard, None where that is decided."""

    delivery_id: str
    purpose: Purpose
    device_id: str
    best: Stage
    asked_at: datetime
    stage: Stage = Stage.REQUESTED
    due_at: datetime | None = None
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A suspicion in its pre-alarm: nobody is called for it until then, and it may still be cancelled."""

    raised: Raised
    until: datetime

    @property
    def rank(self) -> int:
        return self.raised.alert.severity.rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Somebody whom a step has not told because of the hour: `until` then (None: in the next round), or until none of the
    deliveries that they stand `behind` can arrive."""

    person_id: str
    step: str
    until: datetime | None
    behind: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The state of a case. `due_at` is None only when it is closed; `called_at` is when what must be answered now began.

    `waiting` are suspicions in their pre-alarm, `confirmations` what the home was told. While one of them may come due
    before the case itself, `resume_at` is when that is. While `is_suspected`, there is nothing else: nobody has been
    called. `owed_at` is since when calls have been owed, where that is not since `caused_at`. `home` is as much of the
    home as is needed to tell it, and its clock. `later` are people whom this round has not told yet; a round
    `at_any_hour` leaves nobody.
    """

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
    owed_at: datetime | None = None
    waiting: tuple[Waiting, ...] = ()
    is_suspected: bool = False
    resume_at: datetime | None = None
    home: HomeProfile | None = None
    confirmations: tuple[Confirmation, ...] = ()
    later: tuple[Later, ...] = ()
    at_any_hour: bool = False

    @property
    def wakes_at(self) -> datetime | None:
        """When something comes due beside the case itself."""
        later = (one.until for one in self.later) if self.status is CaseStatus.OPEN else ()
        return earliest(self.pre_alarm_until, *(one.due_at for one in self.confirmations), *later)

    @property
    def next_step_at(self) -> datetime | None:
        """When people are next told."""
        own = self.due_at if self.wakes_at is None else self.resume_at
        return earliest(own, self.pre_alarm_until)

    @property
    def worst_waiting(self) -> Waiting | None:
        """The suspicion that is shown, the eldest of the most severe."""
        return max(self.waiting, key=lambda one: one.rank, default=None)

    @property
    def pre_alarm_until(self) -> datetime | None:
        """When calls begin, unless somebody answers before."""
        return min((one.until for one in self.waiting), default=None)

    def waits_until(self, source_id: str) -> datetime | None:
        """The end of the pre-alarm for a message of a device; None where it is over."""
        return next((one.until for one in self.waiting if source_id in one.raised.alert.source_ids), None)


@dataclass(frozen=True, slots=True)
class Woken:
    """The case's due time has come. `listening_since`: when whoever wakes it began to hear what devices answer."""

    listening_since: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class Heard:
    """A stage that a signal to the home has reached."""

    delivery_id: str
    stage: Stage


CaseEvent = Raised | Woken | Acted | Undelivered | Heard


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
    why: Said
    by: str = ""
    source_id: str = ""
    data: dict[str, JsonValue] = field(default_factory=dict)


CaseAction = Tell | Line
