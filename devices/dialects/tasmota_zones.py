"""What a Zigbee2Tasmota zone (IAS) says: an alarm by its name or as bits, and what is wrong with the device. Pure.

A zone has two indicators. The second comes under the name with a 2 behind it, and only while it is on: of a personal alarm
the first is a fall or the button, the second the button.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number
from devices.dialect import Fact
from devices.dialects.rtl_433_values import meant
from devices.facts import event, level, other

Body = Mapping[str, JsonValue]
LEVELS: dict[str, Kind] = {
    "Contact": Kind.CONTACT,
    "Water": Kind.WATER,
    "Fire": Kind.SMOKE,
    "Smoke": Kind.SMOKE,
    "CO": Kind.CO,
    "Gas": Kind.GAS,
    "Movement": Kind.VIBRATION,
}
CALLS = ("Panic", "PersonalAlarm", "SOS")
_EITHER_INDICATOR, _TEST = 0x03, 0x100
# What is wrong: the bits, and the names under which the gateway says that they are set.
_TROUBLES: tuple[tuple[Kind, int, tuple[str, ...]], ...] = (
    (Kind.TAMPER, 0x04, ("Tamper",)),
    (Kind.BATTERY_LOW, 0x08, ("BatteryLow",)),
    (Kind.SENSOR_FAULT, 0x240, ("Failure", "BatteryDefect")),
)
# What a zone of a type is for, in the words of a description.
_OF_TYPE = {
    0x0D: "motion",
    0x15: "contact",
    0x28: "smoke",
    0x2A: "water",
    0x2B: "carbon monoxide",
    **dict.fromkeys((0x2C, 0x10F, 0x115, 0x21D), "panic"),
}
_ZONE_COMMAND = re.compile(r"0500[!<?]00")
_ZONE_STATUS = re.compile(r"([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_GAS = re.compile(r"\bgas\b|natgas|natural gas|methane|propane|\blpg\b|combustible")
_RADARS = ("presence", "radar", "mmwave", "human")
# Reeds that state themselves as a lamp that is on.
_REEDS = ("mccgq", "lumi.sensor_magnet")
_OF_TUYA = frozenset({Kind.SMOKE, Kind.GAS, Kind.CO, Kind.WATER})
_NO_DETECTOR = r"valve|siren|switch|thermostat|boiler|heater|meter|relay|plug|pump|timer|lamp"
_DETECTOR, _ACTUATOR = re.compile(r"sensor|detector|alarm"), re.compile(_NO_DETECTOR)
_TUYA_CALL, _TUYA_SWITCH = re.compile(r"EF00/0[0-5]17"), "EF00/01"


@dataclass(frozen=True, slots=True)
class Zone:
    """What a message says of a zone. `troubles` are those that are on now; None where it does not speak of them."""

    facts: tuple[Fact, ...]
    troubles: frozenset[str] | None


def read(body: Body, words: str, before: frozenset[str], *, is_by_type: bool = False) -> Zone:
    """`words` describe the device, in lower case; `before` are the troubles that were on: only they can be over.

    `is_by_type`: only its zone says what the device is for. Pendants join as doors, so its bits come as a bare alarm too.
    """
    bits = _bits(body)
    found = _alarms(body, words, bits, is_by_type=is_by_type)
    if bits is not None and bits & _TEST:
        found.append(event(Kind.TEST, True))
    stated = {kind: is_on for kind, is_on in _troubles(body, bits) if is_on is not None}
    found += [level(kind, is_on) for kind, is_on in stated.items() if is_on or kind in before]
    if not stated:
        return Zone(tuple(found), None)
    gone_on = before - {str(kind) for kind in stated}
    return Zone(tuple(found), gone_on | {str(kind) for kind, is_on in stated.items() if is_on})


def purpose(words: str) -> Kind | None:
    """What a device is for, by its description or by the model that it names itself."""
    found = meant(words)
    if found in (None, Kind.WATER) and _GAS.search(words):
        return Kind.GAS
    # The model by which the buttons and fobs for calls name themselves on the radio.
    return Kind.SOS if found is None and "ts0215a" in words else found


def described(words: str, zone_type: JsonValue) -> str:
    """The words, and where they do not say what the device is for, what its zone says."""
    named = number(zone_type)
    return words if purpose(words) is not None or named is None else f"{words}{_OF_TYPE.get(int(named), '')} "


def _alarms(body: Body, words: str, bits: int | None, *, is_by_type: bool) -> list[Fact]:
    called = [is_on for key in CALLS if (is_on := _indicated(body, key)) is not None]
    meaning = purpose(words)
    if called or (meaning == Kind.SOS and bits is not None):
        is_active = any(called) if called else bool((bits or 0) & _EITHER_INDICATOR)
        found = [event(Kind.SOS, "active" if is_active else "cleared")]
        return found if meaning == Kind.SOS else found + _derived(body, words, meaning)
    if meaning == Kind.SOS:
        return _of_tuya_button(body)
    found = _derived(body, words, meaning) or _of_tuya(body, words, meaning)
    return found or _undecided(bits, meaning, is_by_type=is_by_type)


def _of_tuya_button(body: Body) -> list[Fact]:
    """Of a list of gestures any is a press; a switch that is off is none."""
    called = [
        flag(value) is not False or not key.startswith(_TUYA_SWITCH)
        for key, value in body.items()
        if _TUYA_CALL.fullmatch(key)
    ]
    return [event(Kind.SOS, "active" if any(called) else "cleared")] if called else []


def _indicated(body: Body, name: str) -> bool | None:
    """Either indicator, or the one of an endpoint that SetOption101 puts behind the name. `CO2` alone is a measured gas."""
    stated = [
        flag(value)
        for key, value in body.items()
        if key.rstrip("0123456789") == name and (key != "CO2" or "CO" in body)
    ]
    known = [one for one in stated if one is not None]
    return any(known) if known else None


def _bits(body: Body) -> int | None:
    """The zone's status: as a number, or in the raw command with the low byte first."""
    for key in ("ZoneStatusChange", "ZoneStatus"):
        stated = number(body.get(key))
        if stated is not None:
            return int(stated) & 0xFFFF
    for key, raw in body.items():
        status = _ZONE_STATUS.match(raw) if isinstance(raw, str) and _ZONE_COMMAND.fullmatch(key) else None
        if status:
            return int(status[2] + status[1], 16)
    return None


def _derived(body: Body, words: str, meaning: Kind | None) -> list[Fact]:
    """What the gateway has made of the bits, or of an attribute."""
    states: dict[Kind, bool] = {}
    for key, named in LEVELS.items():
        # Detectors of gas join as those of carbon monoxide, for the radio knows no other type.
        kind = Kind.GAS if named == Kind.CO and meaning == Kind.GAS else named
        is_on = _indicated(body, key)
        if is_on is not None:
            states[kind] = is_on or states.get(kind, False)
    found = [level(kind, is_on) for kind, is_on in states.items()]
    if (is_occupied := _indicated(body, "Occupancy")) is not None:
        is_radar = any(one in words for one in _RADARS)
        found.append(level(Kind.PRESENCE if is_radar else Kind.MOTION, is_occupied))
    is_open = flag(body.get("Power")) if any(one in words for one in _REEDS) else None
    return found or ([] if is_open is None else [level(Kind.CONTACT, is_open)])


def _of_tuya(body: Body, words: str, meaning: Kind | None) -> list[Fact]:
    """Data points that the gateway has no names for: type and number. The first is what a detector is for: a switch, or a
    list of states that begins with the alarm. Of a valve it is something else."""
    if meaning not in _OF_TUYA or not _DETECTOR.search(words) or _ACTUATOR.search(words):
        return []
    state, is_on = number(body.get("EF00/0401")), flag(body.get("EF00/0101"))
    is_on = state == 0 if state is not None else is_on
    return [] if is_on is None else [level(meaning, is_on)]


def _undecided(bits: int | None, meaning: Kind | None, *, is_by_type: bool) -> list[Fact]:
    """A zone whose type nobody told."""
    if bits is None:
        return []
    is_on = bool(bits & _EITHER_INDICATOR)
    named = [] if meaning is None else [level(meaning, is_on)]
    bare = [other("alarm" if is_on else "restore", channel="alarm")] if is_by_type or meaning is None else []
    return named + bare


def _troubles(body: Body, bits: int | None) -> list[tuple[Kind, bool | None]]:
    found = []
    for kind, mask, names in _TROUBLES:
        named = [is_on for name in names if (is_on := flag(body.get(name))) is not None]
        is_on = any(named) if named else None
        found.append((kind, is_on if bits is None else bool(bits & mask) or bool(is_on)))
    return found
