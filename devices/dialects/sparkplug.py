"""Sparkplug B: `spBv1.0/{group}/{type}/{node}[/{device}]`. Addresses are `group/node` and `group/node/device`.

A birth says what lives and names its metrics; data may say their aliases only. A death counts only for the birth whose
`bdSeq` it carries: the will of an older connection may come after the node has been born again.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import native
from devices.dialects.sparkplug_payload import Metric, Payload, read_payload, signed
from devices.dialects.thing_items import Item
from devices.dialects.thing_model import Words, facts_of
from devices.facts import alive, level, level_of, other
from devices.products import meaning_in

NAME = "sparkplug"
ROOT = ""
FILTERS: tuple[str, ...] = ("spBv1.0/#",)
_BDSEQ = "bdseq"
_SEQ_SIZE = 256
_ALIASES_KEPT = 64
_COMMANDS = ("NCMD", "DCMD")
_TYPES = {"NBIRTH": 4, "NDATA": 4, "NDEATH": 4, "DBIRTH": 5, "DDATA": 5, "DDEATH": 5}


def matches(topic: str) -> bool:
    """Whether a documented topic can be of this ecosystem."""
    return topic.startswith("spBv1.0/")


def decode(message: Message, known: Known) -> Decoded:
    """Everything the message says; never raises."""
    parts = message.topic.split("/")
    if len(parts) == 3 and parts[1] == "STATE":
        return _state(message, parts[2])
    kind = parts[2] if len(parts) > 3 else ""
    if parts[0] != "spBv1.0" or (kind not in _COMMANDS and len(parts) != _TYPES.get(kind)):
        expected = "expected spBv1.0/GROUP/TYPE/NODE or …/NODE/DEVICE"
        return Decoded(problems=(Problem(Reason.UNKNOWN_TOPIC, expected),))
    if kind in _COMMANDS:
        return Decoded()
    if not all(parts):
        return Decoded(problems=(Problem(Reason.BAD_ADDRESS, "the topic names no group, no node or no device"),))
    return _of_node(message, kind, "/".join((parts[1], *parts[3:])), known)


def _state(message: Message, host: str) -> Decoded:
    """Whether a host application lives; older ones say it in one word."""
    try:
        stated = orjson.loads(message.payload[:PAYLOAD_LIMIT])
    except orjson.JSONDecodeError:
        stated = word(message.payload[:16].decode("utf-8", "replace"))
    said = stated.get("online") if isinstance(stated, dict) else stated
    facts = level_of(Kind.AVAILABILITY, said)
    problems = [Problem(Reason.WRONG_SHAPE, 'expected {"online": true, "timestamp": …}')]
    is_plain = facts[0].kind == Kind.AVAILABILITY
    return Decoded(device_id=host, facts=tuple(facts if is_plain else ()), problems=tuple([] if is_plain else problems))


def _of_node(message: Message, kind: str, sender: str, known: Known) -> Decoded:
    is_node = kind.startswith("N")
    node = "/".join(sender.split("/")[:2])
    try:
        if len(message.payload) > PAYLOAD_LIMIT:
            raise ValueError(f"{len(message.payload)} bytes; the limit is {PAYLOAD_LIMIT}")
        payload = read_payload(message.payload)
    except ValueError as error:
        facts = native.cries(message.payload)
        if kind.endswith("DEATH"):
            # A will that cannot be read is a will: nobody but the broker sends it.
            facts = [*facts, level(Kind.AVAILABILITY, False)]
        problem = Problem(Reason.WRONG_SHAPE, str(error))
        return Decoded(device_id=sender, facts=tuple(facts), problems=(problem,), is_gateway=is_node)
    life = dict(known.lesson(_life(node)) or {})
    if kind.endswith("DEATH"):
        return _death(payload, sender, life, is_node=is_node)
    lived, lessons, problems = _spoken(message, payload, kind, sender, known)
    gap, seq = _gap(payload, kind, life)
    life |= {"seq": seq} if seq is not None else {}
    if kind == "NBIRTH":
        life["bdSeq"] = _bdseq(payload)
    lessons.append(Lesson(_life(node), life))
    return Decoded(
        device_id=sender,
        facts=(*lived, *gap),
        problems=tuple(problems),
        lessons=tuple(lessons),
        is_gateway=is_node,
    )


def _life(node: str) -> str:
    return f"{NAME}/{node}"


def _death(payload: Payload, sender: str, life: Mapping[str, JsonValue], *, is_node: bool) -> Decoded:
    if not is_node:
        return Decoded(device_id=sender, facts=(level(Kind.AVAILABILITY, False),))
    born, died = life.get("bdSeq"), _bdseq(payload)
    if born is not None and died is not None and born != died:
        late = other(died, channel="bdSeq", note="the will of an older connection: the node has been born again since")
        return Decoded(device_id=sender, facts=(late,), is_gateway=True)
    return Decoded(device_id=sender, facts=(level(Kind.AVAILABILITY, False),), is_gateway=True)


def _bdseq(payload: Payload) -> int | None:
    found = next((one.value for one in payload.metrics if one.name.casefold() == _BDSEQ), None)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _gap(payload: Payload, kind: str, life: Mapping[str, JsonValue]) -> tuple[list[Fact], int | None]:
    """What is missing between the message before and this one, and the number to go on from."""
    before, seq = life.get("seq"), payload.seq
    if seq is None or not 0 <= seq < _SEQ_SIZE:
        return [], None
    if kind == "NBIRTH" or not isinstance(before, int):
        return [], seq
    missing = (seq - before - 1) % _SEQ_SIZE
    # Half a round ahead is a late one, and no gap.
    if not 0 < missing < _SEQ_SIZE // 2:
        return [], seq if missing == 0 else before
    return [other(missing, channel="seq", note="so many messages of this node were missed")], seq


def _spoken(
    message: Message, payload: Payload, kind: str, sender: str, known: Known
) -> tuple[list[Fact], list[Lesson], list[Problem]]:
    """What the metrics of a birth or of data state, and what a birth teaches."""
    mapping = known.product(f"{NAME}/{sender.partition('/')[0]}")
    words, key, is_birth = Words(mapping=mapping), f"{NAME}/{sender}/aliases", kind.endswith("BIRTH")
    taught = known.lesson(key)
    metrics = [one if is_birth or one.name else _named(one, taught) for one in payload.metrics]
    told = [one for one in metrics if one.name and _means(one.name, words)]
    items = [_item(one, payload, words, is_press=not is_birth) for one in told if one.value is not None]
    message_id = "" if is_birth or payload.timestamp is None else f"{payload.seq}/{payload.timestamp}"
    facts = facts_of(items, lambda _: words, message, message_id=message_id) if items else []
    if is_birth:
        aliases: dict[str, JsonValue] = {
            str(one.alias): {"name": one.name, "datatype": one.datatype} for one in told if one.alias is not None
        }
        kept = dict(list(aliases.items())[:_ALIASES_KEPT])
        return [level(Kind.AVAILABILITY, True), *facts], [Lesson(key, {"aliases": kept})], []
    problems = []
    if taught is None and any(not one.name for one in metrics):
        problems.append(
            Problem(Reason.WRONG_SHAPE, "aliases without a birth that names them: ask the node for a rebirth")
        )
    return facts or [alive()], [], problems


def _named(metric: Metric, taught: Mapping[str, JsonValue] | None) -> Metric:
    """A metric under the name and type that its birth gave."""
    aliases: Any = taught.get("aliases") if taught else None
    found: Any = aliases.get(str(metric.alias)) if isinstance(aliases, dict) else None
    if not isinstance(found, dict):
        return metric
    return replace(metric, name=str(found.get("name")), datatype=metric.datatype or int(found.get("datatype") or 0))


def _means(name: str, words: Words) -> bool:
    return meaning_in(words.mapping, name) is not None or words.meaning(name.rpartition("/")[2]) is not None


def _item(metric: Metric, payload: Payload, words: Words, *, is_press: bool) -> Item:
    """A metric as thing models have it: the last part of its path says what it is, the rest where."""
    where, _, what = metric.name.rpartition("/")
    identifier = metric.name if meaning_in(words.mapping, metric.name) else what
    return Item(
        identifier=identifier,
        value=signed(metric.value, metric.datatype),
        stated_time=payload.timestamp if metric.timestamp is None else metric.timestamp,
        channel=where[:64],
        is_press=is_press,
        is_history=metric.is_history,
    )
