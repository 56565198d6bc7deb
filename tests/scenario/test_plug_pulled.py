"""The process dies between any two moments and another one goes on over the same files: nothing is lost or late."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from shutil import copytree

import pytest

from tests.support import build
from tests.support.house import House, Plug, PulledPlug

Step = tuple[str, Callable[[House], object]]
PARTS = 10
PRESSES: tuple[Step, ...] = (
    ("00:00", lambda house: _press(house, 1)),
    ("00:30", lambda house: _press(house, 2)),
    ("01:10", lambda house: house.accepts("provider-1")),
    ("02:00", lambda house: _press(house, 3)),
    ("17:00", lambda house: house.closes("provider-1")),
)
FALL: tuple[Step, ...] = (
    ("00:00", lambda house: house.device("pendant-1").falls()),
    ("00:19", lambda house: house),
    ("00:20", lambda house: house),
    ("01:30", lambda house: house.accepts("provider-1")),
    ("02:00", lambda house: house.closes("provider-1")),
)
CANCELLED: tuple[Step, ...] = (
    ("00:00", lambda house: house.device("pendant-1").falls()),
    ("00:10", lambda house: house.device("pendant-1").gets_up()),
    ("01:00", lambda house: house),
)


def _press(house: House, number: int) -> None:
    """A button repeats the same message until the house has answered it."""
    house.presses_so_far(number - 1).device("button-1").presses()


def play(
    house: House, *, story: tuple[Step, ...] = PRESSES, after_crash: Callable[[House], None] = lambda house: None
) -> None:
    for time, act in story:
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


@dataclass(frozen=True)
class Undisturbed:
    """The story without a crash: who was told, what was written, and after how many ticks it was over."""

    told: Counter[tuple[str, str, datetime]]
    whats: list[str]
    ticks: int


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    house = House(tmp_path_factory.mktemp("undisturbed"))
    play(house)
    result = Undisturbed(who_was_told(house), house.whats(), house.plug.ticks)
    house.power_off()
    return result


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with their tables, made once: a plug pulled while tables are made is no part of this story."""
    folder = tmp_path_factory.mktemp("empty")
    House(folder).power_off()
    return folder


@pytest.mark.parametrize("part", range(PARTS))
def test_a_plug_pulled_after_any_write_loses_nothing_and_tells_twice_only_what_was_under_way(
    part: int, tmp_path: Path, empty: Path, undisturbed: Undisturbed
) -> None:
    for tick in range(1 + part, undisturbed.ticks + 1, PARTS):
        folder = copytree(empty, tmp_path / str(tick))
        house = House(folder, plug=Plug(tick))
        play(house)
        seen = who_was_told(house)
        assert set(seen) == set(undisturbed.told), f"tick {tick}"
        caught = {one.id: one.caught for one in house.deliveries()}
        assert all(count <= 1 + caught[key] <= 2 for (key, _, _), count in seen.items()), f"tick {tick}"
        assert house.whats() == undisturbed.whats, f"tick {tick}"
        assert {one.status.value for one in house.deliveries()} == {"sent"}, f"tick {tick}"
        house.power_off()


@pytest.mark.parametrize(("story", "status"), [(FALL, "helped_at_home"), (CANCELLED, "cancelled")])
def test_a_plug_pulled_in_a_pre_alarm_neither_loses_the_call_nor_makes_one(
    story: tuple[Step, ...], status: str, tmp_path: Path, empty: Path
) -> None:
    calm = House(copytree(empty, tmp_path / "calm"))
    play(calm, story=story)
    expected, whats, ticks = who_was_told(calm), calm.whats(), calm.plug.ticks
    calm.power_off()
    assert ticks > 5
    for tick in range(1, ticks + 1):
        house = House(copytree(empty, tmp_path / str(tick)), plug=Plug(tick))
        play(house, story=story)
        assert set(who_was_told(house)) == set(expected), f"tick {tick}"
        assert (house.whats(), house.case().outcome) == (whats, status), f"tick {tick}"
        house.power_off()


def test_the_story_is_long_enough_to_be_worth_it(undisturbed: Undisturbed) -> None:
    assert undisturbed.ticks > 40
    assert len(undisturbed.told) == 10


def test_due_times_survive_a_process_that_stays_dead_for_a_while(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.at("00:00").device("button-1").presses()
    due_at = house.case().due_at
    house.at("00:20").restarts()
    assert house.case().due_at == due_at == build.START + build.seconds(60)
    house.power_off()
