"""What Zigbee2Tasmota passes on from a Zigbee device. Pure.

`Contact` 1 is open. What zones say, and their bits, is in tasmota_zones.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact, Known, Lesson
from devices.dialects import tasmota_zones as zones
from devices.dialects.rtl_433_values import described, text_of
from devices.facts import alive, event, level, other, sample, with_test

Body = Mapping[str, JsonValue]
_DEVICES_READ = 100
_ADDRESS_LIMIT = 128
_COMMAND = re.compile(r"([0-9A-F]{4})[!<?]([0-9A-F]{2})")
_HEX_BYTE = re.compile(r"[0-9A-F]{2}")
_HEX_ADDRESS = re.compile(r"0x[0-9A-F]{1,16}", re.IGNORECASE)
_ON_OFF = {"00": "off", "01": "on", "02": "single", "40": "off", "41": "on", "42": "on"}
# Models whose gestures are the commands to a lamp.
_GESTURES_OF: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("snzb-01", " wb01 ", " wb-01 "), {"02": "single", "01": "double", "00": "long"}),
    (("wxkg13lm",), {"02": "single", "00": "double"}),
)
_TUYA_PRESSES = {"00": "single", "01": "double", "02": "long"}
_DIMMER = {"01": "long", "05": "long", "02": "single", "06": "single", "03": "release", "07": "release"}
_ARROW = {"07": "single", "08": "long", "09": "release"}
# Green Power: switches that live of the press itself.
_GREEN = "F021"
_GREEN_POWER = {
    "20": "off",
    "21": "on",
    **dict.fromkeys(("22", "60", "62", "64", "66", "67", "68"), "single"),
    **dict.fromkeys(("23", "61", "63", "65"), "release"),
}
_ARM_MODES = {"00": "disarm", "01": "arm_day_zones", "02": "arm_night_zones", "03": "arm_all_zones"}
_GESTURES = frozenset({"single", "double", "triple", "long", "hold", "release"})
# The number of a press in a multistate input; Aqara's buttons from 16 on have a gyroscope.
_NUMBERED = {0: "hold", 1: "single", 2: "double", 3: "triple", 16: "hold", 17: "release", 255: "release"}
_COUNTED = {1: "single", 2: "double", 3: "triple"}
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


def received(name: str, body: Body, known: Known, gateway: str) -> tuple[list[Fact], list[Lesson]]:
    """Everything that one device says; what is wrong with it is remembered, for the end of that comes without its name."""
    address = address_of(name, body)
    learnt = known.lesson(lesson_key(gateway, address)) or {}
    zone_type = body.get("ZoneType", learnt.get("zone_type"))
    words = f"{described(known.device(address))} {text_of(learnt.get('model'))} {address.replace('_', ' ')} "
    words = f"{words} {text_of(body.get('ModelId'))} ".casefold()
    meant = zones.described(words, zone_type)
    key = f"tasmota troubles {gateway} {address}"
    before = frozenset((known.lesson(key) or {}).keys())
    zone = zones.read(body, meant, before, is_by_type=meant != words)
    found = [*zone.facts, *_commands(body, words), *_others(body), *_measured(body)]
    lessons = _taught(gateway, address, {"zone_type": body.get("ZoneType")}, learnt)
    if zone.troubles is not None and zone.troubles != before:
        lessons.append(Lesson(key, dict.fromkeys(zone.troubles, True) if zone.troubles else None))
    return [replace(fact, sub_device=address) for fact in with_test(found) or [alive()]], lessons


def _taught(gateway: str, address: str, told: Body, learnt: Body) -> list[Lesson]:
    """What a device is, beside what was known of it."""
    news = {key: text_of(value) for key, value in told.items() if text_of(value)}
    known = {**learnt, **news}
    model, zone_of = news.get("model", ""), text_of(learnt.get("zone_of"))
    if "zone_type" in news:
        known["zone_of"] = model
    elif model and zone_of and model not in zone_of and zone_of not in model:
        # Another device under the old name: what the zone of the one before it was for says nothing of it.
        known = {key: value for key, value in known.items() if key not in ("zone_type", "zone_of")}
    elif model and "zone_type" in known:
        known["zone_of"] = model
    return [Lesson(lesson_key(gateway, address), known)] if known != learnt and address else []


def _commands(body: Body, words: str) -> list[Fact]:
    """Presses are commands that the device sends to lamps or to an alarm system."""
    endpoint = text_of(body.get("Endpoint"))
    gestures = next((known for models, known in _GESTURES_OF if any(one in words for one in models)), _ON_OFF)
    green: list[Fact] = []
    found: list[Fact] = []
    for key, raw in body.items():
        command = _COMMAND.fullmatch(key.upper())
        if command is None:
            continue
        said = text_of(raw).upper()
        fact = _pressed(command[1], command[2], said, endpoint, gestures)
        if fact is not None:
            (green if command[1] == _GREEN else found).append(fact)
    # The gateway translates a command of Green Power into one for lamps and tells both.
    return green or found or _clicked(body, words, endpoint)


def _clicked(body: Body, words: str, endpoint: str) -> list[Fact]:
    """Aqara's buttons: `click` is a short press, `action` a long one. Of a model that the gateway does not know it passes on
    the number alone, and what a cube or a lock numbers is no press."""
    # SetOption101 puts the endpoint behind the names.
    body = {key.rstrip("0123456789"): value for key, value in body.items()}
    if (count := number(body.get("TerncyCount"))) is not None:
        return [event(Kind.BUTTON, _COUNTED.get(int(count), "other"), channel=endpoint)]
    stated = next((body[key] for key in ("click", "Click", "action", "Action") if text_of(body.get(key))), None)
    said = word(stated)
    if said == "shake":
        return [other(said, channel="action")]
    is_button = _BUTTON.search(words) is not None or zones.purpose(words) == Kind.SOS
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
    return _scene(cluster, command, raw)


def _scene(cluster: str, command: str, raw: str) -> Fact | None:
    """A key that recalls a scene is a press like any other; the scene tells which."""
    if cluster == "0005" and command == "05":
        return event(Kind.BUTTON, "other", channel=f"recall_{int(raw[4:6], 16)}" if _HEX_BYTE.match(raw, 4) else "")
    if cluster == _GREEN and command in _GREEN_POWER:
        return event(Kind.BUTTON, _GREEN_POWER[command])
    if cluster == _GREEN and "10" <= command <= "1F":
        return event(Kind.BUTTON, "other", channel=f"recall_{int(command, 16) - 16}")
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
    # SetOption101 puts the endpoint behind the names. Beside `CO` the name `CO2` is a second alarm, no gas that is measured.
    plain = {key.rstrip("0123456789"): stated for key, stated in body.items() if key not in _NAMES}
    body = {**plain, **body}
    found = []
    for kind, keys in _MEASURED:
        names = [key for key in keys if not (key == "CO2" and "CO" in body)]
        stated = next((value for key in names if (value := number(body.get(key))) is not None), None)
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
_NAMES = frozenset(key for _, keys in _MEASURED for key in keys)
_LIMITS: dict[Kind, tuple[float, float]] = {
    Kind.TEMPERATURE: (-60, 100),
    Kind.HUMIDITY: (0, 100),
    Kind.CO2: (0, 100_000),
    Kind.BATTERY: (0, 100),
    Kind.BATTERY_VOLTAGE: (0.1, 15),
}


def told(name: str, body: Body, known: Known, gateway: str) -> tuple[list[Fact], list[Lesson]]:
    """`ZbInfo` and `ZbStatus`: what a device is, and whether it can be reached. Its values are remembered ones."""
    address = address_of(name, body)
    model = " ".join(text_of(body.get(key)) for key in ("Manufacturer", "ModelId")).strip()
    facts = [replace(fact, sub_device=address) for fact in _others({"Reachable": body.get("Reachable")}) if address]
    learnt = known.lesson(lesson_key(gateway, address)) or {}
    return facts, _taught(gateway, address, {"model": model, "zone_type": body.get("ZoneType")}, learnt)
