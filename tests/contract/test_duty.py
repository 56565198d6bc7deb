"""What every adapter of the Duties port must do, and the loop that runs only on duty."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest

from carebell.clock import ManualClock
from carebell.duty import HELD_FOR, Duties, OnDuty
from carebell.duty_sql import SqlDuties
from carebell.errors import TryLater
from tests.support import build
from tests.support.build import START, seconds
from tests.support.idle import idle

ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], str]] = {
    "sqlite": lambda request: f"sqlite:///{request.getfixturevalue('tmp_path') / 'duties.db'}",
    "postgres": lambda request: str(request.getfixturevalue("database_url")),
}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Duties, Duties]]:
    """As two processes see them."""
    url = ADAPTERS[request.param](request)
    one, other = await SqlDuties.open(url), await SqlDuties.open(url)
    yield one, other
    await one.close()
    await other.close()


async def take(duties: Duties, owner: str, after: float = 0, name: str = "relay") -> bool:
    at = START + seconds(after)
    return await duties.take(name, owner, at, at + seconds(5))


async def test_a_duty_is_held_by_one_until_its_time_has_passed(pair: tuple[Duties, Duties]) -> None:
    assert await take(pair[0], "a")
    assert not await take(pair[1], "b", 5)
    assert await take(pair[1], "b", 5.000001)
    assert not await take(pair[0], "a", 6)


async def test_who_holds_it_keeps_it_by_taking_it_again(pair: tuple[Duties, Duties]) -> None:
    for after in (0, 4, 8):
        assert await take(pair[0], "a", after)
        assert not await take(pair[1], "b", after + 4)


async def test_duties_are_kept_apart_by_name(pair: tuple[Duties, Duties]) -> None:
    assert await take(pair[0], "a", name="relay")
    assert await take(pair[1], "b", name="homes")


async def test_what_is_given_up_is_free_at_once_but_only_by_its_holder(pair: tuple[Duties, Duties]) -> None:
    await take(pair[0], "a")
    await pair[1].give_up("relay", "b")
    assert not await take(pair[1], "b")
    await pair[0].give_up("relay", "a")
    assert await take(pair[1], "b")


async def test_of_many_at_once_one_takes_it(pair: tuple[Duties, Duties]) -> None:
    taken = await asyncio.gather(*(take(pair[number % 2], f"owner-{number}") for number in range(10)))
    assert sum(taken) == 1


class Away:
    """Duties that can be away."""

    def __init__(self, inner: Duties) -> None:
        self.inner = inner
        self.is_away = False

    async def take(self, *asked: object) -> bool:
        if self.is_away:
            raise TryLater("away")
        return await self.inner.take(*asked)  # type: ignore[arg-type]

    async def give_up(self, name: str, owner: str) -> None:
        if self.is_away:
            raise TryLater("away")
        await self.inner.give_up(name, owner)

    async def close(self) -> None: ...


class Bedroom(ManualClock):
    """Knows how many sleep by it."""

    asleep = 0

    async def sleep_until(self, at: datetime) -> None:
        self.asleep += 1
        try:
            await super().sleep_until(at)
        finally:
            self.asleep -= 1


class Shift:
    """A loop on duty, and who does its work now."""

    def __init__(self, clock: Bedroom) -> None:
        self.clock = clock
        self.working: list[str] = []
        self.stop = asyncio.Event()
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def joins(self, owner: str, duties: Duties) -> None:
        async def work(over: asyncio.Event) -> None:
            self.working.append(owner)
            try:
                await over.wait()
            finally:
                self.working.remove(owner)

        on_duty = OnDuty("relay", owner, duties, build.instruments(self.clock))
        self.tasks[owner] = asyncio.create_task(on_duty.run(work, self.stop))

    async def goes_on(self, duties: Duties, by: float = 0) -> None:
        """In steps of a tenth of a second, each until everybody sleeps."""
        for _ in range(max(1, round(by * 10))):
            await idle()
            while self.clock.asleep < sum(not one.done() for one in self.tasks.values()):
                await duties.give_up("nothing", "nobody")
            await self.clock.advance(seconds(0.1))


@pytest.fixture
async def shift(pair: tuple[Duties, Duties]) -> AsyncIterator[Shift]:
    shift = Shift(Bedroom(START))
    yield shift
    for task in shift.tasks.values():
        task.cancel()
    await asyncio.gather(*shift.tasks.values(), return_exceptions=True)


async def test_one_works_and_another_follows_when_it_is_dead(shift: Shift, pair: tuple[Duties, Duties]) -> None:
    shift.joins("a", pair[0])
    await shift.goes_on(pair[0], 1)
    shift.joins("b", pair[1])
    await shift.goes_on(pair[0], 10)
    assert shift.working == ["a"]
    shift.tasks["a"].cancel()
    await asyncio.gather(shift.tasks["a"], return_exceptions=True)
    # a killed process would have given nothing up
    await take(pair[0], "a", (shift.clock.now() - START).total_seconds() - 1)
    await shift.goes_on(pair[0], 6.5)
    assert shift.working == ["b"]


async def test_who_stops_hands_over_at_once(shift: Shift, pair: tuple[Duties, Duties]) -> None:
    shift.joins("a", pair[0])
    await shift.goes_on(pair[0], 1)
    shift.joins("b", pair[1])
    await shift.goes_on(pair[0], 0.5)
    shift.tasks["a"].cancel()
    await shift.goes_on(pair[0], 1.5)
    assert shift.working == ["b"]


async def test_who_cannot_keep_it_stops_working_when_its_time_is_over(
    shift: Shift, pair: tuple[Duties, Duties]
) -> None:
    away = Away(pair[0])
    shift.joins("a", away)
    await shift.goes_on(pair[0], 1)
    assert shift.working == ["a"]
    away.is_away = True
    await shift.goes_on(pair[0], HELD_FOR.total_seconds() + 1.5)
    assert shift.working == []
    away.is_away = False
    await shift.goes_on(pair[0], 1.5)
    assert shift.working == ["a"]


async def test_a_crash_of_the_work_is_told_and_gives_the_duty_up(pair: tuple[Duties, Duties]) -> None:
    async def crash(_: asyncio.Event) -> None:
        raise RuntimeError("crash")

    on_duty = OnDuty("relay", "a", pair[0], build.instruments(ManualClock(START)))
    with pytest.raises(RuntimeError, match="crash"):
        await on_duty.run(crash, asyncio.Event())
    assert await take(pair[1], "b")
