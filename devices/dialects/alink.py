"""Alink (Alibaba): `/sys/{productKey}/{deviceName}/thing/…`. A device's address is `productKey/deviceName`."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.dialect import Decoded, Known, Message, Problem, Reason
from devices.dialects.thing_identity import told_apart
from devices.dialects.thing_items import (
    Item,
    answered,
    cries,
    events,
    id_of,
    is_press,
    opened,
    properties,
    said_by,
    wrong,
)
from devices.dialects.thing_model import Words, facts_of, words_by
from devices.dialects.thing_words import parts_of
from devices.facts import alive, level, level_of
from devices.products import Meaning, meaning_in

NAME = "alink"
_SETTINGS = frozenset({"cfg", "config", "configuration", "param", "params", "parameter", "set", "setting", "settings"})
ROOT = "/"
_SESSIONS = "/ext/session/"
_STATUS = "/as/mqtt/status/"
FILTERS: tuple[str, ...] = ("/sys/#", "/as/mqtt/status/#", "/ext/session/#")
_SWITCH: Mapping[str, JsonValue] = {"0": "closed", "1": "open", "false": "closed", "true": "open"}
_OWN = {
    **dict.fromkeys(("ContactState", "DoorContactState"), Meaning(kind=Kind.CONTACT, values=_SWITCH)),
    "BatteryState": Meaning(kind=Kind.OTHER),
}
_SENT_BY_US = ("thing/service/", "thing/model/down_raw", "thing/property/desired/")
# Known, and without news of the home: topology, tags, firmware, configuration, shadows, time.
_SILENT = ("thing/topo", "thing/sub/", "thing/list/", "thing/deviceinfo/", "thing/config/", "thing/gateway/")
_MORE_SILENT = ("thing/disable", "thing/enable", "thing/delete", "thing/log/", "thing/ota/", "thing/lan/", "_thing/")
_SILENT_ROOTS = ("/ota/", "/shadow/", "/broadcast/", "/ext/ntp/", "/ext/rrpc/", "/sys/broadcast/")
_BATCHES = ("property/batch", "property/pack", "batch", "pack")


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(("/sys/", _SESSIONS, _STATUS))


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    topic = message.topic
    if topic.startswith(_SILENT_ROOTS):
        return Decoded()
    for root, read in ((_STATUS, _status), (_SESSIONS, _session)):
        if topic.startswith(root):
            product, _, rest = topic.removeprefix(root).partition("/")
            device, _, action = rest.partition("/")
            return read(message, f"{product}/{device}", action) if product and device else _bad_address()
    parts = topic.split("/", 4)
    if len(parts) != 5 or parts[1] != "sys":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "expected /sys/PRODUCT/DEVICE/thing/…"),))
    if not parts[2] or not parts[3]:
        return _bad_address()
    return _of_device(message, f"{parts[2]}/{parts[3]}", parts[4], known)


def _bad_address() -> Decoded:
    return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no product or no device"),))


def _of_device(message: Message, sender: str, path: str, known: Known) -> Decoded:
    if path == "thing/model/up_raw":
        problem = wrong("raw bytes: their script is the platform's; let the device post JSON")
        return said_by(sender, (alive(), *cries(message.payload)), (problem,))
    if path.startswith("thing/event/") and path.endswith("/post"):
        return _posted(message, sender, path.removeprefix("thing/event/").removesuffix("/post"), known)
    if path.startswith("thing/service/") and path.endswith("_reply"):
        content, broken = opened(message)
        return _from(sender, broken) if broken else said_by(sender, *answered(content, name="id", good=200))
    if path.endswith("_reply") or path.startswith((*_SENT_BY_US, *_SILENT, *_MORE_SILENT)):
        return Decoded()
    return said_by(sender, cries(message.payload), (Problem(Reason.UNKNOWN_TOPIC, "no topic of Alink"),))


def _from(sender: str, left: Decoded) -> Decoded:
    return said_by(sender, left.facts, left.problems)


def _posted(message: Message, sender: str, what: str, known: Known) -> Decoded:
    content, broken = opened(message)
    if broken:
        return _from(sender, broken)
    items, problems = _items(content, sender, what)
    words = words_by(known, lambda device: f"{NAME}/{(device or sender).partition('/')[0]}", _OWN)
    items = [_of_block(item, words) for item in items]
    is_known = known.device(sender) is not None
    facts = facts_of(items, words, message, message_id=id_of(content.get("id")), is_known=is_known)
    facts, lessons = told_apart(facts, message, known, f"{NAME}/{sender}/calls")
    return said_by(sender, facts, problems, lessons)


def _of_block(item: Item, words: Callable[[str], Words]) -> Item:
    """A product may have blocks of functions: `BLOCK:identifier`. A mapping file may name it with its block or without."""
    block, _, identifier = item.identifier.rpartition(":")
    is_setting = not _SETTINGS.isdisjoint(parts_of(block))
    if (
        not block
        or not identifier
        or is_setting
        or meaning_in(words(item.sub_device).mapping, item.identifier) is not None
    ):
        return item
    return replace(item, identifier=identifier, channel=block[:64])


def _items(content: Mapping[str, JsonValue], sender: str, what: str) -> tuple[list[Item], list[Problem]]:
    params = content.get("params")
    if what in ("property/history", "history"):
        return _packs(params, sender, is_history=True)
    if what in _BATCHES:
        return _packs(params, sender)
    if not isinstance(params, dict):
        return [], [wrong('"params" is missing or no object')]
    if what == "property":
        return properties(params, is_press=is_press(params)), []
    stated = params if "value" in params else {"value": params, "time": params.get("time")}
    return events({what: stated}), []


def _packs(params: JsonValue, sender: str, *, is_history: bool = False) -> tuple[list[Item], list[Problem]]:
    """One pack or a list of them, each about the sender or, by its `identity`, about another."""
    items: list[Item] = []
    problems: list[Problem] = []
    for pack in (params if isinstance(params, list) else [params])[:100]:
        if not isinstance(pack, dict):
            problems.append(wrong("expected packs with properties or events"))
            continue
        subs = pack.get("subDevices")
        for one in (pack, *(subs[:100] if isinstance(subs, list) else ())):
            if isinstance(one, dict):
                items += _pack(one, _identity(one.get("identity"), sender), is_history)
    return items, problems


def _pack(pack: Mapping[str, JsonValue], sub_device: str, is_history: bool) -> list[Item]:
    items: list[Item] = []
    for name, read in (("properties", properties), ("events", events)):
        stated = pack.get(name)
        # History comes as lists of objects that each name all identifiers.
        for one in stated[:100] if isinstance(stated, list) else (stated,):
            items += read(one, sub_device=sub_device, is_press=is_press(one), is_history=is_history)
    return items


def _identity(stated: JsonValue, sender: str) -> str:
    """The address of another device; empty for the sender."""
    if not isinstance(stated, dict):
        return ""
    product, device = id_of(stated.get("productKey")), id_of(stated.get("deviceName"))
    address = f"{product}/{device}"
    return address if product and device and address != sender else ""


def _status(message: Message, sender: str, _action: str) -> Decoded:
    content, broken = opened(message)
    return _from(sender, broken) if broken else said_by(sender, level_of(Kind.AVAILABILITY, content.get("status")))


def _session(message: Message, sender: str, action: str) -> Decoded:
    """A gateway logs a device behind it in or out."""
    if not action.endswith(("login", "logout")):
        return Decoded()
    content, broken = opened(message)
    if broken:
        return _from(sender, broken)
    params = content.get("params")
    stated = params.get("deviceList", [params]) if isinstance(params, dict) else params
    listed = stated[:100] if isinstance(stated, list) else []
    found = [address for one in listed if (address := _identity(one, sender))]
    facts = [level(Kind.AVAILABILITY, action.endswith("login"), sub_device=address) for address in found]
    return said_by(sender, facts, () if facts else (wrong("names no device"),))
