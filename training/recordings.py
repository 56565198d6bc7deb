"""Recorded falls and daily activities: a folder per set with an index.csv and one .npz per person."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rules_engine.acceleration import Floats

SETS = ("sisfall", "weda")


@dataclass(frozen=True, slots=True)
class Trial:
    """One recording of one activity; `axes` in milli-g. `fall_s`: when the fall began and ended, where the set says so.
    `seconds`: as long as it was recorded, whatever has been made of it since."""

    set: str
    name: str
    person: str
    is_elder: bool
    place: str
    activity: str
    is_fall: bool
    rate_hz: float
    axes: Floats
    seconds: float
    fall_s: tuple[float, float] | None = None


def read_trials(folder: Path, sets: tuple[str, ...] = SETS) -> Iterator[Trial]:
    """Every trial of the sets, person by person."""
    for name in sets:
        with (folder / name / "index.csv").open(newline="") as lines:
            rows = sorted(csv.DictReader(lines), key=lambda row: (row["file"], row["trial_id"]))
        file, arrays = "", {}
        for row in rows:
            if row["file"] != file:
                file = row["file"]
                with np.load(folder / name / file) as kept:
                    arrays = {one: kept[one][:, :3].astype(np.float64) for one in kept.files}
            yield _trial(name, row, arrays[row["trial_id"]])


def _trial(name: str, row: dict[str, str], axes: Floats) -> Trial:
    told = row["fall_start_s"]
    return Trial(
        set=name,
        name=row["trial_id"],
        person=f"{name}:{row['subject']}",
        is_elder=row["age_group"] == "elder",
        place="wrist" if row["position"] == "wrist" else "trunk",
        activity=row["activity_code"],
        is_fall=row["is_fall"] == "1",
        rate_hz=float(row["rate_hz"]),
        axes=axes,
        seconds=len(axes) / float(row["rate_hz"]),
        fall_s=(float(told), float(row["fall_end_s"])) if told else None,
    )
