"""When a reading happened, where its device's clock says something else than ours. Pure, per device.

A difference between receipt and the device's time is either a clock that is wrong (constant) or a reading that was kept
back (sometimes). The smallest difference a device has shown lately is its clock's error; what exceeds it is lateness:

    received − observed:   2 h   2 h   2 h   2 h 40 min   2 h          the clock is 2 h slow; one reading came 40 min late

Nothing is believed to be more than a day late: then the clock was changed, and the time of receipt holds.
"""

from collections.abc import Mapping
from typing import NamedTuple

from carebell.types import Reading

LATE_AT_MOST_MS = 86_400_000
CLOCKS_KEPT = 1024
# Two readings that differ alike, so long after one another, show a clock that runs on: it was set, nothing is late.
_RUNS_ON_AFTER_MS = 60_000
_ALIKE_MS = 5_000


class DeviceClock(NamedTuple):
    """All in milliseconds: the clock's error (ours minus the device's), the last difference, and since when it has been that."""

    error: int
    last: int
    received: int


def lateness(
    clocks: Mapping[str, DeviceClock], reading: Reading, received_ms: int
) -> tuple[Mapping[str, DeviceClock], int]:
    """What is known of the clocks now, and how late the reading came, in milliseconds."""
    if reading.observed_at == reading.received_at:
        return clocks, 0
    difference = round((reading.received_at - reading.observed_at).total_seconds() * 1000)
    known = clocks.get(reading.device_id)
    error = difference if known is None or _is_set(known, difference, received_ms) else min(known.error, difference)
    late = difference - error
    if late > LATE_AT_MOST_MS:
        error, late = difference, 0
    if known is not None and _is_alike(known, difference):
        # Whoever reports every few seconds shows a clock that runs on as well.
        return {**clocks, reading.device_id: DeviceClock(error, known.last, min(known.received, received_ms))}, late
    if known is None and len(clocks) >= CLOCKS_KEPT:
        oldest = next(iter(clocks))
        clocks = {key: clock for key, clock in clocks.items() if key != oldest}
    return {**clocks, reading.device_id: DeviceClock(error, difference, received_ms)}, late


def _is_alike(known: DeviceClock, difference: int) -> bool:
    return abs(difference - known.last) <= _ALIKE_MS


def _is_set(known: DeviceClock, difference: int, received_ms: int) -> bool:
    # A few seconds more are the network's: a clock that is known stays known.
    is_off = difference - known.error > _ALIKE_MS
    return is_off and _is_alike(known, difference) and received_ms - known.received >= _RUNS_ON_AFTER_MS
