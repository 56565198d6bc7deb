"""The tree models that judge a peak of acceleration: versioned weights, read once, evaluated here.

A model is a sum of small binary trees. A number goes left when it is not above the threshold of a node; one that could
not be measured (NaN) goes the way that the training found for it.
"""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
# What the checksum is over: everything that decides a score.
_WEIGHTS = ("format", "version", "features", "score_from", "depth", "trees")


@dataclass(frozen=True, slots=True)
class Model:
    """Nodes of all trees in one row; a child below zero is the leaf ~child."""

    version: str
    features: tuple[str, ...]
    score_from: float
    depth: int
    roots: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    children: NDArray[np.int64]
    nan_child: NDArray[np.int64]
    leaf: NDArray[np.float64]

    def score(self, values: NDArray[np.float64]) -> float:
        """From 0 to 1: how much the peak looks like a fall. `values` in the order of `features`."""
        at = self.roots.copy()
        for _ in range(self.depth):
            inner = np.maximum(at, 0)
            told = values[self.feature[inner]]
            child = np.where(
                np.isnan(told), self.nan_child[inner], self.children[inner, (told > self.threshold[inner]) * 1]
            )
            at = np.where(at < 0, at, child)
        return float(1.0 / (1.0 + np.exp(-self.leaf[~at].sum())))


def checksum(weights: dict[str, Any]) -> str:
    decisive = {name: weights[name] for name in _WEIGHTS}
    return sha256(json.dumps(decisive, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_model(text: str) -> Model:
    """Raises ValueError when the weights are not those that were written."""
    weights = json.loads(text)
    if weights["format"] != FORMAT or checksum(weights) != weights["sha256"]:
        raise ValueError(f"weights {weights['version']!r} are damaged or of another format")
    return model_of(weights)


def model_of(weights: dict[str, Any]) -> Model:
    """Trees one after the other: [[feature, threshold, left, right, left when NaN], …] and the values of the leaves."""
    inner: list[tuple[int, int, int, int]] = []
    thresholds: list[float] = []
    leaves: list[float] = []
    roots: list[int] = []
    for tree in weights["trees"]:
        at, leaf_at = len(inner), len(leaves)
        roots.append(at if tree["nodes"] else ~leaf_at)
        for feature, threshold, left, right, is_nan_left in tree["nodes"]:
            lower, upper = (child + at if child >= 0 else child - leaf_at for child in (left, right))
            inner.append((feature, lower, upper, lower if is_nan_left else upper))
            thresholds.append(threshold)
        leaves.extend(tree["leaves"])
    table = np.array(inner, dtype=np.int64).reshape(-1, 4)
    return Model(
        version=weights["version"],
        features=tuple(weights["features"]),
        score_from=weights["score_from"],
        depth=weights["depth"],
        roots=np.array(roots, dtype=np.int64),
        feature=table[:, 0],
        threshold=np.array(thresholds, dtype=np.float64),
        children=table[:, 1:3],
        nan_child=table[:, 3],
        leaf=np.array(leaves, dtype=np.float64),
    )


@cache
def model_for(place: str) -> Model:
    """The model of a body position: `wrist` or `trunk`."""
    return read_model(files("rules_engine").joinpath(f"models/falls_{place}.json").read_text("utf-8"))
