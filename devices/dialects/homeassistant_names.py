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
    "temp_unit": "temperature_unit",
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
    "people_exist": Kind.PRESENCE,
    "person_information": Kind.PRESENCE,
}
_SKETCH = {"seeed-mmwave_presence": Kind.PRESENCE, "seeed-mmwave_movement": Kind.MOTION}
# Chinese has no blanks: what stands together is one word here.
_WORD = re.compile(r"[a-z0-9]+|[\u4e00-\u9fff]+")
_FALLS = frozenset({"fall", "falls", "falling", "fallen", "跌倒", "摔倒"})
# Beside a fall these say that it is told; any other word may make a setting, a number or a season of it.
_TOLD = frozenset(
    {
        *("detected", "detection", "detector", "detect", "alarm", "alert", "event", "status", "state", "information"),
        *("sensor", "radar", "human", "person", "people", "elder", "bed", "down", "a", "has", "is", "the"),
    }
)
_TOLD_IN_CHINESE = re.compile(r"(?:人体|人员|老人|检测|探测|监测|报警|告警|警报|状态|事件|传感器|雷达|发生|跌倒|摔倒)+")
_CALLS = frozenset({"sos", "panic", "emergency", "help", "notruf", "hilferuf", "panik"})
_CALLS_IN_CHINESE = frozenset({"求助", "求救", "呼救", "紧急"})
# At a door somebody calls too.
_KEYS = frozenset({"button", "pushbutton", "cord", "pull", "call", "按钮", "按键", "拉绳", "呼叫"})
# Beside one of these the name of a call is that of a setting, of a part of the device, or of how it is.
_SET = frozenset(
    {"enable", "enabled", "allowed", "mode", "armed", "volume", "exit", "relay", "output", "lock", "locked"}
)
_SHOWN = frozenset({"led", "light", "lights", "lighting", "lamp", "backlight", "siren", "sound", "buzzer"})
_CHECKED = frozenset({"test", "tamper", "fault", "problem", "connected", "connection", "online", "available", "ready"})
_SET_IN_CHINESE = frozenset({"启用", "使能", "模式", "灯", "照明", "声", "出口", "锁", "继电器"})
_CHECKED_IN_CHINESE = frozenset({"电量", "电池", "低电", "测试", "防拆", "故障", "在线", "离线", "连接"})
_SETTINGS = _SET | _CHECKED | {"battery", "hush", "mute", "muted", "silenced"} | _SET_IN_CHINESE | _CHECKED_IN_CHINESE
_NO_CALLS = frozenset(
    {"call waiting", "missed call", "button cell", "pull up", "emergency heat", "emergency heating", "emergency power"}
)
_NOT_PRESSED = _SET | _SHOWN | _CHECKED | {"battery"} | _SET_IN_CHINESE | _CHECKED_IN_CHINESE | _NO_CALLS
# What falls beside one of these is nobody.
_MEASURED = frozenset({"pressure", "barometer", "barometric", "temperature", "price", "trend", "snow", "rain"})
# In the name of an event, beside a call.
_OVER = frozenset({"cancel", "cancelled", "canceled", "cleared", "ended", "off"})
_NO_CALLS_IN_CHINESE = frozenset({"取消", "解除", "恢复", "清除", "结束", "测试"})
_RELEASES = frozenset({"release", "released", "松开"})
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
    "tap": "single",
    "tapped": "single",
    "shortpress": "single",
    "singlepress": "single",
    "singleclick": "single",
    "doublepress": "double",
    "doubleclick": "double",
    "tripleclick": "triple",
    "longpress": "long",
    "longclick": "long",
    "单击": "single",
    "按下": "single",
    "双击": "double",
    "三击": "triple",
    "长按": "long",
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
    return [one for text in stated for one in _WORD.findall(word(text)[:200])]


def is_named(name: str, said: Iterable[str]) -> bool:
    """Whether all words of a name are among those said; Chinese ones also within a longer one."""
    listed = list(said)
    return all(any(one == word_ or (not word_.isascii() and word_ in one) for one in listed) for word_ in name.split())


def _is_any_named(names: frozenset[str], said: Iterable[str]) -> bool:
    """`is_named` for many names at once."""
    listed = frozenset(said)
    if not names.isdisjoint(listed):
        return True
    text = " ".join(one for one in listed if not one.isascii())
    return any(listed.issuperset(name.split()) if name.isascii() else name in text for name in names)


def flag_kind(device_class: str, names: Iterable[str]) -> Kind | None:
    """What a binary sensor tells. The class says only `unsafe` of a fall: its documented name tells which."""
    listed = list(names)
    if device_class in ("", "safety"):
        said = words_of(*listed)
        if device_class == "safety" and "tamper" in said:
            return Kind.TAMPER
        if device_class == "safety" and any(is_named(fall, said) for fall in _FALLS):
            return Kind.FALL
        named = [kind for name in listed if (kind := documented_kind(name)) is not None]
        # Of its two names either may be that of a setting.
        is_told = "detected" in said or not (is_setting(*listed) or _MEASURED & set(said))
        if named and (named[0] != Kind.FALL or is_told):
            return named[0]
    return FLAG_CLASSES.get(device_class)


def is_setting(*stated: Any) -> bool:
    """Whether a name is that of a setting, a test, or of how a device is."""
    said = words_of(*stated)
    return _is_any_named(_SETTINGS, said)


def is_own_alarm(kind: Kind, device_class: str, names: Iterable[str]) -> bool:
    """Whether an alarm is one although it is listed among what tells how the device is: by its class and its name."""
    listed = list(names)
    if kind == Kind.SOS:
        return is_call_key(*listed)
    if kind == Kind.HEAT or is_setting(*listed):
        return False
    return bool(device_class) or "detected" in words_of(*listed)


def sketch_kind(object_id: str) -> Kind | None:
    """What Seeed's sketch for the MR60 radars publishes under the discovery prefix itself, without a config."""
    return _SKETCH.get(word(object_id))


def documented_kind(name: Any) -> Kind | None:
    """What a name tells that a radar's documentation gives it, also where it is numbered: a fall, told; or somebody is there."""
    said = words_of(name)
    said = said[:-1] if said and said[-1].isdigit() else said
    if said and any(one in _FALLS for one in said) and all(one in _FALLS or one in _TOLD for one in said):
        return Kind.FALL
    is_in_chinese = any(fall in name_ for name_ in said for fall in ("跌倒", "摔倒"))
    if is_in_chinese and all(_TOLD_IN_CHINESE.fullmatch(one) for one in said):
        return Kind.FALL
    return _DOCUMENTED.get("_".join(said))


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
    return any(_is_call_name(words_of(name)) for name in stated)


def is_over(*stated: Any) -> bool:
    """Whether one of the names says that a call is over, all by itself."""
    return any(bool(_CALLS & set(said)) and bool(_OVER & set(said)) for said in map(words_of, stated))


def _is_call_name(said: list[str]) -> bool:
    if _is_any_named(_NO_CALLS_IN_CHINESE, said):
        return bool(_CALLS & set(said))
    return bool(_CALLS & set(said)) or _is_any_named(_CALLS_IN_CHINESE, said)


def is_call_key(*stated: Any) -> bool:
    """Whether a state has the name of a key, for calls or for anything."""
    said = words_of(*stated)
    is_key = is_call(*stated) or _is_any_named(_KEYS, said)
    return is_key and not _is_any_named(_NOT_PRESSED, said)
