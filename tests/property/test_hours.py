"""Whoever has hours, and whatever the hour: each step finds somebody, nobody is told twice in it, and in the end all are."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from carebell.types import HomeProfile, Severity
from notifier.case import open_case, step
from notifier.case_value import Case, CaseAction, Line, Purpose, Tell, What, Woken
from notifier.hours import CRITICAL_WAITS
from notifier.person import Person, Reach
from notifier.policy import Policy, PolicyStep
from tests.support import build
from tests.support.build import seconds

POLICIES = build.default_policies()
ROLES = ("desk", "family", "neighbour", "provider")
TIMES = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
SPANS = st.tuples(TIMES, TIMES).filter(lambda pair: pair[0] != pair[1]).map("-".join)
PEOPLE = st.lists(
    st.builds(
        lambda number, role, ways, hours: Person(
            person_id=f"p{number}",
            name=f"n{number}",
            role=role,
            reach=tuple(Reach(way, f"{number}") for way in ways),
            hours=tuple(hours),
        ),
        st.integers(0, 9),
        st.sampled_from(ROLES),
        st.lists(st.sampled_from(["sms", "email"]), unique=True, max_size=2),
        st.lists(SPANS, max_size=2),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda person: person.person_id,
).map(tuple)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 30, 60, 600]),
        st.lists(st.sampled_from(ROLES), min_size=1, max_size=4, unique=True),
        st.sampled_from([(), ("sms",)]),
    ),
    min_size=1,
    max_size=4,
)


def policy(steps: list[tuple[int, list[str], tuple[str, ...]]]) -> Policy:
    tiers = [
        PolicyStep(name=f"s{number}", after=seconds(after), roles=tuple(roles), channels=channels)
        for number, (after, roles, channels) in enumerate(sorted(steps, key=lambda one: one[0]))
    ]
    return Policy(
        name="drawn",
        version="1",
        steps=tuple(tiers),
        repeat_after=timedelta(minutes=2),
        remind_after=timedelta(minutes=2),
        group_for=timedelta(minutes=2),
    )


def reached(case: Case, tier: PolicyStep) -> set[str]:
    """Whom a step would tell if nobody had hours."""
    return {
        person.person_id
        for person in case.people
        if person.role in tier.roles and any(not tier.channels or way.channel in tier.channels for way in person.reach)
    }


@given(
    people=PEOPLE,
    steps=STEPS,
    severity=st.sampled_from(Severity),
    at=st.integers(0, 24 * 60).map(lambda minutes: build.START + timedelta(minutes=minutes)),
)
def test_nobody_is_told_twice_in_a_step_and_everybody_by_the_end_of_the_second_round(
    people: tuple[Person, ...],
    steps: list[tuple[int, list[str], tuple[str, ...]]],
    severity: Severity,
    at: datetime,
) -> None:
    home = HomeProfile(home_id="h1", timezone="Asia/Shanghai", devices=())
    alert = build.alert(severity=severity, at=at)
    following = open_case(alert, policy(steps), people, at, home=home)
    happened: list[tuple[datetime, CaseAction]] = [(at, action) for action in following.actions]
    while following.state.round <= 2:
        assert following.due_at is not None
        case, now = following.state, following.due_at
        following = step(case, Woken(), now, POLICIES)
        happened += [(now, action) for action in following.actions]
    case = following.state
    calls = [(when, one) for when, one in happened if isinstance(one, Tell) and one.purpose is Purpose.CALL]
    told = [(one.round, one.step, one.person.person_id, one.channel, one.to) for _, one in calls]
    assert len(told) == len(set(told))
    for number in (1, 2):
        for tier in case.policy.steps:
            whom = {person for round, name, person, *_ in told if (round, name) == (number, tier.name)}
            assert bool(whom) == bool(reached(case, tier))
            assert number == 1 or whom == reached(case, tier)
    if severity is Severity.CRITICAL:
        for when, one in happened:
            if isinstance(one, Line) and one.what is What.LATER and one.data["round"] == 1:
                by = [then for then, call in calls if call.person.name == one.data["person"] and then >= when]
                assert by
                assert min(by) <= when + CRITICAL_WAITS
