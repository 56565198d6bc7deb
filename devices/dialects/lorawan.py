"""What an uplink of a LoRaWAN device states, whichever network server brought it. Pure.

The vendors' words are tables (`lorawan_*`): adding a model is adding rows. Here they are put together: which tables know the
frame, what of it goes on, and whether the frame was heard before.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

import orjson
from pydantic import JsonValue

from carebell.ids import computed
from carebell.types import Kind
from devices.coercion import moment, number
from devices.dialect import PAYLOAD_LIMIT, Decoded, Fact, Known, Lesson, Message, Problem, Reason
from devices.dialects import (
    lorawan_detectors,
    lorawan_dragino,
    lorawan_milesight,
    lorawan_netvox,
    lorawan_others,
    lorawan_rooms,
    lorawan_sensecap,
    lorawan_worn,
    native,
)
from devices.dialects.lorawan_common import cayenne_facts, common_facts, is_read, unread
from devices.dialects.lorawan_rows import AT_REST, RAISED, FieldMap, Frame, at, items
from devices.facts import alive, with_test

MAPS: tuple[FieldMap, ...] = (
    lorawan_netvox.MAP,
    lorawan_milesight.MAP,
    lorawan_dragino.MAP,
    lorawan_sensecap.MAP,
    *lorawan_worn.MAPS,
    *lorawan_detectors.MAPS,
    *lorawan_rooms.MAPS,
    *lorawan_others.MAPS,
)
ID_LIMIT = 200
_KEY_LIMIT, _HISTORY_LIMIT, _OTHER_LIMIT, _NAME_LIMIT, _DEPTH = 500, 50, 16, 500, 3
_GATEWAYS = 20
# Codecs that wrap what they decoded once more.
_WRAPPERS = frozenset(
    {"data", "decoded", "decoded_data", "decodedData", "output", "object", "payload", "result", "bytes"}
)
_NOT_NAMES = re.compile(r"[^a-z0-9]+")
# A frame that is sent again because its confirmation was lost carries the number of the first.
RETRIED_WITHIN = timedelta(minutes=2)
# Without a number, and without a time of the server that can be believed, only the time between them tells a copy.
COPIED_WITHIN = timedelta(seconds=10)
# A report that a call still goes on is the same call for so long, unless it rested in between.
_TOLD_FOR = timedelta(hours=12)
_CLOCKS_AGREE = timedelta(days=1)
_OFF: tuple[JsonValue, ...] = (False, "cleared", "closed", "vacant", "offline")
_CALLS = frozenset({Kind.SOS, Kind.FALL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """An uplink as network servers agree on it.

    `identity`: what the server itself tells one uplink from the next by; empty where it gives nothing. `session` and
    `counter`: the device's address in the radio network and the number of the frame; a missing number is 0 and no identity.
    `receptions`: by which gateways, and how well.
    """

    address: str
    values: Mapping[str, JsonValue]
    names: str = ""
    port: int | None = None
    identity: str = ""
    session: str = ""
    counter: int = 0
    stated_at: JsonValue = None
    receptions: JsonValue = None


def names_of(*texts: JsonValue) -> str:
    """Vendor, model and other names as one text in small letters, words parted by one blank."""
    joined = " ".join(text[:_NAME_LIMIT] for text in texts if isinstance(text, str))
    return _NOT_NAMES.sub(" ", joined.casefold()).strip()


def parsed(message: Message) -> tuple[dict[str, JsonValue], Decoded]:
    """The body of a message; empty, with what can be told all the same, where it is no JSON object."""
    payload = message.payload
    if len(payload) > PAYLOAD_LIMIT:
        return {}, _unreadable(payload, Reason.TOO_LARGE, f"{len(payload)} bytes; the limit is {PAYLOAD_LIMIT}")
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return {}, _unreadable(payload, Reason.NOT_JSON, f"not JSON: {error}")
    if not isinstance(body, dict):
        return {}, _unreadable(payload, Reason.WRONG_SHAPE, "expected a JSON object")
    return body, Decoded()


def _unreadable(payload: bytes, reason: Reason, detail: str) -> Decoded:
    return Decoded(facts=tuple(native.cries(payload)), problems=(Problem(reason, detail),))


def section(body: Mapping[str, JsonValue], path: str) -> Mapping[str, JsonValue]:
    """An object inside the body; empty where there is none."""
    found = at(body, path)
    return found if isinstance(found, dict) else {}


def decoded_of(uplink: Uplink, message: Message, known: Known) -> Decoded:
    """Everything an uplink states, at least that its device lives."""
    frame = Frame(_unwrapped(uplink.values), uplink.names, uplink.port)
    facts = with_test(_facts(frame))
    message_id, frame_lesson = _message_id(uplink, facts, message, known)
    settled, lessons = _settled(facts, uplink.address, bool(message_id), message, known)
    settled += _history(frame)
    if all(fact.kind == Kind.OTHER or fact.is_history for fact in settled):
        settled.append(alive())
    observed_at = observed(uplink.stated_at, message)
    dated = [replace(one, message_id=message_id, observed_at=one.observed_at or observed_at) for one in settled]
    lessons_of_all = (*frame_lesson, *lessons)
    return Decoded(
        device_id=uplink.address, facts=tuple(dated), lessons=lessons_of_all, signal=_best(uplink.receptions)
    )


def _best(receptions: JsonValue) -> int | float | None:
    """The strongest reception of a frame by a gateway, in dBm."""
    heard = receptions[:_GATEWAYS] if isinstance(receptions, list) else []
    levels = [number(one.get("rssi")) for one in heard if isinstance(one, dict)]
    return max((one for one in levels if one is not None), default=None)


def observed(stated: JsonValue, message: Message) -> datetime | None:
    """The server's time of an uplink; None where it cannot be that of this message, as with a gateway whose clock is wrong."""
    said = moment(stated)
    return said if said is not None and abs(message.received_at - said) <= _CLOCKS_AGREE else None


def _unwrapped(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    found = dict(islice(values.items(), _KEY_LIMIT))
    inner = [found]
    for _ in range(_DEPTH):
        inner = [one for outer in inner for key, one in outer.items() if key in _WRAPPERS and isinstance(one, dict)]
        for one in inner:
            found = {**dict(islice(one.items(), _KEY_LIMIT)), **found}
    return found


def _facts(frame: Frame) -> list[Fact]:
    maps = [one for one in MAPS if one.named.search(frame.names) or one.tells(frame.values)]
    if any(one.silences(frame) for one in maps):
        return []
    facts: list[Fact] = []
    for one in maps:
        facts += _of_map(one, frame)
    left = {key: stated for key, stated in frame.values.items() if not any(is_read(one, key, stated) for one in maps)}
    facts += common_facts(left)
    facts += [] if maps else cayenne_facts(left)
    return _strongest(facts) + ([] if maps else list(islice(unread(left), _OTHER_LIMIT)))


def _of_map(one: FieldMap, frame: Frame) -> Iterable[Fact]:
    for path, read in one.rows.items():
        stated = at(frame.values, path) if "." in path else frame.values.get(path)
        if stated is not None:
            yield from read(stated)
    for of_frame in one.frames:
        yield from of_frame(frame)


def _strongest(facts: Iterable[Fact]) -> list[Fact]:
    """One fact of a kind and channel: what happened before what is, what is before what rests."""
    kept: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        about = (fact.kind, fact.channel)
        if about not in kept or _strength(fact) > _strength(kept[about]):
            kept[about] = fact
    return list(kept.values())


def _strength(fact: Fact) -> int:
    if fact.note == AT_REST:
        return 0
    return (1 if fact.is_level else 3) + (fact.value not in _OFF)


def _history(frame: Frame) -> list[Fact]:
    """Records that the device sends again: past, with times of their own."""
    past: list[Fact] = []
    for record in items(frame.values.get("history"))[:_HISTORY_LIMIT]:
        stated = record.get("timestamp", record.get("time"))
        for fact in _facts(replace(frame, values=record)):
            if fact.note != AT_REST and fact.kind != Kind.OTHER:
                when = "" if isinstance(stated, dict | list) else str(stated)[:64]
                past.append(replace(fact, is_history=True, observed_at=moment(stated), stated_at=when, note=""))
    return past


def _message_id(
    uplink: Uplink, facts: Iterable[Fact], message: Message, known: Known
) -> tuple[str, tuple[Lesson, ...]]:
    """The identity of the frame. What it says is part of it: a server that gives every uplink the same id swallows no press.

    A frame heard again within minutes under the number of the first keeps the first one's identity; later the number may
    have begun anew, and it is a new frame. A frame without a number whose id may be that of every other is a copy for
    seconds only.
    """
    said = [part for fact in facts for part in (fact.kind, fact.channel, fact.value, fact.note)]
    own = computed("uplink", uplink.address, uplink.session, uplink.counter, uplink.identity, *said)
    span, key = RETRIED_WITHIN, _frame_key(uplink.address)
    held = known.lesson(key) or {}
    is_over = held and any(fact.note == AT_REST and fact.kind in _CALLS for fact in facts)
    rested = (Lesson(key, None),) if is_over else ()
    if uplink.counter <= 0:
        at = observed(uplink.stated_at, message)
        if uplink.identity and at is not None:
            return own, ()
        if not uplink.identity and not any(map(_is_call, facts)):
            return "", rested
        own, span = computed(own, (at or message.received_at).isoformat()), COPIED_WITHIN
    frame = computed(uplink.session, uplink.counter, uplink.identity if uplink.counter <= 0 else "", *said)
    first = held.get("id")
    if held.get("frame") == frame and isinstance(first, str) and _is_near(held.get("at"), message, span):
        # Without a number it may be sent many times, each soon after the one before.
        return first, () if span == RETRIED_WITHIN else (Lesson(key, {**held, "at": message.received_at.isoformat()}),)
    if not any(fact.kind == Kind.BUTTON or _is_call(fact) for fact in facts):
        return own, rested
    return own, (Lesson(key, {"frame": frame, "id": own, "at": message.received_at.isoformat()}),)


def _frame_key(address: str) -> str:
    return f"lorawan frame {address}"


def _is_call(fact: Fact) -> bool:
    return fact.kind in _CALLS and fact.note != AT_REST


def _is_near(stated: JsonValue, message: Message, span: timedelta) -> bool:
    said = moment(stated)
    return said is not None and abs(message.received_at - said) <= span


def _settled(
    facts: Iterable[Fact], address: str, has_identity: bool, message: Message, known: Known
) -> tuple[list[Fact], list[Lesson]]:
    """What is told of what goes on and of what rests.

    A call in a frame with an identity is news each time. Without one nothing tells a repeat from a second press, and it is a
    state. That something rests is told once, after it was raised.
    """
    settled: list[Fact] = []
    lessons: list[Lesson] = []
    for fact in facts:
        if fact.note not in (AT_REST, RAISED) and not _is_call(fact):
            settled.append(fact)
            continue
        key = held_key(address, fact.kind, fact.channel)
        held = known.lesson(key)
        if fact.value in _OFF:
            if held is not None or fact.note != AT_REST:
                settled.append(replace(fact, note=""))
                lessons.append(Lesson(key, None))
            continue
        is_event = not fact.is_level and has_identity
        if (
            not is_event
            and held is not None
            and held.get("by") == "event"
            and _is_near(held.get("at"), message, _TOLD_FOR)
        ):
            continue
        lessons.append(Lesson(key, {"by": "event" if is_event else "state", "at": message.received_at.isoformat()}))
        settled.append(replace(fact, is_level=not is_event, note=""))
    return settled, lessons


def held_key(address: str, kind: str, channel: str = "") -> str:
    """Under what it is kept that something goes on at a device."""
    return f"lorawan {kind} {channel} {address}"


def released(address: str, known: Known) -> Decoded:
    """After a join: what went on before is over as far as anybody can tell, so that the next call is news."""
    keys = [held_key(address, kind) for kind in sorted(_CALLS)]
    lessons = tuple(Lesson(key, None) for key in (*keys, _frame_key(address)) if known.lesson(key) is not None)
    cleared = tuple(
        Fact(kind=kind, value="cleared", is_level=True)
        for kind in sorted(_CALLS)
        if known.lesson(held_key(address, kind)) is not None
    )
    return Decoded(device_id=address, facts=(*cleared, alive()), lessons=lessons)
