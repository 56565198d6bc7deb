"""How a case tells people: tiers by their times, past empty ones at once, round after round until a human answers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert
from devices.registry import Role
from notifier.case_value import Caller, Case, CaseAction, CaseStatus, Later, Line, Purpose, Tell, What
from notifier.hours import leave, standing_back
from notifier.person import Person, Reach, reads_chinese
from notifier.policy import Policy, PolicyStep
from notifier.words import NOBODY_ANSWERED, Said, later_is_now, nobody_in, not_closed, tier_told

HOME_CHANNEL = "home"
CaseNext = Next[Case, CaseAction]


def escalate(case: Case, now: datetime, *, at_once: bool = False) -> CaseNext:
    """Tell every tier whose time has come; `at_once`: the next one whatever its time, and whoever was left for later."""
    if case.next_step >= len(case.policy.steps):
        return new_round(case, now, NOBODY_ANSWERED)
    actions: list[CaseAction] = []
    if at_once:
        case, actions = tell_left(case, case.later)
    while case.next_step < len(case.policy.steps):
        tier = case.policy.steps[case.next_step]
        if not at_once and case.round_began_at + tier.after > now:
            break
        case, told = tell_tier(case, tier, now)
        # A tier that holds nobody must not cost the time until the next one.
        at_once = not told
        actions += told or [Line(what=What.SKIPPED, why=nobody_in(tier.name), data={"step": tier.name})]
        ids = tuple(action.id for action in told if isinstance(action, Tell))
        case = replace(case, next_step=case.next_step + 1, tier=ids or case.tier, failed=() if ids else case.failed)
    due_at = _next_due(case, now)
    return Next(replace(case, due_at=due_at), tuple(actions), due_at)


def _next_due(case: Case, now: datetime) -> datetime:
    steps = case.policy.steps
    if case.next_step < len(steps):
        return max(now, case.round_began_at + steps[case.next_step].after)
    return max(now, case.round_began_at + steps[-1].after) + case.policy.repeat_after


def new_round(case: Case, now: datetime, why: Said, *, is_new_call: bool = False) -> CaseNext:
    """Open again, and everybody from the first tier on, whatever the hour. `is_new_call`: nobody has waited for it yet, so
    that it begins with those who are within their hours."""
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
        later=(),
        at_any_hour=not is_new_call,
    )
    following = escalate(case, now)
    line = Line(what=What.ROUND, why=why, data={"round": case.round})
    return Next(following.state, (line, *following.actions), following.due_at)


def tell_tier(case: Case, tier: PolicyStep, now: datetime) -> tuple[Case, list[CaseAction]]:
    """Everybody of a tier on all their channels at once, but for whom the hour leaves for later; empty where there is
    nobody."""
    ways = _ways(case.people, tier)
    if not ways:
        return case, []
    back = standing_back(case, tuple(dict.fromkeys(person for person, _ in ways)), now)
    step, *tells = _call(
        case, tier, [way for way in ways if way[0] not in back], tier_told(tier.name, tier.after, case.round)
    )
    case, lines = leave(case, tier, back, [one for one in tells if isinstance(one, Tell)], now)
    return case, [step, *lines, *tells]


def tell_left(case: Case, some: Iterable[Later]) -> tuple[Case, list[CaseAction]]:
    """Some of those who were left for later, each in the step that left them."""
    some = tuple(some)
    actions: list[CaseAction] = []
    for tier in case.policy.steps:
        ids = {one.person_id for one in some if one.step == tier.name}
        if ways := [way for way in _ways(case.people, tier) if way[0].person_id in ids]:
            actions += _call(case, tier, ways, later_is_now(tier.name))
    return replace(case, later=tuple(one for one in case.later if one not in some)), actions


def tell_due(case: Case, now: datetime) -> tuple[Case, list[CaseAction]]:
    """Those whose time has come, while nobody has answered; where the round is over as well, the next one tells them."""
    is_over = case.next_step >= len(case.policy.steps) and case.due_at is not None and case.due_at <= now
    if case.status is not CaseStatus.OPEN or is_over:
        return case, []
    return tell_left(case, [one for one in case.later if one.until is not None and one.until <= now])


def tell_behind(case: Case, delivery_id: str) -> tuple[Case, list[CaseAction]]:
    """Those who stood behind others of whom none can be reached now that this delivery has failed."""
    passed = tuple(replace(one, behind=tuple(id for id in one.behind if id != delivery_id)) for one in case.later)
    case = replace(case, later=passed)
    return tell_left(case, [one for one in passed if not one.behind])


def _call(case: Case, tier: PolicyStep, ways: Iterable[tuple[Person, Reach]], why: Said) -> list[CaseAction]:
    """The line of a step and what it tells. In a round nobody is told twice by one step: the ids are the same."""
    line = Line(what=What.STEP, why=why, data={"step": tier.name, "round": case.round})
    tells = (_tell(case, person, reach, step=tier.name, purpose=Purpose.CALL, why=why.en) for person, reach in ways)
    return [line, *tells]


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
    why = (reads_chinese(person.language) and alert.summary_zh) or alert.summary
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
    why = not_closed(case.accepted_by)
    line = Line(what=What.REMINDER, why=why, data={"reminder": case.reminders})
    once = f"{case.reminders}/{case.accepted_at}"
    return Next(case, (line, *_tell_in_charge(case, Purpose.REMINDER, why.en, once)), case.due_at)


def tell_again(case: Case, alert_id: str) -> list[CaseAction]:
    """The elder called again while somebody is coming: whoever accepted and the desk should know."""
    return _tell_in_charge(case, Purpose.AGAIN, "called again after it was accepted", alert_id)


def tell_device(case: Case, caller: Caller, purpose: Purpose, why: str, once: object) -> Tell:
    """An answer to a message of a device; the step goes by the purpose."""
    person = Person(person_id=caller.device_id, name=caller.device_id, role="home")
    reach = Reach(HOME_CHANNEL, caller.device_id)
    source_id = caller.source_id
    return _tell(case, person, reach, step=purpose, purpose=purpose, why=why, once=once, source_id=source_id)
