"""What rule `supervision` remembers of a home."""

from datetime import datetime
from typing import Any, TypedDict, cast

from carebell.types import HomeProfile
from rules_engine.mending import Unmended
from rules_engine.rule import ms


class SupervisionState(TypedDict):
    """Times in milliseconds. `gateways`: the home's devices, each with its gateway or nothing; `heard`: when, by device;
    `silent` and `faults`: when last told, by device and by subject; `new`: whose first interval begins with the next tick;
    `calling`: which devices have called for help; `gone`: who is said to be offline, and when; `unmended`: faults of what
    calls for help; `look`: when somebody may be silent or a fault be overdue."""

    gateways: dict[str, str]
    heard: dict[str, int]
    silent: dict[str, int]
    faults: dict[str, int]
    new: list[str]
    calling: list[str]
    gone: dict[str, int]
    unmended: Unmended
    look: int | None


def gateways_of(home: HomeProfile) -> dict[str, str]:
    known = {device.device_id for device in home.devices}
    return {one.device_id: one.gateway_id if one.gateway_id in known else "" for one in home.devices}


def converted(old: Any, home: HomeProfile) -> SupervisionState:
    """A state that was saved before faults had a clock of their own; the oldest with times as text, batteries by device."""
    if "gateways" in old:
        names = ("gateways", "heard", "silent", "faults", "new", "calling", "look")
        return cast(SupervisionState, {name: old[name] for name in names} | {"gone": {}, "unmended": {}})

    def times(kept: dict[str, Any], ending: str = "") -> dict[str, int]:
        return {f"{key}{ending}": ms(datetime.fromisoformat(text)) for key, text in kept.items()}

    return SupervisionState(
        gateways=gateways_of(home),
        heard=times(old["heard"]),
        silent=times(old["silent"]),
        faults=times(old["weak"], "/battery"),
        new=list(old.get("new", ())),
        calling=[],
        gone={},
        unmended={},
        look=0,  # at the next tick
    )
