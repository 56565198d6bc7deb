"""The native dialect: `carebell/<home_id>/<device_id>/up`, one JSON object or a list of them.

A call for help is read however oddly it is formed: another case, no value, a list with broken neighbours, cut-off JSON.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Message, Problem, Reason
from devices.values import read_value, unit_of

NAME = "native"
ROOT = "carebell"
FILTERS: tuple[str, ...] = ()
# Where a Shelly answers whoever asked it under our name.
_ANSWERS = f"{ROOT}/rpc"
_KINDS = frozenset(Kind)
_ALSO_SOS = frozenset({"emergency", "panic"})
_CRY = re.compile(rb"""(?:kind|type|event)["'\\]*\s*[:=][\s\["'\\]*(?:sos|emergency|panic)\b""", re.IGNORECASE)
_NAMED = re.compile(rb"""["']id["']\s*:\s*["']([^"'\\]{1,200})["']""")
_BARE_CRY = frozenset({b"sos", b'"sos"', b"'sos'"})
_ID_LIMIT = 200
_ITEM_LIMIT = 1000
_SECONDS_UNTIL = 1e11
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def matches(topic: str) -> bool:
    """Whether a topic can be of this dialect."""
    return topic.startswith(f"{ROOT}/") and topic != _ANSWERS


def decode(message: Message, _known: Known | None = None) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/")
    if len(parts) != 4 or parts[0] != ROOT or parts[3] != "up":
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, f"expected {ROOT}/HOME/DEVICE/up"),))
    _, home_id, device_id, _ = parts
    if not _is_level(home_id) or not _is_level(device_id):
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no home or no device"),))
    facts, problems = _items(message)
    return Decoded(home_id=home_id, device_id=device_id, facts=tuple(facts), problems=tuple(problems))


def _is_level(text: str) -> bool:
    return 0 < len(text) <= _ID_LIMIT and text.isprintable() and not text.isspace()


def _items(message: Message) -> tuple[list[Fact], list[Problem]]:
    payload = message.payload
    if len(payload) > PAYLOAD_LIMIT:
        return cries(payload), [Problem(Reason.TOO_LARGE, f"{len(payload)} bytes; the limit is {PAYLOAD_LIMIT}")]
    try:
        parsed = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return cries(payload), [Problem(Reason.NOT_JSON, f"not JSON: {error}")]
    items = parsed if isinstance(parsed, list) else [parsed]
    if not items:
        return [], [Problem(Reason.WRONG_SHAPE, "an empty list states nothing")]
    facts: list[Fact] = []
    problems: list[Problem] = []
    for index, item in enumerate(items[:_ITEM_LIMIT]):
        where = f"item {index}: " if isinstance(parsed, list) else ""
        found, wrong = _item(item, where)
        facts += found
        problems += wrong
    if len(items) > _ITEM_LIMIT:
        facts += [fact for item in items[_ITEM_LIMIT:] for fact in _item(item, "")[0] if fact.kind in URGENT_KINDS]
        problems.append(Problem(Reason.TOO_LARGE, f"{len(items)} items; only {_ITEM_LIMIT} are read"))
    return facts, problems


def cries(payload: bytes) -> list[Fact]:
    """A call for help that can be told from bytes that cannot be read."""
    plain = payload[:PAYLOAD_LIMIT].replace(b"\0", b"")  # text in two bytes a letter is read too
    if plain.strip().lower() in _BARE_CRY or _CRY.search(plain):
        named = _NAMED.search(plain)
        # Without its id the device would never hear `received` for it, and repeat it for ever.
        message_id = named.group(1).decode("utf-8", "replace") if named else ""
        return [Fact(kind=Kind.SOS, value="active", message_id=message_id, note="told from an unreadable message")]
    return []


def _item(item: Any, where: str) -> tuple[list[Fact], list[Problem]]:
    if not isinstance(item, dict):
        found = cries(_as_bytes(item))
        return found, [] if found else [Problem(Reason.WRONG_SHAPE, f"{where}expected a JSON object")]
    kind, note = _kind(item)
    if kind is None:
        return [], [Problem(Reason.MISSING_KIND, f'{where}"kind" is missing or not a text')]
    observed_at, stated_at, doubt = _time(item.get("at"))
    plain = Fact(
        kind=kind,
        value=None,
        message_id=_message_id(item.get("id")),
        observed_at=observed_at,
        stated_at=stated_at,
        is_test=item.get("test") is True,
        note="; ".join(part for part in (note, doubt) if part),
    )
    facts: list[Fact] = []
    problems: list[Problem] = []
    stated = {kind: item.get("value")}
    if item.get("battery") is not None:
        stated.setdefault(Kind.BATTERY.value, item["battery"])
    for name, value in stated.items():
        try:
            facts.append(replace(plain, kind=name, value=read_value(name, value), unit=_unit(name, item)))
        except ValueError as error:
            problems.append(Problem(Reason.BAD_VALUE, f"{where}{name}: {error}"))
    return facts, problems


def _as_bytes(item: Any) -> bytes:
    """An item of another shape, to look for a call for help in it; empty where it is nested without end."""
    if isinstance(item, str):
        return item.encode("utf-8", "replace")
    try:
        return orjson.dumps(item)
    except orjson.JSONEncodeError:
        return b""


def _kind(item: dict[str, Any]) -> tuple[str | None, str]:
    """The kind in our words and a note where it was spelled in others; None where there is none."""
    stated = item.get("kind")
    if not isinstance(stated, str) or not stated.strip():
        is_cry = any(
            str(key).strip().casefold() == Kind.SOS and value not in (False, 0, None) for key, value in item.items()
        )
        is_cry = is_cry or bool(cries(_as_bytes(item)))
        return (Kind.SOS, "told from a message without a kind") if is_cry else (None, "")
    word = stated.strip().casefold()
    if word in _ALSO_SOS:
        return Kind.SOS, f"stated as {word}"
    return (Kind(word).value, "") if word in _KINDS else (Kind.OTHER, f"stated as {word[:64]}")


def _unit(kind: str, item: dict[str, Any]) -> str:
    stated = item.get("unit")
    return stated[:16] if kind == Kind.VITAL and isinstance(stated, str) else unit_of(kind)


def _message_id(stated: JsonValue) -> str:
    """The device's own id as text; empty where it gave none that can be used."""
    if isinstance(stated, bool) or not isinstance(stated, str | int | float):
        return ""
    return str(stated)[:_ID_LIMIT]


def _time(stated: JsonValue) -> tuple[datetime | None, str, str]:
    """When the device says it was, that as text (part of the identity), and a doubt where it cannot be used."""
    if stated is None:
        return None, "", ""
    text = type(stated).__name__ if isinstance(stated, dict | list) else str(stated)[:64]
    try:
        at = _moment(stated)
    except (ValueError, OverflowError, OSError):
        return None, text, "its time cannot be read"
    if not _EARLIEST <= at <= _LATEST:
        return None, text, "its time is out of range"
    return at, text, ""


def _moment(stated: JsonValue) -> datetime:
    if isinstance(stated, bool) or not isinstance(stated, int | float | str):
        raise ValueError("neither text nor number")
    if isinstance(stated, str):
        at = datetime.fromisoformat(stated.strip())
        if at.tzinfo is None:
            raise ValueError("without a time zone")
        return at.astimezone(UTC)
    seconds = float(stated) if abs(stated) < _SECONDS_UNTIL else float(stated) / 1000
    return datetime.fromtimestamp(seconds, UTC)
