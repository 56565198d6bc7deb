"""A day in a home, as a plan: which device says what at which second. Pure and seeded."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from devices.registry import Home

DAY_S = 86_400
HEARTBEAT_S = 60
_WAKE_S, _SLEEP_S = 6 * 3600, 21 * 3600
_MEALS_S = (7 * 3600, 11 * 3600 + 1800, 17 * 3600 + 1800)


@dataclass(frozen=True, slots=True, order=True)
class Said:
    """What a device says, in seconds from midnight, local time."""

    second: int
    device_id: str
    kind: str
    value: JsonValue = True
    battery: int | None = None


def plan_day(home: Home, seed: int, day: int, beats: tuple[int, int] = (0, DAY_S)) -> tuple[Said, ...]:
    """Everything the devices of a home say on one day, in order: heartbeats, a daily rhythm, a short outing. `beats`: only
    the heartbeats of these seconds, which are most of what is said."""
    chance = random.Random(f"{seed}/{home.home_id}/{day}")  # noqa: S311
    said = [
        *_heartbeats(home, chance, beats),
        *_rhythm(home, chance),
        *_outing(home, chance),
        *_batteries(home, chance),
    ]
    return tuple(sorted(said, key=lambda one: (one.second, one.device_id, one.kind)))


def _heartbeats(home: Home, chance: random.Random, beats: tuple[int, int]) -> Iterator[Said]:
    begins, ends = beats
    first = chance.randrange(HEARTBEAT_S)
    first += -(-max(0, begins - first) // HEARTBEAT_S) * HEARTBEAT_S
    for device in home.devices:
        if device.is_gateway:
            yield from (Said(second, device.device_id, "heartbeat") for second in range(first, ends, HEARTBEAT_S))


def _rhythm(home: Home, chance: random.Random) -> Iterator[Said]:
    rooms = {device.place: device.device_id for device in home.devices if device.device_id.startswith("motion-")}
    wake, sleep = _WAKE_S + chance.randint(-3600, 3600), _SLEEP_S + chance.randint(-3600, 3600)
    second = wake
    while rooms and second < sleep:
        is_meal = any(abs(second - meal) < 2400 for meal in _MEALS_S)
        place = chance.choices(sorted(rooms), [_weight(room, is_meal=is_meal) for room in sorted(rooms)])[0]
        yield Said(second, rooms[place], "motion")
        second += int(chance.expovariate(1 / 420)) + 20
    # Whoever sleeps here gets up twice: a night without any sign of life would be one to ask about.
    for share in (chance.uniform(0.2, 0.4), chance.uniform(0.6, 0.8)):
        if "bathroom" in rooms:
            yield Said(int(share * wake), rooms["bathroom"], "motion")


def _weight(room: str, *, is_meal: bool) -> float:
    return {"kitchen": 5.0 if is_meal else 1.0, "bathroom": 0.6}.get(room, 2.0)


def _outing(home: Home, chance: random.Random) -> Iterator[Said]:
    if not any(device.device_id == "door" for device in home.devices) or chance.random() < 0.3:
        return
    leaves = chance.randint(8 * 3600, 10 * 3600)
    for second in (leaves, leaves + chance.randint(1800, 5400)):
        yield Said(second, "door", "contact", "open")
        yield Said(second + 8, "door", "contact", "closed")


def _batteries(home: Home, chance: random.Random) -> Iterator[Said]:
    for device in home.devices:
        if not device.is_gateway:
            battery = chance.randint(60, 100)
            yield Said(chance.randrange(DAY_S), device.device_id, "heartbeat", battery=battery)
