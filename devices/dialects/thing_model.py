"""What the items of thing models state: the mapping file of the product, else the words that are the same nearly everywhere.

Pure. What has no plain meaning is `other`, which alarms nobody.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import moment, number, word
from devices.dialect import Fact, Known, Message
from devices.dialects.thing_items import ID_LIMIT, ITEM_LIMIT, Item
from devices.dialects.thing_position import positions
from devices.dialects.thing_values import call, fallen, gesture, switched
from devices.dialects.thing_words import NO_WORD, meaning_of, parts_of
from devices.facts import alive, event, level, other, with_test
from devices.products import MEASURED, Meaning, meaning_in, plain_word
from devices.values import read_value, unit_of

# An id counts anew after a start, or stands with its time in an example that was copied into a firmware; and some clocks are
# set once and never go on.
_FRESH = timedelta(minutes=10)
# Without a time that can be believed, the same id tells a copy for so long.
_COPIED_S = 3
_FACT_LIMIT = 5000
# So many words without a meaning are enough to see what a product says.
_OTHERS = 100
_TYPES = frozenset({"type", "alarmtype", "eventtype", "alerttype", "warningtype", "alarmname", "eventname", "alarm"})
# They name a device too, where nothing says that an alarm is meant.
_TYPES_OF_ALARMS = frozenset({"type", "alarm"})
_OVER = re.compile(r"clear|cancel|restor|recover|dismiss|releas|reset", re.IGNORECASE)
_NO_ALARM = frozenset(
    {"test", "set", "setting", "settings", "config", "cfg", "mute", "silence", "enable", "disable", "history"}
)
_STATES = ("value", "state", "alarm", "alarmstate", "alarm_state")
_PRESSES = frozenset({Kind.SOS, Kind.FALL, Kind.BUTTON})
_CLEAR_ALONE = URGENT_KINDS | {Kind.BATTERY, Kind.BATTERY_LOW, Kind.VITAL}
# Happening is all that they say.
_HAPPEN = frozenset({Kind.MOTION, Kind.VIBRATION, Kind.TAMPER, Kind.BATTERY_LOW, Kind.SENSOR_FAULT, Kind.TEST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Where an identifier is looked up: the mapping file first, then the ecosystem's own words, then everybody's."""

    mapping: Mapping[str, JsonValue] | None = None
    own: Mapping[str, Meaning] = field(default_factory=dict)

    def meaning(self, identifier: str, *, is_event: bool = False) -> Meaning | None:
        mapped = meaning_in(self.mapping, identifier) or self.own.get(identifier)
        return mapped or meaning_of(identifier, is_event=is_event)

    def is_read(self, identifier: str) -> bool:
        """Whether the mapping file does not say that it is never read."""
        mapped = meaning_in(self.mapping, identifier)
        return mapped is None or mapped.kind != Kind.OTHER


def words_by(known: Known, key: Callable[[str], str], own: Mapping[str, Meaning]) -> Callable[[str], Words]:
    """The words of the sender (empty address) and of the devices that it speaks for."""
    return lambda sub_device: Words(mapping=known.product(key(sub_device)), own=own)


def facts_of(
    items: Iterable[Item],
    words: Callable[[str], Words],
    message: Message,
    *,
    message_id: str = "",
    is_known: bool = False,
) -> list[Fact]:
    """What the items state. `words` by sub-device; `is_known`: the registry knows the sender."""
    facts: list[Fact] = []
    looked: dict[str, Words] = {}
    listed = list(items)
    for item in listed:
        if item.sub_device not in looked:
            looked[item.sub_device] = words(item.sub_device)
        found = _facts_of(item, looked[item.sub_device], _about(item, message, message_id), is_known)
        # A call that came together with a later word is a call all the same.
        found = [replace(one, is_history=True) if item.is_earlier and _can_wait(one) else one for one in found]
        facts += [_known_by(one, message_id, message) for one in found if _has_room(one, len(facts))]
    facts += positions(item for item in listed if looked[item.sub_device].is_read(item.identifier))[:_OTHERS]
    return _tested(facts[:_FACT_LIMIT]) or [alive()]


def _has_room(fact: Fact, before: int) -> bool:
    """Whether a message with so many facts before it has room for another; for a call there is always."""
    return fact.kind in URGENT_KINDS or before < (_OTHERS if fact.kind == Kind.OTHER else ITEM_LIMIT)


def _tested(facts: Iterable[Fact]) -> list[Fact]:
    """A test marks the calls of its own device and place alone, never those of another behind the same gateway."""
    apart: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        apart.setdefault((fact.sub_device, fact.channel), []).append(fact)
    return [fact for together in apart.values() for fact in with_test(together)]


def _can_wait(fact: Fact) -> bool:
    return fact.kind not in URGENT_KINDS and fact.kind != Kind.BUTTON


def _about(item: Item, message: Message, message_id: str) -> dict[str, Any]:
    at = moment(item.stated_time)
    about: dict[str, Any] = {"sub_device": item.sub_device, "is_history": item.is_history, "observed_at": at}
    if message_id and at is not None and abs(message.received_at - at) <= _FRESH:
        about |= {"message_id": message_id[:ID_LIMIT], "stated_at": str(item.stated_time)[:ID_LIMIT]}
    return about


def _known_by(fact: Fact, message_id: str, message: Message) -> Fact:
    """A press under an id that may be that of every other: the same within seconds is its copy, later it is another."""
    if fact.message_id or not message_id or fact.is_level or fact.kind not in _PRESSES:
        return fact
    soon = int(message.received_at.timestamp()) // _COPIED_S
    return replace(fact, message_id=f"{message_id[:ID_LIMIT]} {fact.value} of {soon}")


def _facts_of(item: Item, words: Words, about: dict[str, Any], is_known: bool) -> list[Fact]:
    meaning = words.meaning(item.identifier, is_event=item.is_event)
    outputs = item.value if isinstance(item.value, dict) else {}
    if meaning is None:
        # Outputs of an event that nobody knows: its temperature may be that of a motor.
        inner = [fact for fact in _outputs(outputs, words, about) if fact.kind in _CLEAR_ALONE]
        said = {fact.kind for fact in inner}
        inner += [fact for fact in _of_type(item, about) if fact.kind not in said]
        # Somebody registered this device: its own alarm is at least a press, which a binding can give a meaning.
        if not inner and is_known and item.is_event and _is_alarm(item.identifier):
            return [event(Kind.BUTTON, "other", **{**about, "channel": item.identifier[:64]})]
        return inner or [other(item.value, **{**about, "channel": item.identifier[:64]})]
    about = {**about, "channel": meaning.channel or item.channel}
    found = _stated(meaning, item, _scalar(item), about)
    if not item.is_event:
        return found
    return found + [fact for fact in _outputs(outputs, words, about) if fact.kind not in (meaning.kind, Kind.OTHER)]


def _of_type(item: Item, about: dict[str, Any]) -> list[Fact]:
    """A call that an event names as its type, in words: `{"AlarmType": "SOS"}`. A number is the product's own."""
    if not item.is_event or not _NO_ALARM.isdisjoint(parts_of(item.identifier[:ID_LIMIT])):
        return []
    is_alarm = _is_alarm(item.identifier) or "event" in item.identifier.casefold()
    stated = item.value if isinstance(item.value, dict) else {"type": item.value}
    named = {name.casefold().replace("_", ""): value for name, value in stated.items()}
    facts: list[Fact] = []
    for text in (value for name, value in named.items() if name in (_TYPES if is_alarm else _TYPES - _TYPES_OF_ALARMS)):
        meaning = meaning_of(text, is_event=True) if isinstance(text, str) else None
        if meaning is not None and meaning.kind in URGENT_KINDS:
            state = False if _OVER.search(item.identifier) else _scalar(item) if isinstance(item.value, dict) else None
            facts += _stated(meaning, replace(item, identifier=str(text), value=None), state, about)
    return facts


def _is_alarm(identifier: str) -> bool:
    return any(part in identifier.casefold() for part in ("alarm", "alert", "warn", "call", "help"))


def _outputs(outputs: Mapping[str, JsonValue], words: Words, about: dict[str, Any]) -> list[Fact]:
    """What the outputs of an event state themselves."""
    facts: list[Fact] = []
    for name, value in list(outputs.items())[:ITEM_LIMIT]:
        meaning = words.meaning(name)
        if meaning is not None and not isinstance(value, dict | list):
            facts += _stated(meaning, Item(identifier=name, value=value, is_press=True), value, about)
    return facts


def _scalar(item: Item) -> JsonValue:
    """The value itself, or the one of an object that says the state."""
    if not isinstance(item.value, dict):
        return None if isinstance(item.value, list) else item.value
    named = {name.casefold(): value for name, value in item.value.items() if not isinstance(value, dict | list)}
    for name in (*_STATES, item.identifier.casefold()):
        if name in named:
            return named[name]
    # A status that is a number may be a code: 0 may as well mean that all went well.
    status = named.get("status")
    return status if isinstance(status, bool | str) else None


def _stated(meaning: Meaning, item: Item, value: JsonValue, about: dict[str, Any]) -> list[Fact]:
    if meaning.values and not (item.is_event and value is None and NO_WORD not in meaning.values):
        return _mapped(meaning, item, value, about)
    if meaning.kind in MEASURED:
        return _measured(meaning, value, about)
    if meaning.kind == Kind.BUTTON:
        pressed = gesture(value) or ("other" if item.is_event else None)
        return [event(Kind.BUTTON, pressed, **about)] if pressed else []
    if meaning.kind in (Kind.SOS, Kind.FALL):
        return _call(meaning, item, value, about)
    if meaning.kind in (Kind.OTHER, Kind.ARM, Kind.HEARTBEAT, Kind.DISCOVERY):
        return [other(value, **about)]
    is_on = switched(meaning, value)
    if is_on is None and item.is_event and (meaning.kind in URGENT_KINDS or meaning.kind in _HAPPEN):
        is_on = True
    return [other(value, **about)] if is_on is None else [_as(meaning, item, level(meaning.kind, is_on, **about))]


def _mapped(meaning: Meaning, item: Item, value: JsonValue, about: dict[str, Any]) -> list[Fact]:
    said = plain_word(value)
    if said not in meaning.values:
        return [other(value, **about)]
    fact = event(meaning.kind, meaning.values[said], **about)
    is_state = meaning.kind != Kind.BUTTON and meaning.kind != Kind.ARM and meaning.kind not in MEASURED
    return [_as(meaning, item, replace(fact, is_level=True)) if is_state else fact]


def _as(meaning: Meaning, item: Item, fact: Fact) -> Fact:
    """The state as an event where each message of it is news."""
    is_over = fact.value in ("cleared", False)
    is_news = item.is_event or (item.is_press and fact.kind in (Kind.SOS, Kind.FALL))
    if meaning.mode == "event" or (meaning.mode != "level" and is_news and not is_over):
        return replace(fact, is_level=False)
    return fact


def _call(meaning: Meaning, item: Item, value: JsonValue, about: dict[str, Any]) -> list[Fact]:
    stated: JsonValue
    if meaning.kind == Kind.SOS:
        is_call = call(value)
        if is_call is None and (item.is_event or (isinstance(item.value, dict | list) and item.value)):
            is_call = True
        stated = None if is_call is None else "active" if is_call else "cleared"
    else:
        stated = fallen(value) or ("detected" if item.is_event else None)
    if stated is None:
        return [other(value, **about)]
    return [_as(meaning, item, replace(event(meaning.kind, stated, **about), is_level=True))]


def _measured(meaning: Meaning, value: JsonValue, about: dict[str, Any]) -> list[Fact]:
    read = number(value)
    if read is None:
        if meaning.kind == Kind.BATTERY and word(value) in ("low", "middle", "medium", "high", "full"):
            return [level(Kind.BATTERY_LOW, word(value) == "low", **about)]
        return [other(value, **about)]
    scaled = read if meaning.factor == 1 else round(read * meaning.factor, 6)
    try:
        kept = read_value(meaning.kind, scaled)
    except ValueError:
        # Out of range: another unit, or another scale. Better nothing than a guess.
        return [other(value, **about)]
    return [Fact(kind=meaning.kind, value=kept, unit=meaning.unit or unit_of(meaning.kind), **about)]
