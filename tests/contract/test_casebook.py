"""What every adapter of the Casebook port must do. A new adapter is put under it by one line in ADAPTERS."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace

import pytest

from carebell.bell import Bell
from carebell.engine_sql import MEMORY
from carebell.errors import BadInput, Refused
from carebell.telemetry import Telemetry
from carebell.types import Alert, AlertStatus, Severity
from notifier.case_value import Acted, Case, CaseStatus, Move
from notifier.casebook import Casebook
from notifier.casebook_sql import SqlCasebook
from tests.support import build
from tests.support.build import PEOPLE, START, seconds

# Where each adapter keeps its cases, given a request for fixtures.
ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite-memory": lambda _: MEMORY,
    "sqlite-file": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'cases.db'}",
    "postgres": lambda request: str(request.getfixturevalue("database_url")),
}
# Two processes over the same cases.
SHARED = ("sqlite-file", "postgres")


def adapters(names: Iterable[str]) -> list[object]:
    """As parameters; those that need a server are marked."""
    return [pytest.param(name, marks=[pytest.mark.integration] if name == "postgres" else []) for name in names]


async def open_casebook(url: str) -> SqlCasebook:
    return await SqlCasebook.open(url, build.default_policies(), Bell(), Telemetry())


@pytest.fixture(params=adapters(ADAPTERS))
def url(request: pytest.FixtureRequest) -> str:
    return ADAPTERS[request.param](request)


@pytest.fixture(params=adapters(SHARED))
def shared_url(request: pytest.FixtureRequest) -> str:
    return ADAPTERS[request.param](request)


@pytest.fixture
async def casebook(url: str) -> AsyncIterator[Casebook]:
    opened = await open_casebook(url)
    yield opened
    await opened.close()


@pytest.fixture
async def pair(shared_url: str) -> AsyncIterator[tuple[Casebook, Casebook]]:
    one, other = await open_casebook(shared_url), await open_casebook(shared_url)
    yield one, other
    await one.close()
    await other.close()


async def raised(casebook: Casebook, alert: Alert | None = None, after: float = 0) -> Case | None:
    return await casebook.raise_alert(
        alert or build.alert(), PEOPLE, START + seconds(after), label="幸福里", address="上海"
    )


async def opened(casebook: Casebook, alert: Alert | None = None, after: float = 0) -> Case:
    case = await raised(casebook, alert, after)
    assert case is not None
    return case


async def act(casebook: Casebook, case: Case, move: Move, after: float = 0, *, outcome: str = "") -> Case | None:
    return await casebook.act(case.id, Acted(move=move, by="provider-1", outcome=outcome), START + seconds(after))


async def whats(casebook: Casebook) -> list[str]:
    return [line.what for line in await casebook.lines(after=0, limit=1000)]


async def test_a_case_comes_back_as_it_was_written(casebook: Casebook) -> None:
    case = await opened(casebook)
    assert await casebook.case(case.id) == (case, START)
    assert await casebook.case("no such case") is None
    assert case.due_at == START + seconds(60)
    assert {one.person_id for one in await casebook.deliveries(case.id)} == {"desk-1", "family-1"}
    assert await whats(casebook) == ["opened", "signal", "step", "step"]


async def test_an_alert_is_written_down_exactly_once(casebook: Casebook) -> None:
    case = await opened(casebook)
    before = await casebook.lines(after=0, limit=100)
    assert await raised(casebook, after=5) is None
    assert await casebook.lines(after=0, limit=100) == before
    assert await casebook.case(case.id) == (case, START)


async def test_the_end_of_an_alert_is_another_fact_than_its_beginning(casebook: Casebook) -> None:
    case = await opened(casebook)
    over = build.alert(status=AlertStatus.RESOLVED)
    joined = await raised(casebook, over, after=5)
    assert joined == case
    assert await raised(casebook, over, after=6) is None
    assert (await whats(casebook)).count("signal") == 2


async def test_what_is_over_in_a_home_without_a_case_opens_none(casebook: Casebook) -> None:
    assert await raised(casebook, build.alert(status=AlertStatus.RESOLVED)) is None
    assert (await casebook.cases([], 10, None)).cases == ()
    # the same alert heard first as over and then as open is still a call
    await opened(casebook)


async def test_a_home_has_one_open_case_however_many_raise_at_once(pair: tuple[Casebook, Casebook]) -> None:
    alerts = [build.alert(f"alert-{number}") for number in range(12)]
    cases = await asyncio.gather(*(opened(pair[number % 2], alert) for number, alert in enumerate(alerts)))
    assert len({case.id for case in cases}) == 1
    found = await pair[0].case(cases[0].id)
    assert found is not None
    assert found[0].calls == 12


async def test_the_same_alert_raised_by_two_at_once_is_written_down_once(pair: tuple[Casebook, Casebook]) -> None:
    cases = await asyncio.gather(*(raised(book) for book in pair * 3))
    assert len([case for case in cases if case is not None]) == 1
    assert (await whats(pair[0])).count("signal") == 1


async def test_a_closed_case_makes_room_for_a_new_one(casebook: Casebook) -> None:
    first = await opened(casebook)
    await act(casebook, first, Move.CLOSE, 10, outcome="other")
    second = await opened(casebook, build.alert("alert-2"), after=20)
    assert second.id != first.id
    page = await casebook.cases([], 10, None)
    assert [case.id for case, _ in page.cases] == [second.id, first.id]


async def test_what_a_case_refuses_changes_nothing(casebook: Casebook) -> None:
    case = await opened(casebook)
    lines = await casebook.lines(after=0, limit=100)
    with pytest.raises(Refused, match="outcome"):
        await act(casebook, case, Move.CLOSE)
    assert await casebook.case(case.id) == (case, START)
    assert await casebook.lines(after=0, limit=100) == lines


async def test_acting_on_an_unknown_case_says_so(casebook: Casebook) -> None:
    for unknown in ("no such case", "a\x00b", ""):
        assert await casebook.act(unknown, Acted(move=Move.ACCEPT, by="x"), START) is None
        assert await casebook.case(unknown) is None
        assert await casebook.lines(after=0, limit=10, case_id=unknown) == []
        assert await casebook.deliveries(unknown) == []
    nul = base64.urlsafe_b64encode(b"2026\x00 a\x00").decode()
    assert (await casebook.cases([], 10, nul)).cases == ()


async def test_an_alert_that_cannot_be_written_leaves_nothing_behind(casebook: Casebook) -> None:
    case = await opened(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    accepted = await casebook.case(case.id)
    lines, deliveries = await casebook.lines(after=0, limit=100), await casebook.deliveries(case.id)
    # evidence is written into a line as JSON, after the case's new state
    broken = replace(build.alert("alert-2"), evidence=(object(),))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="not JSON serializable"):
        await raised(casebook, broken, after=5)
    assert await casebook.case(case.id) == accepted
    assert await casebook.lines(after=0, limit=100) == lines
    assert await casebook.deliveries(case.id) == deliveries
    # nor does the alert count as written down
    assert await raised(casebook, build.alert("alert-2"), after=6) is not None


async def test_a_first_alert_that_cannot_be_written_opens_no_case(casebook: Casebook) -> None:
    broken = replace(build.alert(), evidence=(object(),))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="not JSON serializable"):
        await raised(casebook, broken)
    assert (await casebook.cases([], 10, None)).cases == ()
    assert await whats(casebook) == []
    assert await casebook.next_due() is None
    assert len(await casebook.deliveries((await opened(casebook)).id)) == 2


async def test_waking_steps_what_is_due_and_nothing_else(casebook: Casebook) -> None:
    early = await opened(casebook, build.alert("a", home_id="h1"))
    late = await opened(casebook, build.alert("b", home_id="h2"), after=30)
    assert await casebook.wake(START + seconds(59.999999), 10) == 0
    assert await casebook.wake(START + seconds(60), 10) == 1
    assert [one.person_id for one in await casebook.deliveries(early.id)][2:] == ["provider-1"]
    assert len(await casebook.deliveries(late.id)) == 2
    assert await casebook.wake(START + seconds(60), 10) == 0


async def test_waking_takes_the_longest_due_first_and_at_most_so_many(casebook: Casebook) -> None:
    cases = [await opened(casebook, build.alert(f"a{n}", home_id=f"h{n}"), after=n) for n in (2, 0, 1)]
    assert await casebook.wake(START + seconds(100), 2) == 2
    steps = {case.home_id: len(await casebook.deliveries(case.id)) for case in cases}
    assert steps == {"h0": 3, "h1": 3, "h2": 2}


async def test_two_that_wake_at_once_tell_each_person_once(pair: tuple[Casebook, Casebook]) -> None:
    case = await opened(pair[0])
    await asyncio.gather(*(book.wake(START + seconds(60), 10) for book in pair * 2))
    people = [one.person_id for one in await pair[0].deliveries(case.id)]
    assert sorted(people) == ["desk-1", "family-1", "provider-1"]
    assert (await whats(pair[0])).count("step") == 3


async def test_many_that_are_due_are_stepped_once_each_by_several_at_once(pair: tuple[Casebook, Casebook]) -> None:
    cases = [await opened(pair[0], build.alert(f"a{n}", home_id=f"h{n}")) for n in range(30)]
    stepped = await asyncio.gather(*(book.wake(START + seconds(60), 10) for book in pair * 4))
    while more := await pair[1].wake(START + seconds(60), 10):
        stepped.append(more)
    assert sum(stepped) == 30
    for case in cases:
        assert len(await pair[0].deliveries(case.id)) == 3


async def test_the_next_due_time_is_that_of_the_first_case(casebook: Casebook) -> None:
    assert await casebook.next_due() is None
    case = await opened(casebook, build.alert("a", home_id="h1"), after=10)
    await opened(casebook, build.alert("b", home_id="h2"), after=20)
    assert await casebook.next_due() == START + seconds(70)
    await act(casebook, case, Move.CLOSE, 30, outcome="other")
    assert await casebook.next_due() == START + seconds(80)


async def test_the_overview_counts_what_is_open_late_and_stuck(casebook: Casebook) -> None:
    late_after = seconds(10)
    calm = await casebook.overview(START, late_after)
    assert (calm.open_by_status, calm.oldest_unanswered_at, calm.without_next) == ({}, None, ())
    first = await opened(casebook, build.alert("a", home_id="h1"))
    second = await opened(casebook, build.alert("b", home_id="h2"), after=5)
    third = await opened(casebook, build.alert("c", home_id="h3"), after=6)
    await act(casebook, first, Move.ACCEPT, 7)
    await act(casebook, third, Move.CLOSE, 7, outcome="other")
    seen = await casebook.overview(START + seconds(10), late_after)
    assert seen.open_by_status == {CaseStatus.ACCEPTED: 1, CaseStatus.OPEN: 1}
    assert seen.oldest_unanswered_at == second.opened_at
    assert (seen.cases_overdue, seen.deliveries_overdue) == (0, 0)
    # seven deliveries were due at 0, 5 and 6 s; at 15.000001 s those of the first home are late
    late = await casebook.overview(START + seconds(15), late_after)
    assert (late.cases_overdue, late.deliveries_overdue) == (0, 2)
    # the home of the first has not been told yet that somebody is coming: that is doubted once
    await casebook.wake(START + seconds(37), 10)
    assert (await casebook.overview(START + seconds(75), late_after)).cases_overdue == 0
    assert (await casebook.overview(START + seconds(75.000001), late_after)).cases_overdue == 1


async def test_pages_show_every_case_once_while_new_ones_arrive(casebook: Casebook) -> None:
    # three at the same moment, so that the cursor has to tell them apart by id
    old = {(await opened(casebook, build.alert(f"a{n}", home_id=f"h{n}"), after=n // 3)).id for n in range(10)}
    seen: list[str] = []
    cursor, number = None, 0
    while True:
        page = await casebook.cases([], 3, cursor)
        seen += [case.id for case, _ in page.cases]
        number += 1
        await opened(casebook, build.alert(f"new{number}", home_id=f"n{number}"), after=100 + number)
        cursor = page.next
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 10
    assert set(seen) == old


async def test_a_page_that_holds_the_last_case_has_no_next(casebook: Casebook) -> None:
    for number in range(3):
        await opened(casebook, build.alert(f"a{number}", home_id=f"h{number}"))
    assert (await casebook.cases([], 3, None)).next is None
    assert (await casebook.cases([], 2, None)).next is not None


async def test_pages_are_of_the_statuses_asked_for(casebook: Casebook) -> None:
    first = await opened(casebook, build.alert("a", home_id="h1"))
    second = await opened(casebook, build.alert("b", home_id="h2"), after=1)
    await act(casebook, first, Move.ACCEPT, 2)
    for statuses, ids in ((["accepted"], [first.id]), (["open", "accepted"], [second.id, first.id]), (["closed"], [])):
        assert [case.id for case, _ in (await casebook.cases(statuses, 10, None)).cases] == ids


@pytest.mark.parametrize("cursor", ["?", "=", "abc", "YWJj", "ÿ", "YSBiIGM", "a" * 199])
async def test_a_cursor_of_somebody_else_is_refused_in_words(casebook: Casebook, cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        await casebook.cases([], 10, cursor)


async def test_lines_go_on_behind_an_id_and_rise(casebook: Casebook) -> None:
    assert await casebook.last_line() == 0
    first = await opened(casebook, build.alert("a", home_id="h1"))
    await opened(casebook, build.alert("b", home_id="h2"))
    every = await casebook.lines(after=0, limit=100)
    ids = [line.id for line in every]
    assert ids == sorted(set(ids))
    assert await casebook.last_line() == ids[-1]
    assert await casebook.lines(after=ids[2], limit=3) == every[3:6]
    of_first = [line for line in every if line.case_id == first.id]
    assert await casebook.lines(after=0, limit=100, case_id=first.id) == of_first
    assert [await casebook.lines_behind(one, 5) for one in (0, ids[3], ids[-2], ids[-1])] == [5, 4, 1, 0]


async def test_who_follows_by_the_last_id_misses_no_line_however_many_write(pair: tuple[Casebook, Casebook]) -> None:
    done = asyncio.Event()

    async def write(writer: int) -> None:
        for number in range(10):
            await opened(pair[writer % 2], build.alert(f"{writer}-{number}", home_id=f"h{writer}-{number}"))

    async def follow() -> list[int]:
        seen = [0]
        while not (done.is_set() and await pair[0].last_line() == seen[-1]):
            seen += [line.id for line in await pair[0].lines(after=seen[-1], limit=7)]
        return seen[1:]

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in range(4)))
    done.set()
    seen = await following
    assert seen == sorted(set(seen))
    assert len(seen) == 4 * 10 * 4


async def test_relay_marks_are_kept_by_name(casebook: Casebook) -> None:
    assert await casebook.relayed("cases") == 0
    await casebook.relay_to("cases", 5)
    await casebook.relay_to("cases", 9)
    await casebook.relay_to("others", 2)
    assert (await casebook.relayed("cases"), await casebook.relayed("others")) == (9, 2)
    # somebody who stood still comes late with an older mark
    await casebook.relay_to("cases", 7)
    assert await casebook.relayed("cases") == 9


async def test_severity_of_a_case_follows_the_worst_alert(casebook: Casebook) -> None:
    fault = build.alert("a", severity=Severity.LOW, rule="supervision")
    case = await opened(casebook, fault)
    assert case.policy.name == "fault"
    worse = await opened(casebook, build.alert("b"), after=100)
    assert (worse.id, worse.severity, worse.policy.name) == (case.id, Severity.CRITICAL, "call_for_help")
