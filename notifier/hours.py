"""When people may be called: who stands back in a step because of the hours registered for them. Pure.

In the first round of a call, contacts within their hours are told first. Nobody stands back where no other of the same role
can be reached now; and what is critical is told to them all the same a minute later.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from carebell.types import Severity
from devices.registry_hours import is_within
from notifier.case_value import Case, Later, Line, Tell, What
from notifier.person import Person
from notifier.policy import PolicyStep
from notifier.words import left_for_later

CRITICAL_WAITS = timedelta(seconds=60)


def standing_back(case: Case, reachable: Sequence[Person], now: datetime) -> tuple[Person, ...]:
    """Of those whom a step would reach, who is left for later."""
    if case.at_any_hour:
        return ()
    within = [person for person in reachable if _is_available(person, case, now)]
    roles = {person.role for person in within}
    return tuple(person for person in reachable if person not in within and person.role in roles)


def _is_available(person: Person, case: Case, now: datetime) -> bool:
    """By the clock of the home. Hours or a clock that cannot be read keep nobody from being called."""
    if not person.hours or case.home is None:
        return True
    try:
        return is_within(person.hours, now, case.home.timezone)
    except (OSError, ValueError, KeyError):
        return True


def leave(
    case: Case, tier: PolicyStep, people: Sequence[Person], tells: Sequence[Tell], now: datetime
) -> tuple[Case, list[Line]]:
    """These people stand back in a step behind those whom it tells; and what the time line says of it."""
    wait = CRITICAL_WAITS if case.severity is Severity.CRITICAL else None
    told = {tell.person.person_id for tell in tells}
    left = tuple(
        Later(
            person_id=person.person_id,
            step=tier.name,
            until=None if wait is None else now + wait,
            behind=tuple(tell.id for tell in tells if tell.person.role == person.role),
        )
        for person in people
    )
    case = replace(case, later=(*(one for one in case.later if one.person_id not in told), *left))
    lines = [
        Line(
            what=What.LATER,
            why=left_for_later(", ".join(person.hours), wait),
            data={"step": tier.name, "round": case.round, "person": person.name},
        )
        for person in people
    ]
    return case, lines
