"""Signals to a home in the Casebook port: what was said of them is kept, once, whoever heard it."""

import asyncio
from collections.abc import Sequence

import pytest

from carebell.types import Alert, DeviceProfile, HomeProfile, Severity
from devices.confirm import Stage
from notifier.case_value import Case, Confirmation, Heard, Move, Purpose, Raised
from notifier.casebook import Casebook, Claimed, DeliveryStatus, Outcome
from notifier.confirmation import CATCHING_UP
from tests.contract.test_casebook import act, casebook, pair, shared_url, url
from tests.support import build
from tests.support.build import PEOPLE, START, seconds

__all__ = ["casebook", "pair", "shared_url", "url"]
LAMP = DeviceProfile(device_id="lamp", dialect="zigbee2mqtt", address="bedside", confirms="lamp")
SENT = Outcome(status=DeliveryStatus.SENT, detail="accepted by the broker")


async def called_from_a_home_with_a_lamp(casebook: Casebook, alert: Alert | None = None) -> Case:
    alert = alert or build.alert()
    home = HomeProfile(home_id=alert.home_id, timezone="Asia/Shanghai", devices=(LAMP,))
    (case,) = await casebook.raise_alerts([Raised(alert, PEOPLE, "", "", home)], START)
    assert case is not None
    return case


async def the_lamps(casebook: Casebook, case: Case, purpose: Purpose) -> Confirmation:
    found = await casebook.case(case.id)
    assert found is not None
    return next(one for one in found[0].confirmations if (one.device_id, one.purpose) == ("lamp", purpose))


async def stages(casebook: Casebook, case: Case) -> list[object]:
    """Of the lamp, as they stand on the time line."""
    lines = await casebook.lines(after=0, limit=100, case_id=case.id)
    return [line.data["stage"] for line in lines if line.data.get("person") == "lamp"]


async def claim(casebook: Casebook, limit: int = 20, busy: Sequence[str] = ()) -> Sequence[Claimed]:
    return await casebook.claim(START + seconds(20), owner="a", lease=seconds(5), limit=limit, busy=busy)


async def test_a_signal_comes_back_as_it_was_written_with_its_home(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    found = await casebook.case(case.id)
    assert found == (case, START)
    assert case.home is not None
    assert case.home.devices == (LAMP,)
    assert await casebook.next_due() == START + seconds(30)


async def test_what_the_broker_has_taken_and_what_the_device_says_are_stages(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    for one in await claim(casebook):
        await casebook.record(one, SENT, START + seconds(20))
    lamp = await the_lamps(casebook, case, Purpose.COMING)
    assert (lamp.stage, lamp.due_at) == (Stage.ACCEPTED, START + seconds(31))
    assert await casebook.heard(Heard(lamp.delivery_id, Stage.CONFIRMED), START + seconds(21))
    lamp = await the_lamps(casebook, case, Purpose.COMING)
    assert (lamp.stage, lamp.due_at, lamp.is_doubtful) == (Stage.CONFIRMED, None, False)
    assert (await stages(casebook, case))[-1] == "confirmed_by_device"


async def test_the_same_answer_heard_by_several_is_written_down_once(pair: tuple[Casebook, Casebook]) -> None:
    case = await called_from_a_home_with_a_lamp(pair[0])
    await act(pair[0], case, Move.ACCEPT, 1)
    lamp = await the_lamps(pair[0], case, Purpose.COMING)
    heard = Heard(lamp.delivery_id, Stage.CONFIRMED)
    assert await asyncio.gather(*(pair[n % 2].heard(heard, START + seconds(2)) for n in range(4))) == [True] * 4
    assert (await stages(pair[0], case)).count("confirmed_by_device") == 1


async def test_an_answer_before_the_sending_is_recorded_is_not_taken_back_by_it(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    claims = await claim(casebook)
    lamp = await the_lamps(casebook, case, Purpose.COMING)
    await casebook.heard(Heard(lamp.delivery_id, Stage.CONFIRMED), START + seconds(20))
    for one in claims:
        await casebook.record(one, SENT, START + seconds(20))
    assert (await the_lamps(casebook, case, Purpose.COMING)).stage is Stage.CONFIRMED


async def test_an_answer_to_something_that_was_never_sent_is_nobodys(casebook: Casebook) -> None:
    await called_from_a_home_with_a_lamp(casebook)
    assert not await casebook.heard(Heard("f" * 32, Stage.CONFIRMED), START)


async def test_an_answer_after_the_case_is_closed_is_still_written_down(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    await act(casebook, case, Move.CLOSE, 2, outcome="other")
    lamp = await the_lamps(casebook, case, Purpose.COMING)
    assert await casebook.heard(Heard(lamp.delivery_id, Stage.CONFIRMED), START + seconds(3))
    assert (await stages(casebook, case))[-1] == "confirmed_by_device"
    assert await casebook.wake(START + seconds(100), 10) == 0


@pytest.mark.parametrize("severity", [Severity.CRITICAL, Severity.HIGH])
async def test_no_person_waits_for_a_lamp(casebook: Casebook, severity: Severity) -> None:
    for number in range(3):
        alert = build.alert(f"a{number}", home_id=f"h{number}", severity=severity)
        await called_from_a_home_with_a_lamp(casebook, alert)
    first = await claim(casebook, limit=6)
    assert {one.delivery.purpose for one in first} == {Purpose.CALL}
    assert await claim(casebook, busy=("home",)) == []
    assert [one.delivery.purpose for one in await claim(casebook)] == [Purpose.RECEIVED] * 3


async def test_a_doubt_is_written_down_once_by_whoever_wakes(pair: tuple[Casebook, Casebook]) -> None:
    case = await called_from_a_home_with_a_lamp(pair[0])
    await act(pair[0], case, Move.ACCEPT, 1)
    await asyncio.gather(*(one.wake(START + seconds(31), 10) for one in pair))
    await pair[0].wake(START + seconds(40), 10)
    lines = await pair[0].lines(after=0, limit=100, case_id=case.id)
    assert [line.data["person"] for line in lines if line.data.get("unheard")] == ["button-1", "lamp"]
    assert (await the_lamps(pair[0], case, Purpose.COMING)).is_doubtful


async def doubts(casebook: Casebook, case: Case) -> list[object]:
    lines = await casebook.lines(after=0, limit=100, case_id=case.id)
    return [line.data["person"] for line in lines if line.data.get("unheard")]


async def test_the_homes_that_were_signalled_are_found_again(casebook: Casebook) -> None:
    cases = [
        await called_from_a_home_with_a_lamp(casebook, build.alert(f"a{number}", home_id=f"h{number}"))
        for number in range(3)
    ]
    (answered,) = await casebook.raise_alerts([Raised(build.alert("other", home_id="h9"), PEOPLE)], START)
    assert answered is not None
    await act(casebook, answered, Move.ACCEPT, 1)
    await act(casebook, cases[1], Move.CLOSE, 2, outcome="other")
    found = await casebook.signalled(START, 10)
    assert {one.id: one.confirmations for one in found} == {one.id: one.confirmations for one in (cases[0], cases[2])}
    assert len(await casebook.signalled(START, 1)) == 1
    assert await casebook.signalled(START + seconds(1), 10) == []


async def test_after_a_restart_nobody_doubts_before_what_was_said_meanwhile_can_be_heard(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    back = START + seconds(60)
    assert await casebook.wake(back, 10, listening_since=back) == 1
    assert await doubts(casebook, case) == []
    assert await casebook.next_due() == back + CATCHING_UP
    lamp = await the_lamps(casebook, case, Purpose.COMING)
    assert await casebook.heard(Heard(lamp.delivery_id, Stage.CONFIRMED), back + seconds(1))
    assert await casebook.wake(back + CATCHING_UP, 10, listening_since=back) == 1
    assert await doubts(casebook, case) == []


async def test_what_nobody_has_said_by_then_is_doubted_and_only_once(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    back = START + seconds(60)
    for after in (0, 3, 9.999, 10, 20):
        await casebook.wake(back + seconds(after), 10, listening_since=back)
    lines = await casebook.lines(after=0, limit=100, case_id=case.id)
    at = [(line.data["person"], line.at) for line in lines if line.data.get("unheard")]
    assert at == [("button-1", back + CATCHING_UP), ("lamp", back + CATCHING_UP)]


async def test_what_was_asked_while_we_listened_gets_no_further_time(casebook: Casebook) -> None:
    case = await called_from_a_home_with_a_lamp(casebook)
    await act(casebook, case, Move.ACCEPT, 1)
    await casebook.wake(START + seconds(31), 10, listening_since=START)
    assert await doubts(casebook, case) == ["button-1", "lamp"]
