"""The peaks of trials as rows of features, measured by the code of the product."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rules_engine.acceleration import STEP_MS, Floats, resampled, runs
from rules_engine.fall_features import measured, peaks, smoothed
from training.recordings import Trial

# How many peaks of one trial are learned from; a minute of jogging would drown the rest.
MOST = 10


@dataclass(frozen=True, slots=True)
class Peaks:
    """One row per peak; `trial` is whose it is, `at_s` when in it. The trials are kept without their samples."""

    features: tuple[str, ...]
    rows: Floats
    trial: NDArray[np.int64]
    at_s: Floats
    trials: tuple[Trial, ...]

    def of(self, name: str) -> Floats:
        return np.array([getattr(one, name) for one in self.trials])


def measure(trials: Iterable[Trial], most: int = 0) -> Peaks:
    """`most`: only so many peaks of each, the highest and some of the others; 0 for all."""
    features: tuple[str, ...] = ()
    rows, owner, times, kept = [], [], [], []
    for number, trial in enumerate(trials):
        stream = resampled(np.clip(trial.axes, -32000, 32000), trial.rate_hz, 0)
        for first, axes in runs(stream) if stream else []:
            axes = smoothed(axes)
            size = np.sqrt((axes * axes).sum(axis=1))
            for peak in _some(peaks(size), size, most):
                found = measured(axes, size, peak)
                features = features or tuple(found)
                rows.append(list(found.values()))
                owner.append(number)
                times.append((first + peak) * STEP_MS / 1000)
        kept.append(replace(trial, axes=trial.axes[:0]))
    return Peaks(features, np.array(rows, dtype=np.float32), np.array(owner), np.array(times), tuple(kept))


def _some(found: list[int], size: Floats, most: int) -> list[int]:
    if not most or len(found) <= most:
        return found
    ordered = sorted(found, key=lambda peak: -size[peak])
    half = most // 2
    rest = ordered[half:]
    return sorted(ordered[:half] + rest[:: -(-len(rest) // (most - half))])
