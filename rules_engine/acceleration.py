"""One device's acceleration as an even stream: bursts are brought to one grid of moments and joined where they touch.

A sample on the grid that nobody has told is NOT_HEARD. What was told first stays, so a doubled burst changes nothing;
late bursts fall into place. The stream is kept as text (little-endian 16-bit milli-g) because a state is JSON.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

STEP_MS = 20
NOT_HEARD = -32768
_LIMIT_MG = 32_000
_SLOWEST_HZ = 10.0
_LONGEST_STREAM = 90_000 // STEP_MS
# Holes up to this long are bridged by a straight line; a longer one cuts the stream.
_BRIDGED = 300 // STEP_MS
_MILLIG = 1000.0

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stream:
    """Consecutive moments of the grid, from `start_ms` on; one row of x, y, z in milli-g each."""

    start_ms: int
    samples: Samples

    @property
    def end_ms(self) -> int:
        """The moment after the last one."""
        return self.start_ms + len(self.samples) * STEP_MS

    def index(self, at_ms: int) -> int:
        return (at_ms - self.start_ms) // STEP_MS

    def from_(self, at_ms: int) -> "Stream":
        """The part from a moment on; the whole where it begins later."""
        skipped = max(0, self.index(at_ms))
        return replace(self, start_ms=self.start_ms + skipped * STEP_MS, samples=self.samples[skipped:])


def read_burst(value: JsonValue, first_sample_ms: int) -> Stream | None:
    """A burst on the grid, by straight lines between its samples. None where it holds nothing to judge by: no samples,
    or too few in a second to see an impact."""
    if not isinstance(value, dict):
        return None
    rate: Any = value.get("rate_hz")
    told: Any = value.get("samples")
    if not isinstance(rate, int | float) or not isinstance(told, list) or not rate >= _SLOWEST_HZ:
        return None
    try:
        axes = np.fromiter(chain.from_iterable(told), dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        return None
    if not told or len(axes) != 3 * len(told) or not np.isfinite(axes).all():
        return None
    return resampled(np.clip(axes, -_LIMIT_MG, _LIMIT_MG).reshape(-1, 3), float(rate), first_sample_ms)


def resampled(axes: Floats, rate_hz: float, first_sample_ms: int) -> Stream | None:
    """Samples (milli-g) at a rate, brought to the grid."""
    last_ms = first_sample_ms + (len(axes) - 1) * 1000.0 / rate_hz
    start_ms = -(-first_sample_ms // STEP_MS) * STEP_MS
    count = int((last_ms - start_ms) // STEP_MS) + 1
    if count <= 0:
        return None
    where = (start_ms - first_sample_ms + STEP_MS * np.arange(min(count, _LONGEST_STREAM))) * (rate_hz / 1000.0)
    told = np.arange(len(axes))
    columns = [np.interp(where, told, axes[:, axis]) for axis in range(3)]
    return Stream(start_ms, np.rint(np.column_stack(columns)).astype(np.int16))


def joined(known: Stream, more: Stream) -> Stream:
    """Both in one; where both tell of a moment, the known one stays. They must lie near each other (see `is_near`)."""
    start, end = min(known.start_ms, more.start_ms), max(known.end_ms, more.end_ms)
    samples = np.full(((end - start) // STEP_MS, 3), NOT_HEARD, dtype=np.int16)
    for one in (more, known):
        at = (one.start_ms - start) // STEP_MS
        place = samples[at : at + len(one.samples)]
        heard = one.samples[:, 0] != NOT_HEARD
        place[heard] = one.samples[heard]
    return Stream(start, samples)


def is_near(known: Stream, more: Stream, within_ms: int) -> bool:
    """Whether no more than so much time lies between the two."""
    return more.start_ms - known.end_ms <= within_ms and known.start_ms - more.end_ms <= within_ms


def runs(stream: Stream) -> list[tuple[int, Floats]]:
    """The stretches without a hole, each with the index of its first moment; in g."""
    heard = np.flatnonzero(stream.samples[:, 0] != NOT_HEARD)
    if not len(heard):
        return []
    cuts = np.flatnonzero(np.diff(heard) > _BRIDGED + 1) + 1
    return [(int(part[0]), _bridged(stream.samples, part)) for part in np.split(heard, cuts)]


def _bridged(samples: Samples, heard: NDArray[np.int64]) -> Floats:
    first, last = int(heard[0]), int(heard[-1])
    if len(heard) == last - first + 1:
        return samples[first : last + 1] / _MILLIG
    moments = np.arange(first, last + 1)
    return np.column_stack([np.interp(moments, heard, samples[heard, axis]) for axis in range(3)]) / _MILLIG


def packed(stream: Stream) -> dict[str, JsonValue]:
    """As it is kept in a state."""
    return {"start_ms": stream.start_ms, "samples": b64encode(stream.samples.astype("<i2").tobytes()).decode()}


def unpacked(kept: JsonValue) -> Stream | None:
    if not isinstance(kept, dict):
        return None
    start_ms, text = kept.get("start_ms"), kept.get("samples")
    if not isinstance(start_ms, int) or not isinstance(text, str):
        return None
    return Stream(start_ms, np.frombuffer(b64decode(text), dtype="<i2").reshape(-1, 3).astype(np.int16))
