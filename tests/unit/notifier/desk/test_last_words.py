"""What each device said last, followed from the log."""

import asyncio
from datetime import timedelta

from carebell.clock import ManualClock
from carebell.log import Entry
from carebell.log_sqlite import SqliteLog
from carebell.topics import lane_of
from carebell.types import Reading
from carebell.wire import encode
from notifier.desk.last_words import LastWords
from tests.support.homeline import moment, reading
from tests.support.idle import idle
from tests.support.patience import PATIENCE_S


def noted(*readings: Reading) -> LastWords:
    words = LastWords()
    for one in readings:
        words.note(one)
    return words


def test_the_newest_word_holds_and_what_it_does_not_say_is_kept() -> None:
    words = noted(
        reading("battery", 1, value=80),
        reading("other", 2, value=-71, channel="signal"),
        reading("button", 3, value="single"),
        reading("battery_low", 4, value=False),
    )
    word = words.of("h", "button")
    assert word is not None
    assert (word.heard_at, word.kind, word.value) == (moment(4), "battery_low", False)
    assert (word.battery, word.battery_low, word.signal) == (80, False, -71)
    assert words.of("h", "other") is None
    assert words.of("x", "button") is None


def test_that_a_device_is_said_to_be_gone_is_no_word_of_it() -> None:
    word = noted(reading("heartbeat", 1), reading("availability", 9, value="offline")).of("h", "button")
    assert word is not None
    assert (word.heard_at, word.kind, word.availability) == (moment(1), "heartbeat", "offline")


def test_what_is_old_says_nothing_of_now() -> None:
    words = noted(reading("heartbeat", 1), reading("battery", 2, value=3, is_history=True))
    assert words.of("h", "button") == noted(reading("heartbeat", 1)).of("h", "button")


def test_what_came_is_kept_within_bounds_and_without_bursts() -> None:
    burst = {"rate_hz": 50, "unit": "mg", "samples": [[1, 2, 3]]}
    words = noted(*(reading("heartbeat", second) for second in range(200)), reading("acceleration", 300, value=burst))
    recent = words.recent("h", moment(100))
    assert [one.received_at for one in recent] == [moment(second) for second in range(150, 200)]
    word = words.of("h", "button")
    assert word is not None
    assert (word.kind, word.value) == ("acceleration", None)


async def test_the_log_is_followed_from_its_newest_on() -> None:
    clock, stop = ManualClock(moment(0)), asyncio.Event()
    log = await SqliteLog.open(":memory:", 2, clock)
    words = LastWords()

    async def append(one: Reading) -> None:
        entry = Entry(topic=lane_of(one), key=one.home_id, value=encode(one))
        await log.append([entry], one.received_at)

    async def heard(kind: str) -> None:
        while not ((word := words.of("h", "button")) and word.kind == kind):
            await clock.advance(timedelta(seconds=1))
            await idle()

    await append(reading("battery", 1, value=50))
    running = asyncio.create_task(words.run(log, clock, stop))
    async with asyncio.timeout(PATIENCE_S):
        await heard("battery")
        await append(reading("sos", 2))
        await heard("sos")
        stop.set()
        while not running.done():
            await clock.advance(timedelta(seconds=1))
            await idle()
    await running
    await log.close()


async def test_who_waits_for_news_is_given_the_first_or_nothing_in_the_end() -> None:
    clock, words = ManualClock(moment(0)), LastWords()
    waiting = asyncio.create_task(words.news("h", moment(-1), clock, moment(5)))
    await clock.advance(timedelta(seconds=2))
    assert not waiting.done()
    words.note(reading("button", 3, value="single"))
    async with asyncio.timeout(PATIENCE_S):
        [one] = await waiting
    assert one.kind == "button"
    again = asyncio.create_task(words.news("h", moment(3), clock, moment(5)))
    while not again.done():
        await clock.advance(timedelta(seconds=1))
    assert await again == []
