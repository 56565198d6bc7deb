"""Whether a home is being heard, and for how long it was not. Pure.

    beat ─ beat ─ beat ────────────── nothing ────────────── reading
                    ├ within ┤ still heard ┤ not heard: lost ┤

A home beats if its gateway (or, where none is registered, anything in it) sends heartbeats so close together. One that never
beats counts as heard always: its silence cannot be told from that of somebody who lies still.
"""

from typing import TypedDict

from carebell.types import HomeProfile, Kind, Reading
from rules_engine.place import device_of


class Hearing(TypedDict):
    """In milliseconds. `heard`: the last reading of any kind; `beat`: the last heartbeat, `beats` whether they come regularly;
    `offline`: since when the gateway is said to be away, 0 if it is not; `lost`: how much of the present silence was not
    heard, up to `deaf_to`."""

    heard: int
    beat: int
    beats: bool
    offline: int
    lost: int
    deaf_to: int


_OF_GATEWAYS = frozenset({Kind.HEARTBEAT, Kind.AVAILABILITY})
NEVER_HEARD = Hearing(heard=0, beat=0, beats=False, offline=0, lost=0, deaf_to=0)


def heard(hearing: Hearing, event: Reading, at: int, home: HomeProfile, now: int, within: int) -> Hearing:
    """After a reading that happened at `at`: it proves that the home is heard now, and shows for how long it was not."""
    missed = _missed(hearing, now, within)
    if not missed and event.kind not in _OF_GATEWAYS:
        return {**hearing, "heard": now, "offline": 0}
    beat, beats, is_offline = hearing["beat"], hearing["beats"], False
    if event.kind == Kind.AVAILABILITY:
        is_offline = event.value == "offline" and _is_gateway(event.device_id, home)
    elif event.kind == Kind.HEARTBEAT and _is_beat(event, home):
        # A beat that is heard twice does not make two.
        beat, beats = max(at, beat), beats or 0 < at - beat <= within
    return {
        "heard": now,
        "beat": beat,
        "beats": beats,
        "offline": now if is_offline else 0,
        "lost": hearing["lost"] + missed,
        "deaf_to": now if missed else hearing["deaf_to"],
    }


def forgotten(hearing: Hearing, now: int, after: int) -> Hearing:
    """Signs of life come, but no beat any more: this home is to be judged like one that never beats."""
    return {**hearing, "beats": False} if hearing["beats"] and now - hearing["beat"] > after else hearing


def listened(hearing: Hearing, since: int) -> Hearing:
    """We ourselves heard nothing before `since`: whatever was said after the last reading is lost."""
    if since <= hearing["heard"] or not hearing["heard"]:
        return hearing
    return {**hearing, "heard": since, "lost": hearing["lost"] + since - hearing["heard"], "deaf_to": since}


def is_heard(hearing: Hearing, now: int, within: int) -> bool:
    """Whether a sign of life would reach us now."""
    return not hearing["offline"] and not (hearing["beats"] and now - hearing["heard"] > within)


def after_sign(hearing: Hearing, at: int) -> Hearing:
    """A new silence begins: what was lost before it does not matter."""
    return {**hearing, "lost": 0} if hearing["lost"] and at >= hearing["deaf_to"] else hearing


def _missed(hearing: Hearing, now: int, within: int) -> int:
    if hearing["offline"]:
        return now - hearing["offline"]
    passed = now - hearing["heard"]
    return passed if hearing["beats"] and passed > within else 0


def _is_beat(event: Reading, home: HomeProfile) -> bool:
    return _is_gateway(event.device_id, home) or not any(device.is_gateway for device in home.devices)


def _is_gateway(device_id: str, home: HomeProfile) -> bool:
    device = device_of(home, device_id)
    return device is not None and device.is_gateway
