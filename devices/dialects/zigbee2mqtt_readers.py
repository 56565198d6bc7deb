"""How the values of a Zigbee2MQTT state are read, each for the device that says it. Pure; what is not plain is `other`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Fact
from devices.dialects.zigbee2mqtt_action import action_of
from devices.facts import level, other, sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of the device that speaks. Texts in lower case; `words` are (on, off) of keys that have their own."""

    model: str = ""
    text: str = ""
    settings: frozenset[str] = frozenset()
    exposed: frozenset[str] = frozenset()
    words: Mapping[str, tuple[JsonValue, JsonValue]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """One key of a state, in its state. `channel` is the endpoint that the key names."""

    key: str
    value: JsonValue
    channel: str
    state: Mapping[str, JsonValue]
    device: Device


Reader = Callable[[Said], list[Fact]]

_PRESENT_WORDS = """
    active far large large_movement medium motion move movement moving near peaceful presence present small
    small_movement static stationary
"""
_PRESENT = frozenset(_PRESENT_WORDS.split())
_ABSENT = frozenset({"absence", "no_movement", "no_presence"})
_LEAKS = frozenset({"leak", "water_leakage", "water_leakage_yes", "water_shortage & water_leakage"})
_DRY = frozenset({"dry", "normal_state", "water_leakage_no", "water_shortage"})
_CALLS_FOR_LACK = frozenset({"shortage", "water_absence"})
_NO_FAULT_WORDS = "0 clear false no_alarm no_error no_fault no_fault_detected no_faults none normal not_detected ok"
_NO_FAULT = frozenset({"", *_NO_FAULT_WORDS.split()})
_ALARMED = frozenset({"alarmed", "critical_alarm", "warning_alarm"})
_FALLS = {
    "fall": "detected",
    "fall_alarm": "detected",
    "maybe_fall": "suspected",
    "fall_warning": "suspected",
    "none": "cleared",
    "normal": "cleared",
}
_TESTS = {
    "checking": (Kind.TEST, True),
    "success": (Kind.SENSOR_FAULT, False),
    "failure": (Kind.SENSOR_FAULT, True),
}
_CONTACTS = {
    **dict.fromkeys(("open", "opened", "tilted", "off", "false"), True),
    **dict.fromkeys(("close", "closed", "on", "true"), False),
}
_CHARGES = frozenset({"low", "medium", "middle", "normal", "high", "full"})
# What an alarm that hears its neighbours too is at; its own test of the siren is no smoke.
_ALERTS: dict[str, list[tuple[Kind, bool]]] = {
    "safe": [(Kind.SMOKE, False), (Kind.CO, False)],
    "smoke": [(Kind.SMOKE, True)],
    "interconnect_smoke": [(Kind.SMOKE, True)],
    "carbon_monoxide": [(Kind.CO, True)],
    "interconnect_carbon_monoxide": [(Kind.CO, True)],
    "smoke_test": [(Kind.TEST, True)],
    "co_test": [(Kind.TEST, True)],
}
_PRESENCE = re.compile(r"presence|radar|mmwave|millimeter|\bfall\b")
# Beside one of these `occupancy` is that somebody moves.
_TELL_PRESENCE = frozenset({"presence", "presence_state", "motion_state", "human_motion_state"})
_BED = re.compile(r"\b(?:bed|strap|mattress|cushion)\b")
_SMOKE, _CO = re.compile(r"smoke"), re.compile(r"carbon monoxide|\bco\b")
_MAINS = frozenset({"ac_frequency", "current", "energy", "power", "power_factor"})
_NO_METERS = frozenset({"sos", "sos_alarm"})
_MILLIVOLTS = range(1000, 20_000)
_BATTERY_VOLTS = 20


def switch(kind: str, on: frozenset[str] = frozenset(), off: frozenset[str] = frozenset()) -> Reader:
    """A level in JSON's own words or the model's; `on` and `off` are more words of that kind."""

    def read(said: Said) -> list[Fact]:
        is_on = _is_on(said, on, off)
        if is_on is None:
            return _unread(said) if isinstance(said.value, str) else []
        return [level(kind, is_on, channel=said.channel)]

    return read


def _is_on(said: Said, on: frozenset[str], off: frozenset[str]) -> bool | None:
    """A number is no switch here, for `gas: 1` may be a meter; a call for help is no meter."""
    if said.key in said.device.words:
        model_on, model_off = said.device.words[said.key]
        return True if said.value == model_on else False if said.value == model_off else None
    if isinstance(said.value, bool):
        return said.value
    if not isinstance(said.value, str) or number(said.value) is not None:
        return flag(said.value) if said.key in _NO_METERS else None
    text = word(said.value)
    return True if text in on else False if text in off else flag(text)


def _unread(said: Said) -> list[Fact]:
    return [other(said.value, channel=said.key)]


presence = switch(Kind.PRESENCE, _PRESENT, _ABSENT)
movement = switch(Kind.MOTION, _PRESENT, _ABSENT)
water = switch(Kind.WATER, _LEAKS, _DRY)
_bed = switch(Kind.BED)


def leak(said: Said) -> list[Fact]:
    """An alarm that may be set to call where water is missing: then its alarm is no leak."""
    is_of_lack = any(word(said.state.get(key)) in _CALLS_FOR_LACK for key in ("mode", "alarm_mode"))
    return [fact if fact.value is False or not is_of_lack else _unread(said)[0] for fact in water(said)]


def vibration(said: Said) -> list[Fact]:
    """True and false alone: `low` or `ON` is how sensitive it was set."""
    stated = {"true": True, "false": False}.get(word(said.value))
    return [] if stated is None else [level(Kind.VIBRATION, stated, channel=said.channel)]


def stove(said: Said) -> list[Fact]:
    """A guard over a stove says in a word that it is too hot."""
    stated = {"ok": False, "high_temperatur": True, "high_temperature": True}.get(word(said.value))
    return _unread(said) if stated is None else [level(Kind.HEAT, stated)]


def contact(said: Said) -> list[Fact]:
    """True is closed here."""
    is_open = _CONTACTS.get(word(said.value))
    return _unread(said) if is_open is None else [level(Kind.CONTACT, is_open, channel=said.channel)]


def occupancy(said: Said) -> list[Fact]:
    """A strap on the bed, a radar and a PIR all say `occupancy`."""
    if _BED.search(said.device.text):
        return _bed(said)
    is_radar = _PRESENCE.search(said.device.text) is not None and not _TELL_PRESENCE & said.state.keys()
    return presence(said) if is_radar else movement(said)


def bed_words(said: Said) -> list[Fact]:
    """`presence_30min`, `none_5min`, `sedentary`: since when is not asked."""
    text = word(said.value)
    if text.startswith("none"):
        return [level(Kind.BED, False)]
    return [level(Kind.BED, True)] if text.startswith(("presence", "sit", "sedentary")) else []


def pressure(said: Said) -> list[Fact]:
    """A pad says true or false; a number is the weather."""
    stated = {"true": True, "false": False}.get(word(said.value))
    return [] if stated is None else [level(Kind.BED, stated, channel=said.channel)]


def switched(said: Said) -> list[Fact]:
    """`state` of a radar is who is there; of anything else what it was switched to."""
    if word(said.value) in ("none", "absence", "presence", "move"):
        return presence(said)
    return [] if isinstance(said.value, dict | list) else [other(said.value, channel=said.key, is_level=True)]


def fall(said: Said) -> list[Fact]:
    """What a radar against falls concludes; `unknown` is nothing."""
    value = _FALLS.get(word(said.value))
    return _unread(said) if value is None else [Fact(kind=Kind.FALL, value=value, is_level=True)]


def posture(said: Said) -> list[Fact]:
    """What a radar against falls sees. Crouching or lying low is not falling."""
    text, seen = word(said.value), level(Kind.PRESENCE, True)
    if said.device.model and "fall" not in said.device.text:
        return _unread(said)
    stated = {
        "falling": [level(Kind.FALL, True)],
        "unoccupied": [level(Kind.PRESENCE, False)],
        "occupied": [seen],
        "sitting": [seen],
        "on_the_bed": [seen, level(Kind.BED, True)],
        "low_posture": [seen, *_unread(said)],
    }
    return stated.get(text) or _unread(said)


def alarm_state(said: Said) -> list[Fact]:
    """The stages of a smoke or carbon monoxide alarm; of both in one, `smoke` tells the smoke."""
    text, stage = said.device.text, word(said.value)
    kind = Kind.CO if _CO.search(text) else Kind.SMOKE if _SMOKE.search(text) else None
    if kind is not None and stage in _ALARMED:
        return [level(kind, True)]
    is_of_both = kind == Kind.CO and _SMOKE.search(text) is not None
    return [level(Kind.CO, False)] if is_of_both and stage == "normal" else _unread(said)


def alert_state(said: Said) -> list[Fact]:
    """The one word of an alarm for smoke and carbon monoxide; what it hears over the air is in the home too."""
    stated = _ALERTS.get(word(said.value))
    return _unread(said) if stated is None else [level(kind, is_on) for kind, is_on in stated]


def valve_state(said: Said) -> list[Fact]:
    """What is wrong with a valve, several words with commas: a leak is one of them."""
    words = [one.strip() for one in word(said.value).split(",")]
    return [level(Kind.WATER, any(one.startswith("water_leakage") for one in words))] if any(words) else []


def fault(said: Said) -> list[Fact]:
    """A switch, or the name of what is broken."""
    if isinstance(said.value, dict | list):
        return []
    text = word(said.value).replace(" ", "_")
    return [level(Kind.SENSOR_FAULT, text not in _NO_FAULT)]


def fault_bit(said: Said) -> list[Fact]:
    """Converters also fill in bits that the model does not have: false of one says nothing."""
    is_meant = said.value is True or (said.value is False and said.key in said.device.exposed)
    return [level(Kind.SENSOR_FAULT, said.value is True)] if is_meant else []


def self_test(said: Said) -> list[Fact]:
    """How a test of the device itself goes; true and false are a command to start one."""
    stated = _TESTS.get(word(said.value).replace(" ", "_").removeprefix("check_"))
    return [] if stated is None else [level(*stated)]


def charge_word(said: Said) -> list[Fact]:
    """`low`, `middle`, `high`."""
    text = word(said.value)
    return [level(Kind.BATTERY_LOW, text == "low", channel=said.channel)] if text in _CHARGES else []


def battery_low(said: Said) -> list[Fact]:
    """True and false, or in words."""
    return charge_word(said) or switch(Kind.BATTERY_LOW)(said)


def battery(said: Said) -> list[Fact]:
    """Percent. A second battery is named by its key."""
    value, channel = number(said.value), said.channel or said.key.removesuffix("battery").strip("_")
    return [] if value is None or not 0 <= value <= 100 else sample(Kind.BATTERY, value, channel=channel)


def voltage(said: Said) -> list[Fact]:
    """Batteries are in millivolts; what the mains has is no reading."""
    value = number(said.value)
    if value is None or _MAINS & said.state.keys():
        return []
    if _MILLIVOLTS.start <= value < _MILLIVOLTS.stop:
        return sample(Kind.BATTERY_VOLTAGE, value, factor=0.001)
    return sample(Kind.BATTERY_VOLTAGE, value) if 0 < value < _BATTERY_VOLTS and "battery" in said.state else []


def measured(kind: str) -> Reader:
    """A number in the unit of its kind."""

    def read(said: Said) -> list[Fact]:
        return sample(kind, said.value, channel=said.channel)

    return read


def room_temperature(said: Said) -> list[Fact]:
    """What a thermostat measures, unless the same message has it as `temperature`."""
    return [] if "temperature" in said.state else sample(Kind.TEMPERATURE, said.value, channel=said.channel)


def vital(unit: str) -> Reader:
    """A vital sign; the key is its name."""

    def read(said: Said) -> list[Fact]:
        value = number(said.value)
        return [] if value is None else [Fact(kind=Kind.VITAL, value=value, unit=unit, channel=said.key)]

    return read


def action(said: Said) -> list[Fact]:
    """What was done to a button. Older gateways say it twice in one message, as `action` and as `click`."""
    if said.key == "click" and word(said.state.get("action")):
        return []
    return action_of(said.value, channel=said.channel, model=said.device.model, text=said.device.text)
