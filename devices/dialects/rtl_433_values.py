"""What the keys of a radio device state whatever its model: climate, battery and plain switches. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import DeviceRecord, Fact
from devices.facts import event, level, sample

Payload = Mapping[str, JsonValue]
TEXT_LIMIT = 64
# Keys that are 0 or 1 in every model that has them, and what 1 means.
_SWITCHES: dict[str, Kind] = {
    "tamper": Kind.TAMPER,
    "tampered": Kind.TAMPER,
    "opened": Kind.CONTACT,
    "open": Kind.CONTACT,
    "contact_open": Kind.CONTACT,
    "water": Kind.WATER,
    "detect_wet": Kind.WATER,
    "leak": Kind.WATER,
    "leak_detected": Kind.WATER,
    "smoke": Kind.SMOKE,
    "battery_low": Kind.BATTERY_LOW,
}
# Buttons sold for calls that say so by their model only.
_CALL_MODELS = ("hs1eb", "seb01zb", "pb206", "ts0215a_sos", "ts0601_sos", "pbtzb", "mir-so100", "se20-o", "zg-101z")
_MEANT: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.SOS, ("panic", "pendant", "sos", "help button", "call button", "emergency button", "notruf", *_CALL_MODELS)),
    (Kind.CO, ("carbon monoxide", "co alarm", "co detector", "co sensor")),
    (Kind.SMOKE, ("smoke", "fire alarm", "fire detector")),
    (Kind.WATER, ("water", "leak", "flood")),
    (Kind.MOTION, ("motion", "pir ")),
    (Kind.CONTACT, ("door", "window", "contact", "magnet", "reed")),
    # An emergency exit, or a cabinet of medicine, is a door first.
    (Kind.SOS, ("emergency", "medical")),
    (Kind.SMOKE, ("fire",)),
)
_IN_THE_AIR_C, _IN_THE_AIR_RH = (-60, 100), (0, 100)


def text_of(stated: JsonValue) -> str:
    """A scalar as bounded text."""
    return "" if stated is None or isinstance(stated, dict | list) else str(stated).strip()[:TEXT_LIMIT]


def described(record: DeviceRecord | None) -> str:
    """What people say that the device is, in words to look into."""
    return "" if record is None else f" {record.vendor} {record.model} {record.description} ".casefold()


def meant(words: str) -> Kind | None:
    """What a device is for, by its description; None where that says nothing of it."""
    return next((kind for kind, known in _MEANT if any(one in words for one in known)), None)


def zone(is_tripped: bool, words: str, *, usual: Kind = Kind.CONTACT, is_state: bool = False) -> list[Fact]:
    """An input that only says tripped or not: its meaning is that of the device, by its description.

    An event unless `is_state`, for nothing tells a second press from a state said again.
    """
    kind = meant(words) or usual
    if kind == Kind.SOS:
        return [event(kind, "active")] if is_tripped else []
    fact = level(kind, is_tripped)
    return [fact] if is_state else [event(kind, fact.value, is_lasting=True)]


def values(payload: Payload) -> list[Fact]:
    """Everything that the common keys state."""
    return [*_switches(payload), *_climate(payload), *_battery(payload)]


def _climate(payload: Payload) -> list[Fact]:
    celsius, fahrenheit = number(payload.get("temperature_C")), number(payload.get("temperature_F"))
    if celsius is None and fahrenheit is not None:
        celsius = round((fahrenheit - 32) / 1.8, 2)
    found: list[Fact] = []
    if celsius is not None and _IN_THE_AIR_C[0] <= celsius <= _IN_THE_AIR_C[1]:
        found += sample(Kind.TEMPERATURE, celsius)
    humidity = number(payload.get("humidity"))
    if humidity is not None and _IN_THE_AIR_RH[0] <= humidity <= _IN_THE_AIR_RH[1]:
        found += sample(Kind.HUMIDITY, humidity)
    return [*found, *sample(Kind.CO2, payload.get("co2_ppm"))]


def _battery(payload: Payload) -> list[Fact]:
    charge, stated = number(payload.get("battery_ok")), word(payload.get("battery"))
    # A whole number is a switch, a fraction a level; 1.0 is full.
    is_level = isinstance(payload.get("battery_ok"), float)
    found: list[Fact] = []
    if charge is not None and (0 < charge < 1 or (is_level and charge in (0, 1))):
        found += sample(Kind.BATTERY, round(charge * 100, 1))
    elif charge in (0, 1):
        found.append(level(Kind.BATTERY_LOW, charge == 0))
    elif stated in ("ok", "low"):
        found.append(level(Kind.BATTERY_LOW, stated == "low"))
    millivolts, volts = payload.get("battery_mV"), payload.get("battery_V")
    return [
        *found,
        *(sample(Kind.BATTERY_VOLTAGE, millivolts, factor=0.001) or sample(Kind.BATTERY_VOLTAGE, volts)),
    ]


def _switches(payload: Payload) -> list[Fact]:
    found = []
    for key, kind in _SWITCHES.items():
        is_on = flag(payload.get(key))
        if is_on is not None:
            found.append(level(kind, is_on))
    if (is_closed := flag(payload.get("closed"))) is not None:
        found.append(level(Kind.CONTACT, not is_closed))
    if (is_moving := flag(payload.get("motion"))) is not None:
        # Few of them say that the motion is over: every one is news.
        found.append(event(Kind.MOTION, True, is_lasting=True) if is_moving else level(Kind.MOTION, False))
    return found


def press(gesture: str, button: Any = "") -> Fact:
    """A key of a remote control was pressed."""
    return event(Kind.BUTTON, gesture, channel=text_of(button))
