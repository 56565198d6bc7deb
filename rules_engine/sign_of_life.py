"""Which readings show that somebody is there and does something. Pure.

A sensor that repeats what it said before shows nothing; that a movement ended does, where it was the last that was heard.
"""

from collections.abc import Mapping
from typing import TypedDict

from carebell.types import Kind, Reading

# Their every reading is somebody's doing.
_ALWAYS = frozenset({Kind.BUTTON, Kind.SOS, Kind.FALL, Kind.ARM})
# Those that say what is, again and again: only a change is somebody's doing.
_LEVELS = frozenset({Kind.CONTACT, Kind.BED, Kind.PRESENCE})
_MOVEMENTS = frozenset({Kind.MOTION, Kind.VIBRATION})
SIGNS = _ALWAYS | _LEVELS | _MOVEMENTS
LEVELS_KEPT = 64


class Senses(TypedDict):
    """`levels`: what each door, bed and presence sensor said last, by device and kind; `moving`: the sensor that is still
    within the last movement."""

    levels: dict[str, str]
    moving: str


NOTHING_SENSED = Senses(levels={}, moving="")


def sensed(senses: Senses, event: Reading) -> tuple[Senses, bool]:
    """What is known after a reading, and whether it is a sign of life."""
    if event.retained:
        return senses, False
    if event.kind in _MOVEMENTS:
        if event.value is True:
            return (senses if senses["moving"] == event.device_id else {**senses, "moving": event.device_id}), True
        is_end = senses["moving"] == event.device_id
        return ({**senses, "moving": ""} if is_end else senses), is_end
    if event.kind not in _LEVELS:
        return senses, event.kind in _ALWAYS
    key, value = f"{event.kind}/{event.device_id}", str(event.value)
    if senses["levels"].get(key) == value:
        return senses, False
    levels = {name: level for name, level in senses["levels"].items() if name != key}
    return {**senses, "levels": {**dict(list(levels.items())[1 - LEVELS_KEPT :]), key: value}}, True


def is_somebody_sensed(levels: Mapping[str, str]) -> bool:
    """Whether a presence sensor says that somebody is there."""
    return any(level == "True" and key.startswith(Kind.PRESENCE) for key, level in levels.items())
