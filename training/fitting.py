"""Fits the trees and writes them down as the product reads them. A trial of a fall has many peaks and does not say which one
is the fall: the one that the trees of the round before liked best is, and the others teach nothing."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import lightgbm
import numpy as np

from rules_engine.acceleration import Floats
from rules_engine.fall_model import FORMAT, checksum
from training.peaks import Peaks

Flags = np.ndarray[Any, np.dtype[np.bool_]]

SETTINGS: Mapping[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 12,
    "max_depth": 6,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbosity": -1,
}
TREES, TREES_TO_CHOOSE = 300, 80
# What speaks for a fall the more there is of it (1), or against (-1); for the rest both may be.
SPEAKS = {
    "peak": 1,
    "impact_energy": 1,
    "impact_swing": 1,
    "dip": -1,
    "speed_down": -1,
    "turn": 1,
    "turn_soon": 1,
    "turn_whole": 1,
    "turn_last_second": 1,
    "turn_later": -1,
    "still_soon": -1,
    "still_late": -1,
    "sway_soon": -1,
    "sway_late": -1,
    "sway_least": -1,
    "sway_most": -1,
    "shake_late": -1,
    "peak_after": -1,
    "share_before": -1,
    "share_after": -1,
    "beats_before": -1,
    "beats_after": -1,
    "crossings_after": -1,
}
# A peak belongs to the fall when it comes no earlier and no later (seconds) than the set says the fall did.
_EARLIER_S, _LATER_S = 0.4, 1.2


def fit(tables: list[Peaks], people: set[str]) -> lightgbm.Booster:
    """Learns from the peaks of these people."""
    rows, is_fall, trial, can_be = _together(tables, people)
    liked = rows[:, tables[0].features.index("peak")].astype(np.float64)
    settings = {**SETTINGS, "monotone_constraints": [SPEAKS.get(name, 0) for name in tables[0].features]}
    for trees in (TREES_TO_CHOOSE, TREES_TO_CHOOSE, TREES):
        chosen = _best(liked, trial, is_fall & can_be)
        kept = chosen | ~is_fall
        data = lightgbm.Dataset(rows[kept], chosen[kept].astype(int))
        booster = lightgbm.train(settings, data, trees)
        liked = np.asarray(booster.predict(rows, raw_score=True))
    return booster


def _together(tables: list[Peaks], people: set[str]) -> tuple[Floats, Flags, Floats, Flags]:
    parts, before = [], 0
    for table in tables:
        known = np.isin(table.of("person"), sorted(people))[table.trial]
        is_fall = table.of("is_fall")[table.trial]
        parts.append((table.rows[known], is_fall[known], table.trial[known] + before, _in_time(table)[known]))
        before += len(table.trials)
    rows, falls, trial, can_be = (np.concatenate(column) for column in zip(*parts, strict=True))
    return rows, falls, trial, can_be


def _in_time(table: Peaks) -> Flags:
    spans = np.array([one.fall_s or (-np.inf, np.inf) for one in table.trials])[table.trial]
    return np.asarray((table.at_s > spans[:, 0] - _EARLIER_S) & (table.at_s < spans[:, 1] + _LATER_S))


def _best(liked: Floats, trial: Floats, eligible: Flags) -> Flags:
    """Of each trial the eligible peak that is liked best."""
    rows = np.flatnonzero(eligible)
    order = rows[np.lexsort((liked[rows], trial[rows]))]
    is_last = np.append(trial[order][1:] != trial[order][:-1], True)
    best = np.zeros(len(trial), dtype=bool)
    best[order[is_last]] = True
    return best


def written(booster: lightgbm.Booster, features: tuple[str, ...], about: dict[str, Any]) -> dict[str, Any]:
    """The weights as they are kept; `about`: version, score_from, provenance."""
    trees = [_tree(one["tree_structure"]) for one in booster.dump_model()["tree_info"]]
    depth = max(_depth(tree["nodes"], 0) for tree in trees)
    weights = {"format": FORMAT, "features": list(features), "depth": depth, "trees": trees, **about}
    return weights | {"sha256": checksum(weights)}


def _tree(root: dict[str, Any]) -> dict[str, Any]:
    nodes: list[list[float]] = []
    leaves: list[float] = []

    def place(part: dict[str, Any]) -> int:
        if "leaf_value" in part and "split_index" not in part:
            leaves.append(round(part["leaf_value"], 5))
            return ~(len(leaves) - 1)
        nodes.append([])
        at = len(nodes) - 1
        goes_left = part["default_left"] if part["missing_type"] == "NaN" else part["threshold"] >= 0.0
        left, right = place(part["left_child"]), place(part["right_child"])
        nodes[at] = [part["split_feature"], float(f"{part['threshold']:.6g}"), left, right, int(goes_left)]
        return at

    place(root)
    return {"nodes": nodes, "leaves": leaves}


def _depth(nodes: list[list[float]], at: int) -> int:
    if at < 0 or not nodes:
        return 0
    return 1 + max(_depth(nodes, int(nodes[at][2])), _depth(nodes, int(nodes[at][3])))


def as_text(weights: Mapping[str, Any]) -> str:
    """JSON with a line for each tree, so that a change can be read."""
    head = {name: value for name, value in weights.items() if name != "trees"}
    lines = ",\n  ".join(json.dumps(tree, separators=(",", ":")) for tree in weights["trees"])
    return json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "trees": [\n  ' + lines + "\n ]\n}\n"


def folds(people: set[str], count: int) -> Iterator[set[str]]:
    """The people dealt into so many hands, always the same ones."""
    dealt = sorted(people)
    np.random.default_rng(3).shuffle(dealt)
    for number in range(count):
        yield set(dealt[number::count])
