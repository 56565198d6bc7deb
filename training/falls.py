"""Fits the models that find falls, and reports how good they are on people they have not seen.

    python -m training.falls fit --data DIR       writes rules_engine/models/falls_*.json
    python -m training.falls report --data DIR    writes docs/detection-falls.json and the table of docs/detection.md

DIR holds the folders of the sets `sisfall` and `weda`, each with an index.csv. Every trial is told by a dozen sensors, and all
is fitted again without every fifth of the people, who are then tested on: have some patience.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rules_engine.fall_model import read_model
from training.falls_page import into_page, table
from training.falls_report import figures, threshold
from training.fitting import as_text, fit, written
from training.peaks import MOST, Peaks, measure
from training.recordings import SETS, Trial, read_trials
from training.scoring import PLACES, Outcome, learned, outcomes
from training.sensors import TESTED, heard_by, varied

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "rules_engine/models"
FIGURES, PAGE = ROOT / "docs/detection-falls.json", ROOT / "docs/detection.md"
VERSION = "1"
PROVENANCE = {
    "script": "training.falls",
    "sets": [
        "SisFall: A. Sucerquia, J. D. López, J. F. Vargas-Bonilla, SisFall: A Fall and Movement Dataset, Sensors 17(1):198, 2017",
        "WEDA-FALL: J. Marques, P. Moreno, Online Fall Detection Using Wrist Devices, Sensors 23(3):1146, 2023",
    ],
    "note": "acted falls, mostly of young people, on mats; no recording is part of this file",
}


class Tables:
    """The trials of the sets as peaks, each measured once."""

    def __init__(self, folder: Path) -> None:
        self._trials = {name: list(read_trials(folder, (name,))) for name in SETS}
        self._known: dict[tuple[str, str | int], Peaks] = {}

    def of(self, name: str, sensor: str | int) -> Peaks:
        """`sensor`: the name of a tested one, or the number of a chance one."""
        if (name, sensor) not in self._known:
            most = MOST if isinstance(sensor, int) else 0
            self._known[name, sensor] = measure(self._heard(name, sensor), most)
            print(f"measured {name}, sensor {sensor}", file=sys.stderr, flush=True)
        return self._known[name, sensor]

    def _heard(self, name: str, sensor: str | int) -> Iterator[Trial]:
        known = {one.name: one for one in TESTED}
        for trial in self._trials[name]:
            yield varied(trial, sensor) if isinstance(sensor, int) else heard_by(trial, known[sensor])


def out_of_person(tables: Tables) -> dict[str, list[Outcome]]:
    """How the trials of each position are judged by models that do not know the person."""
    return {place: outcomes(place, tables.of) for place in PLACES}


def fit_all(tables: Tables, found: dict[str, list[Outcome]]) -> None:
    MODELS.mkdir(exist_ok=True)
    for place in PLACES:
        peaks = learned(place, tables.of)
        people = {one.person for table in peaks for one in table.trials}
        about = {
            "version": VERSION,
            "place": place,
            "score_from": threshold(place, found[place]),
            "provenance": PROVENANCE,
        }
        text = as_text(written(fit(peaks, people), peaks[0].features, about))
        read_model(text)
        (MODELS / f"falls_{place}.json").write_text(text, "utf-8")


def report_all(tables: Tables, found: dict[str, list[Outcome]]) -> None:
    models = {place: json.loads((MODELS / f"falls_{place}.json").read_text("utf-8")) for place in PLACES}
    told = figures(found, models, tables.of)
    FIGURES.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    print(table(told))
    PAGE.write_text(into_page(PAGE.read_text("utf-8"), told), "utf-8")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "report", "both"), help="both: fit, then report, measuring only once")
    parser.add_argument("--data", required=True, type=Path, help="the folder that holds sisfall/ and weda/")
    asked = parser.parse_args(argv)
    tables = Tables(asked.data)
    found = out_of_person(tables)
    if asked.what != "report":
        fit_all(tables, found)
    if asked.what != "fit":
        report_all(tables, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
