"""Seeed SenseCAP: a list of measurements, each with its number. Pure.

The measurement "SOS Mode" is a setting. The events of a tracker are a list of {"id", "eventName"}; old codecs give their bits
as a number.
"""

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number, word
from devices.dialect import Fact
from devices.dialects.lorawan_rows import FieldMap, Frame, Reader, items, measure, percent
from devices.facts import event, level

_EVENTS: Mapping[int, Fact] = {
    1: level(Kind.MOTION, True),
    2: level(Kind.MOTION, False),
    4: event(Kind.VIBRATION, True),
    7: event(Kind.SOS, "active"),
    8: event(Kind.BUTTON, "single"),
    9: event(Kind.TAMPER, True),
}
_BY_NAME: Mapping[str, int] = {
    "start moving event": 1,
    "end movement event": 2,
    "shock event": 4,
    "sos event": 7,
    "press once event": 8,
}
_LIMIT = 32


def _events(stated: JsonValue) -> list[Fact]:
    numbers = [_event_number(one) for one in stated[:_LIMIT]] if isinstance(stated, list) else _bits(stated)
    return [_EVENTS[one] for one in numbers if one in _EVENTS]


def _event_number(stated: JsonValue) -> int:
    if isinstance(stated, dict):
        read = number(stated.get("id"))
        return int(read) if read is not None else _event_number(stated.get("eventName"))
    return _BY_NAME.get(word(stated).rstrip("."), 0)


def _bits(stated: JsonValue) -> list[int]:
    """Bit 0 is event 1, and so on."""
    read = number(stated)
    if read is None or not isinstance(read, int) or not 0 < read < 1 << 24:
        return [_event_number(stated)]
    return [bit + 1 for bit in range(9) if read >> bit & 1]


_READERS: Mapping[str, Reader] = {
    "4097": measure(Kind.TEMPERATURE),
    "4098": measure(Kind.HUMIDITY),
    "4100": measure(Kind.CO2),
    "3000": percent,
    "4200": _events,
    # T1000-E
    "5003": _events,
}
_NUMBERS: Mapping[str, str] = {
    "air temperature": "4097",
    "air humidity": "4098",
    "co2": "4100",
    "battery": "3000",
    "event status": "4200",
}


def _messages(values: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
    """The measurements: a list, or an object with the keys "0", "1" and so on."""
    numbered = [one for key, one in values.items() if key.isdecimal() and isinstance(one, dict)]
    return items(values.get("messages")) or numbered[:_LIMIT]


def _measured(frame: Frame) -> Iterable[Fact]:
    for one in _messages(frame.values):
        yield from percent(one.get("Battery(%)"))
        identifier = word(one.get("measurementId")) or _NUMBERS.get(word(one.get("type")), "")
        if identifier in _READERS:
            # The codec of a T1000-E calls it `value`.
            yield from _READERS[identifier](one.get("measurementValue", one.get("value")))
        elif word(one.get("type")) == "upload_battery":
            yield from percent(one.get("battery"))


def _is_sensecap(values: Mapping[str, JsonValue]) -> bool:
    return any(
        "measurementId" in one or "Battery(%)" in one or one.get("type") == "upload_battery"
        for one in _messages(values)
    )


MAP = FieldMap(
    vendor="SenseCAP",
    named=re.compile(r"\bsensecap\b|\bseeed\b|\bt1(?:000|110)[a-z]?\b|\bt2000[a-z]?\b|\bs21[0-9]{2}\b"),
    tells=_is_sensecap,
    frames=(_measured,),
)
