"""Sparkplug B: `spBv1.0/{group}/{type}/{node}[/{device}]`. Addresses are `group/node` and `group/node/device`.

A birth says what lives and names its metrics; data may say their aliases only. A death counts only for the birth whose
`bdSeq` it carries: the will of an older connection may come after the node has been born again.

A node whose aliases are unknown (ingest began after its birth), that was not born here, or of which something was missed is
asked to be born again. What is true under an alias that nobody has named is no call: it may be a door or a motor. It is kept,
and is one if the birth says so. In a birth a value is a state: a call that was not told yet is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson
from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import moment, word
from devices.dialect import PAYLOAD_LIMIT, Ask, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import native
from devices.dialects.sparkplug_aliases import CALLING, is_unknown, kept_unread, named, read_at_last, taught_by
from devices.dialects.sparkplug_metrics import is_call, meaning_of, pressed, stated, without_doubted_ends
from devices.dialects.sparkplug_payload import Metric, Payload, read_payload, rebirth
from devices.dialects.thing_identity import told_apart
from devices.dialects.thing_model import Words
from devices.facts import alive, level, level_of, other
from devices.products import Meaning

NAME = "sparkplug"
ROOT = ""
FILTERS: tuple[str, ...] = ("spBv1.0/#",)
_BDSEQ = "bdseq"
_SEQ_SIZE = 256
_LATE = timedelta(seconds=10)
# How often a node may be asked for its birth: while it cannot be understood, and while only something was missed.
_ASK_AGAIN, _ASK_AGAIN_NAMED = timedelta(seconds=10), timedelta(minutes=1)
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
    if kind == "NDEATH":
        return _death(payload, sender, life)
    spoken = _spoken(message, payload, kind, sender, known)
    gap, seq = _gap(payload, kind, life, message.received_at)
    life |= {"seq": seq, "heard": message.received_at.isoformat()} if seq is not None else {}
    if kind == "NBIRTH":
        life |= {"bdSeq": _bdseq(payload), "is_born": True}
    asks = _asks(message, payload, node, life, _wait(spoken, bool(gap), kind, sender, life, known))
    return Decoded(
        device_id=sender,
        facts=(*spoken.facts, *gap),
        problems=tuple(spoken.problems),
        lessons=(*spoken.lessons, Lesson(_life(node), life)),
        asks=asks,
        is_gateway=is_node,
    )


@dataclass(slots=True)
class _Spoken:
    """What a message states and teaches. `is_blind`: a part of it could not be named."""

    facts: list[Fact] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    is_blind: bool = False


def _spoken(message: Message, payload: Payload, kind: str, sender: str, known: Known) -> _Spoken:
    if kind == "DDEATH":
        return _Spoken([level(Kind.AVAILABILITY, False)])
    words = Words(mapping=known.product(f"{NAME}/{sender.partition('/')[0]}"))
    if kind.endswith("BIRTH"):
        return _born(message, payload, sender, words, known.lesson(_unread(sender)))
    return _said(message, payload, sender, words, known)


def _wait(
    spoken: _Spoken, has_gap: bool, kind: str, sender: str, life: Mapping[str, JsonValue], known: Known
) -> timedelta | None:
    """After how long a node that was asked may be asked for its birth again; None where there is nothing to ask for."""
    if spoken.is_blind:
        return _ASK_AGAIN
    is_unborn = kind.endswith("DATA") and (not life.get("is_born") or known.lesson(_aliases(sender)) is None)
    return _ASK_AGAIN_NAMED if has_gap or is_unborn else None


def _asks(
    message: Message, payload: Payload, node: str, life: dict[str, JsonValue], wait: timedelta | None
) -> tuple[Ask, ...]:
    """The command that has a node be born again; `life` remembers when. What the broker kept may be of a node long gone."""
    at, before = message.received_at, moment(life.get("asked"))
    if wait is None or message.retained or (before is not None and abs(at - before) < wait):
        return ()
    life["asked"] = at.isoformat()
    group, name = node.split("/")
    at_ms = max(0, int(at.timestamp() * 1000))
    return (Ask(f"spBv1.0/{group}/NCMD/{name}", rebirth(at_ms, is_json=payload.is_json)),)


def _life(node: str) -> str:
    return f"{NAME}/{node}"


def _aliases(sender: str) -> str:
    return f"{NAME}/{sender}/aliases"


def _unread(sender: str) -> str:
    return f"{NAME}/{sender}/unread"


def _death(payload: Payload, sender: str, life: Mapping[str, JsonValue]) -> Decoded:
    born, died = life.get("bdSeq"), _bdseq(payload)
    if born is not None and died is not None and born != died:
        late = other(died, channel="bdSeq", note="the will of an older connection: the node has been born again since")
        return Decoded(device_id=sender, facts=(late,), is_gateway=True)
    return Decoded(device_id=sender, facts=(level(Kind.AVAILABILITY, False),), is_gateway=True)


def _bdseq(payload: Payload) -> int | None:
    found = next((one.value for one in payload.metrics if one.name.casefold() == _BDSEQ), None)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _gap(payload: Payload, kind: str, life: Mapping[str, JsonValue], at: datetime) -> tuple[list[Fact], int | None]:
    """What is missing between the message before and this one, and the number to go on from."""
    before, seq = life.get("seq"), payload.seq
    if seq is None or not 0 <= seq < _SEQ_SIZE:
        return [], None
    if kind == "NBIRTH" or not isinstance(before, int):
        return [], seq
    missing = (seq - before - 1) % _SEQ_SIZE
    heard_at = moment(life.get("heard"))
    may_be_late = heard_at is None or abs(at - heard_at) < _LATE
    # Half a round ahead is a late one, and no gap, unless nothing was heard for long: another process may have heard it.
    if missing == 0 or (missing >= _SEQ_SIZE // 2 and may_be_late):
        return [], seq if missing == 0 else before
    return [other(missing, channel="seq", note="so many messages of this node were missed")], seq


def _born(
    message: Message, payload: Payload, sender: str, words: Words, unread: Mapping[str, JsonValue] | None
) -> _Spoken:
    """What a birth states and teaches, and the calls that were said under its aliases before anybody knew them."""
    metrics = [one for one in payload.metrics if one.name]
    facts = stated([one for one in metrics if _stands(one, meaning_of(one.name, words))], payload, words, message)
    taught = taught_by(payload.metrics, lambda name: meaning_of(name, words))
    spoken = _Spoken([level(Kind.AVAILABILITY, True)], [Lesson(_aliases(sender), taught)])
    if not message.retained:
        spoken.facts += _late_calls(message, taught, words, unread)
        spoken.lessons.append(Lesson(_unread(sender), None))
    # A birth tells how things stand: what a device goes on saying is no second call.
    spoken.facts += [replace(fact, is_level=True) if fact.kind in CALLING else fact for fact in facts]
    if taught["is_cut"]:
        spoken.problems.append(Problem(Reason.TOO_LARGE, "more metrics with an alias than are kept"))
    return spoken


def _stands(metric: Metric, meant: Meaning | None) -> bool:
    """Whether it tells of now. A button keeps the word of its last press: only one that is down is pressed."""
    return meant is not None and (meant.kind != Kind.BUTTON or isinstance(metric.value, bool))


def _late_calls(
    message: Message, taught: Mapping[str, JsonValue], words: Words, unread: Mapping[str, JsonValue] | None
) -> list[Fact]:
    found: list[Fact] = []
    for metric, payload in read_at_last(unread, message.received_at):
        known = named(metric, taught)
        if known.name:
            found += [fact for fact in pressed([known], payload, words, message) if is_call(fact)]
    return found


def _said(message: Message, payload: Payload, sender: str, words: Words, known: Known) -> _Spoken:
    """What data state, as far as births have named their aliases."""
    taught = known.lesson(_aliases(sender))
    spoken = _Spoken()
    unknown = [one for one in payload.metrics if is_unknown(one, taught)]
    if unknown:
        kept = kept_unread(unknown, payload, message.received_at, known.lesson(_unread(sender)))
        spoken.lessons.append(Lesson(_unread(sender), kept))
        detail = f"alias {unknown[0].alias} without a birth that names it: the node is asked for a rebirth"
        spoken.problems.append(Problem(Reason.WRONG_SHAPE, detail))
        spoken.is_blind = True
    metrics = [named(one, taught) for one in payload.metrics]
    if any(not one.name and one.alias is None for one in metrics):
        spoken.problems.append(Problem(Reason.WRONG_SHAPE, "a metric with neither a name nor an alias"))
    told = [one for one in metrics if one.name and meaning_of(one.name, words) is not None]
    key = f"{NAME}/{sender}/doubted"
    before = known.lesson(key)
    believed, doubted = without_doubted_ends(pressed(told, payload, words, message), before)
    if doubted != (before or {}):
        spoken.lessons.append(Lesson(key, doubted or None))
    facts, lessons = told_apart(believed, message, known, f"{NAME}/{sender}/calls")
    spoken.facts = facts or [alive()]
    spoken.lessons += lessons
    return spoken
