"""What a clock does. The manual one wakes sleepers in the order of their moments, each at its own."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from carebell.clock import Clock, ManualClock, SystemClock, pause, wait_set

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock(AT)])
async def test_every_clock_tells_utc_and_does_not_wait_for_the_past(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)
    await asyncio.wait_for(clock.sleep_until(clock.now() - seconds(5)), 10)
    assert clock.monotonic() <= clock.monotonic()


async def test_a_manual_clock_stands_still_by_itself() -> None:
    clock = ManualClock(AT)
    sleeper = asyncio.ensure_future(clock.sleep_until(AT + seconds(1)))
    await asyncio.sleep(0)
    assert clock.now() == AT
    assert not sleeper.done()
    await clock.advance(seconds(0.999999))
    assert not sleeper.done()
    await clock.advance(seconds(0.000001))
    assert sleeper.done()


async def test_sleepers_wake_in_order_each_at_its_own_moment() -> None:
    clock = ManualClock(AT)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, after: float) -> None:
        await clock.sleep_until(AT + seconds(after))
        woken.append((name, (clock.now() - AT).total_seconds()))

    tasks = [asyncio.ensure_future(sleeper(*one)) for one in (("c", 3), ("a", 1), ("b", 2), ("b too", 2), ("z", 9))]
    await asyncio.sleep(0)
    await clock.advance(seconds(5))
    assert woken == [("a", 1), ("b", 2), ("b too", 2), ("c", 3)]
    assert clock.now() == AT + seconds(5)
    await clock.advance(seconds(4))
    assert woken[-1] == ("z", 9)
    await asyncio.gather(*tasks)


async def test_a_loop_that_sleeps_again_is_woken_at_each_of_its_moments() -> None:
    clock = ManualClock(AT)
    moments: list[float] = []

    async def loop() -> None:
        while True:
            await pause(clock, seconds(2))
            moments.append((clock.now() - AT).total_seconds())

    task = asyncio.ensure_future(loop())
    await asyncio.sleep(0)
    await clock.advance(seconds(9))
    assert moments == [2, 4, 6, 8]
    task.cancel()


async def test_a_pause_ends_so_long_after_it_was_asked_for() -> None:
    clock = ManualClock(AT)
    asked = pause(clock, seconds(2))
    await clock.advance(seconds(3))
    await asyncio.wait_for(asked, 10)
    assert clock.now() == AT + seconds(3)


async def test_a_loop_that_waits_for_an_event_is_woken_at_each_of_its_moments() -> None:
    clock = ManualClock(AT)
    stop = asyncio.Event()
    moments: list[float] = []

    async def loop() -> None:
        while not await wait_set(stop, clock, seconds(2)):
            moments.append((clock.now() - AT).total_seconds())

    task = asyncio.ensure_future(loop())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await clock.advance(seconds(9))
    assert moments == [2, 4, 6, 8]
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_a_sleeper_that_gave_up_is_passed_over() -> None:
    clock = ManualClock(AT)
    gone, stays = (asyncio.ensure_future(clock.sleep_until(AT + seconds(1))) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await clock.advance(seconds(1))
    assert stays.done()


async def test_waiting_for_an_event_ends_when_it_is_set() -> None:
    clock, event = ManualClock(AT), asyncio.Event()
    waiting = asyncio.ensure_future(wait_set(event, clock, seconds(60)))
    await asyncio.sleep(0)
    event.set()
    assert await asyncio.wait_for(waiting, 10) is True
    assert clock.now() == AT


async def test_waiting_for_an_event_ends_when_its_time_is_up() -> None:
    clock, event = ManualClock(AT), asyncio.Event()
    waiting = asyncio.ensure_future(wait_set(event, clock, seconds(60)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await clock.advance(seconds(60))
    assert await asyncio.wait_for(waiting, 10) is False


async def test_an_event_that_is_set_already_is_not_waited_for() -> None:
    clock, event = ManualClock(AT), asyncio.Event()
    event.set()
    assert await asyncio.wait_for(wait_set(event, clock, seconds(60)), 10) is True
