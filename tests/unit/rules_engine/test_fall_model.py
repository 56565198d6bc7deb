"""The evaluator of trees, on trees written by hand: every way a number can go."""

import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from rules_engine.fall_model import checksum, model_for, model_of, read_model

# turn > 30? ── no: -2.0
#            └─ yes (and when it is not known): sway > 0.5? ── no, and when not known: 3.0
#                                                           └─ yes: 0.5
DEEP = {"nodes": [[0, 30.0, -1, 1, 0], [1, 0.5, -2, -3, 1]], "leaves": [-2.0, 3.0, 0.5]}
FLAT = {"nodes": [[1, 0.2, -1, -2, 1]], "leaves": [0.25, -0.25]}
STUMP: dict[str, Any] = {"nodes": [], "leaves": [1.0]}


def weights(*trees: dict[str, Any], depth: int = 2) -> dict[str, Any]:
    told = {
        "format": 1,
        "version": "by hand",
        "features": ["turn", "sway"],
        "score_from": 0.5,
        "depth": depth,
        "trees": list(trees),
    }
    return told | {"sha256": checksum(told)}


def log_odds(score: float) -> float:
    return round(math.log(score / (1 - score)), 9)


@pytest.mark.parametrize(
    ("turn", "sway", "expected"),
    [
        (10, 0.1, -1.75),
        (30, 0.1, -1.75),
        (30.001, 0.1, 3.25),
        (90, 0.2, 3.25),
        (90, 0.3, 2.75),
        (90, 0.5, 2.75),
        (90, 0.6, 0.25),
        (10, 0.6, -2.25),
        (math.nan, 0.1, 3.25),
        (math.nan, 0.6, 0.25),
        (90, math.nan, 3.25),
        (10, math.nan, -1.75),
        (math.nan, math.nan, 3.25),
        (math.inf, -math.inf, 3.25),
    ],
)
def test_golden_scores(turn: float, sway: float, expected: float) -> None:
    model = model_of(weights(DEEP, FLAT))
    assert log_odds(model.score(np.array([turn, sway]))) == expected


def test_the_order_of_trees_changes_nothing_and_a_tree_may_be_a_single_leaf() -> None:
    values = np.array([90.0, 0.6])
    assert log_odds(model_of(weights(FLAT, STUMP, DEEP)).score(values)) == 1.25
    assert log_odds(model_of(weights(STUMP, depth=0)).score(values)) == 1.0


def test_weights_are_read_whole_or_not_at_all() -> None:
    told = weights(DEEP)
    assert read_model(json.dumps(told)).version == "by hand"
    told["trees"][0]["leaves"][0] = -2.5
    with pytest.raises(ValueError, match="damaged"):
        read_model(json.dumps(told))


def test_weights_of_another_format_are_refused() -> None:
    told = weights(DEEP) | {"format": 2}
    told["sha256"] = checksum(told)
    with pytest.raises(ValueError, match="format"):
        read_model(json.dumps(told))


@pytest.mark.parametrize("place", ["trunk", "wrist"])
def test_the_weights_that_are_shipped_say_where_they_come_from(place: str) -> None:
    told = json.loads(files("rules_engine").joinpath(f"models/falls_{place}.json").read_text("utf-8"))
    assert told["place"] == place
    assert told["provenance"]["sets"]
    assert told["provenance"]["script"] == "training.falls"
    assert 0.5 <= model_for(place).score_from < 1


@pytest.mark.parametrize("place", ["trunk", "wrist"])
def test_every_leaf_of_the_shipped_weights_is_reached_within_their_depth(place: str) -> None:
    model = model_for(place)
    at = model.roots[model.roots >= 0]
    for _ in range(model.depth):
        at = model.children[at[at >= 0]].ravel()
    assert not (at >= 0).any()
