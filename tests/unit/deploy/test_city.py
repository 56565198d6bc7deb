"""A process that is not alive ends itself, but not for a server that is away, nor for having slept."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from carebell.clock import ManualClock
from carebell.errors import BadInput, TryLater
from deploy.checks import alive_of_city
from deploy.city import Process, give_up
from deploy.city_config import CityConfig
from deploy.serve import Front
from deploy.watch import Watch
from notifier.desk.health import Health, health_app
from tests.support import build

SECOND = timedelta(seconds=1)
CONFIG = CityConfig.model_validate(
    {
        "kafka": {"servers": "k:1"},
        "redis": {"url": "redis://r"},
        "database": {"url": "postgresql://d/d"},
        "mqtt": {"url": "mqtt://m"},
    }
)


class Laptop(ManualClock):
    """Its lid may be closed: nothing runs meanwhile, and the monotonic clock has gone on."""

    slept_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept_s


def process_of(clock: ManualClock) -> Process:
    instruments = build.instruments(clock)
    watch = Watch(instruments)
    health = Health(alive={}, ready={})
    return Process(
        config=CONFIG,
        name="rules-test",
        instruments=instruments,
        url="http://127.0.0.1:1",
        stop=asyncio.Event(),
        closing=AsyncExitStack(),
        front=Front(health_app(instruments.telemetry, health)),
        watch=watch,
        health=health,
        ready={},
        alive=alive_of_city(instruments, watch),
    )


async def pass_by(clock: ManualClock, seconds: int, step: int = 5) -> None:
    for _ in range(0, seconds, step):
        await clock.advance(step * SECOND)


async def test_loops_that_stand_still_end_it_after_a_while() -> None:
    clock = ManualClock(build.START)
    process = process_of(clock)
    process.instruments.progress.expect("rules")
    watching = asyncio.create_task(give_up(process, process.stop))
    await pass_by(clock, 60)
    assert not process.stop.is_set()
    await pass_by(clock, 40)
    assert process.has_failed
    await watching


async def test_what_moves_again_goes_on() -> None:
    clock = ManualClock(build.START)
    process = process_of(clock)
    process.instruments.progress.expect("rules")
    watching = asyncio.create_task(give_up(process, process.stop))
    for _ in range(5):
        await pass_by(clock, 50)
        process.instruments.progress.turned("rules")
        await pass_by(clock, 10)
    assert not process.stop.is_set()
    process.stop.set()
    await pass_by(clock, 5)
    await watching
    assert not process.has_failed


async def test_a_server_that_is_away_does_not_end_it() -> None:
    clock = ManualClock(build.START)
    process = process_of(clock)
    process.instruments.progress.expect("rules")

    async def look() -> None:
        raise OSError("gone")

    process.watch.add("redis", look)
    watching = asyncio.create_task(give_up(process, process.stop))
    await process.watch.turn()
    await pass_by(clock, 600)
    assert not process.stop.is_set()
    process.stop.set()
    await pass_by(clock, 5)
    await watching


async def test_a_lookout_that_stands_still_does_not_end_those_who_work() -> None:
    """A broker may live and yet not tell what its groups have read: people are told all the same."""
    clock = ManualClock(build.START)
    process = process_of(clock)
    process.alive |= alive_of_city(process.instruments, process.watch, ("lag",))
    process.instruments.progress.expect("lag")
    watching = asyncio.create_task(give_up(process, process.stop))
    await pass_by(clock, 600)
    assert "lag has not moved" in process.instruments.progress.standing_still()
    assert not process.stop.is_set()
    process.instruments.progress.expect("delivery")
    await pass_by(clock, 100)
    assert process.has_failed
    await watching


async def test_a_long_sleep_does_not_end_it() -> None:
    clock = Laptop(build.START)
    process = process_of(clock)
    process.instruments.progress.expect("rules")
    watching = asyncio.create_task(give_up(process, process.stop))
    await pass_by(clock, 10)
    clock.slept_s = 600
    await pass_by(clock, 15)
    assert process.instruments.progress.standing_still()
    assert not process.stop.is_set()
    process.stop.set()
    await pass_by(clock, 5)
    await watching


class Opened:
    is_closed = False

    async def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("failure", [OSError("refused"), TryLater("refused")])
async def test_a_server_that_does_not_answer_is_waited_for_and_told_of(failure: Exception) -> None:
    clock = ManualClock(build.START)
    process, made, answers = process_of(clock), Opened(), False

    async def opening() -> Opened:
        if not answers:
            raise failure
        return made

    task = asyncio.create_task(process.open("kafka", opening))
    await pass_by(clock, 10, step=1)
    assert process.waiting == {"kafka": "waiting for kafka: refused"}
    answers = True
    await pass_by(clock, 2, step=1)
    assert await task is made
    assert process.waiting == {}
    await process.closing.aclose()
    assert made.is_closed


async def test_what_a_person_must_mend_is_not_waited_for() -> None:
    process = process_of(ManualClock(build.START))

    async def opening() -> Opened:
        raise BadInput("run carebell admin topics")

    with pytest.raises(BadInput):
        await process.open("kafka", opening)
