"""What makes a call the copy of an earlier one, for thing models and Sparkplug: the message's id with the sender's own time.

Some firmwares send one id for ever, and some clocks are set once and never go on. So the same id with the same time is a copy
for a short while only; and no longer once the sender has shown that it says two things under them. It may have a few of them
in turns, one for the call and one for its end. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import moment
from devices.dialect import Fact, Known, Lesson, Message

# A broker or a device that repeats what was not acknowledged does it soon after.
COPIED = timedelta(seconds=30)
# Under an id or a time that may be that of every message.
COPIED_AT_ONCE = timedelta(seconds=3)
_KEPT = 64
# Of a place, so many ids.
_IDS_KEPT = 4
_CALLS = URGENT_KINDS | {Kind.BUTTON}
# A binding may make a call of these.
_GESTURES = frozenset({Kind.CONTACT, Kind.MOTION, Kind.PRESENCE, Kind.VIBRATION, Kind.OTHER})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """What was said last of a place under an id and a time, and the id under which that counts."""

    message_id: str
    stated_at: str
    value: str
    at: datetime
    counts_as: str
    is_worn: bool


def told_apart(facts: Iterable[Fact], message: Message, known: Known, key: str) -> tuple[list[Fact], list[Lesson]]:
    """The facts, each call with an id that only its copies share; and what to remember under `key`."""
    lore = dict(known.lesson(key) or {})
    found: list[Fact] = []
    is_new = False
    for fact in facts:
        if not _may_call(fact):
            found.append(fact)
            continue
        place = f"{fact.kind}|{fact.sub_device}|{fact.channel}"
        is_full = len(lore) >= _KEPT and place not in lore
        said = _all_read(lore.pop(place, None))
        before = next(
            (one for one in said if (one.message_id, one.stated_at) == (fact.message_id, fact.stated_at)), None
        )
        now = _counted(fact, message, before, is_full=is_full)
        kept_ids = [*(one for one in said if one is not before), now][-_IDS_KEPT:]
        lore[place] = [_written(one) for one in kept_ids]
        found.append(replace(fact, message_id=now.counts_as))
        is_new = True
    # Where there are too many, calls are kept.
    kept = dict(sorted(lore.items(), key=lambda one: one[0].partition("|")[0] in _CALLS)[-_KEPT:])
    return found, [Lesson(key, kept)] if is_new else []


def _may_call(fact: Fact) -> bool:
    """Whether it is a call or may be bound to be one, and has an id that could swallow the next. A measure is none."""
    if not fact.message_id or fact.is_history:
        return False
    is_switch = fact.kind in _GESTURES and (isinstance(fact.value, str) or fact.value in (0, 1))
    return fact.kind in _CALLS or is_switch


def _counted(fact: Fact, message: Message, before: _Before | None, *, is_full: bool) -> _Before:
    """`is_full`: who says so much that the place may have been forgotten gets no id that could swallow a later call."""
    now = _Before(
        message_id=fact.message_id,
        stated_at=fact.stated_at,
        value=repr(fact.value),
        at=message.received_at,
        counts_as=fact.message_id,
        is_worn=False,
    )
    if before is None:
        soon = int(now.at.timestamp()) // int(COPIED_AT_ONCE.total_seconds())
        return replace(now, counts_as=f"{now.message_id} of {soon}") if is_full else now
    copied = COPIED_AT_ONCE if before.is_worn else COPIED
    if before.value == now.value and timedelta(0) <= now.at - before.at <= copied:
        return before
    return replace(now, is_worn=True, counts_as=f"{now.message_id} {fact.value} of {now.at.isoformat()}")


def _written(one: _Before) -> dict[str, JsonValue]:
    return {
        "id": one.message_id,
        "stated": one.stated_at,
        "value": one.value,
        "at": one.at.isoformat(),
        "as": one.counts_as,
        "worn": one.is_worn,
    }


def _all_read(stated: JsonValue) -> list[_Before]:
    listed = stated if isinstance(stated, list) else []
    return [one for one in map(_read, listed) if one is not None]


def _read(stated: JsonValue) -> _Before | None:
    at = moment(stated.get("at")) if isinstance(stated, dict) else None
    if at is None or not isinstance(stated, dict):
        return None
    return _Before(
        message_id=str(stated.get("id")),
        stated_at=str(stated.get("stated")),
        value=str(stated.get("value")),
        at=at,
        counts_as=str(stated.get("as")),
        is_worn=stated.get("worn") is True,
    )
