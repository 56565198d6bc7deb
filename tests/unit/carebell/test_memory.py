"""What is due of a partition is woken, and never too many at once."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from carebell.memory import WOKEN_AT_ONCE, Memory
from carebell.store import Saved
from tests.support.workline import work_line

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def memory_of(count: int) -> Memory[str]:
    """Key 0 is due last, the others a second apart before it."""
    return Memory(0, {}, [Saved(f"{n:05}", b"", AT + timedelta(seconds=count - n)) for n in range(count)])


def test_what_is_due_is_woken() -> None:
    assert memory_of(4).due_at(AT + timedelta(seconds=3)) == ["00001", "00002", "00003"]


@pytest.mark.parametrize("stays_due", [False, True])
def test_of_very_many_each_has_its_turn(stays_due: bool) -> None:
    memory, woken = memory_of(2 * WOKEN_AT_ONCE + 1), set()
    for _ in range(3):
        keys = memory.due_at(AT + timedelta(days=1))
        assert len(keys) <= WOKEN_AT_ONCE
        woken.update(keys)
        for key in keys:
            memory.put(key, "", AT if stays_due else None)
    assert woken == memory_of(2 * WOKEN_AT_ONCE + 1).due.keys()


async def test_whoever_else_must_live_has_a_turn_between_two_ticks() -> None:
    async with work_line() as line:
        life = await line.life()
        await life.work_off()
        await line.say(*(f"tick {second}" for second in range(10)))
        await line.say(*(f"wake {second}" for second in range(10)), topic="urgent")
        turns = 0

        async def breathe() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        records = await life.member.poll(20, timedelta(0))
        beside = asyncio.create_task(breathe())
        await life.worker._judge_all(records)
        beside.cancel()
        assert turns >= len(records) == 20
