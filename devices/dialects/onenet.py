"""OneNET (China Mobile): `$sys/{pid}/{device}/…`. A device's address is `pid/device`.

thing/…   OneNET Studio: properties, events, packs and history of thing models
dp/…      data points of the older MQTT suite
"""

from collections.abc import Mapping

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
from devices.dialects.thing_model import facts_of, words_by
from devices.facts import event, level

NAME = "onenet"
ROOT = ""
FILTERS: tuple[str, ...] = ("$sys/#",)
_POSTS = {
    "thing/property/post": "properties",
    "thing/event/post": "events",
    "thing/pack/post": "packs",
    "thing/history/post": "history",
    "dp/post/json": "points",
}
_ANSWERS = ("thing/property/set_reply", "thing/property/get_reply", "thing/sub/property/set_reply")
# Sent by the platform or by us, or about topology, time, firmware and the image: without news of the home.
_SILENT = ("thing/property/", "thing/event/", "thing/pack/", "thing/history/", "thing/service/", "thing/sub/")
_MORE_SILENT = ("thing/config/", "dp/", "cmd/request/", "cmd/response/", "image/", "ota/", "thing/ntp/", "thing/file/")


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("$sys/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/", 3)
    if len(parts) != 4 or parts[0] != "$sys":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, "expected $sys/PRODUCT/DEVICE/thing/…"),))
    if not parts[1] or not parts[2]:
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no product or no device"),))
    sender, path = f"{parts[1]}/{parts[2]}", parts[3]
    if path in _POSTS:
        return _posted(message, sender, _POSTS[path], known)
    if path in _ANSWERS or (path.startswith("thing/service/") and path.endswith("/invoke_reply")):
        return _answer(message, sender)
    if path in ("thing/sub/login", "thing/sub/logout"):
        return _session(message, sender, is_on=path.endswith("login"))
    return _beside(message, sender, path)


def _beside(message: Message, sender: str, path: str) -> Decoded:
    command = path.removeprefix("cmd/response/")
    if command != path and command and "/" not in command:
        return said_by(sender, (event(Kind.DOWNLINK_ACK, True, correlation_id=id_of(command)),))
    if path.startswith((*_SILENT, *_MORE_SILENT)):
        return Decoded()
    return said_by(sender, cries(message.payload), (Problem(Reason.UNKNOWN_TOPIC, "no topic of OneNET"),))


def _from(sender: str, left: Decoded) -> Decoded:
    return said_by(sender, left.facts, left.problems)


def _answer(message: Message, sender: str) -> Decoded:
    content, broken = opened(message)
    return _from(sender, broken) if broken else said_by(sender, *answered(content, name="id", good=200))


def _posted(message: Message, sender: str, what: str, known: Known) -> Decoded:
    content, broken = opened(message)
    if broken:
        return _from(sender, broken)
    items, problems = _items(content, sender, what)
    words = words_by(known, lambda device: f"{NAME}/{(device or sender).partition('/')[0]}", {})
    is_known = known.device(sender) is not None
    facts = facts_of(items, words, message, message_id=id_of(content.get("id")), is_known=is_known)
    facts, lessons = told_apart(facts, message, known, f"{NAME}/{sender}/calls")
    return said_by(sender, facts, problems, lessons)


def _items(content: Mapping[str, JsonValue], sender: str, what: str) -> tuple[list[Item], list[Problem]]:
    stated = content.get("dp" if what == "points" else "params")
    if what in ("packs", "history"):
        return _packs(stated, sender, is_history=what == "history")
    if not isinstance(stated, dict):
        return [], [wrong(f'"{"dp" if what == "points" else "params"}" is missing or no object')]
    if what == "events":
        return events(stated), []
    return properties(stated, is_press=is_press(stated)), []


def _packs(params: JsonValue, sender: str, *, is_history: bool) -> tuple[list[Item], list[Problem]]:
    items: list[Item] = []
    problems: list[Problem] = []
    for pack in (params if isinstance(params, list) else [params])[:100]:
        if not isinstance(pack, dict):
            problems.append(wrong("expected packs with properties or events"))
            continue
        sub_device = _identity(pack.get("identity"), sender)
        stated = pack.get("properties")
        items += properties(stated, sub_device=sub_device, is_press=is_press(stated), is_history=is_history)
        items += events(pack.get("events"), sub_device=sub_device, is_history=is_history)
    return items, problems


def _identity(stated: JsonValue, sender: str) -> str:
    """The address of another device; empty for the sender."""
    if not isinstance(stated, dict):
        return ""
    product, device = id_of(stated.get("productID")), id_of(stated.get("deviceName"))
    address = f"{product}/{device}"
    return address if product and device and address != sender else ""


def _session(message: Message, sender: str, *, is_on: bool) -> Decoded:
    """A gateway logs a device behind it in or out."""
    content, broken = opened(message)
    if broken:
        return _from(sender, broken)
    address = _identity(content.get("params"), sender)
    if not address:
        return said_by(sender, (), (wrong("names no device"),))
    return said_by(sender, (level(Kind.AVAILABILITY, is_on, sub_device=address),))
