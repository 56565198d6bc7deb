"""What rule `bed` remembers of a bed, and whether the bed can be heard: its own sensor, its gateway, and we ourselves. Pure.

While it cannot, somebody may have come back: an absence is counted anew from when the bed is heard again.
"""

from datetime import datetime
from typing import TypedDict

from carebell.types import HomeProfile, Kind, Reading
from rules_engine.place import device_of
from rules_engine.rule import Context, at_ms, ms

BEDS_KEPT = 8


class Bed(TypedDict):
    """Times in milliseconds. `since`: when it was last left or lain down in. `lain`: how long somebody had lain there this
    night. `counted_from`: from when on an absence counts. `heard`: when its gateway was last heard. `up`: it was told that
    somebody is up, `told`: that somebody is missed. `off`: it says that it is offline or faulty. `reading`: the id of what
    said so last."""

    occupied: bool
    since: int
    lain: int
    counted_from: int
    heard: int
    watched: bool
    up: bool
    told: bool
    off: bool
    place: str
    reading: str


class BedState(TypedDict):
    """`stirred`: the last movement anywhere; `moved`, `moved_in`: the last one outside bedrooms."""

    beds: dict[str, Bed]
    stirred: int
    moved: int
    moved_in: str


def kept(state: BedState, device_id: str, bed: Bed) -> BedState:
    """With one bed changed, which becomes the newest."""
    others = [(key, one) for key, one in state["beds"].items() if key != device_id]
    return {**state, "beds": {**dict(others[-(BEDS_KEPT - 1) :]), device_id: bed}}


def switched(state: BedState, event: Reading, context: Context) -> BedState:
    """A bed that is offline or faulty tells nothing, nor does one whose gateway is offline."""
    is_off = event.value == "offline" if event.kind == Kind.AVAILABILITY else event.value is True
    beds: dict[str, Bed] = {}
    for key, bed in state["beds"].items():
        is_meant = event.device_id in (key, gateway_id_of(context.home, key))
        beds[key] = turned(bed, is_off, context) if is_meant else bed
    return {**state, "beds": beds}


def turned(bed: Bed, is_off: bool, context: Context) -> Bed:
    """Off or on again."""
    if is_off == bed["off"]:
        return bed
    return {**bed, "off": is_off, "counted_from": max(bed["counted_from"], context.now_ms)}


def gateway_id_of(home: HomeProfile, device_id: str) -> str:
    """The gateway a device is registered behind; empty where there is none."""
    device = device_of(home, device_id)
    return "" if device is None else device.gateway_id


def gateway_heard(state: BedState, event: Reading, context: Context, intervals: float) -> BedState:
    """While a bed is watched its gateway is listened to, and so is whatever stands behind it."""
    home, now = context.home, context.now_ms
    sources = (event.device_id, gateway_id_of(home, event.device_id))
    beds: dict[str, Bed] = {}
    for key, bed in state["beds"].items():
        gateway_id = gateway_id_of(home, key)
        if gateway_id and gateway_id in sources:
            from_now = is_deaf(key, bed, context, intervals)
            bed = {**bed, "heard": now, "counted_from": now if from_now else bed["counted_from"]}
        beds[key] = bed
    return {**state, "beds": beds}


def is_deaf(device_id: str, bed: Bed, context: Context, intervals: float) -> bool:
    """Whether the bed's gateway, where it promises to be heard at intervals, has been silent for too many of them."""
    gateway = device_of(context.home, gateway_id_of(context.home, device_id))
    if gateway is None or gateway.expected_every is None:
        return False
    return context.now >= at_ms(bed["heard"]) + gateway.expected_every * intervals


def counted(state: BedState, listening_since: datetime | None) -> BedState:
    """The time in which we ourselves heard nothing does not count."""
    if listening_since is None:
        return state
    since = ms(listening_since)
    beds: dict[str, Bed] = {
        key: {**bed, "counted_from": max(bed["counted_from"], since)} for key, bed in state["beds"].items()
    }
    return {**state, "beds": beds}
