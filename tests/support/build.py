"""Values for tests, with what does not matter filled in."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from carebell.clock import Clock, ManualClock
from carebell.instruments import Instruments
from carebell.logs import open_logs
from carebell.telemetry import Telemetry
from carebell.types import Alert, AlertStatus, Severity
from devices.registry import Contact, Device, Home, Resident
from notifier.case import open_case
from notifier.case_value import Case, Purpose
from notifier.casebook import DeliveryRow, DeliveryStatus
from notifier.person import Person, Reach
from notifier.policy import PolicyBook, read_policies

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
SMS = "sms"
DESK = Person(person_id="desk-1", name="值班台", role="desk", reach=(Reach(SMS, "desk-1"),))
FAMILY = Person(person_id="family-1", name="李明", role="family", reach=(Reach(SMS, "family-1"),))
PROVIDER = Person(
    person_id="provider-1", name="Care Co", role="provider", language="en", reach=(Reach(SMS, "provider-1"),)
)
HEALTH = Person(person_id="health-1", name="卫生院", role="health_centre", reach=(Reach(SMS, "health-1"),))
PEOPLE = (DESK, FAMILY, PROVIDER, HEALTH)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def default_policies() -> PolicyBook:
    """The policies that are shipped."""
    path = ROOT / "deploy/policies/default.yaml"
    return read_policies(path.read_text(), path.name)


def instruments(clock: Clock | None = None) -> Instruments:
    return Instruments(clock or ManualClock(START), Telemetry(), open_logs(io.StringIO()))


def alert(
    id: str = "alert-1",
    *,
    home_id: str = "h1",
    severity: Severity = Severity.CRITICAL,
    rule: str = "sos",
    status: AlertStatus = AlertStatus.OPENED,
    at: datetime = START,
    device_id: str = "button-1",
    source_id: str | None = None,
    pre_alarm: timedelta = timedelta(0),
    is_test: bool = False,
) -> Alert:
    return Alert(
        id=id,
        rule=rule,
        home_id=home_id,
        status=status,
        at=at,
        severity=severity,
        summary=f"Call for help: button {device_id} was pressed.",
        summary_zh=f"呼救：按钮 {device_id} 被按下。",
        caused_at=at,
        source_ids=(f"source-of-{id}" if source_id is None else source_id,),
        device_id=device_id,
        pre_alarm=pre_alarm,
        is_test=is_test,
    )


def home(home_id: str = "h1", *, contacts: tuple[Contact, ...] | None = None) -> Home:
    """Li's home: a button, a pendant, a son who can be reached."""
    son = Contact(contact_id="family-1", name="李明", relation="son", phones=("13800000000",))
    return Home(
        home_id=home_id,
        label="幸福里 3-101",
        address="上海市杨浦区",
        residents=(Resident(resident_id="r1", name="李奶奶", birth_year=1940),),
        contacts=(son,) if contacts is None else contacts,
        devices=(Device(device_id="button-1", is_sos=True), Device(device_id="pendant-1", is_sos=True)),
    )


def case(*, people: tuple[Person, ...] = PEOPLE, **changes: object) -> Case:
    """A case that has just been opened by an SOS."""
    raised = alert()
    policy = default_policies().for_severity(raised.severity)
    opened = open_case(raised, policy, people, START, label="幸福里 3-101", address="上海市杨浦区").state
    return replace(opened, **changes)  # type: ignore[arg-type]


def delivery(**changes: object) -> DeliveryRow:
    """A call to the son, queued."""
    row = DeliveryRow(
        id="delivery-1",
        case_id="case-1",
        step="family",
        round=1,
        person_id="family-1",
        person="李明",
        role="family",
        language="zh-CN",
        channel=SMS,
        to="family-1",
        purpose=Purpose.CALL,
        why="family is told",
        source_id="",
        status=DeliveryStatus.QUEUED,
        created_at=START,
        attempts=0,
        caught=0,
        first_attempt_at=None,
        ended_at=None,
        detail="",
    )
    return replace(row, **changes)  # type: ignore[arg-type]
