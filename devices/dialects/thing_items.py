"""Messages of thing models (Alink, OneNET, TuyaLink) as items: an identifier, what it states, when, of which device. Pure.

property  a state: only its changes count. A call or a fall that is sent nearly alone is a press.
event     something that happened, each message of it
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Lesson, Message, Problem, Reason
from devices.dialects import native
from devices.facts import event

ITEM_LIMIT = 1000
ID_LIMIT = 200
_CUT_CALL = re.compile(
    rb'"(?:sos|panic|emergency)[a-z_]{0,16}"\s{0,4}:\s{0,4}(?:\{\s{0,4}"value"\s{0,4}:\s{0,4})?'
    rb'(?:1\b|true\b|"(?:1|true|on|sos|alarm)")',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An identifier with what it states. `stated_time` is the sender's own; `sub_device` where it is about another.

    `is_press`: sent because something happened. `is_earlier`: a later value of the identifier is in the same message.
    """

    identifier: str
    value: JsonValue
    stated_time: JsonValue = None
    sub_device: str = ""
    channel: str = ""
    is_event: bool = False
    is_press: bool = False
    is_earlier: bool = False
    is_history: bool = False


def opened(message: Message) -> tuple[dict[str, Any], Decoded | None]:
    """The JSON object of a message; or what is left of one that cannot be read."""
    if len(message.payload) > PAYLOAD_LIMIT:
        detail = f"{len(message.payload)} bytes; the limit is {PAYLOAD_LIMIT}"
        return {}, _unreadable(message, Problem(Reason.TOO_LARGE, detail))
    try:
        content = orjson.loads(message.payload)
    except orjson.JSONDecodeError as error:
        return {}, _unreadable(message, Problem(Reason.NOT_JSON, f"not JSON: {error}"))
    if not isinstance(content, dict):
        return {}, _unreadable(message, Problem(Reason.WRONG_SHAPE, "expected a JSON object"))
    return content, None


def _unreadable(message: Message, problem: Problem) -> Decoded:
    return Decoded(facts=tuple(cries(message.payload)), problems=(problem,))


def cries(payload: bytes) -> list[Fact]:
    """A call for help that can be told from a thing model's message that cannot be read."""
    if found := native.cries(payload):
        return found
    if _CUT_CALL.search(payload[:PAYLOAD_LIMIT]):
        return [event(Kind.SOS, "active", note="told from an unreadable message")]
    return []


def wrong(detail: str) -> Problem:
    """A problem of shape, in words for whoever mends the sender."""
    return Problem(Reason.WRONG_SHAPE, detail)


def properties(stated: JsonValue, **about: Any) -> list[Item]:
    """The items of `{identifier: value}`, `{identifier: {value, time}}` or `{identifier: [{value, time}, …]}`."""
    if not isinstance(stated, dict):
        return []
    items: list[Item] = []
    for identifier, value in list(stated.items())[:ITEM_LIMIT]:
        records = _records(value)
        for place, one in enumerate(records):
            said, at = _value_and_time(one)
            is_earlier = place < len(records) - 1
            items.append(Item(identifier=identifier, value=said, stated_time=at, is_earlier=is_earlier, **about))
    return items[:ITEM_LIMIT]


def events(stated: JsonValue, **about: Any) -> list[Item]:
    """The items of `{identifier: {value: {…}, time}}` or lists of such."""
    return [replace(item, is_event=True) for item in properties(stated, **about)]


def _records(value: JsonValue) -> list[JsonValue]:
    """A list of what was stated over time, and not a value that is a list."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return value[:ITEM_LIMIT]
    return [value]


def _value_and_time(stated: JsonValue) -> tuple[JsonValue, JsonValue]:
    if not isinstance(stated, dict):
        return stated, None
    at = stated.get("time", stated.get("eventTime", stated.get("t")))
    for name in ("value", "outputParams", "v"):
        if name in stated:
            return stated[name], at
    return stated, at


def answered(content: Mapping[str, JsonValue], *, name: str, good: int) -> tuple[list[Fact], list[Problem]]:
    """The device's answer to what we sent: `id` and `code`."""
    correlation_id = id_of(content.get(name))
    code = number(content.get("code"))
    if code is None:
        return [], [wrong("an answer without a code")]
    return [event(Kind.DOWNLINK_ACK, code == good, correlation_id=correlation_id)], []


def id_of(stated: JsonValue) -> str:
    """An id as text; empty where there is none."""
    if isinstance(stated, bool) or not isinstance(stated, str | int | float):
        return ""
    return str(stated)[:ID_LIMIT]


def said_by(
    sender: str, facts: Iterable[Fact], problems: Iterable[Problem] = (), lessons: Iterable[Lesson] = ()
) -> Decoded:
    """What the sender at an address says."""
    return Decoded(device_id=sender, facts=tuple(facts), problems=tuple(problems), lessons=tuple(lessons))


def is_press(stated: JsonValue) -> bool:
    """One or two identifiers are sent because something happened; more are a report of the whole state."""
    return isinstance(stated, dict) and len(stated) <= 2
