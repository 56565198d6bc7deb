"""Shelly Gen1: one scalar a topic, all of them texts, and `info` and `status` with everything at once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialect import Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects.shelly_frames import ITEM_LIMIT, content, pressed, strength, text, unreadable
from devices.facts import alive, event, level, level_of, other, sample

_FLAGS = {
    "smoke": Kind.SMOKE,
    "flood": Kind.WATER,
    "motion": Kind.MOTION,
    "vibration": Kind.VIBRATION,
    "error": Kind.SENSOR_FAULT,
}
_GAS = {"none": False, "mild": True, "heavy": True}
_STATES = {"open": True, "opened": True, "close": False, "closed": False}
_SAMPLES = {"battery": Kind.BATTERY, "temperature": Kind.TEMPERATURE, "humidity": Kind.HUMIDITY}
# Their kind, and under which key each probe states it.
_PROBES = {"ext_temperatures": ("temperature", "tC"), "ext_humidities": ("humidity", "hum")}
_NOT_MEASURED = {"temperature": (999,), "humidity": (999,), "battery": (-1, 255)}
_SILENT = frozenset({"act_reasons", "wakeupevent", "charger", "ext_power", "self_test"})
_FAMILIES = frozenset(
    {
        "adc",
        "announce",
        "color",
        "emeter",
        "ext_humidities",
        "ext_humidity",
        "ext_switch",
        "ext_temperature",
        "ext_temperature_f",
        "ext_temperatures",
        "info",
        "input",
        "input_event",
        "light",
        "longpush",
        "meter",
        "overpower",
        "overtemperature",
        "power",
        "relay",
        "roller",
        "sensor",
        "status",
        "temperature",
        "temperature_f",
        "temperature_status",
        "thermostat",
        "valve",
        "voltage",
        "white",
    }
)


def of_all(name: str, message: Message) -> Decoded:
    """`shellies/announce` and `shellies/command`, which are for all devices."""
    if name == "announce":
        stated = content(message)
        named = stated.get("id") if isinstance(stated, dict) else None
        if not isinstance(named, str) or not named:
            return unreadable("", message, "an object with the id of a device")
        return Decoded(device_id=named[:200], facts=(Fact(kind=Kind.DISCOVERY, value=True),))
    if name == "command":
        return Decoded()
    return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "the topic names no device"),))


def announced(address: str, _own: Sequence[str], _message: Message, _known: Known) -> Decoded:
    """A device says who it is."""
    return Decoded(device_id=address, facts=(Fact(kind=Kind.DISCOVERY, value=True),))


def decode(address: str, own: Sequence[str], message: Message, known: Known) -> Decoded:
    """A topic behind the device's prefix, such as `sensor/smoke`."""
    family, channel = own[0], own[1] if len(own) > 1 else ""
    if family not in _FAMILIES:
        return Decoded(
            device_id=address, problems=(Problem(Reason.UNKNOWN_TOPIC, "no topic of a Shelly of the first generation"),)
        )
    if family == "input_event":
        return _input_event(address, channel, message, known)
    if family == "announce":
        return announced(address, own, message, known)
    if family in ("info", "status"):
        stated = content(message)
        if not isinstance(stated, dict):
            return unreadable(address, message, "an object")
        facts = tuple(_of_status(stated) or [alive()])
        return Decoded(device_id=address, facts=facts, signal=strength(stated.get("wifi_sta")))
    if family == "longpush":
        return _long_push(address, channel, text(message), known)
    if family in _PROBES:
        return Decoded(device_id=address, facts=tuple(_probed(family, content(message)) or [alive()]))
    return _scalar(address, family, channel, text(message))


def _scalar(address: str, family: str, channel: str, said: str) -> Decoded:
    facts = _sensor(channel, said) if family == "sensor" else _state(family, channel, said)
    return Decoded(device_id=address, facts=tuple(facts or [other(said, channel=f"{family}/{channel}"[:64])]))


def _sensor(name: str, said: str) -> list[Fact]:
    if name == "gas":
        return _gas(said)
    if name == "state":
        is_open = _STATES.get(word(said))
        return [] if is_open is None else [level(Kind.CONTACT, is_open)]
    if name == "operation":
        is_faulty = {"fault": True, "normal": False}.get(word(said))
        return [] if is_faulty is None else [level(Kind.SENSOR_FAULT, is_faulty)]
    if name in _FLAGS:
        return _flagged(name, said)
    if name in _SAMPLES:
        return _measured(name, said)
    if name == "self_test" and word(said) == "running":
        return [event(Kind.TEST, True)]
    return [alive()] if name in _SILENT else []


def _flagged(name: str, said: Any) -> list[Fact]:
    kind = _FLAGS[name]
    value = number(said)
    if kind == Kind.SENSOR_FAULT and value is not None:
        return [level(kind, value != 0)]
    return level_of(kind, said)


def _gas(said: Any) -> list[Fact]:
    """`test` is a test of the detector, no gas."""
    if word(said) == "test":
        return [event(Kind.TEST, True)]
    is_there = _GAS.get(word(said), flag(said))
    return [other(said, channel="gas")] if is_there is None else [level(Kind.GAS, is_there)]


def _measured(name: str, stated: Any) -> list[Fact]:
    value = number(stated)
    if value in _NOT_MEASURED[name]:
        return [level(Kind.SENSOR_FAULT, True)] if name != "battery" else []
    return sample(_SAMPLES[name], stated)


def _state(family: str, channel: str, said: str) -> list[Fact]:
    if family == "input":
        is_on = flag(said)
        return [] if is_on is None else [other(is_on, channel=channel, is_level=True)]
    if family in ("ext_temperature", "ext_humidity"):
        return [replace(fact, channel=f"ext{channel}"[:16]) for fact in _measured(family[4:], said)]
    return []


def _probed(family: str, stated: Any) -> list[Fact]:
    """Every probe of an add-on at once, by its number."""
    kind, key = _PROBES[family]
    facts: list[Fact] = []
    for number_of, probe in list(stated.items())[:ITEM_LIMIT] if isinstance(stated, dict) else ():
        measured = _measured(kind, probe.get(key)) if isinstance(probe, dict) else []
        facts += [replace(fact, channel=f"ext{number_of}"[:16]) for fact in measured]
    return facts


def _long_push(address: str, channel: str, said: str, known: Known) -> Decoded:
    """Whether the last push was a long one, said again every 30 s. Newer devices tell each push by `input_event`."""
    is_long, key = flag(said), f"shelly long {address} {channel}"[:300]
    if is_long is None:
        return _scalar(address, "longpush", channel, said)
    before: Mapping[str, Any] = known.lesson(key) or {}
    was_long, count = before.get("is_long") is True, number(before.get("count")) or 0
    count += is_long and not was_long
    press = other(said, channel=f"longpush/{channel}"[:64])
    if is_long and known.lesson(_presses_key(address, channel)) is None:
        press = event(Kind.BUTTON, "long", channel=channel, message_id=f"long/{count}")
    lessons = (Lesson(key, {"is_long": is_long, "count": count}),) if is_long != was_long else ()
    return Decoded(device_id=address, facts=(press,), lessons=lessons)


def _presses_key(address: str, channel: str) -> str:
    return f"shelly {address} {channel}"[:300]


def _input_event(address: str, channel: str, message: Message, known: Known) -> Decoded:
    """A press with its number. The last one is said again after a reconnect, without or with its gesture."""
    stated = content(message)
    if not isinstance(stated, dict):
        return unreadable(address, message, "an object with event and event_cnt")
    count = number(stated.get("event_cnt"))
    message_id, lessons = _identity(_presses_key(address, channel), count, known)
    fact = pressed(stated.get("event"), channel=channel, message_id=message_id)
    return Decoded(device_id=address, facts=(fact or alive(),), lessons=lessons)


def _identity(key: str, count: int | float | None, known: Known) -> tuple[str, tuple[Lesson, ...]]:
    """The number of a press and how often the numbers began anew: after a power cut the first press is number 1 again."""
    if count is None:
        return "", ()
    before: Mapping[str, Any] = known.lesson(key) or {}
    last, era = number(before.get("count")), number(before.get("era")) or 0
    if last is not None and count < last:
        era += 1
    lessons = () if last == count else (Lesson(key, {"count": count, "era": era}),)
    return f"{era}/{count}", lessons


def _of_status(stated: Mapping[str, Any]) -> list[Fact]:
    """Everything at once. Presses are left out: they are old ones, and `input_event` tells the new."""
    sensor, gas = _part(stated, "sensor"), _part(stated, "gas_sensor")
    facts: list[Fact] = []
    for name, value in {**stated, **sensor, **_part(stated, "accel")}.items():
        if name in ("smoke", "flood", "motion", "vibration") and isinstance(value, bool | int | str):
            facts += _flagged(name, value)
    if word(sensor.get("state")) in _STATES:
        facts.append(level(Kind.CONTACT, _STATES[word(sensor["state"])]))
    if gas.get("alarm_state") is not None:
        facts += _gas(gas["alarm_state"])
    warmth = _warmth(stated.get("tmp")) or _warmth(_first(stated.get("thermostats")).get("tmp"))
    return facts + _battery(stated.get("bat")) + warmth + _damp(stated.get("hum"))


def _first(listed: Any) -> Mapping[str, Any]:
    return listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}


def _part(stated: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = stated.get(name)
    return part if isinstance(part, dict) else {}


def _battery(stated: Any) -> list[Fact]:
    if isinstance(stated, dict):
        return _measured("battery", stated.get("value")) + sample(Kind.BATTERY_VOLTAGE, stated.get("voltage"))
    return _measured("battery", stated)


def _warmth(stated: Any) -> list[Fact]:
    if not isinstance(stated, dict) or stated.get("is_valid") is False:
        return []
    if number(stated.get("tC")) is not None:
        return _measured("temperature", stated["tC"])
    value = number(stated.get("value"))
    if value is not None and word(stated.get("units")) == "f":
        value = round((value - 32) / 1.8, 2)
    return _measured("temperature", value)


def _damp(stated: Any) -> list[Fact]:
    return _measured("humidity", stated.get("value")) if isinstance(stated, dict) else []
