"""What an entity of Home Assistant's discovery says on a topic, by what its config taught. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.homeassistant_measured import measured, temperature
from devices.dialects.homeassistant_names import flag_kind, gesture_of, is_call, is_call_key, is_over, is_own_alarm
from devices.dialects.homeassistant_template import Said, Unreadable, render
from devices.dialects.homeassistant_values import NOTHING
from devices.facts import event, level, other, sample

Spec = Mapping[str, Any]
_ARMED = {"armed_home", "armed_away", "armed_night", "armed_vacation", "armed_custom_bypass"}
_UNREAD = object()
_UNKNOWN = frozenset({"", "none", "unknown", "unavailable"})


def facts_of(spec: Spec, said: Said) -> list[Fact]:
    """What one entity says; nothing where the payload is not about it."""
    role = spec.get("role")
    if role == "topic":
        return _triggered(spec, said)
    if role == "current_temperature_topic":
        return temperature(_value(spec, said), spec, word(spec.get("temperature_unit")))
    if role == "current_humidity_topic":
        return sample(Kind.HUMIDITY, _value(spec, said), channel=_channel(spec))
    if role != "state_topic":
        return []
    read = _STATES.get(str(spec.get("component")))
    if spec.get("component") == "event":
        return _event(spec, said)
    value = _value(spec, said)
    if value is _UNREAD:
        return [other(said.text, channel=_channel(spec))]
    if value is None and _flag_of(spec, said.text.strip()) is None:
        return []
    # A sender that says the bare word where its config expects it in JSON is understood all the same.
    value = said.text.strip() if value is None else value
    return [other(value, channel=_channel(spec))] if read is None else read(spec, value)


def availability_of(spec: Spec, said: Said) -> bool | None:
    """Whether a word on an availability topic means that the device is there."""
    value = _value(spec, said)
    if value is _UNREAD or value is None:
        return None
    return {spec.get("on"): True, spec.get("off"): False}.get(word(value))


def signal_of(spec: Spec, said: Said) -> int | float | None:
    """How well the device is heard, in dBm, where that is what the entity measures."""
    is_it = word(spec.get("device_class")) == "signal_strength" and word(spec.get("unit_of_measurement")) == "dbm"
    if not is_it or spec.get("role") != "state_topic" or spec.get("component") != "sensor":
        return None
    value = _value(spec, said)
    strength = number(value) if isinstance(value, str | int | float) else None
    return strength if strength is not None and strength < 0 else None


def is_broken(said: Said) -> bool:
    """Whether a payload begins as an object or a list and is none."""
    return said.content is NOTHING and said.text.lstrip().startswith(("{", "["))


def urgency(spec: Spec) -> int:
    """In which order the entities of a topic are read: 0 for what a life hangs on, 1 for what may be a call, 2 for others."""
    if spec.get("component") in ("event", "device_automation"):
        return 1
    if spec.get("component") != "binary_sensor":
        return 2
    return 0 if _kind_of(spec) in URGENT_KINDS else 1 if _is_key(spec) else 2


def event_template(template: str) -> str:
    """What of an event's template tells the type: all of it, or the part of that name where it is itself an object."""
    parts = _object(template)
    if not isinstance(parts, dict):
        return template
    return str(parts["event_type"]) if isinstance(parts.get("event_type"), str) else "{{ value_json.event_type }}"


def _channel(spec: Spec) -> str:
    return str(spec.get("object") or "")[:200]


def _value(spec: Spec, said: Said) -> Any:
    template = spec.get("template")
    if not template:
        return said.text.strip()
    if "value_json" in str(template) and said.content is NOTHING:
        return None  # its other branch, OFF, would end an alarm
    try:
        return render(str(template), said)
    except Unreadable:
        return _UNREAD


def _kind_of(spec: Spec) -> Kind | None:
    """What a binary sensor tells. How the device is, or is set, is no alarm."""
    device_class, names = word(spec.get("device_class")), (spec.get("object", ""), spec.get("name", ""))
    kind = flag_kind(device_class, names)
    if kind not in URGENT_KINDS or not spec.get("entity_category"):
        return kind
    return kind if is_own_alarm(kind, device_class, names) else None


def _is_key(spec: Spec) -> bool:
    """Whether it is a key by its name: no call by itself, for that is the installer's own, but a press."""
    is_own = not spec.get("device_class") and not spec.get("entity_category")
    return is_own and is_call_key(spec.get("object"), spec.get("name"))


def _flag(spec: Spec, value: JsonValue) -> list[Fact]:
    """On and off are the words of the config alone, compared without case."""
    channel = _channel(spec)
    is_on = _flag_of(spec, value)
    kind = _kind_of(spec)
    if is_on is None and word(value) in _UNKNOWN:
        return []
    # One that never says off is reset by Home Assistant's own clock: each word of it is news.
    is_level = not number(spec.get("off_delay"))
    if is_on is not None and kind is None and _is_key(spec):
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


def _panel(spec: Spec, value: JsonValue) -> list[Fact]:
    said = word(value)
    if said == "disarmed":
        return [event(Kind.ARM, "disarm", channel=_channel(spec), is_level=True)]
    if said in _ARMED:
        return [event(Kind.ARM, said.replace("armed_", "arm_"), channel=_channel(spec), is_level=True)]
    return [other(value, channel=_channel(spec))]


def _triggered(spec: Spec, said: Said) -> list[Fact]:
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


def _event(spec: Spec, said: Said) -> list[Fact]:
    """An event entity states `event_type` in JSON."""
    typed = _typed(spec, said)
    channel, device_class = _channel(spec), word(spec.get("device_class"))
    if not isinstance(typed, str):
        return []
    if is_call(typed):
        return [event(Kind.SOS, "cleared" if is_over(typed) else "active", channel=channel)]
    if device_class == "motion":
        return [event(Kind.MOTION, True, channel=channel)]
    gesture = gesture_of(typed) or ("other" if device_class in ("button", "doorbell") else None)
    return [other(typed, channel=channel) if gesture is None else event(Kind.BUTTON, gesture, channel=channel)]


def _typed(spec: Spec, said: Said) -> Any:
    """The event type: in the payload, in what the template takes of it, or in a template that is itself an object."""
    stated = said.content.get("event_type") if isinstance(said.content, dict) else None
    template = str(spec.get("template") or "").strip()
    if stated is not None or not template:
        return stated
    value = _value({"template": event_template(template)}, said)
    if template.startswith("{") and isinstance(_object(template), dict):
        return None if value is _UNREAD else value
    parts = value if isinstance(value, dict) else _object(value) if isinstance(value, str) else None
    return parts.get("event_type") if isinstance(parts, dict) else None


def _object(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


_STATES: dict[str, Callable[[Spec, JsonValue], list[Fact]]] = {
    "binary_sensor": _flag,
    "sensor": measured,
    "alarm_control_panel": _panel,
}
