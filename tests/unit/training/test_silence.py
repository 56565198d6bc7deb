"""Recorded homes: how a file is read, what is left of a home, where it is cut, and what is measured there."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.homeline import shipped_rulebook
from training.lives import (
    DAY,
    HOUR,
    Life,
    Seen,
    cuts,
    hourly,
    outages,
    read_life,
    with_only,
    without_doors,
    without_nights,
)
from training.silence import fixed, measure

MIDNIGHT = 20_000.0 * DAY


def life_of(*rows: str, resolution: int = 0, folder: Path) -> Life:
    with gzip.open(folder / "home.csv.gz", "wt") as file:
        file.write("\n".join(["ts,sensor_id,sensor_type,room,value", *rows]) + "\n")
    (folder / "homes.json").write_text(json.dumps({"home": {"resolution_s": resolution}}))
    return read_life(folder / "home.csv.gz")


def told(life: Life) -> list[tuple[float, Any, ...]]:
    return [(one.at - life.seen[0].at, one.device, one.kind, one.value, one.place, one.is_door) for one in life.seen]


def test_counts_become_readings_at_the_end_of_their_interval_doors_last(tmp_path: Path) -> None:
    life = life_of(
        "2024-01-01T12:00:00,OutsideDoor,door_count,OutsideDoor,2",
        "2024-01-01T12:00:00,Kitchen,motion_count,Kitchen,3",
        "2024-01-01T12:05:00,Kitchen,motion_count,Kitchen,0",
        resolution=300,
        folder=tmp_path,
    )
    assert [(one.kind, one.value, one.place, one.is_door) for one in life.seen] == [
        ("motion", True, "Kitchen", False),
        ("contact", "open", "front door", True),
        ("contact", "closed", "front door", True),
    ]
    assert life.seen[0].at % DAY == 12 * HOUR + 300


def test_events_are_read_by_the_kind_of_their_sensor(tmp_path: Path) -> None:
    life = life_of(
        "2024-01-01T12:00:00,Hall,motion,Hall,ON",
        "2024-01-01T12:00:01,FrontDoor,motion,Hall,OFF",
        "2024-01-01T12:00:02,Bed_1,bed,Bedroom,ON",
        "2024-01-01T12:00:03,Seat_1,seat,Living,OFF",
        "2024-01-01T12:00:04,Fridge,door,Kitchen,OPEN",
        "2024-01-01T12:00:05,Leave_Home,activity_mark,,begin",
        "2024-01-01T12:00:06,Sleeping,activity_mark,,begin",
        "2024-01-01T12:00:07,Reading,activity_mark,,end",
        folder=tmp_path,
    )
    assert told(life) == [
        (0, "hall", "motion", True, "Hall", False),
        (1, "frontdoor", "motion", False, "entry", True),
        (2, "bed-1", "bed", "occupied", "Bedroom", False),
        (3, "seat-1", "bed", "vacant", "chair", False),
        (4, "fridge", "contact", "open", "Kitchen", False),
        (5, "front-door", "contact", "open", "front door", True),
        (6, "sleeping", "motion", True, "bedroom", False),
        (7, "reading", "motion", True, "living room", False),
    ]


def moved(at: float, place: str = "kitchen", *, is_door: bool = False) -> Seen:
    kind, value = ("contact", "open") if is_door else ("motion", True)
    return Seen(MIDNIGHT + at, place, kind, value, place, is_door)


def regular(days: int, *hours: float) -> Life:
    return Life("home", 300, tuple(moved(day * DAY + hour * HOUR) for day in range(days) for hour in hours))


AWAKE = tuple(7 + number / 2 for number in range(33))


def test_what_is_left_of_a_home() -> None:
    seen = (moved(100), moved(200), moved(300, "front door", is_door=True), moved(4000), moved(23.8 * HOUR, "bath"))
    life = Life("home", 0, seen)
    assert [round(one.at - MIDNIGHT, 3) for one in hourly(life).seen] == [3600, 3600.001, 3601, 7200, DAY]
    assert [one.place for one in with_only(life, "bath", "bath").seen] == ["bath"]
    assert [one.kind for one in without_doors(life).seen] == ["motion"] * 4
    assert without_nights(life).seen == ()


def test_a_silence_too_long_for_a_life_is_an_outage() -> None:
    life = Life("home", 0, (moved(0), moved(29 * HOUR), moved(60 * HOUR)))
    assert outages(life) == [(MIDNIGHT + 29 * HOUR, MIDNIGHT + 60 * HOUR)]


def test_cuts_lie_where_somebody_is_at_home_and_awake() -> None:
    life = regular(80, *AWAKE)
    found = cuts(life, 50)
    assert len(found) == 50
    assert found == cuts(life, 50)
    assert all(6 * HOUR <= at % DAY < 23 * HOUR and at >= life.learned_at for at in found)


@pytest.mark.parametrize(
    "last",
    [
        moved(12 * HOUR, "front door", is_door=True),
        Seen(MIDNIGHT + 12 * HOUR, "bed", "bed", "occupied", "Bedroom", False),
    ],
)
def test_no_cut_lies_at_the_door_or_in_bed(last: Seen) -> None:
    seen = tuple(
        one._replace(at=one.at + day * DAY) for day in range(70) for one in (last, moved(12 * HOUR + 60 * 30, "hall"))
    )
    kept = cuts(Life("home", 0, seen), 10)
    assert kept == [] if last.kind == "bed" else all(at % DAY > 12.5 * HOUR for at in kept)


def test_what_is_measured_is_the_delay_to_the_first_alert() -> None:
    life = regular(70, *AWAKE)
    at = MIDNIGHT + 45 * DAY + 12 * HOUR + 60
    found = measure(shipped_rulebook(), life, [at])
    assert found.false == 0
    assert found.delays == [2.75 - 60 / HOUR]
    assert round(found.days, 2) == round(life.days - 30, 2)


def test_a_long_silence_that_ends_is_a_false_alarm() -> None:
    life = regular(70, *AWAKE)
    noon = MIDNIGHT + 50 * DAY + 12 * HOUR
    broken = life._replace(seen=tuple(one for one in life.seen if not noon < one.at < noon + 8 * HOUR))
    assert measure(shipped_rulebook(), broken, []).false == 1


def test_the_rival_knows_the_silences_to_come() -> None:
    life = regular(70, *AWAKE)
    at = [MIDNIGHT + 45 * DAY + 12 * HOUR + 60]
    limit, delays = fixed(life, at, 0)
    assert (limit, delays) == (8.0, [8.0 - 60 / HOUR])
    assert fixed(life, at, 10_000) == (1.0, [1.0 - 60 / HOUR])
