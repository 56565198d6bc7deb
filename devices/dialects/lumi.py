"""lumimqtt on openlumi gateways: `lumi/<gateway>/…`, mostly bare words and numbers.

A press comes twice: as an object on `<button>` and as a word on `<button>/action`; the word is read. A sensor that its
owner soldered on says ON or OFF under a name of the owner's: what plainly names a kind is read as that (`sos`, `door`),
and a binding gives a meaning to any other.
"""

import orjson
from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import word
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Message, Problem, Reason
from devices.dialects.thing_words import meaning_of
from devices.facts import alive, event, level, other

NAME = "lumi"
ROOT = "lumi/"
FILTERS: tuple[str, ...] = ()
_GESTURES = frozenset({"single", "double", "triple", "hold", "release"})
# `heat` is more often a boiler at work.
_SWITCHED = (URGENT_KINDS - {Kind.HEAT}) | {
    *(Kind.CONTACT, Kind.MOTION, Kind.PRESENCE, Kind.WATER, Kind.BED),
    *(Kind.VIBRATION, Kind.TAMPER),
}
_ID_LIMIT = 200
_CHANNEL_LIMIT = 64


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith(ROOT)


def decode(message: Message, _known: Known) -> Decoded:
    """Everything the message says; never raises."""
    levels = message.topic.split("/")
    if not matches(message.topic) or len(levels) not in (3, 4) or not all(levels):
        return _refused("", Reason.UNKNOWN_TOPIC, "expected lumi/GATEWAY/PART or lumi/GATEWAY/PART/action")
    gateway, part, last = levels[1][:_ID_LIMIT], levels[2][:_CHANNEL_LIMIT], levels[-1]
    if len(levels) == 4 and last == "set":
        return Decoded()
    if len(message.payload) > PAYLOAD_LIMIT:
        return _refused(gateway, Reason.TOO_LARGE, f"{len(message.payload)} bytes")
    content = _content(message.payload)
    if len(levels) == 4:
        return _button(gateway, part, last, content)
    if part == "status":
        return _status(gateway, content)
    return _part(gateway, part, message.payload, content)


def _refused(gateway: str, reason: Reason, detail: str) -> Decoded:
    return Decoded(device_id=gateway, problems=(Problem(reason, detail),))


def _said(gateway: str, fact: Fact) -> Decoded:
    return Decoded(device_id=gateway, facts=(fact,))


def _content(payload: bytes) -> JsonValue:
    """JSON, or the bare word that it is."""
    try:
        parsed: JsonValue = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload.decode("utf-8", "replace")
    return parsed


def _button(gateway: str, part: str, last: str, content: JsonValue) -> Decoded:
    if last != "action":
        return _refused(gateway, Reason.UNKNOWN_TOPIC, "expected …/action")
    if not isinstance(content, str):
        return _refused(gateway, Reason.WRONG_SHAPE, "expected a word such as single")
    gesture = word(content)
    if not gesture:
        return Decoded(device_id=gateway)
    return _said(gateway, event(Kind.BUTTON, gesture if gesture in _GESTURES else "other", channel=part))


def _status(gateway: str, content: JsonValue) -> Decoded:
    is_online = {"online": True, "offline": False}.get(word(content))
    if is_online is None:
        return _refused(gateway, Reason.BAD_VALUE, "expected online or offline")
    return _said(gateway, level(Kind.AVAILABILITY, is_online))


def _named(part: str) -> str | None:
    """The kind that the name of a sensor says. ON is open, as in Home Assistant, which hears the same words."""
    meaning = meaning_of(part)
    return meaning.kind if meaning is not None and meaning.kind in _SWITCHED and not meaning.values else None


def _part(gateway: str, part: str, payload: bytes, content: JsonValue) -> Decoded:
    """A lamp, a number, or a sensor that its owner soldered on."""
    if isinstance(content, str) and content.lstrip().startswith(("{", "[")):
        return _refused(gateway, Reason.NOT_JSON, "not JSON")
    if word(content) in ("on", "off"):
        # The word itself comes as well: whatever the name says, a binding may say something else.
        plain, kind = other(word(content), channel=part, is_level=True), _named(part)
        named = () if kind is None else (level(kind, word(content) == "on", channel=part),)
        return Decoded(device_id=gateway, facts=(*named, plain))
    return _said(gateway, alive()) if payload.strip() else Decoded(device_id=gateway)
