"""How an alert joins a case: as a line while people are being called, as a new round where it makes the case worse."""

from dataclasses import replace
from datetime import datetime

from carebell.step import Next
from carebell.types import Alert, Severity
from notifier.case_value import Caller, Case, CaseAction, CaseStatus, Line, Raised, Tell, What
from notifier.confirmation import SPEAKING, confirm_coming
from notifier.escalation import new_round, tell_again, tell_note
from notifier.policy import Policy, PolicyBook
from notifier.words import CALLED_AGAIN_LATE, CALLED_AGAIN_UNTOLD, Said, now_worse

CALLERS_KEPT = 20
CaseNext = Next[Case, CaseAction]


def after(lines: tuple[CaseAction, ...], following: CaseNext) -> CaseNext:
    """The same, with lines before it."""
    return Next(following.state, lines + following.actions, following.due_at)


def signal(alert: Alert) -> Line:
    """The line of an alert, with what it rests on."""
    return Line(
        what=What.SIGNAL,
        why=Said(alert.summary, alert.summary_zh),
        source_id=alert.source_ids[0] if alert.source_ids else "",
        data={
            "alert_id": alert.id,
            "rule": alert.rule,
            "status": alert.status.value,
            "severity": alert.severity.value,
            "device_id": alert.device_id,
            "evidence": list(alert.evidence),
            "rulebook": alert.rulebook,
        },
    )


def is_press(alert: Alert) -> int:
    """What it adds to the number of presses."""
    return int(alert.rule == "sos")


def caller_of(alert: Alert) -> Caller | None:
    """The device that made the alert, where its message is known."""
    return Caller(alert.device_id, alert.source_ids[0]) if alert.source_ids and alert.device_id else None


def with_caller(known: tuple[Caller, ...], alert: Alert) -> tuple[Caller, ...]:
    """Whoever is told that somebody is coming."""
    caller = caller_of(alert)
    if alert.rule not in SPEAKING or caller is None or caller in known:
        return known
    return (*known, caller)[-CALLERS_KEPT:]


def join(case: Case, event: Raised, now: datetime, policies: PolicyBook) -> CaseNext:
    """What follows from an alert for a case whose people have been called."""
    alert = event.alert
    since_last = now - max(case.last_call_at, case.accepted_at or case.last_call_at)
    if alert.severity.rank >= min(case.severity.rank, Severity.HIGH.rank):
        # A fault that joins a call is no call: it must not make the next one look like a repeat.
        case = called(case, alert, now)
    policy = policies.for_alert(alert.rule, alert.severity)
    if _is_worse(case, alert, policy):
        why = now_worse(alert.severity.value, policy.name)
        has_left = case.status is CaseStatus.OPEN and bool(case.later)
        return new_round(adopt(case, event, now, policy), now, why, is_new_call=not has_left)
    if alert.severity.rank < Severity.HIGH.rank:
        return Next(case, _note(case, event, policies), case.due_at)
    if case.status is CaseStatus.OPEN:
        return Next(case, (), case.due_at)
    return _called_again(case, event, now, is_late=since_last > case.policy.group_for)


def _note(case: Case, event: Raised, policies: PolicyBook) -> tuple[CaseAction, ...]:
    """What has a policy of its own is still told to whom it is for: a note to the doctor, beside an open fault."""
    alert = event.alert
    policy = policies.by_rule.get((alert.rule, alert.severity))
    if policy is None or policy.name == case.policy.name:
        return ()
    return tuple(tell_note(case, event.people or case.people, policy, alert))


def called(case: Case, alert: Alert, now: datetime) -> Case:
    """A call that is part of the case."""
    callers = with_caller(case.callers, alert)
    return replace(case, calls=case.calls + is_press(alert), callers=callers, last_call_at=now)


def _is_worse(case: Case, alert: Alert, policy: Policy) -> bool:
    """More severe; or as severe, and of a rule whose policy calls people sooner: a fire in a home that has called."""
    if alert.severity.rank != case.severity.rank or alert.severity.rank < Severity.HIGH.rank:
        return alert.severity.rank > case.severity.rank
    return policy.is_more_urgent_than(case.policy)


def _called_again(case: Case, event: Raised, now: datetime, *, is_late: bool) -> CaseNext:
    """A further call in a case that somebody has accepted."""
    alert = event.alert
    if is_late:
        again = replace(with_who_is_there_now(case, event), called_at=now, owed_at=alert.caused_at)
        return new_round(again, now, CALLED_AGAIN_LATE, is_new_call=True)
    # What was suspected and is then certain under its own id is told twice.
    tells = tell_again(case, f"{alert.id}/suspected" if alert.pre_alarm else alert.id)
    if not tells:
        again = replace(case, called_at=now, owed_at=alert.caused_at)
        return new_round(again, now, CALLED_AGAIN_UNTOLD)
    caller = caller_of(alert)
    case, coming = confirm_coming(case, [one for one in case.callers if one == caller], now)
    case = replace(case, again=tuple(tell.id for tell in tells if isinstance(tell, Tell)))
    return Next(case, (*tells, *coming), case.due_at)


def adopt(case: Case, event: Raised, now: datetime, policy: Policy) -> Case:
    """The case is now about this alert. A number that people were told to call stays; nobody is left for later by steps
    that are not its own."""
    alert = event.alert
    return replace(
        with_who_is_there_now(case, event),
        severity=alert.severity,
        summary=alert.summary,
        summary_zh=alert.summary_zh,
        caused_at=alert.caused_at,
        owed_at=None,
        rule=alert.rule,
        called_at=now,
        later=(),
        policy=policy if policy.call else replace(policy, call=case.policy.call),
    )


def with_who_is_there_now(case: Case, event: Raised) -> Case:
    """A case may be days old when it gets worse; whoever was registered since must be told too."""
    if not event.people:
        return case
    return replace(case, people=event.people, label=event.label, address=event.address)
