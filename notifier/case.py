"""The step of a case: who is told next, and why. Pure; the wall clock's time is passed in, due times are data."""

from dataclasses import replace
from datetime import datetime

from carebell.errors import Refused
from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert, AlertStatus, Severity
from notifier.case_value import (
    ANSWERED,
    Acted,
    Caller,
    Case,
    CaseAction,
    CaseEvent,
    CaseStatus,
    Line,
    Move,
    Purpose,
    Raised,
    Tell,
    Undelivered,
    What,
)
from notifier.escalation import answer_home, escalate, new_round, remind, tell_again
from notifier.person import Person
from notifier.policy import Policy, PolicyBook

CALLERS_KEPT = 20
_AFTER_MOVE = {Move.ACCEPT: CaseStatus.ACCEPTED, Move.EN_ROUTE: CaseStatus.EN_ROUTE, Move.ARRIVED: CaseStatus.ARRIVED}
_LINE_OF = {
    Move.ACCEPT: What.ACCEPTED,
    Move.EN_ROUTE: What.EN_ROUTE,
    Move.ARRIVED: What.ARRIVED,
    Move.ESCALATE: What.ESCALATED,
    Move.CLOSE: What.CLOSED,
    Move.NOTE: What.NOTE,
}
CaseNext = Next[Case, CaseAction]


def open_case(
    alert: Alert, policy: Policy, people: tuple[Person, ...], now: datetime, *, label: str = "", address: str = ""
) -> CaseNext:
    """A new case for a home that has none open; its first steps are told at once."""
    case = Case(
        id=computed("case", alert.home_id, alert.id),
        home_id=alert.home_id,
        status=CaseStatus.OPEN,
        severity=alert.severity,
        summary=alert.summary,
        summary_zh=alert.summary_zh,
        opened_at=now,
        caused_at=alert.caused_at,
        policy=policy,
        people=people,
        round=1,
        round_began_at=now,
        next_step=0,
        last_call_at=now,
        called_at=now,
        label=label,
        address=address,
        rule=alert.rule,
        calls=_is_press(alert),
        callers=_callers((), alert),
    )
    opened = Line(what=What.OPENED, why=f"policy {policy.name}, version {policy.version}")
    return _after((opened, _signal(alert)), escalate(case, now))


def step(case: Case, event: CaseEvent, now: datetime, policies: PolicyBook) -> CaseNext:
    """What follows for an open case. Raises Refused where a person asks for what the case does not allow."""
    if isinstance(event, Raised):
        return _raised(case, event, now, policies)
    if isinstance(event, Acted):
        return _acted(case, event, now)
    if case.status is CaseStatus.CLOSED:
        return Next(case, (), None)
    if isinstance(event, Undelivered):
        return _undelivered(case, event.delivery_id, now)
    if case.due_at is not None and now < case.due_at:
        return Next(case, (), case.due_at)
    return remind(case, now) if case.status in ANSWERED else escalate(case, now)


def _after(lines: tuple[CaseAction, ...], following: CaseNext) -> CaseNext:
    return Next(following.state, lines + following.actions, following.due_at)


def _signal(alert: Alert) -> Line:
    return Line(
        what=What.SIGNAL,
        why=alert.summary,
        source_id=alert.source_ids[0] if alert.source_ids else "",
        data={
            "alert_id": alert.id,
            "rule": alert.rule,
            "status": alert.status.value,
            "severity": alert.severity.value,
            "device_id": alert.device_id,
            "summary_zh": alert.summary_zh,
            "evidence": list(alert.evidence),
            "rulebook": alert.rulebook,
        },
    )


def _is_press(alert: Alert) -> int:
    return int(alert.rule == "sos")


def _callers(known: tuple[Caller, ...], alert: Alert) -> tuple[Caller, ...]:
    if alert.rule != "sos" or not alert.source_ids:
        return known
    return (*known, Caller(alert.device_id, alert.source_ids[0]))[-CALLERS_KEPT:]


def _raised(case: Case, event: Raised, now: datetime, policies: PolicyBook) -> CaseNext:
    """A further alert joins the case. What only says that something is over is written down and ends nothing."""
    alert = event.alert
    line = _signal(alert)
    if alert.status is AlertStatus.RESOLVED:
        return Next(case, (line,), case.due_at)
    since_last = now - max(case.last_call_at, case.accepted_at or case.last_call_at)
    if alert.severity.rank >= min(case.severity.rank, Severity.HIGH.rank):
        # A fault that joins a call is no call: it must not make the next one look like a repeat.
        case = replace(
            case, calls=case.calls + _is_press(alert), callers=_callers(case.callers, alert), last_call_at=now
        )
    if alert.severity.rank > case.severity.rank:
        worse = replace(
            _with_who_is_there_now(case, event),
            severity=alert.severity,
            summary=alert.summary,
            summary_zh=alert.summary_zh,
            caused_at=alert.caused_at,
            rule=alert.rule,
            called_at=now,
            policy=policies.for_severity(alert.severity),
        )
        why = f"now {alert.severity.value}: {worse.policy.name} begins"
        return _after((line,), new_round(worse, now, why))
    if case.status is CaseStatus.OPEN or alert.severity.rank < Severity.HIGH.rank:
        return Next(case, (line,), case.due_at)
    if since_last > case.policy.group_for:
        again = replace(_with_who_is_there_now(case, event), called_at=now)
        return _after((line,), new_round(again, now, "called again long after it was accepted"))
    tells = tell_again(case, alert.id)
    if not tells:
        return _after(
            (line,), new_round(replace(case, called_at=now), now, "called again, and who accepted cannot be told")
        )
    coming = answer_home(case, case.callers[-1:] if alert.rule == "sos" else ())
    case = replace(case, again=tuple(tell.id for tell in tells if isinstance(tell, Tell)))
    return Next(case, (line, *tells, *coming), case.due_at)


def _with_who_is_there_now(case: Case, event: Raised) -> Case:
    """A case may be days old when it gets worse; whoever was registered since must be told too."""
    if not event.people:
        return case
    return replace(case, people=event.people, label=event.label, address=event.address)


def _acted(case: Case, event: Acted, now: datetime) -> CaseNext:
    line = Line(what=_LINE_OF[event.move], why=event.note, by=event.by)
    if event.move is Move.NOTE:
        return Next(case, (line,), case.due_at)
    if case.status is CaseStatus.CLOSED:
        raise Refused("the case is closed; a new call opens a new case")
    if event.move is Move.CLOSE:
        return _close(case, event, now)
    if event.move is Move.ESCALATE:
        return _escalate_now(case, line, now)
    return _answered(case, event, line, now)


def _answered(case: Case, event: Acted, line: Line, now: datetime) -> CaseNext:
    status = _AFTER_MOVE[event.move]
    if case.status in ANSWERED and event.by != case.accepted_by and event.move is Move.ACCEPT:
        raise Refused(f"already accepted by {case.accepted_by}; escalate to give it to somebody else")
    if list(CaseStatus).index(status) <= list(CaseStatus).index(case.status):
        return Next(case, (), case.due_at)
    is_first = case.status is CaseStatus.OPEN
    due_at = now + case.policy.remind_after
    answered = replace(
        case,
        status=status,
        accepted_by=event.by if is_first else case.accepted_by,
        accepted_at=now if is_first else case.accepted_at,
        due_at=due_at,
    )
    coming = answer_home(answered, case.callers) if is_first else ()
    return Next(answered, (line, *coming), due_at)


def _close(case: Case, event: Acted, now: datetime) -> CaseNext:
    if not event.outcome:
        raise Refused("a case is closed with an outcome")
    closed = replace(case, status=CaseStatus.CLOSED, closed_at=now, outcome=event.outcome, due_at=None)
    line = Line(what=What.CLOSED, why=event.note, by=event.by, data={"outcome": event.outcome})
    return Next(closed, (line,), None)


def _escalate_now(case: Case, line: Line, now: datetime) -> CaseNext:
    """The next tier at once; who had accepted gives the case back."""
    back = replace(case, status=CaseStatus.OPEN, accepted_by="", accepted_at=None)
    if back.next_step < len(back.policy.steps):
        following = escalate(back, now, at_once=True)
        if any(isinstance(action, Tell) for action in following.actions):
            return _after((line,), following)
    return _after((line,), new_round(back, now, "everybody was told already: from the beginning"))


def _undelivered(case: Case, delivery_id: str, now: datetime) -> CaseNext:
    """When nobody of the tier can be reached, the next one is told at once; when nobody in charge, everybody again."""
    if delivery_id in case.again and case.status in ANSWERED:
        case = replace(case, again=tuple(one for one in case.again if one != delivery_id))
        if case.again:
            return Next(case, (), case.due_at)
        return new_round(replace(case, called_at=now), now, "called again, and who accepted cannot be reached")
    failed = (*case.failed, delivery_id) if delivery_id in case.tier else case.failed
    case = replace(case, failed=failed)
    if case.status is not CaseStatus.OPEN or not case.tier or set(case.tier) - set(failed):
        return Next(case, (), case.due_at)
    if case.next_step >= len(case.policy.steps):
        return Next(case, (), case.due_at)
    line = Line(what=What.ESCALATED, why="nobody of the last tier could be reached")
    return _after((line,), escalate(case, now, at_once=True))


def wants(case: Case, purpose: Purpose) -> str:
    """Empty where a delivery is still to be made, otherwise why not: asked again just before it is sent."""
    if purpose is Purpose.COMING:
        return "" if case.status in ANSWERED else "nobody is coming any more"
    if case.status is CaseStatus.CLOSED:
        return "the case is closed"
    if purpose is Purpose.REMINDER and case.status not in ANSWERED:
        return "it was given back"
    if purpose is Purpose.CALL and case.status in ANSWERED:
        return f"accepted by {case.accepted_by}"
    return ""
