"""Recorded homes: a CSV per home (`ts,sensor_id,sensor_type,room,value`, local time), beside a homes.json with its resolution.

Counts per interval become one reading at its end. A gateway beats all the time but in outages, silences too long for a life.
"""

import csv
import gzip
import json
import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

HOUR, DAY = 3600, 86400
OUTAGE = 30 * HOUR
# Names of sensors and rooms of the recordings, without spaces, that mean the outside door.
_DOORS = ("outsidedoor", "frontdoor", "maindoor", "mainentry", "entryway", "leavehome", "enterhome")
_ROOMS = {"sleeping": "bedroom", "bed_to_toilet": "bathroom", "meal_preparation": "kitchen", "wash_dishes": "kitchen"}
_MARKED_DOORS = ("leave_home", "enter_home")


class Seen(NamedTuple):
    """What a sensor said at a second since 1970."""

    at: float
    device: str
    kind: str
    value: bool | str
    place: str
    is_door: bool


class Life(NamedTuple):
    """One home, in order; `resolution` in seconds, 0 where each event is known."""

    name: str
    resolution: int
    seen: tuple[Seen, ...]

    @property
    def days(self) -> float:
        return (self.seen[-1].at - self.seen[0].at) / DAY

    @property
    def learned_at(self) -> float:
        """From then on it is scored: after thirty days, or half of a short life."""
        return self.seen[0].at + (30 if self.days >= 60 else self.days / 2) * DAY


def read_life(path: Path) -> Life:
    """Raises OSError and ValueError where the files are not such."""
    name = path.name.split(".")[0]
    resolution = int(json.loads((path.parent / "homes.json").read_text("utf-8"))[name].get("resolution_s", 0))
    with gzip.open(path, "rt", newline="") as lines:
        seen = [one for row in csv.DictReader(lines) for one in _seen(row, resolution)]
    return Life(name, resolution, tuple(sorted(seen, key=attrgetter("at"))))


def _seen(row: dict[str, str], resolution: int) -> Iterator[Seen]:
    at = datetime.fromisoformat(row["ts"]).replace(tzinfo=UTC).timestamp()
    sensor, kind, room = row["sensor_id"], row["sensor_type"], row["room"]
    device = sensor.lower().replace(" ", "-").replace("_", "-")
    is_on = row["value"].upper() in ("ON", "OPEN", "TRUE", "1")
    is_door = any(word in sensor.lower().replace("_", "").replace(" ", "") for word in _DOORS)
    place = "front door" if is_door else room
    if kind.endswith("_count"):
        if float(row["value"]) > 0:
            yield from _counted(at + resolution, device, kind.startswith("door"), place, is_door)
    elif kind == "activity_mark":
        if sensor.lower() in _MARKED_DOORS:
            yield Seen(at, "front-door", "contact", "open" if row["value"] == "begin" else "closed", "front door", True)
        else:
            yield Seen(at, device, "motion", True, _ROOMS.get(sensor.lower(), "living room"), False)
    elif kind == "motion":
        yield Seen(at, device, "motion", is_on, "entry" if is_door else room, is_door)
    elif kind in ("bed", "seat"):
        yield Seen(at, device, "bed", "occupied" if is_on else "vacant", room if kind == "bed" else "chair", False)
    else:
        yield Seen(at, device, "contact", "open" if is_on else "closed", place, is_door)


def _counted(at: float, device: str, is_contact: bool, place: str, is_door: bool) -> Iterator[Seen]:
    """A door comes after the rooms of its interval."""
    if is_contact:
        yield Seen(at + 0.001, device, "contact", "open", place, is_door)
        yield Seen(at + 1, device, "contact", "closed", place, is_door)
    else:
        yield Seen(at, device, "motion", True, place, is_door)


def outages(life: Life) -> list[tuple[float, float]]:
    return [(one.at, following.at) for one, following in pairwise(life.seen) if following.at - one.at > OUTAGE]


def hourly(life: Life) -> Life:
    """What is left if only the hour is known in which a sensor fired."""
    kept: dict[tuple[float, str], Seen] = {}
    for one in life.seen:
        if one.value in (True, "open", "occupied"):
            end = (one.at - 1) // HOUR * HOUR + HOUR
            kept.setdefault((end, one.device), one._replace(at=end))
    seen = [
        said
        for one in kept.values()
        for said in _counted(one.at, one.device, one.kind != "motion", one.place, one.is_door)
    ]
    return Life(f"{life.name}, by the hour", HOUR, tuple(sorted(seen, key=attrgetter("at"))))


def with_only(life: Life, what: str, *places: str) -> Life:
    """What is left with sensors in these places alone."""
    return life._replace(name=f"{life.name}, {what}", seen=tuple(one for one in life.seen if one.place in places))


def without_doors(life: Life) -> Life:
    return life._replace(name=f"{life.name}, no doors", seen=tuple(one for one in life.seen if one.kind != "contact"))


def without_nights(life: Life) -> Life:
    """Somebody who sleeps through: nothing from half past eleven to seven."""
    awake = tuple(one for one in life.seen if 7 * HOUR <= one.at % DAY < 23.5 * HOUR)
    return life._replace(name=f"{life.name}, silent nights", seen=awake)


def cuts(life: Life, wanted: int, seed: int = 1) -> list[float]:
    """Moments at which somebody is at home and awake: on a grid of five minutes from 6 to 23 h; heard lately, not at the outside
    door, not in bed; and heard inside again before long."""
    recent = 2 * HOUR if life.resolution >= HOUR else HOUR
    times = [one.at for one in life.seen]
    inside = [one.at for one in life.seen if not one.is_door]
    in_bed = _in_bed(life.seen)
    fit = []
    start, end = life.learned_at // 300 * 300 + 307, life.seen[-1].at - DAY
    for step in range(max(0, int((end - start) // 300))):
        at = start + step * 300
        last = bisect_right(times, at) - 1
        again = bisect_right(inside, at)
        if (
            6 * HOUR <= at % DAY < 23 * HOUR
            and at - times[last] <= recent
            and not in_bed[last]
            and not any(one.is_door for one in life.seen[max(0, last - 2) : last + 1])
            and again < len(inside)
            and inside[again] - at <= 3 * HOUR + recent
        ):
            fit.append(at)
    return sorted(random.Random(seed).sample(fit, min(wanted, len(fit))))


def _in_bed(seen: Sequence[Seen]) -> list[bool]:
    occupied: set[str] = set()
    told = []
    for one in seen:
        if one.kind == "bed" and one.place != "chair":
            (occupied.add if one.value == "occupied" else occupied.discard)(one.device)
        told.append(bool(occupied))
    return told
