"""How a decoded key of a LoRaWAN device becomes facts: the readers that the tables of the vendors are made of. Pure.

A table has one row a key: `"tamper_status": state(Kind.TAMPER, on=("removed",))`. A path with dots reaches into objects.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.facts import event, level, sample

Reader = Callable[[JsonValue], list[Fact]]
# Marks of a fact between its table and `lorawan.settled`; never seen outside.
AT_REST, RAISED = "at rest", "raised"
_SCALES = {"mv": 0.001, "v": 1.0}
_FAHRENHEIT = frozenset({"°f", "f", "far", "fahrenheit"})
_VOLT_TEXT = re.compile(r"\s*([0-9]{1,4}(?:\.[0-9]{1,6})?)\s*(mv|v)?\s*(\(low battery\))?\s*", re.IGNORECASE)
_MILLIVOLTS_FROM, _VOLT_LIMIT = 20, 60
_QUANTITY = re.compile(r"([-+]?[0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(°?[cf]|%|% ?rh|ppm)", re.IGNORECASE)
_TEXT_LIMIT = 64
_ITEM_LIMIT = 100
# Outside of these a codec has turned an error code into a number (255, 511, 6553.5, a CO2 of 0).
_PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    Kind.TEMPERATURE: (-200, 250),
    Kind.HUMIDITY: (-100, 200),
    Kind.CO2: (1, 60_000),
}
_GESTURES: dict[str, str] = {
    **dict.fromkeys(("short", "short press", "single", "single press", "click", "short push", "pressed"), "single"),
    **dict.fromkeys(("button pressed", "push", "pushed", "press", "press once", "single click"), "single"),
    **dict.fromkeys(("double", "double press", "double click", "double push"), "double"),
    **dict.fromkeys(("triple", "triple press", "triple click"), "triple"),
    **dict.fromkeys(("long", "long press", "long push", "long click"), "long"),
    **dict.fromkeys(("hold", "held"), "hold"),
    **dict.fromkeys(("release", "released"), "release"),
}
_NO_PRESS = frozenset({"none", "no press", "not pressed", "button not pressed", "idle", "normal", "false", "0", "off"})


@dataclass(frozen=True, slots=True)
class Frame:
    """What a codec made of one uplink. `names`: vendor, model, profile and device name, as far as they are known, in small
    letters; `port` is None where the server names none."""

    values: Mapping[str, JsonValue]
    names: str = ""
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """What the keys of a vendor mean.

    `named`: the names that tell it. `tells`: whether the frame itself tells it. `silences`: whether the frame states nothing
    (settings read back). A key with a row here is not read as a common word; a row of `nothing` keeps it from that.
    """

    vendor: str
    named: re.Pattern[str]
    tells: Callable[[Mapping[str, JsonValue]], bool] = lambda values: False
    silences: Callable[[Frame], bool] = lambda frame: False
    rows: Mapping[str, Reader] = field(default_factory=dict)
    frames: tuple[Callable[[Frame], Iterable[Fact]], ...] = ()


def has(*keys: str) -> Callable[[Mapping[str, JsonValue]], bool]:
    """Whether any of the keys is there."""
    wanted = frozenset(keys)
    return lambda values: not wanted.isdisjoint(values)


def plain(stated: JsonValue) -> tuple[JsonValue, str]:
    """The value and its unit in small letters; many codecs write {"value": …, "unit": …}."""
    if not isinstance(stated, dict):
        return stated, ""
    unit = stated.get("unit", stated.get("units", ""))
    return stated.get("value"), unit.strip().casefold() if isinstance(unit, str) else ""


def at(values: Mapping[str, JsonValue], path: str) -> JsonValue:
    """The value at a path with dots; None where there is none."""
    first, *steps = path.split(".")
    found = values.get(first)
    for step in steps:
        if not isinstance(found, dict):
            return None
        found = found.get(step)
    return found


def items(stated: JsonValue) -> list[dict[str, JsonValue]]:
    """The objects of a list, also of lists in a list; bounded."""
    if not isinstance(stated, list):
        return []
    inner = [one for part in stated[:_ITEM_LIMIT] for one in (part if isinstance(part, list) else [part])]
    return [one for one in inner[:_ITEM_LIMIT] if isinstance(one, dict)]


def measure(kind: str, factor: float = 1) -> Reader:
    """A measured number, in the unit that stands beside it or times `factor`."""

    def read(stated: JsonValue) -> list[Fact]:
        value, unit = _parted(*plain(stated))
        if kind == Kind.TEMPERATURE and unit in _FAHRENHEIT:
            return fahrenheit(value)
        read_value = number(value)
        lowest, highest = _PLAUSIBLE.get(kind, (-math.inf, math.inf))
        if read_value is None or not lowest <= read_value * factor <= highest:
            return []
        return sample(kind, value, factor=_SCALES.get(unit, factor))

    return read


def _parted(value: JsonValue, unit: str) -> tuple[JsonValue, str]:
    """The number and the unit of a text such as "21.5 °C"."""
    match = _QUANTITY.fullmatch(value.strip()[:_TEXT_LIMIT]) if isinstance(value, str) else None
    return (value, unit) if match is None else (match.group(1), unit or match.group(2).casefold())


def fahrenheit(stated: JsonValue) -> list[Fact]:
    """A temperature in °F."""
    value = number(stated)
    return [] if value is None else sample(Kind.TEMPERATURE, round((value - 32) * 5 / 9, 2))


def volts(stated: JsonValue) -> list[Fact]:
    """The voltage of a battery: no cell of a sensor has 20 V, so more is millivolts. `2.3(low battery)` says two things."""
    value, unit = plain(stated)
    match = _VOLT_TEXT.fullmatch(value[:_TEXT_LIMIT]) if isinstance(value, str) else None
    if match is not None:
        value, unit = match.group(1), unit or (match.group(2) or "").casefold()
    read = number(value)
    if read is None or read <= 0:
        return []
    scale = _SCALES.get(unit, 0.001 if read >= _MILLIVOLTS_FROM else 1.0)
    if read * scale > _VOLT_LIMIT:
        return []
    is_low = match is not None and match.group(3) is not None
    low = [replace(level(Kind.BATTERY_LOW, True), note=RAISED)] if is_low else []
    return [*sample(Kind.BATTERY_VOLTAGE, read, factor=scale), *low]


def percent(stated: JsonValue) -> list[Fact]:
    """A battery in per cent, where the key can mean nothing else."""
    value, _unit = plain(stated)
    read = number(value.strip().removesuffix("%")) if isinstance(value, str) else number(value)
    return sample(Kind.BATTERY, read) if read is not None and 0 <= read <= 100 else []


def charge(stated: JsonValue) -> list[Fact]:
    """A battery under a key that other vendors use for volts: 3.6 may be either and is not guessed."""
    value, unit = plain(stated)
    if unit == "%" or (isinstance(value, str) and "%" in value):
        return percent(stated)
    if unit in _SCALES:
        return volts(stated)
    read = number(value)
    return percent(stated) if unit == "" and read is not None and read > 5 else []


def vital(channel: str, unit: str) -> Reader:
    """A sign of life in a unit; 0 stands for not measured."""

    def read(stated: JsonValue) -> list[Fact]:
        value = number(stated)
        return [replace(event(Kind.VITAL, value), channel=channel, unit=unit)] if value and value > 0 else []

    return read


def meant(stated: JsonValue, on: Iterable[str] = (), off: Iterable[str] = ()) -> bool | None:
    """The switch that a value is in the words given, or plainly; None where it is neither."""
    value, _unit = plain(stated)
    said = word(value)
    if said in on:
        return True
    return False if said in off else flag(value)


def state(kind: str, on: tuple[str, ...] = (), off: tuple[str, ...] = (), *, channel: str = "") -> Reader:
    """A state that is stated both ways."""

    def read(stated: JsonValue) -> list[Fact]:
        is_on = meant(stated, on, off)
        return [] if is_on is None else [level(kind, is_on, channel=channel)]

    return read


def words(kind: str, on: tuple[str, ...], off: tuple[str, ...]) -> Reader:
    """A state in words only: a bare 1 or true under this key means different things to different vendors."""

    def read(stated: JsonValue) -> list[Fact]:
        value, _unit = plain(stated)
        return state(kind, on, off)(value) if isinstance(value, str) and word(value) in (*on, *off) else []

    return read


def raised(kind: str, on: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> Reader:
    """A state that is news when it is raised, and when it goes after that; resting it is in every report."""

    def read(stated: JsonValue) -> list[Fact]:
        is_on = meant(stated, on, off)
        if is_on is None:
            return []
        return [replace(level(kind, True), note=RAISED) if is_on else rest(kind)]

    return read


def call(kind: str = Kind.SOS, on: tuple[str, ...] = (), off: tuple[str, ...] = ()) -> Reader:
    """A call that is made anew with every frame that states it; resting it is in every report."""

    def read(stated: JsonValue) -> list[Fact]:
        is_on = meant(stated, on, off)
        if is_on is None:
            return []
        return [event(kind, level(kind, True).value) if is_on else rest(kind)]

    return read


def rest(kind: str) -> Fact:
    """Nothing of this kind goes on; told only where something was raised before."""
    return replace(level(kind, False), note=AT_REST)


def gesture(*, channel: str = "", counts: Mapping[str, str] | None = None, is_loud: bool = False) -> Reader:
    """A press in words, or in the numbers given by `counts`; also inside {"status": …}. `is_loud`: a word that is not known
    is a press too, unless it plainly says that there was none."""

    def read(stated: JsonValue) -> list[Fact]:
        value = stated.get("status", stated.get("value")) if isinstance(stated, dict) else stated
        said = word(value).replace("_", " ")
        found = (counts or {}).get(said) or _GESTURES.get(said)
        if found is None and is_loud and said and said not in _NO_PRESS:
            found = "other"
        return [event(Kind.BUTTON, found, channel=channel)] if found else []

    return read


def table(facts_of: Mapping[str, tuple[Fact, ...]]) -> Reader:
    """A word that stands for facts."""
    return lambda stated: list(facts_of.get(word(plain(stated)[0]), ()))


def nothing(stated: JsonValue) -> list[Fact]:
    """A key that is known and states nothing here."""
    return []
