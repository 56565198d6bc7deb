"""Whatever happens to a case, in whatever order: it stays alive until a human closes it, and nobody is told without a why."""

import re
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from carebell.errors import Refused
from carebell.types import AlertStatus, HomeProfile, Severity
from notifier.case import open_case, step
from notifier.case_value import (
    ANSWERED,
    Acted,
    Case,
    CaseEvent,
    CaseStatus,
    Line,
    Move,
    Purpose,
    Raised,
    Tell,
    Undelivered,
    What,
    Woken,
)
from notifier.escalation import CaseNext
from notifier.person import Person, Reach
from tests.support import build

POLICIES = build.default_policies()
ROLES = ("desk", "family", "neighbour", "provider", "health_centre")
PEOPLE = st.lists(
    st.builds(
        lambda number, role, reach, hours: Person(
            person_id=f"p{number}",
            name=f"n{number}",
            role=role,
            reach=tuple(Reach("sms", f"{number}-{n}") for n in range(reach)),
            hours=hours,
        ),
        st.integers(0, 5),
        st.sampled_from(ROLES),
        st.integers(0, 2),
        st.sampled_from([(), ("08:00-16:00",), ("16:00-17:00",), ("20:00-06:00", "12:00-13:00"), ("at night",)]),
    ),
    max_size=6,
    unique_by=lambda person: person.person_id,
).map(tuple)
SEVERITIES = st.sampled_from(Severity)
RULES = st.sampled_from(["sos", "supervision", "hazard", "fall", "routine"])
HOME = HomeProfile(home_id="h1", timezone="Asia/Shanghai", devices=())
CHINESE = re.compile("[一-鿿]")
PRE_ALARM = build.seconds(20)
CALLS = frozenset({Purpose.CALL, Purpose.AGAIN})
# Never nothing: two decisions of one case are transactions one after another, and time has passed between them.
WHILES = st.one_of(
    st.integers(1, 999).map(lambda count: timedelta(milliseconds=count)),
    st.integers(1, 300).map(lambda count: timedelta(seconds=count)),
    st.integers(1, 60).map(lambda count: timedelta(minutes=count)),
)
NAMES = st.sampled_from(["p0", "p1", "p2", "somebody"])


class CaseMachine(RuleBasedStateMachine):
    """One case, from its first alert on."""

    @initialize(severity=SEVERITIES, people=PEOPLE, pre_alarm=st.sampled_from([timedelta(0), PRE_ALARM]))
    def opens(self, severity: Severity, people: tuple[Person, ...], pre_alarm: timedelta) -> None:
        self.now: datetime = build.START
        self.alerts = 0
        self.suspected: dict[str, Severity] = {"first": severity} if pre_alarm else {}
        self.tells: list[Tell] = []
        self.told_at = self.now
        alert = build.alert("first", severity=severity, source_id="first", pre_alarm=pre_alarm)
        following = open_case(alert, POLICIES.for_alert("sos", severity), people, self.now, home=HOME)
        self.case: Case = following.state
        self.take(following)

    def take(self, following: CaseNext) -> None:
        assert following.due_at == following.state.due_at
        tells = [action for action in following.actions if isinstance(action, Tell)]
        if CALLS & {tell.purpose for tell in tells}:
            self.told_at = self.now
        self.tells += tells
        after = following.state
        has_begun = self.case.is_suspected and not after.is_suspected and after.status is CaseStatus.OPEN
        if has_begun and after.severity.rank >= Severity.HIGH.rank and any(one.reach for one in after.people):
            assert self.called() > 0, "a pre-alarm has ended and nobody was called"
        assert all(tell.why for tell in tells)
        lines = [action for action in following.actions if isinstance(action, Line)]
        assert all(line.why.en and CHINESE.search(line.why.zh) for line in lines if not line.by)
        told = {tell.step for tell in tells if tell.purpose is Purpose.CALL}
        assert all(line.data["step"] in told for line in lines if line.what is What.STEP), "a step has told nobody"
        self.case = following.state

    def called(self) -> int:
        return sum(tell.purpose in CALLS for tell in self.tells)

    def wake_what_is_due(self, until: datetime) -> None:
        """As the escalator does: every case at its own time."""
        for _ in range(10_000):
            due_at = self.case.due_at
            if due_at is None or due_at > until:
                break
            assert due_at >= self.now or due_at == self.case.due_at
            self.now = max(self.now, due_at)
            before = self.case
            self.take(step(self.case, Woken(), self.now, POLICIES))
            assert self.case.due_at is not None
            assert self.case.due_at > self.now, "a case that is woken and stays due would be woken for ever"
            assert self.case.status in ({before.status} | {CaseStatus.OPEN})
        else:
            raise AssertionError("woken ten thousand times")
        self.now = until

    @rule(length=WHILES)
    def time_passes(self, length: timedelta) -> None:
        self.wake_what_is_due(self.now + length)

    def does(self, event: CaseEvent) -> Case:
        """An event a millisecond later; the state before it."""
        self.wake_what_is_due(self.now + timedelta(milliseconds=1))
        before = self.case
        self.take(step(before, event, self.now, POLICIES))
        return before

    @precondition(lambda self: self.case.status is not CaseStatus.CLOSED)
    @rule(severity=SEVERITIES, rule_name=RULES)
    def calls(self, severity: Severity, rule_name: str) -> None:
        self.alerts += 1
        self.raise_one(f"a{self.alerts}", severity, rule_name)

    @precondition(lambda self: self.case.status is not CaseStatus.CLOSED and self.suspected)
    @rule(data=st.data())
    def is_certain(self, data: st.DataObject) -> None:
        """A suspicion, under its own id."""
        id = data.draw(st.sampled_from(sorted(self.suspected)))
        self.raise_one(id, self.suspected.pop(id), "fall")

    def raise_one(self, id: str, severity: Severity, rule_name: str) -> None:
        alert = build.alert(id, severity=severity, rule=rule_name, source_id=f"source-of-{id}")
        count = self.called()
        before = self.does(Raised(alert))
        if before.status is CaseStatus.CLOSED:
            return
        assert self.case.status in (before.status, CaseStatus.OPEN)
        ranks = [severity.rank, *([] if before.is_suspected else [before.severity.rank])]
        if severity.rank >= Severity.HIGH.rank:
            assert not self.case.waiting
            ranks += [one.rank for one in before.waiting]
        assert self.case.severity.rank == max(ranks)
        is_calling = before.status is CaseStatus.OPEN and not before.is_suspected
        is_heard = is_calling and severity.rank <= before.severity.rank
        if severity is Severity.CRITICAL and not is_heard and any(one.reach for one in self.case.people):
            assert self.called() > count, "a call for help was told to nobody"

    @precondition(lambda self: self.case.status is not CaseStatus.CLOSED)
    @rule(severity=SEVERITIES, late=st.integers(0, 25))
    def suspects(self, severity: Severity, late: int) -> None:
        self.alerts += 1
        id = f"a{self.alerts}"
        self.suspected[id] = severity
        at = self.now - build.seconds(late)
        alert = build.alert(id, severity=severity, rule="fall", source_id=id, at=at, pre_alarm=PRE_ALARM)
        before = self.does(Raised(alert))
        is_calling = before.status is CaseStatus.OPEN and not before.is_suspected
        if is_calling and severity.rank <= before.severity.rank and late < PRE_ALARM.total_seconds():
            assert self.case.waiting == before.waiting
            assert self.case.status is CaseStatus.OPEN
            assert self.case.due_at is not None
            assert before.due_at is not None
            assert self.case.due_at <= before.due_at, "a suspicion has put off what was going on"

    @precondition(lambda self: self.case.status is not CaseStatus.CLOSED)
    @rule(severity=SEVERITIES, data=st.data())
    def is_over(self, severity: Severity, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(["first", "unknown", *sorted(self.suspected)]))
        before = self.does(Raised(build.alert(id, severity=severity, status=AlertStatus.RESOLVED)))
        if id not in {one.raised.alert.id for one in before.waiting}:
            assert self.case == before
            return
        assert id not in {one.raised.alert.id for one in self.case.waiting}
        if before.is_suspected and len(before.waiting) == 1:
            assert (self.case.status, self.case.outcome) == (CaseStatus.CLOSED, "cancelled")
            assert self.called() == 0, "calls were ended by no human"
        else:
            assert (self.case.status, self.case.is_suspected) == (before.status, before.is_suspected)

    @rule(move=st.sampled_from([one for one in Move if one is not Move.CLOSE]), by=NAMES)
    def acts(self, move: Move, by: str) -> None:
        try:
            before = self.does(Acted(move=move, by=by, note="why not"))
        except Refused:
            return
        order = list(CaseStatus)
        if move is Move.ESCALATE:
            assert self.case.status is CaseStatus.OPEN
        elif any(one.rank > before.severity.rank for one in before.waiting):
            # Whoever accepts a suspicion worse than what was under way begins with it.
            assert self.case.status in ANSWERED or move is Move.NOTE
        else:
            assert order.index(self.case.status) >= order.index(before.status)
        if self.case.status is not CaseStatus.CLOSED:
            assert (self.case.status in ANSWERED) == bool(self.case.accepted_by)

    @rule(by=NAMES, outcome=st.sampled_from(["", "false_alarm"]))
    def closes(self, by: str, outcome: str) -> None:
        was_closed = self.case.status is CaseStatus.CLOSED
        try:
            self.does(Acted(move=Move.CLOSE, by=by, outcome=outcome))
        except Refused:
            assert was_closed or not outcome
            assert was_closed == (self.case.status is CaseStatus.CLOSED)
            return
        assert outcome
        assert self.case.outcome == outcome

    @precondition(lambda self: self.tells)
    @rule(data=st.data())
    def is_not_delivered(self, data: st.DataObject) -> None:
        tell = data.draw(st.sampled_from(self.tells))
        before = self.does(Undelivered(tell.id))
        if before.again == (tell.id,) and before.status in ANSWERED:
            # Called again, and nobody in charge can be reached: everybody once more.
            assert self.case.status is CaseStatus.OPEN
        else:
            assert self.case.status is before.status

    @precondition(lambda self: self.case.due_at is not None)
    @rule(early=st.integers(1, 10**6))
    def is_woken_too_early(self, early: int) -> None:
        assert self.case.due_at is not None
        at = max(self.now, self.case.due_at - timedelta(microseconds=early))
        if at >= self.case.due_at:
            return
        following = step(self.case, Woken(), at, POLICIES)
        assert (following.state, following.actions) == (self.case, ())

    @invariant()
    def an_open_case_has_a_next_time_and_a_closed_one_has_none(self) -> None:
        assert (self.case.due_at is None) == (self.case.status is CaseStatus.CLOSED)

    @invariant()
    def only_a_human_ends_calls(self) -> None:
        if self.case.status is CaseStatus.CLOSED:
            assert self.case.closed_at is not None
            assert self.case.outcome
            assert self.case.outcome != "cancelled" or self.called() == 0

    @invariant()
    def nothing_waits_longer_than_its_pre_alarm(self) -> None:
        assert all(self.now < one.until <= self.now + PRE_ALARM for one in self.case.waiting)

    @invariant()
    def a_case_of_suspicions_has_called_nobody_yet(self) -> None:
        if self.case.is_suspected:
            assert self.case.waiting
            assert self.case.status is CaseStatus.OPEN
            assert self.called() == 0

    @invariant()
    def no_delivery_is_made_twice(self) -> None:
        ids = [tell.id for tell in self.tells]
        assert len(ids) == len(set(ids))

    @invariant()
    def an_open_call_for_help_is_never_silent_for_longer_than_a_round(self) -> None:
        case = self.case
        if case.status is not CaseStatus.OPEN or case.severity is not Severity.CRITICAL or case.is_suspected:
            return
        if any(person.reach for person in case.people):
            longest = case.policy.steps[-1].after + case.policy.repeat_after
            assert self.now - self.told_at <= longest


TestCase = CaseMachine.TestCase
TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
