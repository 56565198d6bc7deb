"""Suspicions, tests and notes in the Casebook port: what is kept survives whoever wrote it."""

import asyncio
from dataclasses import replace
from datetime import datetime

import pytest

from carebell.types import Alert, AlertStatus, Severity
from notifier.case_value import Case, CaseStatus, Move, Purpose, Raised
from notifier.casebook import Casebook, DeliveryStatus, Outcome
from tests.contract.test_casebook import act, casebook, opened, pair, raised, shared_url, url, whats
from tests.support import build
from tests.support.build import PEOPLE, START, seconds

__all__ = ["casebook", "pair", "shared_url", "url"]
PRE_ALARM = seconds(20)


def fall(id: str = "fall-1", *, status: AlertStatus = AlertStatus.OPENED, home_id: str = "h1") -> Alert:
    is_open = status is AlertStatus.OPENED
    length = PRE_ALARM if is_open else seconds(0)
    return build.alert(id, rule="fall", status=status, home_id=home_id, device_id="pendant-1", pre_alarm=length)


async def state(casebook: Casebook, case: Case) -> tuple[CaseStatus, datetime | None]:
    found = await casebook.case(case.id)
    assert found is not None
    return found[0].status, found[0].due_at


async def called(casebook: Casebook, case: Case) -> set[str]:
    return {one.person_id for one in await casebook.deliveries(case.id) if one.purpose is Purpose.CALL}


async def test_a_suspicion_comes_back_as_it_was_written_and_is_due_when_its_pre_alarm_ends(casebook: Casebook) -> None:
    case = await opened(casebook, fall())
    assert await casebook.case(case.id) == (case, START)
    assert await state(casebook, case) == (CaseStatus.OPEN, START + PRE_ALARM)
    assert await casebook.next_due() == START + PRE_ALARM
    assert [one.purpose for one in await casebook.deliveries(case.id)] == [Purpose.PRE_ALARM]
    assert await whats(casebook) == ["opened", "signal", "pre_alarm"]


async def test_another_process_calls_people_when_it_has_passed_and_once(pair: tuple[Casebook, Casebook]) -> None:
    case = await opened(pair[0], fall())
    assert await pair[1].wake(START + seconds(19.999), 10) == 0
    assert sorted(await asyncio.gather(*(one.wake(START + PRE_ALARM, 10) for one in pair))) == [0, 1]
    assert await called(pair[0], case) == {"desk-1", "family-1"}
    assert (await whats(pair[0])).count("step") == 2


async def test_a_suspicion_in_its_pre_alarm_is_in_order_for_the_auditor(casebook: Casebook) -> None:
    await opened(casebook, fall())
    overview = await casebook.overview(START + PRE_ALARM, seconds(10))
    assert (overview.without_next, overview.cases_overdue) == ((), 0)
    assert (await casebook.overview(START + seconds(31), seconds(10))).cases_overdue == 1


async def test_cancelled_by_the_home_it_is_closed_into_the_record(casebook: Casebook) -> None:
    case = await opened(casebook, fall())
    closed = await raised(casebook, fall(status=AlertStatus.RESOLVED), after=5)
    assert closed is not None
    assert (closed.id, closed.status, closed.outcome, closed.due_at) == (case.id, CaseStatus.CLOSED, "cancelled", None)
    assert await casebook.wake(START + seconds(60), 10) == 0
    assert await called(casebook, case) == set()
    line = (await casebook.lines(after=0, limit=100))[-1]
    assert (line.what, line.by, line.data["outcome"]) == ("closed", "home", "cancelled")


async def test_a_cancelling_and_a_waking_at_once_never_do_both(pair: tuple[Casebook, Casebook]) -> None:
    cases = [await opened(pair[0], fall(f"f{n}", home_id=f"h{n}")) for n in range(8)]
    over = [fall(f"f{n}", home_id=f"h{n}", status=AlertStatus.RESOLVED) for n in range(8)]
    at = PRE_ALARM.total_seconds()
    await asyncio.gather(*(raised(pair[0], one, after=at) for one in over), pair[1].wake(START + PRE_ALARM, 8))
    for case in cases:
        status, _ = await state(pair[0], case)
        assert (status is CaseStatus.CLOSED) == (await called(pair[0], case) == set())


async def test_a_cancelled_case_makes_room_for_a_call_of_its_batch(casebook: Casebook) -> None:
    case = await opened(casebook, fall())
    from_batch = [fall(status=AlertStatus.RESOLVED), build.alert("press"), fall("fall-2")]
    events = [raised_of(one) for one in from_batch]
    closed, call, joined = await casebook.raise_alerts(events, START + seconds(5))
    assert closed is not None
    assert call is not None
    assert joined is not None
    assert (closed.id, closed.status) == (case.id, CaseStatus.CLOSED)
    assert call.id == joined.id != case.id
    assert await called(casebook, call) == {"desk-1", "family-1"}


async def test_a_suspicion_and_its_cancelling_that_are_read_late_call_nobody(casebook: Casebook) -> None:
    over = replace(fall(status=AlertStatus.RESOLVED), at=START + seconds(5))
    events = [raised_of(one) for one in (fall(), over, fall("h2-fall", home_id="h2"))]
    cancelled, closed, other = await casebook.raise_alerts(events, START + seconds(3600))
    assert cancelled is not None
    assert closed is not None
    assert other is not None
    assert (closed.id, closed.status, closed.outcome) == (cancelled.id, CaseStatus.CLOSED, "cancelled")
    assert await casebook.raise_alerts(events, START + seconds(3601)) == [None, None, None]
    await casebook.wake(START + seconds(3700), 10)
    assert await called(casebook, closed) == set()
    assert await called(casebook, other) >= {"desk-1", "family-1"}


async def test_a_suspicion_and_a_certainty_under_one_id_are_two_facts(casebook: Casebook) -> None:
    case = await opened(casebook, fall())
    assert await raised(casebook, fall(), after=3) is None
    certain = build.alert("fall-1", rule="fall", device_id="pendant-1")
    assert await raised(casebook, certain, after=4) is not None
    assert await raised(casebook, certain, after=5) is None
    assert await called(casebook, case) == {"desk-1", "family-1"}


async def test_the_home_is_told_of_a_pre_alarm_only_while_it_runs(casebook: Casebook) -> None:
    case = await opened(casebook, fall())
    (held,) = await casebook.claim(START, owner="a", lease=seconds(4), limit=10)
    assert (held.delivery.to, held.delivery.source_id) == ("pendant-1", "source-of-fall-1")
    later = Outcome(status=DeliveryStatus.QUEUED, detail="away", retry_at=START + seconds(2))
    assert await casebook.record(held, later, START)
    await act(casebook, case, Move.ACCEPT, 1)
    assert await casebook.claim(START + seconds(2), owner="a", lease=seconds(4), limit=10) != []
    (told,) = [one for one in await casebook.deliveries(case.id) if one.purpose is Purpose.PRE_ALARM]
    assert (told.status, told.detail) == (DeliveryStatus.CANCELLED, "the pre-alarm is over")


async def test_a_test_stands_beside_an_open_case_and_is_found_by_its_outcome(casebook: Casebook) -> None:
    case = await opened(casebook)
    test = build.alert("test-1", severity=Severity.INFO, is_test=True)
    trial = await raised(casebook, test, after=1)
    assert trial is not None
    assert (trial.status, trial.outcome, trial.due_at) == (CaseStatus.CLOSED, "test", None)
    assert await casebook.case(case.id) == (case, START)
    await opened(casebook, build.alert("test-2", severity=Severity.INFO, is_test=True, home_id="h2"), after=2)
    await act(casebook, case, Move.CLOSE, 3, outcome="helped_at_home")
    for home_id, outcome, ids in (
        ("h1", "test", [trial.id]),
        ("h1", "", [trial.id, case.id]),
        ("h1", "helped_at_home", [case.id]),
        ("h2", "helped_at_home", []),
        ("nowhere", "", []),
    ):
        page = await casebook.cases([], 10, None, home_id=home_id, outcome=outcome)
        assert [one.id for one, _ in page.cases] == ids, (home_id, outcome)


async def test_what_is_over_of_a_test_is_nothing(casebook: Casebook) -> None:
    over = build.alert("test-1", severity=Severity.INFO, is_test=True, status=AlertStatus.RESOLVED)
    assert await raised(casebook, over) is None
    assert await whats(casebook) == []


@pytest.mark.parametrize("move", [Move.ACCEPT, Move.ESCALATE, Move.CLOSE])
async def test_the_desk_ends_a_pre_alarm_for_good(casebook: Casebook, move: Move) -> None:
    case = await opened(casebook, fall())
    changed = await act(casebook, case, move, 5, outcome="false_alarm")
    assert changed is not None
    assert (changed.waiting, changed.is_suspected, changed.pre_alarm_until) == ((), False, None)
    await casebook.wake(START + PRE_ALARM, 10)
    assert await called(casebook, case) == ({"desk-1", "family-1"} if move is Move.ESCALATE else set())


def raised_of(alert: Alert) -> Raised:
    return Raised(alert, PEOPLE, "幸福里", "上海")
