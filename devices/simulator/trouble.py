"""What goes wrong in made-up homes, and the truth about it: calls, falls, a collapse in silence, smoke, dead gateways. Pure.

The truth is written beside what is said, so that whatever judges the homes can be scored by it.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from devices.registry import Home
from devices.simulator.day import DAY_S, Said, plan_day

# How often, in a home and a day.
GATEWAY_DROPS, VISITS = 0.03, 0.15
_LOSS_A_DAY = (0.05, 0.4)
_COLLAPSE_S, _DROP_S, _VISIT_S = (10 * 3600, 14 * 3600), (20 * 60, 3 * 3600), (1800, 5400)


@dataclass(frozen=True, slots=True)
class Expected:
    """The rules that may tell of it, and within how long after it began."""

    rules: tuple[str, ...]
    within: timedelta


EXPECTED: Mapping[str, Expected] = {
    "sos": Expected(("sos",), timedelta(seconds=10)),
    "fall": Expected(("fall",), timedelta(minutes=1)),
    "collapse": Expected(("inactivity", "bed", "routine"), timedelta(hours=9)),
    "smoke": Expected(("hazard",), timedelta(seconds=10)),
    "gateway_down": Expected(("supervision",), timedelta(minutes=20)),
}


@dataclass(frozen=True, slots=True)
class Incident:
    """In seconds from midnight of its day, in the home's own time."""

    what: str
    device_id: str
    second: int
    until: int


@dataclass(frozen=True, slots=True)
class Day:
    """What is said on one day, in order, and what really happened."""

    said: tuple[Said, ...]
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """An incident in a home at a time: a line of the ground truth."""

    home_id: str
    what: str
    device_id: str
    at: datetime
    until: datetime


def live_day(home: Home, seed: int, day: int, *, incidents: float, beats: tuple[int, int] = (0, DAY_S)) -> Day:
    """One day with everything in it. `incidents`: how many a home has a day, on average; at most one happens. `beats`: as
    in `plan_day`."""
    chance = random.Random(f"trouble/{seed}/{home.home_id}/{day}")  # noqa: S311
    said = [one for one in plan_day(home, seed, day, beats) if one.battery is None]
    said += [*_visitors(home, chance), *_batteries(home, seed, day)]
    happened: list[Incident] = []
    if drop := _drop(home, chance):
        said = [one for one in said if not drop.second <= one.second < drop.until]
        # A short one goes unnoticed, and shall.
        happened += [drop] if drop.until - drop.second > 1800 else []
    elif chance.random() < incidents and (incident := _incident(home, chance)):
        said = [*_without(said, incident), *_says(incident)]
        happened.append(incident)
    return Day(tuple(sorted(said, key=lambda one: (one.second, one.device_id, one.kind))), tuple(happened))


def _visitors(home: Home, chance: random.Random) -> Iterator[Said]:
    rooms = [device.device_id for device in home.devices if device.device_id.startswith("motion-")]
    has_door = any(device.device_id == "door" for device in home.devices)
    if chance.random() >= VISITS or not rooms or not has_door:
        return
    comes = chance.randint(10 * 3600, 16 * 3600)
    goes = comes + chance.randint(*_VISIT_S)
    for second in (comes, goes):
        yield Said(second, "door", "contact", "open")
        yield Said(second + 6, "door", "contact", "closed")
    for second in range(comes + 60, goes, 150):
        yield Said(second, chance.choice(rooms), "motion")


def _batteries(home: Home, seed: int, day: int) -> Iterator[Said]:
    """Each runs down at a rate of its own, and is changed when it is almost empty."""
    for device in home.devices:
        if not device.is_gateway:
            chance = random.Random(f"battery/{seed}/{home.home_id}/{device.device_id}")  # noqa: S311
            left = chance.uniform(30, 100) - chance.uniform(*_LOSS_A_DAY) * (day % 3650)
            yield Said(chance.randrange(DAY_S), device.device_id, "heartbeat", battery=5 + round(left % 95))


def _drop(home: Home, chance: random.Random) -> Incident | None:
    gateway = next((device.device_id for device in home.devices if device.is_gateway), None)
    if gateway is None or chance.random() >= GATEWAY_DROPS:
        return None
    begins = chance.randrange(DAY_S - _DROP_S[1])
    return Incident("gateway_down", gateway, begins, begins + chance.randint(*_DROP_S))


def _incident(home: Home, chance: random.Random) -> Incident | None:
    able = {device.device_id.partition("-")[0]: device.device_id for device in home.devices}
    kinds = [("sos", "button", 4), ("collapse", "motion", 2), ("fall", "fall", 2), ("smoke", "smoke", 1)]
    found = [(what, able[part], weight) for what, part, weight in kinds if part in able]
    if not found:
        return None
    what, device_id, _ = chance.choices(found, [weight for *_, weight in found])[0]
    if what == "collapse":
        second = chance.randint(8 * 3600, 10 * 3600)
        return Incident(what, device_id, second, second + chance.randint(*_COLLAPSE_S))
    second = chance.randrange(DAY_S - 600)
    return Incident(what, device_id, second, second + 300)


def _without(said: list[Said], incident: Incident) -> list[Said]:
    """Who lies on the floor opens no door and passes no sensor; the devices themselves go on."""
    if incident.what != "collapse":
        return said
    return [
        one for one in said if one.kind == "heartbeat" or not incident.second <= one.second < min(incident.until, DAY_S)
    ]


def _says(incident: Incident) -> list[Said]:
    first = Said(incident.second, incident.device_id, incident.what)
    if incident.what == "sos":
        return [replace(first, value="active")]
    if incident.what == "fall":
        return [replace(first, value="detected")]
    if incident.what == "smoke":
        return [first, Said(incident.until, incident.device_id, "smoke", False)]
    return []
