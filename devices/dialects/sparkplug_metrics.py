"""Metrics of Sparkplug B as facts: what their names mean, in which unit they are measured, and whether that can be believed.

Pure. Quality and unit are properties of a metric; a publisher may state them in the birth only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact, Message
from devices.dialects.sparkplug_aliases import CALLING
from devices.dialects.sparkplug_payload import Metric, Payload, signed
from devices.dialects.thing_items import Item
from devices.dialects.thing_model import Words, facts_of
from devices.products import MEASURED, Meaning, meaning_in

_LASTING = frozenset({Kind.SOS, Kind.FALL, Kind.BUTTON})
DOUBTED_END = "of bad quality: whether it is over, nobody knows"
_PLACES_KEPT = 64
_OVER = ("cleared", "release", "off")
_SETTINGS = frozenset({"config", "configuration", "settings", "parameters", "node control", "device control"})
_OF_DANGER = frozenset({"alarm", "detected", "triggered", "tripped"})
# `Gas/Active` may be a boiler at work, `SOS/Active` is a call.
_OF_CALL = _OF_DANGER | {"active", "activated", "pressed", "state", "status", "value"}
_OF_MEASURE = frozenset({"value", "current", "actual", "reading", "pv"})
_SAYS_NO_MORE = _OF_CALL | _OF_MEASURE
_FAHRENHEIT = frozenset({"°f", "℉", "f", "degf", "deg f", "fahrenheit"})
_KELVIN = frozenset({"k", "°k", "degk", "kelvin"})
_VOLTS = {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 0.001, "millivolt": 0.001}


def meaning_of(name: str, words: Words) -> Meaning | None:
    """What a metric means by its name or a part of it; below a folder of settings nothing happens."""
    is_setting = not _SETTINGS.isdisjoint(word(name.rpartition("/")[0]).split("/"))
    return meaning_in(words.mapping, name) or (None if is_setting else words.meaning(_telling(name, words)))


def _telling(name: str, words: Words) -> str:
    """The part of a path that says what it is: the last, or the one before it where the last says only that it is so."""
    folders, _, last = name.rpartition("/")
    before = folders.rpartition("/")[2]
    if word(last) not in _SAYS_NO_MORE or words.meaning(last) is not None:
        return last
    meant = words.meaning(before)
    if meant is None:
        return last
    fitting = _OF_CALL if meant.kind in _LASTING else _OF_MEASURE if meant.kind in MEASURED else _OF_DANGER
    is_danger = meant.kind in (Kind.SMOKE, Kind.CO, Kind.GAS)
    return before if word(last) in fitting and (fitting is not _OF_DANGER or is_danger) else last


def is_call(fact: Fact) -> bool:
    """Whether a fact calls for help, and does not take a call back."""
    return fact.kind in CALLING and fact.value not in (False, *_OVER)


def pressed(metrics: Iterable[Metric], payload: Payload, words: Words, message: Message) -> list[Fact]:
    """What metrics in data state: a call is a press, and stands until the device takes it back."""
    facts = stated(metrics, payload, words, message, is_press=True)
    return [replace(fact, is_lasting=fact.kind in _LASTING and not fact.is_level) for fact in facts]


def stated(
    metrics: Iterable[Metric], payload: Payload, words: Words, message: Message, *, is_press: bool = False
) -> list[Fact]:
    """What metrics state. Of those that their publisher does not vouch for, only the calls."""
    told = [one for one in metrics if one.value is not None]
    message_id = f"{payload.seq}/{payload.timestamp}" if is_press and payload.timestamp is not None else ""
    found: list[Fact] = []
    for is_doubtful in (False, True):
        items = [_item(one, payload, words, is_press=is_press) for one in told if one.is_doubtful is is_doubtful]
        facts = facts_of(items, lambda _: words, message, message_id=message_id) if items else []
        facts += [fact for item in items for fact in _released(item, words)]
        found += _doubted(facts, is_press=is_press) if is_doubtful else facts
    return found


def _doubted(facts: Iterable[Fact], *, is_press: bool) -> list[Fact]:
    """A call is one all the same. That one is over is believed of no such value, but data may remember that it was said."""
    calls = [
        replace(fact, note="of bad quality" if is_call(fact) else DOUBTED_END) for fact in facts if fact.kind in CALLING
    ]
    return [fact for fact in calls if is_press or is_call(fact)]


def without_doubted_ends(
    facts: Iterable[Fact], doubted: Mapping[str, JsonValue] | None
) -> tuple[list[Fact], dict[str, JsonValue]]:
    """The facts, and the places of calls of which only a bad value said that they are over. The next call there is news, and
    no repeat of the one before."""
    places = dict(doubted or {})
    found: list[Fact] = []
    for fact in facts:
        place = f"{fact.kind}|{fact.channel}"
        if fact.note == DOUBTED_END:
            places[place] = True
            continue
        is_again = fact.kind in CALLING and places.pop(place, None) is not None
        found.append(replace(fact, is_level=False) if is_again and is_call(fact) else fact)
    return found, dict(list(places.items())[-_PLACES_KEPT:])


def _released(item: Item, words: Words) -> list[Fact]:
    """A button that is up again: the next time that it is down is another press."""
    meant = words.meaning(item.identifier)
    if item.value is not False or meant is None or meant.kind != Kind.BUTTON or meant.values:
        return []
    return [Fact(kind=Kind.BUTTON, value="release", channel=meant.channel or item.channel, is_level=True)]


def _item(metric: Metric, payload: Payload, words: Words, *, is_press: bool) -> Item:
    """A metric as thing models have it: a part of its path says what it is, the rest where."""
    where = metric.name.rpartition("/")[0]
    is_mapped = meaning_in(words.mapping, metric.name) is not None
    value = signed(metric.value, metric.datatype)
    return Item(
        identifier=metric.name if is_mapped else _telling(metric.name, words),
        value=value if is_mapped else _in_our_unit(value, metric, words),
        stated_time=payload.timestamp if metric.timestamp is None else metric.timestamp,
        channel=where[:64],
        is_press=is_press,
        is_history=metric.is_history,
    )


def _in_our_unit(value: JsonValue, metric: Metric, words: Words) -> JsonValue:
    """A number in the unit of its kind, where the publisher says that it is in another; None where it measures something else."""
    meant, unit, read = meaning_of(metric.name, words), word(metric.unit), number(value)
    if meant is None or not unit or read is None:
        return value
    if meant.kind == Kind.TEMPERATURE or meant.channel == "body_temperature":
        celsius = (read - 32) / 1.8 if unit in _FAHRENHEIT else read - 273.15 if unit in _KELVIN else read
        return round(celsius, 4)
    if meant.kind == Kind.BATTERY_VOLTAGE:
        return round(read * _VOLTS.get(unit, 1.0), 6)
    return None if meant.kind == Kind.BATTERY and unit in _VOLTS else value
