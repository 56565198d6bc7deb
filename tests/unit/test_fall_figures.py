"""What the page says of falls is what was measured, with the weights and the code that are shipped."""

import json
from importlib.resources import files
from typing import Any

import pytest

from rules_engine.fall_model import model_for
from tests.unit.test_house import ROOT
from training.falls_page import BEGIN, END, fingerprint, into_page, table

PAGE = ROOT / "docs/detection.md"


@pytest.fixture(scope="module")
def told() -> Any:
    return json.loads((ROOT / "docs/detection-falls.json").read_text("utf-8"))


def test_the_page_shows_the_figures(told: Any) -> None:
    page = PAGE.read_text("utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert into_page(page, told) == page


@pytest.mark.parametrize("place", ["trunk", "wrist"])
def test_the_figures_are_of_the_weights_that_are_shipped(told: Any, place: str) -> None:
    weights = json.loads(files("rules_engine").joinpath(f"models/falls_{place}.json").read_text("utf-8"))
    assert told["weights"][place]["sha256"] == weights["sha256"], (
        "fit and report belong together: python -m training.falls both"
    )
    assert told["weights"][place]["score_from"] == model_for(place).score_from


def test_the_figures_are_of_the_code_that_measures(told: Any) -> None:
    assert told["code"] == fingerprint(), "the code that measures has changed: python -m training.falls both"


def test_a_table_has_a_row_for_everything_measured() -> None:
    share = {"percent": 99.0, "low": 98.0, "high": 99.9, "trials": 7, "people": 3}
    rows = [{"what": "waist", "sensitivity": share, "specificity": share, "elders_specificity": None, "aim": "99 / 99"}]
    told = {
        "weights": {"trunk": {"version": "1", "sha256": "a" * 64, "score_from": 0.8}},
        "rows": rows,
        "false_alarms_per_hour": {"waist": {"alarms": 2, "hours": 4.0, "per_hour": 0.5, "aim": 0.3}},
    }
    lines = table(told).splitlines()
    assert lines[2] == "| waist | 99 / 99 | 99.0 % [98.0–99.9] of 7 | 99.0 % [98.0–99.9] of 7 | – |"
    assert "| waist | 2 | 4.0 | 0.5 | 0.3 |" in lines
    assert lines[-1] == "Weights: trunk `aaaaaaaaaaaa` from score 0.8."
