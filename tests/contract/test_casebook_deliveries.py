"""Deliveries of the Casebook port: leases, fences, and what the case no longer wants."""

import asyncio
from collections.abc import Sequence

import pytest

from notifier.case_value import Move
from notifier.casebook import Casebook, Claimed, DeliveryStatus, Outcome
from tests.contract.test_casebook import act, casebook, opened, pair, shared_url, url, whats
from tests.support import build
from tests.support.build import START, seconds

__all__ = ["casebook", "pair", "shared_url", "url"]
LEASE = seconds(5)
SENT = Outcome(status=DeliveryStatus.SENT, detail="taken")
FAILED = Outcome(status=DeliveryStatus.FAILED, detail="no such number")


async def claim(casebook: Casebook, owner: str = "a", after: float = 0, limit: int = 10) -> Sequence[Claimed]:
    return await casebook.claim(START + seconds(after), owner=owner, lease=LEASE, limit=limit)


async def statuses(casebook: Casebook, case_id: str) -> dict[str, str]:
    return {one.person_id: one.status.value for one in await casebook.deliveries(case_id)}


async def test_a_delivery_that_is_held_is_given_to_nobody_else(casebook: Casebook) -> None:
    await opened(casebook)
    assert len(await claim(casebook, "a", limit=1)) == 1
    assert len(await claim(casebook, "b")) == 1
    assert await claim(casebook, "c") == []
    assert await claim(casebook, "c", after=5) == []


async def test_two_owners_at_once_never_hold_the_same(pair: tuple[Casebook, Casebook]) -> None:
    for number in range(6):
        await opened(pair[0], build.alert(f"a{number}", home_id=f"h{number}"))
    claims = await asyncio.gather(*(claim(pair[n % 2], f"owner-{n}", limit=4) for n in range(6)))
    ids = [one.delivery.id for some in claims for one in some]
    assert len(ids) == len(set(ids)) == 12


async def test_nothing_is_given_before_its_time(casebook: Casebook) -> None:
    await opened(casebook, after=10)
    assert await claim(casebook, after=9.999999) == []
    assert len(await claim(casebook, after=10)) == 2


async def test_a_lease_that_has_ended_hands_over_and_counts_as_caught(casebook: Casebook) -> None:
    case = await opened(casebook)
    first = await claim(casebook, "a")
    assert [one.was_caught for one in first] == [False, False]
    second = await claim(casebook, "b", after=5.000001)
    assert {one.delivery.id for one in second} == {one.delivery.id for one in first}
    assert [one.was_caught for one in second] == [True, True]
    rows = await casebook.deliveries(case.id)
    assert [(one.caught, one.attempts, one.first_attempt_at) for one in rows] == [(1, 2, START)] * 2


async def test_the_late_word_of_a_former_owner_changes_nothing(casebook: Casebook) -> None:
    case = await opened(casebook)
    former = await claim(casebook, "a")
    await claim(casebook, "b", after=6)
    before, lines = await casebook.deliveries(case.id), await whats(casebook)
    for one in former:
        assert not await casebook.record(one, FAILED, START + seconds(7))
        assert await casebook.extend([one], START + seconds(100)) == frozenset()
    assert await casebook.deliveries(case.id) == before
    assert await whats(casebook) == lines


async def test_an_end_is_recorded_once(casebook: Casebook) -> None:
    case = await opened(casebook)
    one, _ = await claim(casebook)
    assert await casebook.record(one, SENT, START + seconds(1))
    assert not await casebook.record(one, FAILED, START + seconds(2))
    row = next(row for row in await casebook.deliveries(case.id) if row.id == one.delivery.id)
    assert (row.status, row.detail, row.ended_at) == (DeliveryStatus.SENT, "taken", START + seconds(1))
    assert (await whats(casebook)).count("delivery") == 1
    assert await claim(casebook, "b", after=50) != []
    assert one.delivery.id not in {one.delivery.id for one in await claim(casebook, "c", after=100)}


async def test_who_does_not_take_over_gets_only_what_nobody_holds(casebook: Casebook) -> None:
    await opened(casebook)
    [held] = await claim(casebook, "dead", limit=1)
    at = START + seconds(60)
    free = await casebook.claim(at, owner="b", lease=LEASE, limit=10, taking_over=False)
    assert len(free) == 1
    assert free[0].delivery.id != held.delivery.id
    taken = await casebook.claim(at, owner="b", lease=LEASE, limit=10)
    assert [one.delivery.id for one in taken] == [held.delivery.id]


async def test_of_several_leases_only_those_that_are_held_are_extended(casebook: Casebook) -> None:
    await opened(casebook)
    first, second = await claim(casebook, "a")
    await casebook.record(first, SENT, START + seconds(1))
    assert await casebook.extend([first, second], START + seconds(20)) == {second.delivery.id}
    assert await casebook.extend([], START + seconds(20)) == frozenset()


async def test_what_ends_together_is_written_down_each_as_it_was(casebook: Casebook) -> None:
    cases = [await opened(casebook, build.alert(f"a{n}", home_id=f"h{n}")) for n in range(20)]
    claims = await claim(casebook, limit=40)
    gone = claims[7]
    await casebook.record(gone, SENT, START)
    ends = await asyncio.gather(
        *(
            casebook.record(one, FAILED if number % 2 else SENT, START + seconds(number))
            for number, one in enumerate(claims)
        )
    )
    assert [end for end, one in zip(ends, claims, strict=True) if one is not gone] == [True] * 39
    assert ends[7] is False
    rows = {row.id: row for case in cases for row in await casebook.deliveries(case.id)}
    for number, one in enumerate(claims):
        if one is not gone:
            row = rows[one.delivery.id]
            expected = DeliveryStatus.FAILED if number % 2 else DeliveryStatus.SENT
            assert (row.status, row.ended_at) == (expected, START + seconds(number))
    assert (await whats(casebook)).count("delivery") == 40


async def test_what_a_device_wrote_comes_back_as_it_was_also_a_nul(casebook: Casebook) -> None:
    alert = build.alert(device_id="button\x00\x1a0", source_id="press\x00")
    case = await opened(casebook, alert)
    await act(casebook, case, Move.ACCEPT, 1)
    [coming] = await claim(casebook, after=2)
    assert (coming.delivery.to, coming.delivery.source_id) == ("button\x00\x1a0", "press\x00")
    assert (await casebook.case(case.id) or (None,))[0] == coming.case
    lines = await casebook.lines(after=0, limit=100)
    assert [line.source_id for line in lines if line.what == "signal"] == ["press\x00"]
    assert next(line.data["device_id"] for line in lines if line.what == "signal") == "button\x00\x1a0"


async def test_an_extended_lease_is_kept_that_long(casebook: Casebook) -> None:
    await opened(casebook)
    mine = await claim(casebook, "a")
    assert await casebook.extend(mine, START + seconds(20)) == {one.delivery.id for one in mine}
    assert await claim(casebook, "b", after=20) == []
    assert len(await claim(casebook, "b", after=20.000001)) == 2


async def test_released_leases_are_free_at_once_and_the_attempt_stays_begun(casebook: Casebook) -> None:
    await opened(casebook)
    await claim(casebook, "dead", limit=1)
    kept = await claim(casebook, "alive", limit=1)
    assert await casebook.release("dead") == 1
    taken = await claim(casebook, "b")
    assert [one.was_caught for one in taken] == [True]
    assert taken[0].delivery.id != kept[0].delivery.id
    assert await casebook.release("dead") == 0


async def test_a_retry_waits_for_its_time(casebook: Casebook) -> None:
    case = await opened(casebook)
    later = Outcome(status=DeliveryStatus.QUEUED, detail="busy", retry_at=START + seconds(7))
    for one in await claim(casebook):
        assert await casebook.record(one, later, START + seconds(1))
    assert await claim(casebook, after=6.999999) == []
    again = await claim(casebook, after=7)
    assert [(one.was_caught, one.delivery.attempts, one.due_at) for one in again] == [
        (False, 1, START + seconds(7)),
        (False, 1, START + seconds(7)),
    ]
    assert set((await statuses(casebook, case.id)).values()) == {"sending"}


async def test_claiming_cancels_what_an_accepted_case_no_longer_wants(casebook: Casebook) -> None:
    case = await opened(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    claims = await claim(casebook, after=2)
    assert [one.delivery.person_id for one in claims] == ["button-1"]
    assert await statuses(casebook, case.id) == {"desk-1": "cancelled", "family-1": "cancelled", "button-1": "sending"}
    row = next(row for row in await casebook.deliveries(case.id) if row.person_id == "desk-1")
    assert (row.detail, row.ended_at, row.attempts) == ("accepted by provider-1", START + seconds(2), 0)


@pytest.mark.parametrize("move", [Move.EN_ROUTE, Move.ARRIVED, Move.CLOSE])
async def test_no_call_goes_out_for_a_case_that_is(casebook: Casebook, move: Move) -> None:
    case = await opened(casebook)
    await act(casebook, case, move, 1, outcome="other")
    assert "sending" not in {row.status.value for row in await casebook.deliveries(case.id) if row.purpose == "call"}
    await claim(casebook, after=2)
    found = await statuses(casebook, case.id)
    assert (found["desk-1"], found["family-1"]) == ("cancelled", "cancelled")


async def test_a_caught_delivery_of_an_accepted_case_is_not_sent_again(casebook: Casebook) -> None:
    case = await opened(casebook)
    await claim(casebook, "dead")
    await act(casebook, case, Move.ACCEPT, 1)
    assert [one.delivery.person_id for one in await claim(casebook, "b", after=6)] == ["button-1"]


async def test_cancelling_does_not_use_up_what_may_be_claimed_for_good(casebook: Casebook) -> None:
    accepted = await opened(casebook, build.alert("a", home_id="h1"))
    await act(casebook, accepted, Move.ACCEPT, 1)
    await opened(casebook, build.alert("b", home_id="h2"), after=1)
    found: set[str] = set()
    for _ in range(4):
        found |= {one.delivery.case_id + one.delivery.person_id for one in await claim(casebook, after=2, limit=2)}
    assert len(found) == 3


async def test_when_the_last_of_a_tier_has_failed_the_next_is_told_in_the_same_transaction(casebook: Casebook) -> None:
    case = await opened(casebook)
    for one in await claim(casebook):
        await casebook.record(one, FAILED, START + seconds(3))
    assert (await statuses(casebook, case.id))["provider-1"] == "queued"
    assert (await whats(casebook))[-2:] == ["escalated", "step"]


async def test_a_failure_that_cannot_be_written_leaves_the_delivery_held(casebook: Casebook) -> None:
    case = await opened(casebook)
    one = (await claim(casebook))[0]
    broken = Outcome(status=DeliveryStatus.FAILED, detail="half a character: \ud800")
    with pytest.raises(Exception, match="surrogates not allowed"):
        await casebook.record(one, broken, START + seconds(1))
    assert (await statuses(casebook, case.id))[one.delivery.person_id] == "sending"
    assert (await whats(casebook)).count("delivery") == 0
    assert await casebook.record(one, SENT, START + seconds(2))
