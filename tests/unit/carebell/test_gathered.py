"""Calls that wait together are made together, and each hears its own end."""

import asyncio
from collections.abc import Sequence

import pytest

from carebell.errors import TryLater
from carebell.gathered import Gathered


class Work:
    """Doubles numbers, and keeps who came together. 13 it cannot do; while away it does nothing."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.is_away = False
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(numbers))
        await self.may_go_on.wait()
        if self.is_away:
            raise TryLater("away")
        if 13 in numbers:
            raise ValueError("13")
        return [2 * number for number in numbers]


async def test_what_waits_together_is_done_together_and_no_more_than_so_many() -> None:
    work = Work()
    gathered = Gathered(work, 3)
    assert await asyncio.gather(*(gathered.one(number) for number in range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert work.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_one_that_fails_fails_alone() -> None:
    gathered = Gathered(Work(), 10)
    ends = await asyncio.gather(*(gathered.one(number) for number in (1, 13, 2)), return_exceptions=True)
    assert [ends[0], ends[2]] == [2, 4]
    assert isinstance(ends[1], ValueError)


async def test_who_is_away_is_not_asked_for_each_alone() -> None:
    work = Work()
    work.is_away = True
    gathered = Gathered(work, 10)
    ends = await asyncio.gather(*(gathered.one(number) for number in (1, 2, 3)), return_exceptions=True)
    assert {type(end) for end in ends} == {TryLater}
    assert len(work.batches) == 1
    work.is_away = False
    assert await gathered.one(4) == 8


async def test_one_that_is_given_up_holds_up_no_other() -> None:
    work = Work()
    work.may_go_on.clear()
    gathered = Gathered(work, 10)
    one, other = (asyncio.ensure_future(gathered.one(number)) for number in (1, 2))
    await asyncio.wait([one], timeout=0)
    one.cancel()
    work.may_go_on.set()
    assert await other == 4
    with pytest.raises(asyncio.CancelledError):
        await one
    await gathered.close()
