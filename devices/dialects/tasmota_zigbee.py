"""What Zigbee2Tasmota passes on from a Zigbee device. Pure.

`Contact` 1 is open. Bits of a zone mean what the device is for: of an SOS button they are the call.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact, Known, Lesson
from devices.dialects.rtl_433_values import described, meant, text_of
from devices.facts import event, level, other, sample, with_test

Body = Mapping[str, JsonValue]
_DEVICES_READ = 100
_ADDRESS_LIMIT = 128
_COMMAND = re.compile(r"([0-9A-F]{4})[!<?]([0-9A-F]{2})")
_ZONE_STATUS = re.compile(r"([0-9A-Fa-f]{2})([0-9A-Fa-f]{2})")
_HEX_ADDRESS = re.compile(r"0x[0-9A-F]{1,16}", re.IGNORECASE)
_LEVELS: dict[str, Kind] = {
    "Contact": Kind.CONTACT,
    "Water": Kind.WATER,
    "Fire": Kind.SMOKE,
    "Smoke": Kind.SMOKE,
    "CO": Kind.CO,
    "Gas": Kind.GAS,
    "Movement": Kind.VIBRATION,
}
_CALLS = ("Panic", "PersonalAlarm", "SOS")
_ON_OFF = {"00": "off", "01": "on", "02": "single", "40": "off", "41": "on", "42": "on"}
# Models whose gestures are the commands to a lamp.
_GESTURES_OF: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("snzb-01", " wb01 ", " wb-01 "), {"02": "single", "01": "double", "00": "long"}),
    (("wxkg13lm",), {"02": "single", "00": "double"}),
)
_TUYA_PRESSES = {"00": "single", "01": "double", "02": "long"}
_DIMMER = {"01": "long", "05": "long", "02": "single", "06": "single", "03": "release", "07": "release"}
_ARROW = {"07": "single", "08": "long", "09": "release"}
_ARM_MODES = {"00": "disarm", "01": "arm_day_zones", "02": "arm_night_zones", "03": "arm_all_zones"}
_GESTURES = frozenset({"single", "double", "triple", "long", "hold", "release"})
# The number of a press in a multistate input; Aqara's buttons from 16 on have a gyroscope.
_NUMBERED = {0: "hold", 1: "single", 2: "double", 3: "triple", 16: "hold", 17: "release", 255: "release"}
_BUTTON = re.compile(r"lumi\.remote|lumi\.sensor_swit|wxkg|\bopple\b|button|remote|switch|taster")


def lesson_key(gateway: str, address: str) -> str:
    """Under which key the model of a device is learnt."""
    return f"tasmota {gateway} {address}"


def bodies(stated: JsonValue) -> Iterator[tuple[str, Body]]:
    """Each device and what it says, however the options of the gateway shape it."""
    if not isinstance(stated, dict):
        return
    if "Device" in stated and not isinstance(stated["Device"], dict):
        yield "", stated
        return
    for index, (name, body) in enumerate(stated.items()):
        if index < _DEVICES_READ and isinstance(body, dict):
            yield name, body


def is_zigbee(body: Body) -> bool:
    """Whether an object without `ZbReceived` around it is of a Zigbee device."""
    return "LinkQuality" in body or ("Device" in body and "Endpoint" in body)


def address_of(name: str, body: Body) -> str:
    """The name that people gave, which stays, before the short address, which changes when a device joins again."""
    given = text_of(body.get("Name"))
    short = text_of(body.get("Device")) or name
    return (given or (name if name and not _HEX_ADDRESS.fullmatch(name) else short))[:_ADDRESS_LIMIT]


def received(name: str, body: Body, known: Known, gateway: str) -> list[Fact]:
    """Everything that one device says."""
    address = address_of(name, body)
    words = f"{_words(address, known, gateway)} {text_of(body.get('ModelId')).casefold()} "
    body = {**_without_endpoint(body), **body}
    found = [*_zone(body, words), *_commands(body, words), *_others(body), *_measured(body)]
    return [replace(fact, sub_device=address) for fact in with_test(found)]


def _without_endpoint(body: Body) -> dict[str, JsonValue]:
    """SetOption101 puts the endpoint behind the names."""
    shortened = {key.rstrip("0123456789"): stated for key, stated in body.items() if key not in _NAMES}
    return {key: stated for key, stated in shortened.items() if key in _NAMES}


def _words(address: str, known: Known, gateway: str) -> str:
    """What is known of the device: the registry, what the gateway told of it, and its name."""
    learnt = known.lesson(lesson_key(gateway, address)) or {}
    return f"{described(known.device(address))} {learnt.get('model', '')} {address.replace('_', ' ')} ".casefold()


def _zone(body: Body, words: str) -> list[Fact]:
    bits = _bits(body)
    is_call_button = meant(words) == Kind.SOS
    found = [
        event(Kind.SOS, "active" if flag(body[key]) else "cleared") for key in _CALLS if flag(body.get(key)) is not None
    ]
    if is_call_button and bits is not None and not found:
        found = [event(Kind.SOS, "active" if bits & 3 else "cleared")]
    elif not is_call_button:
        found += _derived(body, words) or ([] if found else _undecided(bits, words))
    return [*found, *_trouble(bits or 0)]


def _bits(body: Body) -> int | None:
    """The zone's status: as a number, or in the raw command with the low byte first."""
    for key in ("ZoneStatusChange", "ZoneStatus"):
        stated = number(body.get(key))
        if stated is not None:
            return int(stated) & 0xFFFF
    for key, raw in body.items():
        command = _COMMAND.fullmatch(key.upper())
        status = _ZONE_STATUS.match(raw) if isinstance(raw, str) else None
        if command and status and command.groups() == ("0500", "00"):
            return int(status[2] + status[1], 16)
    return None


def _derived(body: Body, words: str) -> list[Fact]:
    """What the gateway has made of the bits, or of an attribute."""
    states = {kind: flag(body[key]) for key, kind in _LEVELS.items() if flag(body.get(key)) is not None}
    found = [level(kind, bool(is_on)) for kind, is_on in states.items()]
    if (is_occupied := flag(body.get("Occupancy"))) is not None:
        is_radar = any(one in words for one in ("presence", "radar", "mmwave", "human"))
        found.append(level(Kind.PRESENCE if is_radar else Kind.MOTION, is_occupied))
    return found


def _undecided(bits: int | None, words: str) -> list[Fact]:
    """A zone whose type nobody told."""
    if bits is None:
        return []
    kind = meant(words)
    if kind is not None:
        return [level(kind, bool(bits & 3))]
    return [other("alarm" if bits & 3 else "restore", channel="alarm")]


def _trouble(bits: int) -> list[Fact]:
    found = [level(Kind.TAMPER, True)] if bits & 0x04 else []
    found += [level(Kind.BATTERY_LOW, True)] if bits & 0x08 else []
    return found + ([event(Kind.TEST, True)] if bits & 0x100 else [])


def _commands(body: Body, words: str) -> list[Fact]:
    """Presses are commands that the device sends to lamps or to an alarm system."""
    endpoint = text_of(body.get("Endpoint"))
    gestures = next((known for models, known in _GESTURES_OF if any(one in words for one in models)), _ON_OFF)
    found = []
    for key, raw in body.items():
        command = _COMMAND.fullmatch(key.upper())
        fact = command and _pressed(command[1], command[2], text_of(raw).upper(), endpoint, gestures)
        if fact:
            found.append(fact)
    return found or _clicked(body, words, endpoint)


def _clicked(body: Body, words: str, endpoint: str) -> list[Fact]:
    """Aqara's buttons: `click` is a short press, `action` a long one. Of a model that the gateway does not know it passes on
    the number alone, and what a cube or a lock numbers is no press."""
    stated = next((body[key] for key in ("click", "Click", "action", "Action") if text_of(body.get(key))), None)
    said = word(stated)
    if said == "shake":
        return [other(said, channel="action")]
    is_button = _BUTTON.search(words) is not None or meant(words) == Kind.SOS
    if stated is None and is_button and "cube" not in words:
        stated = body.get("MultiInValue")
    if stated is None:
        return []
    value = number(stated)
    gesture = said if value is None else _NUMBERED.get(int(value), "other")
    return [event(Kind.BUTTON, gesture if gesture in _GESTURES else "other", channel=endpoint)]


def _pressed(cluster: str, command: str, raw: str, endpoint: str, gestures: Mapping[str, str]) -> Fact | None:
    if cluster == "0501":
        return _alarm_system(command, raw)
    if cluster == "0006" and command == "FD":
        return event(Kind.BUTTON, _TUYA_PRESSES.get(raw[:2], "other"), channel=endpoint)
    if cluster == "0006" and command in _ON_OFF:
        return event(Kind.BUTTON, gestures.get(command, _ON_OFF[command]), channel=endpoint)
    if cluster == "0008" and command in _DIMMER:
        side = "" if _DIMMER[command] == "release" else "down" if raw[:2] == "01" else "up"
        return event(Kind.BUTTON, _DIMMER[command], channel=side)
    if cluster == "0005" and command in _ARROW:
        return event(Kind.BUTTON, _ARROW[command], channel="left" if raw[:2] == "01" else "right")
    return None


def _alarm_system(command: str, raw: str) -> Fact | None:
    """IAS ACE: keypads and key fobs. What is typed stays out."""
    if command == "00":
        return event(Kind.ARM, _ARM_MODES.get(raw[:2], "arm"))
    named = {"02": "emergency", "03": "fire key", "04": "panic"}.get(command)
    return event(Kind.SOS, "active", note=named) if named else None


def _others(body: Body) -> list[Fact]:
    found = [event(Kind.VIBRATION, True)] if word(body.get("AqaraVibrationMode")) else []
    for key in ("AqaraCube", "GlassBreak"):
        found += [other(body[key], channel=key)] if key in body else []
    if isinstance(body.get("Reachable"), bool):
        found.append(level(Kind.AVAILABILITY, body["Reachable"] is True))
    return found


def _measured(body: Body) -> list[Fact]:
    found = []
    for kind, keys in _MEASURED:
        stated = next((number(body[key]) for key in keys if number(body.get(key)) is not None), None)
        low, high = _LIMITS[kind]
        if stated is not None and low <= stated <= high:
            found += sample(kind, stated)
    return found


_MEASURED: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.TEMPERATURE, ("Temperature", "LocalTemperature")),
    (Kind.HUMIDITY, ("Humidity",)),
    (Kind.CO2, ("CarbonDioxide", "CO2")),
    (Kind.BATTERY, ("BatteryPercentage", "Battery")),
    # A plug states the mains' voltage under the same name.
    (Kind.BATTERY_VOLTAGE, ("BatteryVoltage", "Voltage")),
)
_NAMES = frozenset(
    {
        *(*_LEVELS, *_CALLS, *(key for _, keys in _MEASURED for key in keys)),
        *("MultiInValue", "Occupancy", "ZoneStatusChange", "ZoneStatus"),
    }
)
_LIMITS: dict[Kind, tuple[float, float]] = {
    Kind.TEMPERATURE: (-60, 100),
    Kind.HUMIDITY: (0, 100),
    Kind.CO2: (0, 100_000),
    Kind.BATTERY: (0, 100),
    Kind.BATTERY_VOLTAGE: (0.1, 15),
}


def told(name: str, body: Body, gateway: str) -> tuple[list[Fact], list[Lesson]]:
    """`ZbInfo` and `ZbStatus`: what a device is, and whether it can be reached. Its values are remembered ones."""
    address = address_of(name, body)
    model = " ".join(text_of(body.get(key)) for key in ("Manufacturer", "ModelId")).strip()
    facts = [replace(fact, sub_device=address) for fact in _others({"Reachable": body.get("Reachable")}) if address]
    lessons = [Lesson(lesson_key(gateway, address), {"model": model})] if address and model else []
    return facts, lessons
