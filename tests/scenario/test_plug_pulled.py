"""The process dies between any two moments and another one goes on over the same files: nothing is lost or late."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.support import build
from tests.support.house import House, Plug, PulledPlug

Step = tuple[str, Callable[[House], object]]
STORY: tuple[Step, ...] = (
    ("00:00", lambda house: _press(house, 1)),
    ("00:30", lambda house: _press(house, 2)),
    ("01:10", lambda house: house.accepts("provider-1")),
    ("02:00", lambda house: _press(house, 3)),
    ("17:00", lambda house: house.closes("provider-1")),
)


def _press(house: House, number: int) -> None:
    """A button repeats the same message until the house has answered it."""
    house.presses_so_far(number - 1).device("button-1").presses()


def play(house: House, *, after_crash: Callable[[House], None] = lambda house: None) -> None:
    for time, act in STORY:
        try:
            house.at(time)
            act(house)
        except PulledPlug:
            house.restarts()
            after_crash(house)
            house.at(time)
            if house.case_or_none() is None or house.case().closed_at is None:
                act(house)


def who_was_told(house: House) -> Counter[tuple[str, str, datetime]]:
    return Counter((one.message.key, one.person_id, one.at) for one in house.attempts())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter[tuple[str, str, datetime]], list[str], int]:
    house = House(tmp_path_factory.mktemp("undisturbed"))
    play(house)
    result = who_was_told(house), house.whats(), house.plug.ticks
    house.power_off()
    return result


# Every tick of the story; that these are all of them is a test of its own.
TICKS = range(1, 50)


def test_every_tick_of_the_story_is_tried(undisturbed: tuple[object, list[str], int]) -> None:
    assert undisturbed[2] == TICKS[-1]


@pytest.mark.parametrize("tick", TICKS)
def test_nothing_is_lost_late_or_told_twice_but_what_was_under_way(
    tick: int, tmp_path: Path, undisturbed: tuple[Counter[tuple[str, str, datetime]], list[str], int]
) -> None:
    house = House(tmp_path, plug=Plug(tick))
    play(house)
    expected, whats, _ = undisturbed
    seen = who_was_told(house)
    assert set(seen) == set(expected)
    caught = {one.id: one.caught for one in house.deliveries()}
    assert all(count <= 1 + caught[key] <= 2 for (key, _, _), count in seen.items())
    assert house.whats() == whats
    house.power_off()


def test_due_times_survive_a_process_that_stays_dead_for_a_while(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.at("00:00").device("button-1").presses()
    due_at = house.case().due_at
    house.at("00:20").restarts()
    assert house.case().due_at == due_at == build.START + build.seconds(60)
    house.power_off()
