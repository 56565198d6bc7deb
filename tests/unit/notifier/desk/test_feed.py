"""The live feed: every line once, resumed without a gap, `reset` where that is not possible, a heartbeat when idle."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from carebell.bell import Bell
from notifier.case_value import Acted, Move
from notifier.desk.feed import BEHIND_AT_MOST, Feed
from tests.support import build
from tests.support.build import seconds
from tests.support.desk import Desk, open_desk
from tests.support.idle import idle

# A line that is lost makes a test wait for it.
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with open_desk() as desk:
        yield desk


class Listener:
    """One stream, read event by event."""

    def __init__(self, desk: Desk, after: int | None) -> None:
        self._desk = desk
        self._events = desk.feed.response(after).body_iterator

    async def next(self) -> tuple[str, int | None, dict[str, Any]]:
        """The next event: its name, its id, what it says."""
        return _read(await anext(self._events))  # type: ignore[arg-type]

    async def lines(self, count: int) -> list[int]:
        found = []
        for _ in range(count):
            name, number, _ = await self.next()
            assert (name, number is None) == ("line", False)
            found.append(number or 0)
        return found

    async def later(self) -> "asyncio.Task[tuple[str, int | None, dict[str, Any]]]":
        """Begin to wait for the next event, until there is nothing to do but wait."""
        task = asyncio.create_task(self.next())
        await idle()
        return task

    async def close(self) -> None:
        await self._events.aclose()  # type: ignore[union-attr]


def _read(event: Any) -> tuple[str, int | None, dict[str, Any]]:
    return event.event, None if event.id is None else int(event.id), json.loads(event.data)


async def every_id(desk: Desk) -> list[int]:
    return [line.id for line in await desk.casebook.lines(after=0, limit=10_000)]


async def test_who_begins_now_hears_a_heartbeat_and_then_what_comes(desk: Desk) -> None:
    await desk.opens()
    before = await desk.casebook.last_line()
    listener = Listener(desk, None)
    assert (await listener.next())[0] == "heartbeat"
    waiting = await listener.later()
    case = await desk.opens(build.alert("b", home_id="h2"))
    name, number, said = await waiting
    assert (name, number) == ("line", before + 1)
    assert said["case"]["id"] == case.id
    assert said["line"]["what"] == "opened"
    await listener.close()


async def test_who_comes_back_misses_nothing_and_hears_nothing_twice(desk: Desk) -> None:
    case = await desk.opens()
    ids = await every_id(desk)
    first = Listener(desk, 0)
    await first.next()
    heard = await first.lines(3)
    await first.close()
    await desk.casebook.act(case.id, Acted(move=Move.ACCEPT, by="x"), build.START)
    second = Listener(desk, heard[-1])
    assert (await second.next())[0] == "heartbeat"
    ids = await every_id(desk)
    heard += await second.lines(len(ids) - 3)
    assert heard == ids
    await second.close()


async def test_a_line_written_between_looking_and_waiting_is_not_overheard(desk: Desk) -> None:
    listener = Listener(desk, None)
    await listener.next()
    # nobody waits for the bell here: the stream is held up at its reader
    case = await desk.opens()
    await desk.casebook.act(case.id, Acted(move=Move.ACCEPT, by="x"), build.START)
    ids = await every_id(desk)
    assert await listener.lines(len(ids)) == ids
    await listener.close()


async def test_a_line_written_just_after_the_feed_looked_is_told_at_once(desk: Desk) -> None:
    class Racing:
        """A library in which somebody calls right behind the first look."""

        def __init__(self) -> None:
            self.has_raced = False

        async def last_line(self) -> int:
            return 0

        async def lines_behind(self, after: int, at_most: int) -> int:
            return 0

        async def brief(self, case_id: str) -> object:
            return await desk.library.brief(case_id)

        async def lines(self, *, after: int, limit: int) -> object:
            lines = await desk.library.lines(after=after, limit=limit)
            if not self.has_raced:
                self.has_raced = True
                await desk.opens()
            return lines

    desk.feed = Feed(Racing(), desk.clock, desk.bell, desk.stop)  # type: ignore[arg-type]
    listener = Listener(desk, None)
    await listener.next()
    waiting = await listener.later()
    assert waiting.done()
    assert (await waiting)[:2] == ("line", 1)
    await listener.close()


async def test_more_than_a_page_behind_is_made_up_for(desk: Desk) -> None:
    case = await desk.opens()
    for number in range(250):
        await desk.casebook.act(case.id, Acted(move=Move.NOTE, by="x", note=f"{number}"), build.START)
    ids = await every_id(desk)
    listener = Listener(desk, 0)
    await listener.next()
    assert await listener.lines(len(ids)) == ids
    await listener.close()


@pytest.mark.parametrize("after", [-1, 5, 10**9])
async def test_an_id_that_was_never_given_is_answered_with_reset_and_then_what_is_new(desk: Desk, after: int) -> None:
    await desk.opens()
    assert await desk.casebook.last_line() == 4
    listener = Listener(desk, after)
    assert (await listener.next())[:2] == ("reset", 4)
    waiting = await listener.later()
    await desk.opens(build.alert("b", home_id="h2"))
    assert (await waiting)[:2] == ("line", 5)
    await listener.close()


async def test_who_lies_too_far_behind_is_told_to_load_again(desk: Desk) -> None:
    class Old:
        """A library that is many lines on."""

        async def last_line(self) -> int:
            return BEHIND_AT_MOST + 10

        async def lines_behind(self, after: int, at_most: int) -> int:
            return min(at_most, BEHIND_AT_MOST + 10 - after)

        async def lines(self, *, after: int, limit: int) -> list[object]:
            return []

    desk.feed = Feed(Old(), desk.clock, desk.bell, desk.stop)  # type: ignore[arg-type]
    for after, expected in ((9, "reset"), (10, "heartbeat"), (BEHIND_AT_MOST + 10, "heartbeat")):
        listener = Listener(desk, after)
        assert (await listener.next())[0] == expected
        await listener.close()


async def test_an_idle_feed_beats_every_five_seconds(desk: Desk) -> None:
    listener = Listener(desk, None)
    await listener.next()
    for _ in range(3):
        waiting = await listener.later()
        began_at = desk.clock.now()
        for second in range(5):
            assert not waiting.done(), f"a heartbeat after {second} s"
            await desk.clock.advance(seconds(1))
            await idle()
        name, _, said = await waiting
        assert name == "heartbeat"
        assert said["at"] == (began_at + seconds(5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    await listener.close()


async def test_a_heartbeat_is_not_late_however_long_a_look_takes(desk: Desk) -> None:
    class Slow:
        """A library that answers after so many turns of the loop."""

        turns = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(desk.library, name)

        async def lines(self, *, after: int, limit: int) -> list[object]:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            return []

    library = Slow()
    desk.feed = Feed(library, desk.clock, desk.bell, desk.stop)  # type: ignore[arg-type]
    listener = Listener(desk, None)
    await listener.next()
    for library.turns in range(40):
        waiting = await listener.later()
        await desk.clock.advance(seconds(5))
        assert (await waiting)[0] == "heartbeat"
    await listener.close()


async def test_a_stream_ends_when_the_desk_stops(desk: Desk) -> None:
    listener = Listener(desk, None)
    await listener.next()
    waiting = await listener.later()
    desk.stop.set()
    await desk.clock.advance(seconds(1))
    await idle()
    if not waiting.done():
        await desk.clock.advance(seconds(5))
    assert (await waiting)[0] == "heartbeat"
    with pytest.raises(StopAsyncIteration):
        await listener.next()


async def test_over_http_the_last_event_id_goes_before_the_query_and_nonsense_means_reset(desk: Desk) -> None:
    await desk.opens()
    desk.stop.set()  # each answer is only its first event
    for headers, query, expected in (
        ({}, {}, "heartbeat"),
        ({}, {"after": "2"}, "heartbeat"),
        ({"Last-Event-ID": "3"}, {"after": "999"}, "heartbeat"),
        ({"Last-Event-ID": "999"}, {"after": "3"}, "reset"),
        ({"Last-Event-ID": "x"}, {}, "reset"),
        ({"Last-Event-ID": "-1"}, {}, "reset"),
        ({"Last-Event-ID": ""}, {}, "reset"),
        ({"Last-Event-ID": "9" * 40}, {}, "reset"),
    ):
        answer = await desk.client.get("/api/v1/feed", headers=headers, params=query)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        names = [line.split(": ")[1] for line in answer.text.splitlines() if line.startswith("event: ")]
        assert names == [expected], (headers, query)
    assert (await desk.client.get("/api/v1/feed", params={"after": "-1"})).status_code == 422


async def test_what_another_process_wrote_is_told_within_a_second(desk: Desk) -> None:
    listener = Listener(desk, None)
    await listener.next()
    waiting = await listener.later()
    desk.casebook._bell = Bell()  # nobody here hears it
    await desk.opens()
    await idle()
    assert not waiting.done()
    await desk.clock.advance(seconds(1))
    await idle()
    assert (await waiting)[:2] == ("line", 1)
    await listener.close()


async def test_lines_are_looked_up_once_for_all_streams(desk: Desk) -> None:
    looked: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(desk.library, name)

        async def lines(self, *, after: int, limit: int) -> Any:
            found = await desk.library.lines(after=after, limit=limit)
            looked.append(len(found))
            return found

    desk.feed = Feed(Counting(), desk.clock, desk.bell, desk.stop)  # type: ignore[arg-type]
    listeners = [Listener(desk, None) for _ in range(20)]
    for listener in listeners:
        await listener.next()
    waiting = [await listener.later() for listener in listeners]
    await desk.opens()
    assert {(await one)[1] for one in waiting} == {1}
    for listener in listeners:
        assert await listener.lines(3) == [2, 3, 4]
        await listener.close()
    assert sum(looked) == 4


async def test_who_lies_behind_what_is_held_misses_nothing(desk: Desk) -> None:
    desk.feed = Feed(desk.library, desk.clock, desk.bell, desk.stop, kept=10)
    case = await desk.opens()
    slow, quick = Listener(desk, None), Listener(desk, None)
    for listener in (slow, quick):
        await listener.next()
    expected: list[int] = []
    for number in range(50):
        await desk.casebook.act(case.id, Acted(move=Move.NOTE, by="x", note=f"{number}"), build.START)
        expected += await quick.lines(1)
    assert await slow.lines(50) == expected
    for listener in (slow, quick):
        await listener.close()
