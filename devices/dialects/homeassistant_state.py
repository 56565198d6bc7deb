"""What an entity of Home Assistant's discovery says on a topic, by what its config taught. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.homeassistant_names import flag_kind, gesture_of, is_call, is_call_key, words_of
from devices.dialects.homeassistant_template import Unreadable, render
from devices.facts import event, level, other, sample
from devices.values import unit_of

Spec = Mapping[str, Any]
_ARMED = {"armed_home", "armed_away", "armed_night", "armed_vacation", "armed_custom_bypass"}
_RATES = frozenset({"bpm", "beats/min", "breaths/min", "br/min", "rpm"})
_SAMPLES = {
    "battery": Kind.BATTERY,
    "temperature": Kind.TEMPERATURE,
    "humidity": Kind.HUMIDITY,
    "carbon_dioxide": Kind.CO2,
}
_UNREAD = object()
_UNKNOWN = frozenset({"", "none", "unknown", "unavailable"})


def facts_of(spec: Spec, said: str) -> list[Fact]:
    """What one entity says; nothing where the payload is not about it."""
    role = spec.get("role")
    if role == "topic":
        return _triggered(spec, said)
    if role == "current_temperature_topic":
        return _temperature(_value(spec, said), spec)
    if role == "current_humidity_topic":
        return sample(Kind.HUMIDITY, _value(spec, said), channel=_channel(spec))
    if role != "state_topic":
        return []
    read = _STATES.get(str(spec.get("component")))
    if spec.get("component") == "event":
        return _event(spec, said)
    value = _value(spec, said)
    if value is _UNREAD:
        return [other(said, channel=_channel(spec))]
    if value is None and _flag_of(spec, said.strip()) is None:
        return []
    # A sender that says the bare word where its config expects it in JSON is understood all the same.
    value = said.strip() if value is None else value
    return [other(value, channel=_channel(spec))] if read is None else read(spec, value)


def availability_of(spec: Spec, said: str) -> bool | None:
    """Whether a word on an availability topic means that the device is there."""
    value = _value(spec, said)
    if value is _UNREAD or value is None:
        return None
    return {spec.get("on"): True, spec.get("off"): False}.get(word(value))


def signal_of(spec: Spec, said: str) -> int | float | None:
    """How well the device is heard, in dBm, where that is what the entity measures."""
    is_it = word(spec.get("device_class")) == "signal_strength" and word(spec.get("unit_of_measurement")) == "dbm"
    if not is_it or spec.get("role") != "state_topic" or spec.get("component") != "sensor":
        return None
    value = _value(spec, said)
    strength = number(value) if isinstance(value, str | int | float) else None
    return strength if strength is not None and strength < 0 else None


def is_broken(said: str) -> bool:
    """Whether a payload begins as an object or a list and is none."""
    return said.lstrip().startswith(("{", "[")) and not _is_json(said)


def _is_json(said: str) -> bool:
    try:
        orjson.loads(said)
    except orjson.JSONDecodeError:
        return False
    return True


def _channel(spec: Spec) -> str:
    return str(spec.get("object") or "")[:200]


def _value(spec: Spec, said: str) -> Any:
    template = spec.get("template")
    if not template:
        return said.strip()
    if "value_json" in str(template) and not _is_json(said):
        return None  # its other branch, OFF, would end an alarm
    try:
        return render(str(template), said)
    except Unreadable:
        return _UNREAD


def _flag(spec: Spec, value: JsonValue) -> list[Fact]:
    """On and off are the words of the config alone, compared without case."""
    channel = _channel(spec)
    is_on = _flag_of(spec, value)
    kind = flag_kind(word(spec.get("device_class")), (spec.get("object", ""), spec.get("name", "")))
    if is_on is None and word(value) in _UNKNOWN:
        return []
    # One that never says off is reset by Home Assistant's own clock: each word of it is news.
    is_level = not number(spec.get("off_delay"))
    is_own = not spec.get("device_class") and not spec.get("entity_category")
    if is_on is not None and is_own and is_call_key(spec.get("object"), spec.get("name")):
        # Its name is the installer's own: no call by itself, but the press of a device that is registered for calls.
        return [event(Kind.BUTTON, "on" if is_on else "off", channel=channel, is_level=is_level)]
    if is_on is None or kind is None:
        return [other(value, channel=channel, is_level=True)]
    fact = level(kind, is_on, channel=channel)
    return [fact if is_level else Fact(kind=fact.kind, value=fact.value, unit=fact.unit, channel=channel)]


def _flag_of(spec: Spec, value: JsonValue) -> bool | None:
    if spec.get("component") != "binary_sensor":
        return None
    on, off = (_plain(spec.get(name, default)) for name, default in (("payload_on", "ON"), ("payload_off", "OFF")))
    return {off: False, on: True}.get(_plain(value)) if on != off else None


def _plain(value: JsonValue) -> str:
    read = None if isinstance(value, bool) else number(value)
    return word(value) if read is None else str(read)


def _measured(spec: Spec, value: JsonValue) -> list[Fact]:
    channel = _channel(spec)
    device_class, unit = word(spec.get("device_class")), word(spec.get("unit_of_measurement"))
    found: list[Fact] = []
    if device_class == "temperature" or (not device_class and unit in ("°c", "°f")):
        found = [] if spec.get("entity_category") == "diagnostic" else _temperature(value, spec)
    elif device_class == "voltage" or (device_class == "battery" and unit in ("v", "mv")):
        found = _voltage(spec, value, unit)
    elif device_class in _SAMPLES and unit not in ("v", "mv"):
        found = sample(_SAMPLES[device_class], value, channel=channel)
    elif unit in _RATES and number(value) is not None:
        found = [
            Fact(kind=Kind.VITAL, value=number(value), unit=str(spec["unit_of_measurement"])[:16], channel=channel)
        ]
    return found or [other(value, channel=channel)]


def _temperature(value: Any, spec: Spec) -> list[Fact]:
    stated = number(value) if isinstance(value, str | int | float) else None
    if stated is None:
        return []
    unit = word(spec.get("unit_of_measurement"))
    if unit in ("°f", "f"):
        stated = round((stated - 32) / 1.8, 2)
    elif unit == "k":
        stated = round(stated - 273.15, 2)
    return [Fact(kind=Kind.TEMPERATURE, value=stated, unit=unit_of(Kind.TEMPERATURE), channel=_channel(spec))]


def _voltage(spec: Spec, value: JsonValue, unit: str) -> list[Fact]:
    """Of a battery only where the entity says so: most voltages are of the mains."""
    said = {*words_of(spec.get("object"), spec.get("name")), word(spec.get("device_class"))}
    if not said & {"battery", "batt", "bat"}:
        return []
    return sample(Kind.BATTERY_VOLTAGE, value, factor=0.001 if unit == "mv" else 1, channel=_channel(spec))


def _panel(spec: Spec, value: JsonValue) -> list[Fact]:
    said = word(value)
    if said == "disarmed":
        return [event(Kind.ARM, "disarm", channel=_channel(spec), is_level=True)]
    if said in _ARMED:
        return [event(Kind.ARM, said.replace("armed_", "arm_"), channel=_channel(spec), is_level=True)]
    return [other(value, channel=_channel(spec))]


def _triggered(spec: Spec, said: str) -> list[Fact]:
    """A device trigger fires where its payload comes; without one, on every message."""
    value = _value(spec, said)
    if value is _UNREAD or value is None:
        return []
    if "payload" in spec and _plain(value) != _plain(spec["payload"]):
        return []
    channel = word(spec.get("subtype"))[:200] or _channel(spec)
    told = spec.get("payload", value if isinstance(value, str) and not value.startswith("{") else "")
    names = (spec.get("type"), spec.get("subtype"), told)
    if is_call(*names):
        return [event(Kind.SOS, "active", channel=channel)]
    gesture = gesture_of(*names)
    if gesture is None:
        return [other(word(spec.get("type")), channel=channel)]
    return [event(Kind.BUTTON, gesture, channel=channel)]


def _event(spec: Spec, said: str) -> list[Fact]:
    """An event entity states `event_type` in JSON."""
    typed = _typed(spec, said)
    channel, device_class = _channel(spec), word(spec.get("device_class"))
    if not isinstance(typed, str):
        return []
    if is_call(typed):
        return [event(Kind.SOS, "active", channel=channel)]
    if device_class == "motion":
        return [event(Kind.MOTION, True, channel=channel)]
    gesture = gesture_of(typed) or ("other" if device_class in ("button", "doorbell") else None)
    return [other(typed, channel=channel) if gesture is None else event(Kind.BUTTON, gesture, channel=channel)]


def _typed(spec: Spec, said: str) -> Any:
    """The event type: in the payload, in what the template takes of it, or in a template that is itself an object."""
    stated = render("{{ value_json.event_type }}", said)
    template = str(spec.get("template") or "").strip()
    if stated is not None or not template:
        return stated
    parts = _object(template)
    if isinstance(parts, dict):
        template = (
            str(parts["event_type"]) if isinstance(parts.get("event_type"), str) else "{{ value_json.event_type }}"
        )
        value = _value({"template": template}, said)
        return None if value is _UNREAD else value
    value = _value(spec, said)
    parts = value if isinstance(value, dict) else _object(value) if isinstance(value, str) else None
    return parts.get("event_type") if isinstance(parts, dict) else None


def _object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


_STATES: dict[str, Callable[[Spec, JsonValue], list[Fact]]] = {
    "binary_sensor": _flag,
    "sensor": _measured,
    "alarm_control_panel": _panel,
}
