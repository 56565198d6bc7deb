"""What is measured around a peak of acceleration. Nothing depends on how the device is turned, little on how high the
peak is: sensors clip, and slow ones smear an impact.

                 before (3 s)              peak             after (5 s)
    |----------------------------|----dip---^--|---------------------------------|
    how the person moved and stood    impact   how the person lies, and how still
"""

import numpy as np

from rules_engine.acceleration import STEP_MS, Floats

HZ = 1000 / STEP_MS
BEFORE, AFTER = int(3 * HZ), int(5 * HZ)
# A peak is the highest moment within so much on both sides.
ALONE = int(0.7 * HZ)
# Below this (in g) nothing is looked at: a fall that was softer is not found. A device turned slowly never reaches it.
PEAK_FROM = 1.4
NAN = float("nan")
_SMALLEST = int(0.3 * HZ)


def smoothed(axes: Floats) -> Floats:
    """Means of three moments: what a sensor of 20 Hz can see too."""
    if len(axes) < 3:
        return axes
    inner = (axes[:-2] + axes[1:-1] + axes[2:]) / 3
    return np.concatenate([axes[:1], inner, axes[-1:]])


def peaks(size: Floats, after: int = -1) -> list[int]:
    """Where the size (g) is highest far and wide, behind a moment."""
    rises, falls = np.ones(len(size), dtype=bool), np.ones(len(size), dtype=bool)
    rises[1:] = size[1:] > size[:-1]
    falls[:-1] = size[:-1] >= size[1:]
    tops = np.flatnonzero(rises & falls & (size >= PEAK_FROM))
    return [
        at for at in tops[tops > after].tolist() if size[max(0, at - ALONE) : at + ALONE + 1].argmax() == min(at, ALONE)
    ]


class Around:
    """A run of acceleration (g) seen from a peak in it; times are seconds from the peak."""

    def __init__(self, axes: Floats, size: Floats, peak: int) -> None:
        self._first = max(0, peak - BEFORE)
        self.axes = axes[self._first : peak + AFTER]
        self.size = size[self._first : peak + AFTER]
        self.peak = peak - self._first

    def _slice(self, start: float, end: float) -> slice:
        return slice(max(0, self.peak + round(start * HZ)), max(0, self.peak + round(end * HZ)))

    def sizes(self, start: float, end: float) -> Floats:
        return self.size[self._slice(start, end)]

    def vectors(self, start: float, end: float) -> Floats:
        return self.axes[self._slice(start, end)]

    def down(self, start: float, end: float) -> Floats | None:
        return down(self.vectors(start, end))


def down(part: Floats) -> Floats | None:
    """The mean direction; None where too little was heard, or where it turned all over."""
    if len(part) < _SMALLEST:
        return None
    mean = part.mean(axis=0)
    length = float(np.sqrt(mean @ mean))
    return None if length < 0.2 else mean / length


def angle(one: Floats | None, other: Floats | None) -> float:
    """Degrees between two directions."""
    if one is None or other is None:
        return NAN
    return float(np.degrees(np.arccos(np.clip(one @ other, -1.0, 1.0))))


def _spread(part: Floats) -> float:
    return float(part.std()) if len(part) >= _SMALLEST else NAN


def _largest(part: Floats) -> float:
    return float(part.max()) if len(part) else NAN


def _smallest(part: Floats) -> float:
    return float(part.min()) if len(part) else NAN


def _shake(part: Floats) -> float:
    """Mean change of the vector from moment to moment, in g."""
    if len(part) < _SMALLEST:
        return NAN
    change = np.diff(part, axis=0)
    return float(np.sqrt((change * change).sum(axis=1)).mean())


def sway(part: Floats) -> float:
    """How far the vector strays from its mean, in g."""
    if len(part) < _SMALLEST:
        return NAN
    return float(np.sqrt(part.var(axis=0).sum()))


def _impact(a: Around) -> dict[str, float]:
    near, wide = a.sizes(-0.25, 0.25), a.sizes(-0.5, 0.5)
    hit = a.vectors(-0.2, 0.2)
    return {
        "peak": float(a.size[a.peak]),
        "impact_energy": float(np.sqrt(np.mean((near - 1) ** 2))),
        "impact_shake": _shake(a.vectors(-0.3, 0.3)),
        "impact_width": float((wide > 1 + 0.5 * (a.size[a.peak] - 1)).sum() / HZ),
        "impact_swing": float(np.sqrt(((hit.max(axis=0) - hit.min(axis=0)) ** 2).sum())),
        "impact_tail": _spread(a.sizes(0.2, 1.0)),
        "energy_around": float(np.sqrt(np.mean((a.sizes(-1.0, 1.0) - 1) ** 2))),
    }


def _dip(a: Around) -> dict[str, float]:
    before = a.sizes(-1.2, 0)
    light = np.clip(1 - before, 0, None)
    return {
        "dip": _smallest(a.sizes(-0.8, 0)),
        "dip_earlier": _smallest(a.sizes(-2.0, -0.8)),
        "dip_for": float((before < 0.75).sum() / HZ),
        "dip_sum": float(light.sum() / HZ),
        "dip_lead": (len(before) - int(before.argmin())) / HZ if len(before) else NAN,
        "dip_after": _smallest(a.sizes(0, 0.8)),
    }


def _speed(a: Around) -> dict[str, float]:
    """Sums of acceleration along the line that was down before: a body that falls gathers speed."""
    up = a.down(-3.0, -1.2)
    rise = a.vectors(-1.2, 0.6)
    if up is None or not len(rise):
        return {"speed_down": NAN, "speed_side": NAN}
    along = rise @ up - 1
    aside = rise - np.outer(rise @ up, up)
    return {
        "speed_down": float(np.cumsum(along).min() / HZ),
        "speed_side": float(np.sqrt((aside.sum(axis=0) ** 2).sum()) / HZ),
    }


def _posture(a: Around) -> dict[str, float]:
    early, late = a.down(-3.0, -1.0), a.down(1.5, 5.0)
    soon = a.down(0.6, 1.8)
    first, last = a.down(-3.0, -2.0), a.down(3.5, 5.0)
    return {
        "turn": angle(early, late),
        "turn_soon": angle(early, soon),
        "turn_whole": angle(first, last if last is not None else late),
        "turn_last_second": angle(a.down(-1.5, -0.5), soon),
        "turn_later": angle(soon, last),
        "turn_before": angle(first, a.down(-1.0, -0.3)),
    }


def _stillness(a: Around) -> dict[str, float]:
    after = a.sizes(0.8, 5.0)
    calm = [sway(a.vectors(start / 2, start / 2 + 1)) for start in range(2, 9)]
    heard = [one for one in calm if one == one]
    return {
        "still_soon": _spread(a.sizes(1.0, 2.5)),
        "still_late": _spread(a.sizes(2.5, 5.0)),
        "sway_soon": sway(a.vectors(1.0, 2.5)),
        "sway_late": sway(a.vectors(2.5, 5.0)),
        "shake_soon": _shake(a.vectors(1.0, 2.5)),
        "shake_late": _shake(a.vectors(2.5, 5.0)),
        "sway_least": min(heard) if heard else NAN,
        "sway_most": max(heard) if heard else NAN,
        "peak_after": _largest(after),
        "size_after": float(after.mean()) if len(after) >= _SMALLEST else NAN,
    }


def _before(a: Around) -> dict[str, float]:
    return {
        "sway_before": sway(a.vectors(-3.0, -1.0)),
        "shake_before": _shake(a.vectors(-3.0, -1.0)),
        "still_before": _spread(a.sizes(-3.0, -1.0)),
        "peak_before": _largest(a.sizes(-3.0, -0.8)),
    }


def _rhythm(a: Around) -> dict[str, float]:
    """Steps, jumps and claps repeat; a fall does not."""
    height = float(a.size[a.peak]) - 1
    before, after = a.sizes(-3.0, -0.5), a.sizes(0.5, 5.0)
    return {
        "share_before": (_largest(before) - 1) / height,
        "share_after": (_largest(after) - 1) / height,
        "beats_before": _beats(before, 1 + 0.4 * height),
        "beats_after": _beats(after, 1 + 0.4 * height),
        "crossings_before": _beats(before, 1.1),
        "crossings_after": _beats(after, 1.1),
    }


def _beats(part: Floats, level: float) -> float:
    """How often in a second the size rises above a level."""
    if len(part) < _SMALLEST:
        return NAN
    above = part > level
    return float((above[1:] & ~above[:-1]).sum() * HZ / len(part))


_GROUPS = (_impact, _dip, _speed, _posture, _stillness, _before, _rhythm)


def measured(axes: Floats, size: Floats, peak: int) -> dict[str, float]:
    """All features of a peak, by name. `axes` and `size` are smoothed, in g."""
    around = Around(axes, size, peak)
    found: dict[str, float] = {}
    for group in _GROUPS:
        found |= group(around)
    return found
