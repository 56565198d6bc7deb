"""The step of a case: who is told next, and why. Pure; the wall clock's time is passed in, due times are data."""

from dataclasses import replace
from datetime import datetime

from carebell.errors import Refused
from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert, AlertStatus, HomeProfile
from notifier.case_value import (
    ANSWERED,
    TEST,
    Acted,
    Case,
    CaseAction,
    CaseEvent,
    CaseStatus,
    Heard,
    Line,
    Move,
    Purpose,
    Raised,
    Tell,
    Undelivered,
    Waiting,
    What,
)
from notifier.confirmation import confirm_coming, confirm_received, doubt, heard, with_home, with_nothing_awaited
from notifier.escalation import escalate, new_round, remind, tell_behind, tell_device, tell_due
from notifier.joining import after, caller_of, is_press, signal, with_caller
from notifier.person import Person
from notifier.policy import Policy, PolicyBook
from notifier.pre_alarm import arrive, call_now, cancel, hold, lapse, take, window_end, with_waiting, without_waiting
from notifier.words import (
    A_TEST,
    ALL_TOLD,
    CALLED_AGAIN_UNREACHED,
    NOBODY_REACHED,
    TEST_HEARD,
    in_their_words,
    policy_begins,
)

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
    alert: Alert,
    policy: Policy,
    people: tuple[Person, ...],
    now: datetime,
    *,
    label: str = "",
    address: str = "",
    home: HomeProfile | None = None,
) -> CaseNext:
    """A new case for a home that has none open; its first steps are told at once, or after the pre-alarm."""
    raised = Raised(alert, people, label, address, home)
    case = _new_case(raised, policy, now)
    opened = Line(what=What.OPENED, why=policy_begins(policy.name, policy.version))
    until = window_end(alert, now)
    if until is None:
        case = replace(case, calls=is_press(alert), callers=with_caller((), alert))
        begun = confirm_received(escalate(case, now), alert.rule, alert.id, now)
        return with_waiting(after((opened, signal(alert)), begun))
    held = hold(replace(case, is_suspected=True), Waiting(raised, until), now)
    return with_waiting(after((opened, signal(alert)), held))


def open_trial(raised: Raised, policy: Policy, now: datetime) -> CaseNext:
    """A press made to try a button: a case that was never open. The home hears that it works; nobody is called."""
    alert = raised.alert
    case = _new_case(raised, policy, now)
    case = replace(case, people=(), status=CaseStatus.CLOSED, closed_at=now, outcome=TEST)
    opened = Line(what=What.OPENED, why=A_TEST)
    closed = Line(what=What.CLOSED, why=TEST_HEARD, data={"outcome": TEST})
    caller = caller_of(alert)
    told = () if caller is None else (tell_device(case, caller, Purpose.TEST_OK, "a test was heard", alert.id),)
    return Next(case, (opened, signal(alert), closed, *told), None)


def _new_case(raised: Raised, policy: Policy, now: datetime) -> Case:
    alert = raised.alert
    # A suspicion that was cancelled may be raised again under its id, as a certainty.
    suspected = ("suspected",) if alert.pre_alarm else ()
    return Case(
        id=computed("case", alert.home_id, alert.id, *suspected),
        home_id=alert.home_id,
        status=CaseStatus.OPEN,
        severity=alert.severity,
        summary=alert.summary,
        summary_zh=alert.summary_zh,
        opened_at=now,
        caused_at=alert.caused_at,
        policy=policy,
        people=raised.people,
        round=1,
        round_began_at=now,
        next_step=0,
        last_call_at=now,
        called_at=now,
        label=raised.label,
        address=raised.address,
        rule=alert.rule,
        home=raised.home,
    )


def step(case: Case, event: CaseEvent, now: datetime, policies: PolicyBook) -> CaseNext:
    """What follows for an open case. Raises Refused where a person asks for what the case does not allow."""
    return with_waiting(_step(without_waiting(case), event, now, policies))


def _step(case: Case, event: CaseEvent, now: datetime, policies: PolicyBook) -> CaseNext:
    if isinstance(event, Raised):
        return _raised(case, event, now, policies)
    if isinstance(event, Acted):
        return _acted(case, event, now, policies)
    if isinstance(event, Heard):
        return heard(case, event)
    if case.status is CaseStatus.CLOSED:
        return Next(case, (), None)
    if isinstance(event, Undelivered):
        return _undelivered(case, event.delivery_id, now)
    return _due(case, event.listening_since, now, policies)


def _due(case: Case, listening_since: datetime | None, now: datetime, policies: PolicyBook) -> CaseNext:
    """What comes due beside the case itself, and then the case."""
    case, doubts = doubt(case, now, listening_since)
    case, told = tell_due(case, now)
    first = (*doubts, *told)
    lapsed = lapse(case, now, policies)
    if lapsed is None:
        return after(first, _woken(case, now))
    lapsed = confirm_received(lapsed, lapsed.state.rule, lapsed.state.round_began_at, now)
    return after((*first, *lapsed.actions), _woken(lapsed.state, now))


def _woken(case: Case, now: datetime) -> CaseNext:
    if case.due_at is None or now < case.due_at:
        return Next(case, (), case.due_at)
    return remind(case, now) if case.status in ANSWERED else escalate(case, now)


def _raised(case: Case, event: Raised, now: datetime, policies: PolicyBook) -> CaseNext:
    """A further alert joins the case."""
    is_over = event.alert.status is AlertStatus.RESOLVED
    if is_over:
        return after((signal(event.alert),), cancel(case, event.alert, now, policies))
    following = arrive(with_home(case, event.home), event, now, policies)
    return after((signal(event.alert),), confirm_received(following, event.alert.rule, event.alert.id, now))


def _acted(case: Case, event: Acted, now: datetime, policies: PolicyBook) -> CaseNext:
    line = Line(what=_LINE_OF[event.move], why=in_their_words(event.note), by=event.by)
    if event.move is Move.NOTE:
        return Next(case, (line,), case.due_at)
    if case.status is CaseStatus.CLOSED:
        raise Refused("the case is closed; a new call opens a new case")
    if event.move is Move.CLOSE:
        return _close(case, event, now)
    if event.move is Move.ESCALATE:
        begun = call_now(case, now, policies)
        return _escalate_now(case, line, now) if begun is None else after((line,), begun)
    if case.status is CaseStatus.OPEN or event.move is Move.ACCEPT:
        case = _taken(case, now, policies)
    return _answered(case, event, line, now)


def _taken(case: Case, now: datetime, policies: PolicyBook) -> Case:
    """What waits in an accepted case and is no worse than what was accepted goes on waiting."""
    worst = case.worst_waiting
    is_shown = worst is not None and (case.status is CaseStatus.OPEN or worst.rank > case.severity.rank)
    return take(case, now, policies) if is_shown else case


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
    coming: tuple[CaseAction, ...] = ()
    if is_first:
        answered, coming = confirm_coming(answered, case.callers, now)
    return Next(answered, (line, *coming), due_at)


def _close(case: Case, event: Acted, now: datetime) -> CaseNext:
    if not event.outcome:
        raise Refused("a case is closed with an outcome")
    closed = replace(
        with_nothing_awaited(case),
        status=CaseStatus.CLOSED,
        closed_at=now,
        outcome=event.outcome,
        due_at=None,
        waiting=(),
        is_suspected=False,
    )
    line = Line(what=What.CLOSED, why=in_their_words(event.note), by=event.by, data={"outcome": event.outcome})
    return Next(closed, (line,), None)


def _escalate_now(case: Case, line: Line, now: datetime) -> CaseNext:
    """The next tier at once; who had accepted gives the case back."""
    back = replace(case, status=CaseStatus.OPEN, accepted_by="", accepted_at=None, waiting=())
    if back.next_step < len(back.policy.steps):
        following = escalate(back, now, at_once=True)
        if any(isinstance(action, Tell) for action in following.actions):
            return after((line,), following)
    return after((line,), new_round(back, now, ALL_TOLD))


def _undelivered(case: Case, delivery_id: str, now: datetime) -> CaseNext:
    """When nobody of the tier can be reached, the next one is told at once; when nobody in charge, everybody again."""
    if delivery_id in case.again and case.status in ANSWERED:
        case = replace(case, again=tuple(one for one in case.again if one != delivery_id))
        if case.again:
            return Next(case, (), case.due_at)
        return new_round(replace(case, called_at=now, owed_at=now), now, CALLED_AGAIN_UNREACHED)
    failed = (*case.failed, delivery_id) if delivery_id in case.tier else case.failed
    case = replace(case, failed=failed)
    if case.status is not CaseStatus.OPEN:
        return Next(case, (), case.due_at)
    case, told = tell_behind(case, delivery_id)
    if not case.tier or set(case.tier) - set(failed) or case.next_step >= len(case.policy.steps):
        return Next(case, tuple(told), case.due_at)
    line = Line(what=What.ESCALATED, why=NOBODY_REACHED)
    return after((*told, line), escalate(case, now, at_once=True))


def wants(case: Case, purpose: Purpose, source_id: str = "") -> str:
    """Empty where a delivery is still to be made, otherwise why not: asked again just before it is sent."""
    if purpose in (Purpose.TEST_OK, Purpose.NOTE):
        return ""
    if purpose is Purpose.PRE_ALARM:
        return "" if case.waits_until(source_id) else "the pre-alarm is over"
    if purpose is Purpose.COMING:
        return "" if case.status in ANSWERED else "nobody is coming any more"
    if case.status is CaseStatus.CLOSED:
        return "the case is closed"
    if purpose is Purpose.REMINDER and case.status not in ANSWERED:
        return "it was given back"
    if purpose is Purpose.CALL and case.status in ANSWERED:
        return f"accepted by {case.accepted_by}"
    return ""
