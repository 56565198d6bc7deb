"""How a case tells people: tiers by their times, past empty ones at once, round after round until a human answers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert
from devices.registry import Role
from notifier.case_value import Caller, Case, CaseAction, CaseStatus, Line, Purpose, Tell, What
from notifier.person import Person, Reach, reads_chinese
from notifier.policy import Policy, PolicyStep

HOME_CHANNEL = "home"
CaseNext = Next[Case, CaseAction]


def escalate(case: Case, now: datetime, *, at_once: bool = False) -> CaseNext:
    """Tell every tier whose time has come; `at_once`: the next one whatever its time."""
    if case.next_step >= len(case.policy.steps):
        return new_round(case, now, "nobody has answered: from the beginning")
    actions: list[CaseAction] = []
    while case.next_step < len(case.policy.steps):
        tier = case.policy.steps[case.next_step]
        if not at_once and case.round_began_at + tier.after > now:
            break
        told = tell_tier(case, tier)
        # A tier that holds nobody must not cost the time until the next one.
        at_once = not told
        actions += told or [Line(what=What.SKIPPED, why=f"{tier.name}: nobody to tell", data={"step": tier.name})]
        ids = tuple(action.id for action in told if isinstance(action, Tell))
        case = replace(case, next_step=case.next_step + 1, tier=ids or case.tier, failed=() if ids else case.failed)
    due_at = _next_due(case, now)
    return Next(replace(case, due_at=due_at), tuple(actions), due_at)


def _next_due(case: Case, now: datetime) -> datetime:
    steps = case.policy.steps
    if case.next_step < len(steps):
        return max(now, case.round_began_at + steps[case.next_step].after)
    return max(now, case.round_began_at + steps[-1].after) + case.policy.repeat_after


def new_round(case: Case, now: datetime, why: str) -> CaseNext:
    """Open again, and everybody from the first tier on."""
    case = replace(
        case,
        status=CaseStatus.OPEN,
        accepted_by="",
        accepted_at=None,
        round=case.round + 1,
        round_began_at=now,
        next_step=0,
        tier=(),
        failed=(),
    )
    following = escalate(case, now)
    line = Line(what=What.ROUND, why=why, data={"round": case.round})
    return Next(following.state, (line, *following.actions), following.due_at)


def tell_tier(case: Case, tier: PolicyStep) -> list[CaseAction]:
    """Everybody of a tier on all their channels at once; empty where there is nobody."""
    why = f"{tier.name} is told {tier.after.total_seconds():g} s after round {case.round} began"
    tells = [
        _tell(case, person, reach, step=tier.name, purpose=Purpose.CALL, why=why)
        for person, reach in _ways(case.people, tier)
    ]
    if not tells:
        return []
    return [Line(what=What.STEP, why=why, data={"step": tier.name, "round": case.round}), *tells]


def _tell(
    case: Case,
    person: Person,
    reach: Reach,
    *,
    step: str,
    purpose: Purpose,
    why: str,
    once: object = "",
    source_id: str = "",
) -> Tell:
    return Tell(
        id=computed("delivery", case.id, case.round, step, person.person_id, reach.channel, reach.to, purpose, once),
        step=step,
        round=case.round,
        person=person,
        channel=reach.channel,
        to=reach.to,
        purpose=purpose,
        why=why,
        source_id=source_id,
    )


def _ways(people: Iterable[Person], tier: PolicyStep) -> list[tuple[Person, Reach]]:
    """Everybody of a tier, on each of its channels that reaches them."""
    return [
        (person, reach)
        for person in people
        if person.role in tier.roles
        for reach in person.reach
        if not tier.channels or reach.channel in tier.channels
    ]


def tell_note(case: Case, people: Sequence[Person], policy: Policy, alert: Alert) -> list[CaseAction]:
    """The first of a policy's tiers that holds somebody, once, whatever else the case is about."""
    for tier in policy.steps:
        if ways := _ways(people, tier):
            return [_note(case, person, reach, tier.name, alert) for person, reach in ways]
    return []


def _note(case: Case, person: Person, reach: Reach, step: str, alert: Alert) -> Tell:
    why = alert.summary_zh if reads_chinese(person.language) else alert.summary
    return _tell(case, person, reach, step=step, purpose=Purpose.NOTE, why=why, once=alert.id)


def _in_charge(case: Case) -> list[Person]:
    """Who accepted, and the desk."""
    return [
        person
        for person in case.people
        if person.role == Role.DESK or case.accepted_by in (person.person_id, person.name)
    ]


def _tell_in_charge(case: Case, purpose: Purpose, why: str, once: object) -> list[CaseAction]:
    return [
        _tell(case, person, reach, step=purpose, purpose=purpose, why=why, once=once)
        for person in _in_charge(case)
        for reach in person.reach
    ]


def remind(case: Case, now: datetime) -> CaseNext:
    """Accepted but not closed: whoever accepted and the desk are asked how it stands."""
    case = replace(case, reminders=case.reminders + 1, due_at=now + case.policy.remind_after)
    why = f"accepted by {case.accepted_by} and not closed"
    line = Line(what=What.REMINDER, why=why, data={"reminder": case.reminders})
    once = f"{case.reminders}/{case.accepted_at}"
    return Next(case, (line, *_tell_in_charge(case, Purpose.REMINDER, why, once)), case.due_at)


def tell_again(case: Case, alert_id: str) -> list[CaseAction]:
    """The elder called again while somebody is coming: whoever accepted and the desk should know."""
    return _tell_in_charge(case, Purpose.AGAIN, "called again after it was accepted", alert_id)


def tell_device(case: Case, caller: Caller, purpose: Purpose, why: str, once: object) -> Tell:
    """An answer to a message of a device; the step goes by the purpose."""
    person = Person(person_id=caller.device_id, name=caller.device_id, role="home")
    reach = Reach(HOME_CHANNEL, caller.device_id)
    source_id = caller.source_id
    return _tell(case, person, reach, step=purpose, purpose=purpose, why=why, once=once, source_id=source_id)
