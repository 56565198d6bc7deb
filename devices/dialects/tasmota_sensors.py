"""What a Tasmota device says of its own sensors, switches, buttons, radio and Bluetooth. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.dialects.rtl_433_values import text_of
from devices.facts import event, level, other, sample

Body = Mapping[str, JsonValue]
_SENSORS_READ, _VALUES_READ = 100, 40
_ADDRESS_LIMIT = 128
_INPUT = re.compile(r"(switch|button)(\d{1,2})?", re.IGNORECASE)
_RADAR = re.compile(r"(LD\d|HLK|MR24|R24|C4001|SEN0609)", re.IGNORECASE)
_DATA_POINT = re.compile(r"DpType\dId\d{1,3}")
_BLE_BUTTON = re.compile(r"Btn|Button\d{0,2}")
_BLE_PRESSES = {1: "single", 2: "double", 3: "long"}
_NEVER_PRESSED, _LONG_PRESSES = 99, range(6, 12)
_BLE_NAME = re.compile(r"[A-Za-z0-9_]+-[0-9A-Fa-f]{6}")
# Words of ButtonTopic and SetOption73, and the numbers that rules publish for them.
_ACTIONS = {
    "single": "single",
    "double": "double",
    "triple": "triple",
    "hold": "hold",
    "toggle": "single",
    "2": "single",
    "10": "single",
    "11": "double",
    "12": "triple",
    "3": "hold",
}
_RELEASED = frozenset({"clear", "off", "0"})
# The heat of the chip itself.
_NOT_THE_ROOM = frozenset({"ESP32", "ENERGY", "AXP192", "AXP2101"})
# In lower case: versions of the gateway write them differently.
_STATES: dict[str, Kind] = {
    "presence": Kind.PRESENCE,
    "occupancy": Kind.PRESENCE,
    "pir": Kind.MOTION,
    "motion": Kind.MOTION,
    "leak": Kind.WATER,
    "smoke": Kind.SMOKE,
}
# For how many seconds nothing has moved.
_STILL_FOR = ("nomotion", "nmt")


def radio(body: Body) -> list[Fact]:
    """A code from the radio bridge: only a binding gives it a meaning. Answers to our own commands are none."""
    found = []
    for key in ("RfReceived", "RfRaw"):
        stated = body.get(key)
        if isinstance(stated, dict):
            code = _sniffed(text_of(stated.get("Data")))
            if code not in ("", "0", "None", "AAA055"):
                found.append(event(Kind.BUTTON, "rf_code", channel=code))
    return found


def _sniffed(code: str) -> str:
    """Raw sniffing puts measured times before the bits, others at every press: the bits alone are the code."""
    plain = code.replace(" ", "").upper()
    times = plain[4:6]
    if not plain.startswith("AAB1") or not times.isdigit():
        return code
    return plain[6 + 4 * int(times) :].removesuffix("55") or code


def for_bindings(body: Body) -> list[Fact]:
    """What means nothing before a home binds it: the key of an infrared remote, the data points of a Tuya device."""
    infrared, points = body.get("IrReceived"), body.get("TuyaReceived")
    found = []
    if isinstance(infrared, dict) and not number(infrared.get("Repeat")):
        code = text_of(infrared.get("Data") or infrared.get("Hash"))
        found = [other(code, channel="infrared")] if code else []
    for name, value in list(points.items())[:_VALUES_READ] if isinstance(points, dict) else ():
        if _DATA_POINT.fullmatch(name):
            found.append(other(value, channel=name, is_level=True))
    return found


def inputs(body: Body, *, is_state: bool) -> list[Fact]:
    """Buttons and switches. A switch may be a reed, a motion sensor or a lamp's: the home decides."""
    found = []
    for name, stated in list(body.items())[:_SENSORS_READ]:
        if _INPUT.fullmatch(name):
            found += input_of(name, stated, is_state=is_state)
        elif _is_renamed(name, stated, is_state=is_state):
            # Still a switch by its channel, so that it is one of a device for calls, whatever its name.
            found += input_of(f"Switch {name}"[:_ADDRESS_LIMIT], stated, is_state=is_state)
    return found


def _is_renamed(name: str, stated: JsonValue, *, is_state: bool) -> bool:
    """A switch under a name of the installer's own (`SwitchText`)."""
    if isinstance(stated, dict):
        return set(stated) == {"Action"}
    return is_state and isinstance(stated, str) and stated.upper() in ("ON", "OFF") and not name.startswith("POWER")


def input_of(name: str, stated: JsonValue, *, is_state: bool) -> list[Fact]:
    """One of them; `is_state` where it is said again at intervals."""
    if isinstance(stated, dict):
        stated = next((value for key, value in stated.items() if key.casefold() in ("action", "state")), None)
        is_state = False
    said = text_of(stated)
    if not said:
        return []
    if name.casefold().startswith("switch"):
        return [other(said, channel=name, is_level=is_state)]
    if said.casefold() in _RELEASED or is_state:
        return [other(said, channel=name, is_level=is_state)]
    return [event(Kind.BUTTON, _ACTIONS.get(said.casefold(), "other"), channel=name)]


def beacons(body: Body) -> list[Fact]:
    """A tag that is heard or no longer heard: it tells nothing of a person."""
    found = []
    for name, stated in list(body.items())[:_SENSORS_READ]:
        if name.upper().startswith("IBEACON") and isinstance(stated, dict):
            # Old versions have the address in the name, and a strength of 0 for what is no longer heard.
            strength = number(stated.get("RSSI"))
            is_heard = flag(stated.get("STATE")) if "STATE" in stated or strength is None else strength != 0
            address = text_of(stated.get("MAC") or stated.get("UID")) or name[len("IBEACON_") :][:_ADDRESS_LIMIT]
            if is_heard is not None:
                found.append(level(Kind.AVAILABILITY, is_heard, sub_device=address))
    return found


def sensors(body: Body) -> list[Fact]:
    """Every sensor that is an object by its name; the unit of temperatures holds for all."""
    is_fahrenheit = word(body.get("TempUnit")) == "f"
    found: list[Fact] = []
    for name, sensor in _objects(body):
        said = [*_climate(name, sensor, is_fahrenheit=is_fahrenheit), *_presence(name, sensor)]
        address = _bluetooth_address(name, sensor)
        if address:
            said = [replace(one, channel="") for one in said]
            said = [replace(one, sub_device=address) for one in [*said, *_bluetooth(sensor)]]
        found += said
    return found


def _objects(body: Body) -> Iterator[tuple[str, Body]]:
    for index, (name, sensor) in enumerate(body.items()):
        if index < _SENSORS_READ and isinstance(sensor, dict) and name not in _NOT_THE_ROOM:
            yield name[:_ADDRESS_LIMIT], sensor


def _climate(name: str, sensor: Body, *, is_fahrenheit: bool) -> list[Fact]:
    found: list[Fact] = []
    for key, stated in list(sensor.items())[:_VALUES_READ]:
        value = number(stated)
        kind = _CLIMATE.get(key.rstrip("0123456789"))
        if kind is None or value is None:
            continue
        if kind == Kind.TEMPERATURE and is_fahrenheit:
            value = round((value - 32) / 1.8, 2)
        low, high = _LIMITS[kind]
        if low <= value <= high:
            found += sample(kind, value, channel=name)
    return found


_CLIMATE: dict[str, Kind] = {
    "Temperature": Kind.TEMPERATURE,
    "Humidity": Kind.HUMIDITY,
    "CarbonDioxide": Kind.CO2,
}
_LIMITS: dict[Kind, tuple[float, float]] = {
    Kind.TEMPERATURE: (-60, 125),
    Kind.HUMIDITY: (0, 100),
    Kind.CO2: (0, 100_000),
}


def _presence(name: str, sensor: Body) -> list[Fact]:
    said = {key.casefold(): value for key, value in list(sensor.items())[:_VALUES_READ]}
    stated: dict[Kind, Fact] = {}
    for key, kind in _STATES.items():
        is_on = flag(said.get(key))
        if is_on is not None:
            stated.setdefault(kind, level(kind, is_on, channel=name))
    if any((number(said.get(key)) or 0) > 0 for key in _STILL_FOR):
        stated.setdefault(Kind.MOTION, level(Kind.MOTION, False, channel=name))
    if stated or not _RADAR.match(name):
        return list(stated.values())
    is_there = _seen_by_radar(name, sensor)
    return [] if is_there is None else [level(Kind.PRESENCE, is_there, channel=name)]


def _seen_by_radar(name: str, sensor: Body) -> bool | None:
    people = number(sensor.get("People"))
    if people is not None:
        # LD2410S: 0 and 1 are nobody, 2 and 3 somebody.
        return people >= (2 if name.upper().startswith("LD2410S") else 1)
    if (is_out := flag(sensor.get("Out_pin"))) is not None:
        return is_out
    stated = sensor.get("Distance")
    distances = [number(one) for one in (stated if isinstance(stated, list) else [stated])]
    known = [one for one in distances[:16] if one is not None]
    return any(one > 0 for one in known) if known else None


def _bluetooth_address(name: str, sensor: Body) -> str:
    """The device behind a Bluetooth sensor; empty for a sensor that is wired."""
    stated = text_of(sensor.get("mac") or sensor.get("MAC")).replace(":", "").upper()
    return stated or (name if _BLE_NAME.fullmatch(name) and "Id" not in sensor else "")


def _bluetooth(sensor: Body) -> list[Fact]:
    found = []
    charge = number(sensor.get("Battery"))
    if charge is not None and 0 <= charge <= 100:
        found += sample(Kind.BATTERY, charge)
    if (is_shut := {0: False, 1: True, 2: False}.get(_whole(sensor.get("Door")))) is not None:
        found.append(level(Kind.CONTACT, not is_shut))
    is_reed = not {"Temperature", "Humidity"}.isdisjoint(sensor)
    for key, stated in list(sensor.items())[:_VALUES_READ]:
        if _BLE_BUTTON.fullmatch(key) and text_of(stated):
            found += [other(text_of(stated), channel=key, is_level=True)] if is_reed else _ble_press(key, stated)
    return found


def _whole(stated: JsonValue) -> int:
    value = number(stated)
    return value if isinstance(value, int) else -1


def _ble_press(key: str, stated: JsonValue) -> list[Fact]:
    """`Button2: 1` is a single press of the second key; the number of `Btn` is the key, from 6 on pressed for long."""
    if key[-1].isdigit():
        return [event(Kind.BUTTON, _BLE_PRESSES.get(_whole(stated), "other"), channel=key[len("Button") :])]
    number_of = _whole(stated)
    if number_of == _NEVER_PRESSED:
        return []
    if number_of in _LONG_PRESSES:
        return [event(Kind.BUTTON, "long", channel=str(number_of - _LONG_PRESSES.start))]
    gesture = _ACTIONS.get(word(stated), "other") if isinstance(stated, str) else "other"
    return [event(Kind.BUTTON, gesture, channel=text_of(stated))]
