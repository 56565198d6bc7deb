"""A recording as other sensors would have told it: slower, clipping, badly calibrated, worn by somebody who falls softly,
switched on late and off early. What a model learns from all of these it does not owe to one sensor."""

from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from rules_engine.acceleration import Floats
from training.recordings import Trial

AS_RECORDED = "as recorded"


@dataclass(frozen=True, slots=True)
class Sensor:
    """`clip_g` and `rate_hz` zero: as the recording has them."""

    name: str
    rate_hz: float = 0.0
    clip_g: float = 0.0


# What a model is tested with. A recording is never made faster than it is.
TESTED = (
    Sensor(AS_RECORDED),
    Sensor("20 Hz", 20),
    Sensor("32 Hz, 2 g", 32, 2),
    Sensor("50 Hz, 2 g", 50, 2),
    Sensor("20 Hz, 4 g", 20, 4),
)
_RATES, _RATE_SHARES = (20.0, 25.0, 32.0, 50.0, 100.0), (0.34, 0.06, 0.2, 0.25, 0.15)
_CLIPS, _CLIP_SHARES = (2.0, 4.0, 8.0, 16.0), (0.25, 0.25, 0.15, 0.35)


def heard_by(trial: Trial, sensor: Sensor) -> Trial:
    """The trial as this sensor tells it."""
    axes, rate = trial.axes, trial.rate_hz
    if 0 < sensor.rate_hz < rate:
        axes, rate = _slower(axes, rate, sensor.rate_hz, 0.0), sensor.rate_hz
    if sensor.clip_g:
        axes = np.clip(axes, -1000 * sensor.clip_g, 1000 * sensor.clip_g)
    return replace(trial, axes=np.rint(axes), rate_hz=rate)


def varied(trial: Trial, number: int) -> Trial:
    """A chance sensor, the same one for the same trial and number."""
    chance = np.random.default_rng(crc32(f"{trial.set} {trial.name} {number}".encode()))
    softer = replace(trial, axes=_softer(trial, chance))
    cut = _cut(softer, chance)
    rate = min(float(chance.choice(_RATES, p=_RATE_SHARES)), cut.rate_hz)
    axes = cut.axes
    if rate < cut.rate_hz:
        if chance.random() < 0.5:
            axes = _averaged(axes, int(cut.rate_hz // rate))
        axes = _slower(axes, cut.rate_hz, rate, float(chance.random()))
    axes = axes * chance.uniform(0.95, 1.05, 3) + chance.uniform(-40, 40, 3)
    axes = axes + chance.normal(0, chance.uniform(0, 15), axes.shape)
    clip = 1000 * float(chance.choice(_CLIPS, p=_CLIP_SHARES))
    return replace(cut, axes=np.rint(np.clip(axes, -clip, clip)), rate_hz=rate * float(chance.uniform(0.93, 1.07)))


def _slower(axes: Floats, rate: float, wanted: float, phase: float) -> Floats:
    where = np.arange(phase, len(axes) - 1, rate / wanted)
    return np.column_stack([np.interp(where, np.arange(len(axes)), axes[:, axis]) for axis in range(3)])


def _averaged(axes: Floats, width: int) -> Floats:
    if width < 2:
        return axes
    return np.column_stack([np.convolve(axes[:, axis], np.ones(width) / width, "same") for axis in range(3)])


def _softer(trial: Trial, chance: np.random.Generator) -> Floats:
    """The quick part of the movement made smaller."""
    if chance.random() < 0.5:
        return trial.axes
    slow = _averaged(trial.axes, int(0.8 * trial.rate_hz))
    return slow + (trial.axes - slow) * chance.uniform(0.6, 1.15)


def _cut(trial: Trial, chance: np.random.Generator) -> Trial:
    """Begins or ends near the biggest peak."""
    rate = trial.rate_hz
    peak = int((trial.axes**2).sum(axis=1).argmax())
    first, last = 0, len(trial.axes)
    if chance.random() < 0.3:
        first = max(0, peak - int(chance.uniform(0.8, 4.0) * rate))
    if chance.random() < 0.35:
        last = min(last, peak + int(chance.uniform(1.5, 5.5) * rate))
    fall = trial.fall_s and (trial.fall_s[0] - first / rate, trial.fall_s[1] - first / rate)
    return replace(trial, axes=trial.axes[first:last], fall_s=fall)
