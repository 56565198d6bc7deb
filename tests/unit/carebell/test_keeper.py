"""Time lines of a store that is slow, away, emptied or another's: nothing waits for it, nothing is lost, losses are told."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from carebell.errors import Fenced, TryLater
from carebell.log import Entry
from carebell.memory import AWAKE_AT_MOST
from tests.support.workline import AT, NO_WAIT, WorkLine, work_line

SECOND = timedelta(seconds=1)


@pytest.fixture
async def line() -> AsyncIterator[WorkLine]:
    async with work_line() as opened:
        yield opened


async def test_what_is_in_the_log_is_committed_although_it_cannot_be_saved(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1", "2")
    await life.work_off()
    await line.passes(2)
    await life.turn()
    assert (await line.position(), await line.committed()) == (2, 2)
    line.store.away = True
    await line.say("3")
    await line.passes(5)
    await life.work_off()
    assert (await line.position(), await line.committed()) == (2, 3)
    assert await line.log.inner.waiting_since("w", "telemetry") is None


async def test_what_is_not_in_the_log_is_not_committed(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1")
    await life.work_off()
    line.log.away = True
    await line.say("2")
    await line.passes(5)
    await life.turns(3)
    await life.worker._finish(life.member)
    assert await line.committed() in (None, 1)


async def test_nothing_is_committed_of_what_the_store_has_never_had(line: WorkLine) -> None:
    life = await line.life()
    await life.turn()
    await life.worker.settle()
    line.store.away = True
    await line.say("1")
    await line.passes(2)
    await life.turns(3)
    assert await line.written() == ["h: 1"]
    assert await line.committed() is None
    await life.die()
    line.store.away = False
    following = await line.life()
    await following.work_off()
    assert await line.written("lost") == []


async def test_a_store_that_gives_claims_and_nothing_else_keeps_no_call_waiting(line: WorkLine) -> None:
    line.store.is_dumb = True
    await line.say("press", topic="urgent")
    life = await line.life()
    for _ in range(10):
        await life.turn()
        await life.worker.settle()
        await line.passes(0.5)
    assert await line.written() == ["h: press"]


async def test_a_store_that_is_away_delays_no_alert_and_gets_everything_once_it_is_back(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    line.store.away = True
    for number in range(5):
        await line.say(str(number))
        await life.turns(3)
        assert await line.written() == [f"h: {one}" for one in range(number + 1)]
        await line.passes(2)
    assert [type(one) for one in life.notes.failures] == [TryLater] * 5
    assert life.notes.turns[-1].unsaved_for >= 8 * SECOND
    line.store.away = False
    await life.work_off()
    assert await line.heard() == ["0", "1", "2", "3", "4"]
    assert await line.written("lost") == []
    await life.turn()
    assert life.notes.turns[-1].unsaved_for == NO_WAIT


async def test_a_store_that_hangs_delays_no_alert_and_changes_gather(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    line.store.answers.clear()
    for number in range(5):
        await line.say(str(number))
        await life.turn()
        assert await line.written() == [f"h: {one}" for one in range(number + 1)]
    line.store.answers.set()
    await life.work_off()
    assert await line.heard() == ["0", "1", "2", "3", "4"]
    assert len(line.store.saves) == 2


async def test_a_store_that_is_away_is_asked_once_a_second(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    line.store.away = True
    await line.say("1")
    for _ in range(100):
        await life.turn()
        await line.passes(0.1)
    assert 9 <= len(life.notes.failures) <= 11


async def test_nothing_is_saved_before_what_follows_from_it_is_in_the_log(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    line.log.away = True
    await line.say("1")
    await life.turns(5)
    await life.worker.settle()
    assert await line.position() is None
    await line.say("2")
    line.log.away = False
    await life.work_off()
    assert await line.written() == ["h: 1", "h: 2"]
    assert await line.heard() == ["1", "2"]


async def test_an_errand_under_way_does_not_pick_up_what_has_not_been_emitted(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    await line.say("1")
    line.store.answers.clear()
    await life.turn()
    line.log.away = True
    await line.say("2")
    await life.turn()
    line.store.answers.set()
    await life.turn()
    assert await line.written() == ["h: 1"]
    assert await line.position() in (None, 1)
    await life.die()
    line.log.away = False
    following = await line.life()
    await following.work_off()
    assert set(await line.written()) == {"h: 1", "h: 2"}
    assert await line.heard() == ["1", "2"]


async def test_a_former_owner_is_refused_and_follows_the_true_one(line: WorkLine) -> None:
    first, second = await line.life(), await line.life()
    await line.say("1")
    await first.work_off()
    await line.say("2", key="other")
    await second.work_off()
    await line.say("3")
    await first.work_off()
    assert any(isinstance(one, Fenced) for one in first.notes.failures)
    assert (await line.heard(), await line.heard("other")) == (["1"], ["2"])
    await line.passes(2)
    await first.work_off()
    assert (await line.heard(), await line.heard("other")) == (["1", "3"], ["2"])
    assert set(await line.written()) == {"h: 1", "other: 2", "h: 3"}


async def test_the_save_of_a_former_owner_takes_nothing_of_its_other_partitions_with_it(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    await line.store.inner.claim("w", 0, line.clock.now())
    await line.say("1", partition=0)
    await line.say("1", partition=1, key="i")
    await life.work_off()
    assert (await line.heard("h", 0), await line.heard("i", 1)) == ([], ["1"])
    await line.passes(2)
    await life.work_off()
    assert (await line.heard("h", 0), await line.heard("i", 1)) == (["1"], ["1"])
    assert set(await line.written()) == {"h: 1", "i: 1"}


async def test_a_new_division_that_changes_nothing_loads_nothing_and_loses_nothing(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    line.store.loads.clear()
    line.store.away = True
    await line.say("1")
    await life.turns(3)
    await life.member.divide()
    await life.turns(3)
    await life.member.divide(0, 1)
    await line.say("2")
    await life.turns(3)
    assert await line.written() == ["h: 1", "h: 2"]
    line.store.away = False
    await line.passes(2)
    await life.work_off()
    assert await line.heard() == ["1", "2"]
    assert line.store.loads == []
    assert await line.written("lost") == []


async def test_a_partition_that_was_another_s_meanwhile_is_loaded(line: WorkLine) -> None:
    first, second = await line.life(), await line.life()
    await line.say("1")
    await first.work_off()
    await first.member.divide(1)
    await first.work_off()
    await line.say("2")
    await second.work_off()
    await second.member.divide()
    await first.member.divide(0, 1)
    await line.say("3")
    await first.work_off()
    assert await line.heard() == ["1", "2", "3"]
    assert await line.written() == ["h: 1", "h: 2", "h: 3"]


async def test_a_store_emptied_under_a_living_worker_gets_everything_again(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1", key="quiet")
    await line.say("1")
    await life.work_off()
    await line.store.empty()
    await line.say("2")
    await life.work_off()
    await line.passes(2)
    await life.work_off()
    assert (await line.heard(), await line.heard("quiet")) == (["1", "2"], ["1"])
    assert await line.position() == 3
    assert await line.written("lost") == []
    assert await line.written() == ["h: 1", "h: 2", "quiet: 1"]


async def test_a_store_emptied_over_a_death_is_rebuilt_from_the_log_and_told_once(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1", "2")
    await line.say("press", topic="urgent")
    await life.work_off()
    await line.passes(2)
    await life.turn()
    await life.die()
    await line.store.empty()
    await line.say("3")
    following = await line.life()
    await following.work_off()
    assert await line.heard() == ["press", "1", "2", "3"]
    assert set(await line.written()) == {"h: press", "h: 1", "h: 2", "h: 3"}
    [told] = await line.written("lost")
    assert "the store has nothing of partition 0" in told
    await following.die()
    again = await line.life()
    await again.work_off()
    assert len(await line.written("lost")) == 1


async def test_a_first_start_is_no_loss(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1")
    await life.work_off()
    assert await line.written("lost") == []


async def test_a_loss_is_told_once_although_nothing_follows_it(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1")
    await life.work_off()
    await line.passes(2)
    await life.turn()
    await life.die()
    await line.store.empty()
    for _ in range(3):
        following = await line.life()
        await following.turn()
        await following.worker.settle()
        await following.turn()
        await following.worker.settle()
        await following.die()
    assert len(await line.written("lost")) == 1


async def test_calls_do_not_wait_for_a_store_that_is_away_at_take_over(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1", "2")
    await life.work_off()
    await line.passes(2)
    await life.turn()
    await life.die()
    line.store.away = True
    await line.say("press", topic="urgent")
    following = await line.life()
    await following.turns(5)
    assert "h: press" not in await line.written()
    await line.passes(3)
    await following.turns(5)
    assert await line.written() == ["h: 1", "h: 2", "h: press"]
    assert len(await line.written("lost")) == 2  # one for each partition
    assert await line.heard() == ["1", "2"]
    line.store.away = False
    await line.passes(2)
    await following.work_off()
    assert await line.heard() == ["1", "2", "press"]
    assert set(await line.written()) == {"h: 1", "h: 2", "h: press"}
    assert len(await line.written("lost")) == 2


async def test_without_a_store_and_without_a_past_everything_is_judged_from_the_beginning(line: WorkLine) -> None:
    line.store.answers.clear()
    await line.say("1")
    life = await line.life()
    await life.turn()
    await line.passes(3)
    await life.turns(3)
    assert await line.written() == ["h: 1"]
    line.store.answers.set()
    await life.work_off()
    assert await line.heard() == ["1"]


async def test_what_is_not_touched_stays_as_it_was_saved(line: WorkLine) -> None:
    life = await line.life()
    for number in range(5):
        await line.say(f"wake {10 + number}", key=f"h{number}")
    await life.work_off()
    await life.die()
    following = await line.life()
    await line.say("tick 11")
    await following.work_off()
    assert following.judge.decoded == ["h0", "h1"]
    assert await line.heard("h1") == ["wake 11", "tick 11"]
    assert await line.heard("h4") == ["wake 14"]


async def test_what_was_not_touched_is_saved_again_into_an_emptied_store(line: WorkLine) -> None:
    life = await line.life()
    await line.say("1", key="asleep")
    await life.work_off()
    await life.die()
    following = await line.life()
    await following.work_off()
    await line.store.empty()
    await line.say("2")
    await following.work_off()
    await line.passes(2)
    await following.work_off()
    assert following.judge.decoded == []
    assert await line.heard("asleep") == ["1"]


async def test_the_age_of_the_urgent_lane_is_told_apart(line: WorkLine) -> None:
    life = await line.life()
    await life.work_off()
    await line.say("old")
    await line.passes(30)
    await line.say("press", topic="urgent")
    await line.passes(1)
    await life.turn()
    assert (life.notes.turns[-1].age, life.notes.turns[-1].urgent_age) == (31 * SECOND, SECOND)


async def test_of_a_large_partition_most_states_sleep_and_all_are_as_they_were(line: WorkLine) -> None:
    life = await line.life()
    keys = [f"h{number}" for number in range(AWAKE_AT_MOST + 100)]
    for round_ in ("1", "2", "3"):
        await line.log.inner.append(
            [Entry(topic="telemetry", key=k, value=round_.encode(), partition=0) for k in keys], AT
        )
        await life.work_off()
    saved = await line.store.inner.load("w", 0)
    assert all(json.loads(saved.states[key].value)["heard"] == ["1", "2", "3"] for key in keys)
    assert 100 <= len(life.judge.decoded) <= 300
    assert await line.written() == sorted(f"{key}: {round_}" for key in keys for round_ in ("1", "2", "3"))
