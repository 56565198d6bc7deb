"""The words of Home Assistant's discovery: abbreviations, classes, what a press is called. Pure."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from carebell.types import Kind
from devices.coercion import word

_LONG = {
    "atype": "automation_type",
    "avty": "availability",
    "avty_mode": "availability_mode",
    "avty_t": "availability_topic",
    "avty_tpl": "availability_template",
    "cmps": "components",
    "cns": "connections",
    "curr_hum_t": "current_humidity_topic",
    "curr_hum_tpl": "current_humidity_template",
    "curr_temp_t": "current_temperature_topic",
    "curr_temp_tpl": "current_temperature_template",
    "cmd_t": "command_topic",
    "dev": "device",
    "dev_cla": "device_class",
    "ent_cat": "entity_category",
    "evt_typ": "event_types",
    "ids": "identifiers",
    "json_attr_t": "json_attributes_topic",
    "mf": "manufacturer",
    "mdl": "model",
    "obj_id": "object_id",
    "off_dly": "off_delay",
    "p": "platform",
    "pl": "payload",
    "pl_avail": "payload_available",
    "pl_not_avail": "payload_not_available",
    "pl_off": "payload_off",
    "pl_on": "payload_on",
    "stat_t": "state_topic",
    "stat_val_tpl": "state_value_template",
    "stype": "subtype",
    "t": "topic",
    "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement",
    "val_tpl": "value_template",
}
COMPONENTS = frozenset(
    {
        "alarm_control_panel",
        "binary_sensor",
        "button",
        "camera",
        "climate",
        "cover",
        "device",
        "device_automation",
        "device_tracker",
        "event",
        "fan",
        "humidifier",
        "image",
        "lawn_mower",
        "light",
        "lock",
        "notify",
        "number",
        "scene",
        "select",
        "sensor",
        "siren",
        "switch",
        "tag",
        "text",
        "update",
        "vacuum",
        "valve",
        "water_heater",
    }
)
FLAG_CLASSES = {
    "battery": Kind.BATTERY_LOW,
    "carbon_monoxide": Kind.CO,
    "connectivity": Kind.AVAILABILITY,
    "door": Kind.CONTACT,
    "garage_door": Kind.CONTACT,
    "gas": Kind.GAS,
    "heat": Kind.HEAT,
    "moisture": Kind.WATER,
    "motion": Kind.MOTION,
    "occupancy": Kind.PRESENCE,
    "opening": Kind.CONTACT,
    "presence": Kind.PRESENCE,
    "problem": Kind.SENSOR_FAULT,
    "safety": Kind.SOS,
    "smoke": Kind.SMOKE,
    "tamper": Kind.TAMPER,
    "vibration": Kind.VIBRATION,
    "window": Kind.CONTACT,
}
# The names that ESPHome documents for a fall radar and Seeed's sketch writes itself, where no class tells.
_DOCUMENTED = {
    "fall_detected": Kind.FALL,
    "falling_detected": Kind.FALL,
    "people_exist": Kind.PRESENCE,
    "person_information": Kind.PRESENCE,
}
_SKETCH = {"seeed-mmwave_presence": Kind.PRESENCE, "seeed-mmwave_movement": Kind.MOTION}
_SPLIT = re.compile(r"[^a-z0-9]+")
_FALLS = frozenset({"fall", "falls", "falling", "fallen"})
_CALLS = frozenset({"sos", "panic", "emergency"})
# Beside one of these the name of a call is that of a setting, of a part of the device, or of how it is.
_NOT_PRESSED = frozenset(
    {
        *(
            "enable",
            "enabled",
            "allowed",
            "mode",
            "armed",
            "led",
            "light",
            "lamp",
            "siren",
            "sound",
            "buzzer",
            "backlight",
        ),
        *("connected", "connection", "online", "available", "ready", "battery", "fault", "problem", "test", "tamper"),
    }
)
_RELEASES = frozenset({"release", "released"})
_GESTURES = {
    "quadruple": "other",
    "quintuple": "other",
    "many": "other",
    "double": "double",
    "triple": "triple",
    "long": "long",
    "hold": "hold",
    "held": "hold",
    "single": "single",
    "short": "single",
    "press": "single",
    "pressed": "single",
    "click": "single",
    "clicked": "single",
    "push": "single",
    "pushed": "single",
    "on": "on",
    "off": "off",
}


def expanded(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config with long names; the device's own part and availability lists too."""
    longer = {_LONG.get(name, name): value for name, value in list(config.items())[:200]}
    for part in ("device", "origin"):
        if isinstance(longer.get(part), dict):
            longer[part] = {_LONG.get(name, name): value for name, value in longer[part].items()}
    return longer


def words_of(*stated: Any) -> list[str]:
    """The words of names such as `button_short_press`, in order."""
    return [one for text in stated for one in _SPLIT.split(word(text)[:200]) if one]


def flag_kind(device_class: str, names: Iterable[str]) -> Kind | None:
    """What a binary sensor tells. The class says only `unsafe` of a fall: its documented name tells which."""
    listed = list(names)
    if device_class in ("", "safety"):
        said = set(words_of(*listed))
        if device_class == "safety" and said & _FALLS:
            return Kind.FALL
        named = [kind for name in listed if (kind := documented_kind(name)) is not None]
        if named:
            return named[0]
    return FLAG_CLASSES.get(device_class)


def sketch_kind(object_id: str) -> Kind | None:
    """What Seeed's sketch for the MR60 radars publishes under the discovery prefix itself, without a config."""
    return _SKETCH.get(word(object_id))


def documented_kind(name: Any) -> Kind | None:
    """What a name tells that ESPHome documents for a radar, also where it is numbered."""
    said = words_of(name)
    return _DOCUMENTED.get("_".join(said[:-1] if said and said[-1].isdigit() else said))


def gesture_of(*stated: Any) -> str | None:
    """The press that the first telling name says; None where none does."""
    for name in stated:
        said = words_of(name)
        if _RELEASES & set(said):
            return "release"
        found = [_GESTURES[one] for one in said if one in _GESTURES]
        if found:
            return next((one for one in found if one != "single"), "single")
    return None


def is_call(*stated: Any) -> bool:
    """Whether a press is named a call for help."""
    return bool(_CALLS & set(words_of(*stated)))


def is_call_key(*stated: Any) -> bool:
    """Whether a state has the name of a key for calls."""
    return is_call(*stated) and _NOT_PRESSED.isdisjoint(words_of(*stated))
