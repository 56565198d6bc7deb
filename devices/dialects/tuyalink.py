"""TuyaLink: `tylink/{deviceId}/…`. Tuya's standard codes are known; those whose scale is the product's need a mapping.

The topic names no product: a mapping is found by the model that the registry has, or by the device's id.
"""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import Decoded, Known, Message, Problem, Reason
from devices.dialects.thing_identity import told_apart
from devices.dialects.thing_items import (
    ITEM_LIMIT,
    Item,
    answered,
    cries,
    events,
    id_of,
    opened,
    properties,
    said_by,
    wrong,
)
from devices.dialects.thing_model import Words, facts_of
from devices.facts import alive, level
from devices.products import Meaning

NAME = "tuyalink"
ROOT = ""
FILTERS: tuple[str, ...] = ("tylink/#",)
_ALARM: Mapping[str, JsonValue] = {"alarm": True, "1": True, "true": True, "normal": False, "2": False, "false": False}
_DOOR: Mapping[str, JsonValue] = {
    "true": "open",
    "false": "closed",
    "open": "open",
    "opened": "open",
    "close": "closed",
}
_SEEN: Mapping[str, JsonValue] = {"presence": True, "none": False, "large_move": True, "small_move": True} | {
    "peaceful": True,
    "stationary": True,
    "large": True,
    "small": True,
    "true": True,
    "false": False,
}
_PRESSED: Mapping[str, JsonValue] = {"click": "single", "single_click": "single", "single": "single"} | {
    **dict.fromkeys(("double_click", "double"), "double"),
    **dict.fromkeys(("long_press", "press", "long"), "long"),
}
_FELL: Mapping[str, JsonValue] = {"none": "cleared", "maybe_fall": "suspected", "fall": "detected"} | {
    "true": "detected",
    "false": "cleared",
    "normal": "cleared",
    "alarm": "detected",
}
_ARMED: Mapping[str, JsonValue] = {"disarmed": "disarm", "arm": "arm", "home": "arm_home"}
_SOS = "sos"
_SCALED = ("temp_current", "humidity_current", "temp_value", "humidity_value", "battery_value", "va_battery")
_OWN: dict[str, Meaning] = {
    **dict.fromkeys(
        ("smoke_sensor_status", "smoke_sensor_state", "smoke_state"), Meaning(kind=Kind.SMOKE, values=_ALARM)
    ),
    **dict.fromkeys(("co_state", "co_status"), Meaning(kind=Kind.CO, values=_ALARM)),
    **dict.fromkeys(
        ("gas_sensor_status", "gas_sensor_state", "ch4_sensor_state"), Meaning(kind=Kind.GAS, values=_ALARM)
    ),
    **dict.fromkeys(("watersensor_state", "water_sensor_state"), Meaning(kind=Kind.WATER, values=_ALARM)),
    **dict.fromkeys(("doorcontact_state", "doorcontact_state_2"), Meaning(kind=Kind.CONTACT, values=_DOOR)),
    **dict.fromkeys(("presence_state", "human_motion_state"), Meaning(kind=Kind.PRESENCE, values=_SEEN)),
    "master_mode": Meaning(kind=Kind.ARM, values=_ARMED),
    "closed_opened": Meaning(kind=Kind.CONTACT, values=_DOOR),
    "hijack": Meaning(kind=Kind.SOS),
    "fall_down_status": Meaning(kind=Kind.FALL, values=_FELL),
    "shock_state": Meaning(kind=Kind.VIBRATION, values={"vibration": True, "normal": False}),
    "checking_result": Meaning(kind=Kind.SENSOR_FAULT, values={"check_failure": True, "check_success": False}),
    **{
        f"switch{place}": Meaning(kind=Kind.BUTTON, values=_PRESSED, channel=str(number))
        for number in range(1, 9)
        for place in (f"_mode{number}", f"_type_{number}", f"{number}_value")
    },
    **dict.fromkeys(_SCALED, Meaning(kind=Kind.OTHER)),
}
_POSTS = {
    "thing/property/report": "properties",
    "thing/event/trigger": "event",
    "thing/data/batch_report": "batch",
    "thing/data/batch/report": "batch",
    "thing/data/history_report": "history",
    "thing/data/history/report": "history",
}
_ANSWERS = ("thing/property/set_response", "thing/action/execute_response", "thing/property/get_response")
_SILENT = ("thing/property/", "thing/action/", "thing/event/", "thing/data/", "thing/model/", "device/")
_MORE_SILENT = ("ota/", "ext/", "channel/raw/down", "time/", "thing/config/", "file/")


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("tylink/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/", 2)
    if len(parts) != 3 or parts[0] != "tylink":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "expected tylink/DEVICE/thing/…"),))
    sender, path = parts[1], parts[2]
    if not sender:
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no device"),))
    if path == "channel/raw/up":
        problem = wrong("raw bytes: their script is the platform's; let the device report JSON")
        return said_by(sender, (alive(), *cries(message.payload)), (problem,))
    if path not in (*_POSTS, *_ANSWERS, "device/sub/login", "device/sub/logout"):
        return _beside(message, sender, path)
    content, broken = opened(message)
    if broken:
        return said_by(sender, broken.facts, broken.problems)
    if path in _ANSWERS:
        return said_by(sender, *answered(content, name="msgId", good=0))
    if path in _POSTS:
        return _posted(message, sender, content, _POSTS[path], known)
    return _session(content, sender, is_on=path.endswith("login"))


def _beside(message: Message, sender: str, path: str) -> Decoded:
    if path.startswith((*_SILENT, *_MORE_SILENT)):
        return Decoded()
    return said_by(sender, cries(message.payload), (Problem(Reason.UNKNOWN_TOPIC, "no topic of TuyaLink"),))


def _posted(message: Message, sender: str, content: Mapping[str, JsonValue], what: str, known: Known) -> Decoded:
    data = _as_object(content.get("data"))
    if data is None:
        return said_by(sender, (), (wrong('"data" is missing or no object'),))
    at = content.get("time", content.get("t"))
    if what == "properties":
        # Tuya reports what has changed: a call in a report is a press.
        items = properties(data, is_press=True)
    elif what == "event":
        items = _event(data, at)
    else:
        items = _batch(data, is_history=what == "history")
    if not items:
        return said_by(sender, (alive(),), (wrong("the report names no code"),))
    items = [_called(item) for item in items]
    dated = [item if item.stated_time is not None else replace(item, stated_time=at) for item in items]
    is_known = known.device(sender) is not None
    message_id = id_of(content.get("msgId"))
    facts = facts_of(
        dated, lambda device: _words(known, device or sender), message, message_id=message_id, is_known=is_known
    )
    facts, lessons = told_apart(facts, message, known, f"{NAME}/{sender}/calls")
    return said_by(sender, facts, (), lessons)


def _called(item: Item) -> Item:
    """An alarm panel has its emergency as one of its modes."""
    is_call = item.identifier == "master_mode" and word(item.value) == _SOS
    return replace(item, identifier=_SOS) if is_call else item


def _as_object(data: JsonValue) -> dict[str, JsonValue] | None:
    """The codes and what they state; some senders list them as `{code, value}`."""
    if not isinstance(data, list):
        return data if isinstance(data, dict) else None
    listed = [one for one in data[:ITEM_LIMIT] if isinstance(one, dict)]
    found: dict[str, JsonValue] = {code: dict(one) for one in listed if isinstance(code := one.get("code"), str)}
    return found or None


def _event(data: Mapping[str, JsonValue], at: JsonValue) -> list[Item]:
    code = data.get("eventCode")
    if not isinstance(code, str) or not code:
        return []
    stated_time = data.get("eventTime", at)
    return [Item(identifier=code, value=data.get("outputParams"), stated_time=stated_time, is_event=True)]


def _batch(data: Mapping[str, JsonValue], *, is_history: bool) -> list[Item]:
    items = _pack(data, "", is_history)
    for device, pack in _sub_devices(data.get("subDevices")):
        if isinstance(pack, dict):
            items += _pack(pack, device[:200], is_history)
    return items


def _sub_devices(stated: JsonValue) -> list[tuple[str, JsonValue]]:
    """What is said of devices behind a gateway, by their ids or as a list of objects that name theirs."""
    if isinstance(stated, dict):
        return list(stated.items())[:100]
    listed = stated[:100] if isinstance(stated, list) else []
    return [(id_of(one.get("deviceId", one.get("cid"))), one) for one in listed if isinstance(one, dict)]


def _pack(pack: Mapping[str, JsonValue], sub_device: str, is_history: bool) -> list[Item]:
    found = properties(pack.get("properties"), sub_device=sub_device, is_press=True, is_history=is_history)
    return found + events(pack.get("events"), sub_device=sub_device, is_press=True, is_history=is_history)


def _words(known: Known, device: str) -> Words:
    record = known.device(device)
    mapping = known.product(f"{NAME}/{record.model}") if record is not None and record.model else None
    return Words(mapping=mapping or known.product(f"{NAME}/{device}"), own=_OWN)


def _session(content: Mapping[str, JsonValue], sender: str, *, is_on: bool) -> Decoded:
    """A gateway logs devices behind it in or out."""
    data = content.get("data")
    listed = data if isinstance(data, list) else [data]
    found = [id_of(one.get("deviceId") if isinstance(one, dict) else one) for one in listed[:100]]
    facts = [level(Kind.AVAILABILITY, is_on, sub_device=device) for device in found if device]
    return said_by(sender, facts, () if facts else (wrong("names no device"),))
