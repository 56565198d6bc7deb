"""Messages as nobody means them: the examples with parts dropped, replaced, nested, doubled and cut. Seeded."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from devices.dialects.sparkplug_payload import PROTOBUF
from tests.support.examples import examples

_DEEP = 200
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, -1, 255, 65535, 2**31, 2**53 + 1, -(2**63), 2**64 - 1, 1e308, -1e-308, 0.1),
    *("", " ", "0", "1", "true", "FALSE", "on", "OFF", "alarm", "normal", "none", "null", "NaN", "inf", "-", "1e400"),
    *(
        "sos",
        "emergency",
        "fall",
        "open",
        "low",
        "0x1",
        "2026-01-15T00:00:00Z",
        "2026-99-99",
        "10000000000000000000000",
    ),
    *("\u0000", "\ud83d\ude00", "ſ", "İ", "١٢", "é" * 300, "x" * 5000),
    *([], {}, [[]], [None], [{}], {"": ""}, {"value": {}}, {"value": 1, "time": -1}, [1, "a", None, {"b": []}]),
)
_BYTES = (
    *(b"", b"{", b"}", b"[", b"null", b"nan", b"NaN", b"Infinity", b"-", b'"', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}"),
    *(b"[" * 2000 + b"]" * 2000, b'{"a":' * 900 + b"1" + b"}" * 900, b"1" * 5000, b"1e999", b'"\\ud800"', b"\x80" * 64),
)
_LEVELS = ("", "+", "#", "..", "é", "\u0000", "x" * 300, "set", "up", "state", "post", "tele", "0", "0x00", "$", " ")


@dataclass(frozen=True, slots=True)
class Input:
    """One message of a dialect."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Seedling:
    """What an input grows from: a documented topic and payload."""

    topic: str
    content: Any


@cache
def seedlings(dialect: str) -> tuple[Seedling, ...]:
    """The messages of the examples of a dialect, those before a row too."""
    rows = [row for row in examples() if row.dialect == dialect]
    said = [(row.topic, row.payload) for row in rows]
    said += [(one["topic"], one["payload"]) for row in rows for one in row.before]
    return tuple(Seedling(topic, content) for topic, content in said) or (
        Seedling("carebell/h1/d1/up", {"kind": "sos"}),
    )


@cache
def keys(dialect: str) -> tuple[str, ...]:
    """Every key in the payloads of a dialect's examples."""
    found: dict[str, None] = {}
    waiting = [one.content for one in seedlings(dialect)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found |= dict.fromkeys(str(key) for key in one)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return tuple(found) or ("kind",)


def grown(dialect: str, chance: random.Random) -> Input:
    """One input: an example that was changed, or one made of the dialect's keys alone."""
    seedling = chance.choice(seedlings(dialect))
    topic = seedling.topic if chance.random() < 0.8 else changed_topic(seedling.topic, chance)
    content = seedling.content
    if chance.random() < 0.15:
        content = scratch(keys(dialect), chance)
    elif isinstance(content, dict | list):
        content = orjson.loads(orjson.dumps(content))
        for _ in range(chance.choice((0, 1, 1, 2, 4))):
            content = change(content, chance, keys(dialect))
        if chance.random() < 0.002:
            content = swollen(content, chance)
    payload = _written(content)
    if dialect == "sparkplug" and chance.random() < 0.7:
        payload = _in_protobuf(content) or payload
    if chance.random() < 0.3:
        payload = changed_bytes(payload, chance)
    return Input(topic, payload, retained=chance.random() < 0.1)


def scratch(names: Sequence[str], chance: random.Random, depth: int = 0) -> Any:
    """An object of keys that the dialect knows, with anything in them."""
    if depth > 3 or chance.random() < 0.3:
        return _strange(chance)
    if chance.random() < 0.2:
        return [scratch(names, chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(names): scratch(names, chance, depth + 1) for _ in range(chance.randrange(1, 6))}


def _copied(content: Any) -> Any:
    """The content of its own; nothing where it is nested too deep to be copied."""
    if not isinstance(content, dict | list):
        return content
    try:
        return orjson.loads(orjson.dumps(content))
    except orjson.JSONEncodeError:
        return None


def _strange(chance: random.Random) -> Any:
    """A value of its own: what is put into a message may be changed there."""
    return _copied(chance.choice(_STRANGE))


def change(content: Any, chance: random.Random, names: Sequence[str]) -> Any:
    """The content with one part changed, somewhere inside."""
    if isinstance(content, dict) and content and chance.random() < 0.9:
        return _changed_object(content, chance, names)
    if isinstance(content, list) and content and chance.random() < 0.9:
        place = chance.randrange(len(content))
        content[place] = change(content[place], chance, names)
        return content
    return _other(content, chance)


def swollen(content: Any, chance: random.Random) -> Any:
    """The content very often; once in an input only, for twice would be no message any more."""
    if isinstance(content, dict) and content:
        key = chance.choice(list(content))
        return content | {f"{key}{number}": content[key] for number in range(chance.choice((30, 1500)))}
    return [content] * chance.choice((30, 1500))


def _changed_object(content: dict[str, Any], chance: random.Random, names: Sequence[str]) -> Any:
    key = chance.choice(list(content))
    sort = chance.randrange(8)
    if sort == 0:
        del content[key]
    elif sort == 1:
        content[chance.choice(names)] = _copied(content[key])
    elif sort == 2:
        content[chance.choice((key.upper(), key.lower(), key + "1", "", f"x{key}", key[:50] * 20))] = content.pop(key)
    elif sort == 3:
        content[chance.choice(names)] = _strange(chance)
    elif sort == 4:
        content = {**content, key + "2": _copied(content[key])}
    else:
        content[key] = change(content[key], chance, names)
    return content


def _other(content: Any, chance: random.Random) -> Any:
    sort = chance.randrange(6)
    if sort == 0:
        return {"value": content}
    if sort == 1:
        return [content]
    if sort == 2:
        deep: Any = content
        for _ in range(chance.choice((2, 20, _DEEP))):
            deep = [deep] if chance.random() < 0.5 else {"a": deep}
        return deep
    return _strange(chance)


def changed_topic(topic: str, chance: random.Random) -> str:
    """The topic with a level dropped, doubled, replaced, or put into a home."""
    levels = topic.split("/")
    place = chance.randrange(len(levels))
    sort = chance.randrange(5)
    if sort == 0:
        del levels[place]
    elif sort == 1:
        levels.insert(place, chance.choice((*levels, *_LEVELS)))
    elif sort == 2:
        levels = levels[: place + 1]
    else:
        levels[place] = chance.choice((*levels, *_LEVELS))
    return "/".join(levels)


def changed_bytes(payload: bytes, chance: random.Random) -> bytes:
    """The bytes cut, flipped, filled in, or others altogether."""
    sort = chance.randrange(6)
    place = chance.randrange(len(payload) + 1)
    if sort == 0:
        return payload[:place]
    if sort == 1:
        return payload[place:]
    if sort == 2:
        return payload[:place] + chance.choice(_BYTES) + payload[place:]
    if sort == 3:
        return payload[:place] + chance.randbytes(chance.choice((1, 2, 16))) + payload[place + 1 :]
    if sort == 4:
        return payload + payload
    return chance.choice((*_BYTES, chance.randbytes(chance.randrange(200))))


def _written(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode("utf-8", "surrogatepass")
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        return repr(content).encode("utf-8", "replace")


def _in_protobuf(content: Any) -> bytes | None:
    """A payload of Sparkplug from the JSON of an example; None where that is no payload."""
    metrics = content.get("metrics") if isinstance(content, dict) else None
    if not isinstance(metrics, list):
        return None
    payload = PROTOBUF(timestamp=1768435200000)
    if type(content.get("seq")) is int and 0 <= content["seq"] < 2**63:
        payload.seq = content["seq"]
    for one in metrics[:200]:
        if isinstance(one, dict):
            _add(payload.metrics.add(), one)
    written: bytes = payload.SerializeToString()
    return written


def _add(metric: Any, stated: dict[str, Any]) -> None:
    if isinstance(stated.get("name"), str):
        metric.name = stated["name"].encode("utf-8", "surrogatepass")
    if type(stated.get("alias")) is int and 0 <= stated["alias"] < 2**63:
        metric.alias = stated["alias"]
    value = stated.get("value")
    if isinstance(value, bool):
        metric.boolean_value = value
    elif isinstance(value, int):
        metric.long_value = value & (2**64 - 1)
    elif isinstance(value, float):
        metric.double_value = value
    elif isinstance(value, str):
        metric.string_value = value.encode("utf-8", "surrogatepass")
