"""A suspected fall waits in the open: the case is there at once, and people are called when its pre-alarm has passed.

cause ─────────── pre-alarm ───────────▶ calls begin
   │  the case is shown, the home told      a further call, or the desk: calls begin at once
   │                                        resolved by the home: into the record, nobody was called

`step` in `case` works on the case as though nothing waited, between `without_waiting` and `with_waiting`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil

from pydantic import JsonValue

from carebell.step import Next, earliest
from carebell.types import Alert, AlertStatus, Severity
from notifier.case_value import (
    CANCELLED,
    Case,
    CaseAction,
    CaseStatus,
    Line,
    Purpose,
    Raised,
    Waiting,
    What,
)
from notifier.escalation import HOME_CHANNEL, escalate, tell_device
from notifier.joining import adopt, after, called, caller_of, join, with_caller
from notifier.policy import PolicyBook
from notifier.words import CANCELLED_UNCALLED, NOT_CANCELLED, Said, called_unless_cancelled

WAITING_KEPT = 20
CaseNext = Next[Case, CaseAction]


def window_end(alert: Alert, now: datetime) -> datetime | None:
    """When people are called; None where that is now. It runs from the cause: what comes late has waited already."""
    if alert.status is not AlertStatus.OPENED or not alert.pre_alarm:
        return None
    until = min(alert.caused_at, now) + alert.pre_alarm
    return until if until > now else None


def as_taken_back(raised: Sequence[Raised], now: datetime) -> list[Raised]:
    """Alerts read together. A suspicion that comes too late to wait, and was cancelled in its pre-alarm by another of them,
    waits as though it came now: its cancelling is on the way."""
    over = {one.alert.id: one.alert.at for one in raised if one.alert.status is AlertStatus.RESOLVED}
    return [_come_now(one, now) if _is_taken_back(one.alert, over, now) else one for one in raised]


def _is_taken_back(alert: Alert, over: Mapping[str, datetime], now: datetime) -> bool:
    if alert.status is not AlertStatus.OPENED or not alert.pre_alarm or alert.id not in over:
        return False
    return window_end(alert, now) is None and over[alert.id] < alert.caused_at + alert.pre_alarm


def _come_now(raised: Raised, now: datetime) -> Raised:
    alert = raised.alert
    return replace(raised, alert=replace(alert, pre_alarm=now - alert.caused_at + alert.pre_alarm))


def without_waiting(case: Case) -> Case:
    """The case with the due time of its own."""
    return case if case.wakes_at is None else replace(case, due_at=case.resume_at, resume_at=None)


def with_waiting(following: CaseNext) -> CaseNext:
    """Due when the first pre-alarm has passed, or when the home should have heard, if that is sooner."""
    case = following.state
    if case.wakes_at is None:
        return following
    due_at = earliest(following.due_at, case.wakes_at)
    return Next(replace(case, due_at=due_at, resume_at=following.due_at), following.actions, due_at)


def arrive(case: Case, event: Raised, now: datetime, policies: PolicyBook) -> CaseNext:
    """An alert that is open: it waits, or it ends the waiting of others, or it joins what goes on."""
    until = window_end(event.alert, now)
    if until is not None and len(case.waiting) < WAITING_KEPT:
        if _is_calling(case, event.alert):
            return join(case, event, now, policies)
        held = hold(case, Waiting(event, until), now)
        return Next(_about_the_worst(held.state, now, policies), held.actions, held.due_at)
    if event.alert.severity.rank < Severity.HIGH.rank:
        # A fault is told as ever; what waits goes on waiting.
        return _set_off(case, event, now, policies)
    worst = case.worst_waiting
    case = replace(case, waiting=())
    if worst is None or worst.rank <= event.alert.severity.rank:
        return _set_off(case, event, now, policies)
    first = _set_off(case, worst.raised, now, policies)
    return after(first.actions, join(first.state, event, now, policies))


def _is_calling(case: Case, alert: Alert) -> bool:
    """People are being called already, for something no less severe: nothing waits, and nothing is put off."""
    is_calling = case.status is CaseStatus.OPEN and not case.is_suspected
    return is_calling and alert.severity.rank <= case.severity.rank


def hold(case: Case, waiting: Waiting, now: datetime) -> CaseNext:
    """Nobody is called yet; the device hears how long it can still be cancelled."""
    alert = waiting.raised.alert
    case = replace(case, waiting=(*case.waiting, waiting))
    left_s = ceil((waiting.until - now).total_seconds())
    why = called_unless_cancelled(left_s)
    data: dict[str, JsonValue] = {"until": waiting.until.isoformat(), "alert_id": alert.id}
    line = Line(what=What.PRE_ALARM, why=why, data=data)
    caller = caller_of(alert)
    told = () if caller is None else (tell_device(case, caller, Purpose.PRE_ALARM, why.en, alert.id),)
    return Next(case, (line, *told), case.due_at)


def cancel(case: Case, alert: Alert, now: datetime, policies: PolicyBook) -> CaseNext:
    """What only says that something is over ends nothing, unless it is a suspicion for which nobody was called yet."""
    left = tuple(one for one in case.waiting if one.raised.alert.id != alert.id)
    if len(left) == len(case.waiting):
        return Next(case, (), case.due_at)
    case = replace(case, waiting=left)
    if left or not case.is_suspected:
        line = Line(what=What.PRE_ALARM, why=CANCELLED_UNCALLED, by=HOME_CHANNEL, data={"alert_id": alert.id})
        return Next(_about_the_worst(case, now, policies), (line,), case.due_at)
    closed = replace(case, is_suspected=False, status=CaseStatus.CLOSED, closed_at=now, outcome=CANCELLED, due_at=None)
    data: dict[str, JsonValue] = {"outcome": CANCELLED, "alert_id": alert.id}
    why = Said(alert.summary, alert.summary_zh)
    return Next(closed, (Line(what=What.CLOSED, why=why, by=HOME_CHANNEL, data=data),), None)


def lapse(case: Case, now: datetime, policies: PolicyBook) -> CaseNext | None:
    """The worst suspicion whose time has come is raised as though it came now; those no worse pass with it."""
    over = [one for one in case.waiting if one.until <= now]
    if not over:
        return None
    lead = max(over, key=lambda one: one.rank)
    case = replace(case, waiting=tuple(one for one in case.waiting if one.rank > lead.rank))
    line = Line(what=What.ESCALATED, why=NOT_CANCELLED, data={"alert_id": lead.raised.alert.id})
    return after((line,), _owed_since(lead.until, _set_off(case, lead.raised, now, policies)))


def call_now(case: Case, now: datetime, policies: PolicyBook) -> CaseNext | None:
    """The desk does not wait; None where nothing waits that is not being called for already."""
    worst = case.worst_waiting
    if worst is None or not (case.is_suspected or worst.rank > case.severity.rank):
        return None
    return _owed_since(now, _set_off(replace(case, waiting=()), worst.raised, now, policies))


def take(case: Case, now: datetime, policies: PolicyBook) -> Case:
    """Whoever accepts the case accepts what waits in it."""
    worst = case.worst_waiting
    if worst is None:
        return case
    if worst.rank > case.severity.rank:
        policy = policies.for_alert(worst.raised.alert.rule, worst.raised.alert.severity)
        case = replace(adopt(case, worst.raised, now, policy), status=CaseStatus.OPEN, accepted_by="", accepted_at=None)
    callers = case.callers
    for one in case.waiting:
        callers = with_caller(callers, one.raised.alert)
    return replace(case, waiting=(), is_suspected=False, callers=callers)


def _about_the_worst(case: Case, now: datetime, policies: PolicyBook) -> Case:
    """A case of suspicions only goes by the worst of them."""
    worst = case.worst_waiting
    if worst is None or not case.is_suspected:
        return case
    alert = worst.raised.alert
    return replace(
        adopt(case, worst.raised, now, policies.for_alert(alert.rule, alert.severity)), called_at=case.called_at
    )


def _set_off(case: Case, event: Raised, now: datetime, policies: PolicyBook) -> CaseNext:
    """An alert that waits no longer; with it the calls of a case of suspicions begin."""
    if not case.is_suspected:
        return join(case, event, now, policies)
    alert = event.alert
    about = adopt(case, event, now, policies.for_alert(alert.rule, alert.severity))
    return escalate(replace(called(about, alert, now), is_suspected=False, round_began_at=now), now)


def _owed_since(at: datetime, following: CaseNext) -> CaseNext:
    return Next(replace(following.state, owed_at=at), following.actions, following.due_at)
