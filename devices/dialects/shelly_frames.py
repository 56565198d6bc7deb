"""What the generations of Shelly share: reading a payload, and the names of presses. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Decoded, Fact, Message, Problem, Reason
from devices.dialects import native
from devices.facts import event, other

ITEM_LIMIT = 200
_GESTURES = {
    "single_push": "single",
    "single_press": "single",
    "press": "single",
    "push": "single",
    "s": "single",
    "double_push": "double",
    "double_press": "double",
    "ss": "double",
    "triple_push": "triple",
    "triple_press": "triple",
    "sss": "triple",
    "long_push": "long",
    "long_press": "long",
    "l": "long",
    "hold_push": "hold",
    "hold_press": "hold",
    "long_double_push": "other",
    "long_double_press": "other",
    "long_triple_push": "other",
    "long_triple_press": "other",
    "sl": "other",
    "ls": "other",
}


def content(message: Message) -> Any:
    """The payload as JSON; None where it is none."""
    try:
        return orjson.loads(message.payload)
    except orjson.JSONDecodeError:
        return None


def text(message: Message) -> str:
    """The payload as one short word."""
    return message.payload[:64].decode("utf-8", "replace").strip()


def name(stated: Any) -> str:
    """A name or a number as text; empty for everything else, which may be nested without end."""
    return str(stated)[:200] if isinstance(stated, str | int | float) else ""


def unreadable(address: str, message: Message, expected: str) -> Decoded:
    """A payload of another shape; a call for help that can be told from it is kept."""
    is_json = content(message) is not None
    problem = Problem(Reason.WRONG_SHAPE if is_json else Reason.NOT_JSON, f"expected {expected}")
    return Decoded(device_id=address, facts=tuple(native.cries(message.payload)), problems=(problem,))


def strength(stated: Any) -> int | float | None:
    """How well a device is heard, in dBm; 0 is no measurement."""
    value = number(stated.get("rssi")) if isinstance(stated, dict) else None
    return value if value is not None and value < 0 else None


def signal_of(params: Mapping[str, Any], facts: Iterable[Fact]) -> int | float | None:
    """Of the one device that a frame is about: by its Wi-Fi, or behind a gateway by its radio. Of several, of none."""
    addresses = {fact.sub_device for fact in facts} or {""}
    if addresses == {""}:
        return strength(params.get("wifi"))
    parts = [status for component, status in params.items() if component.startswith("bthomedevice:")]
    events = params.get("events")
    for one in events[:ITEM_LIMIT] if isinstance(events, list) else ():
        parts += [one.get("data")] if isinstance(one, dict) else []
    return strength(parts[0]) if len(addresses) == len(parts) == 1 else None


def pressed(stated: Any, **about: Any) -> Fact | None:
    """The press that a word names; `btn_down` and `btn_up` are its edges, kept for bindings; None for other words."""
    said = word(stated)
    if said in ("btn_down", "btn_up"):
        return other(said, **about)
    gesture = _GESTURES.get(said)
    return None if gesture is None else event(Kind.BUTTON, gesture, **about)
