"""Dragino: upper-case keys, and switches as the texts "TRUE" and "FALSE". Pure.

`*_TIMES` are counters. `Alarm` is the call of a PB01 button and `ALARM_status` that of a tracker; on a door, air or water sensor
ALARM says that a state lasts too long, which is no call.
"""

import re
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import number
from devices.dialect import Fact
from devices.dialects.lorawan_rows import FieldMap, Frame, call, charge, has, measure, state, volts

_MODEL = re.compile(
    r"\bdragino\b|\b(?:pb01|trackerd|lgt ?92|l?ds0[0-9][a-z]?|l?wl0[0-9][a-z]?|lht[0-9]{2}[a-z]?|ldds[0-9]{2}|lsn50|sn50v3)\b"
)
_BUTTON = re.compile(r"\bpb01\b|\bpb01 l\b")
_TRACKER, _PLACES = (
    re.compile(r"\btrackerd\b|\blgt ?92\b"),
    frozenset({"Latitude", "Longitude", "Longitud", "Location", "MD"}),
)


def _pressed(frame: Frame) -> Iterable[Fact]:
    """PB01. Its other keys are settings: the key sounds, a lost acknowledgement sounds."""
    if _BUTTON.search(frame.names) or "Sound_key" in frame.values or "Sound_ACK" in frame.values:
        for key in ("Alarm", "alarm", "ALARM"):
            yield from call()(frame.values.get(key))


def _tracked(frame: Frame) -> Iterable[Fact]:
    """A tracker that writes `Alarm_status`, or `alarm` in older codecs; on the sensor of the air the same word is about a
    threshold."""
    if _TRACKER.search(frame.names) or not _PLACES.isdisjoint(frame.values):
        yield from call()(frame.values.get("Alarm_status"))
    if _TRACKER.search(frame.names) or _is_tracker(frame.values):
        for key in ("alarm", "Alarm", "ALARM"):
            yield from call()(frame.values.get(key))


def _is_tracker(values: Mapping[str, JsonValue]) -> bool:
    """How it moves, and whether its lamp is on."""
    return "MD" in values and "LON" in values


def _battery(stated: JsonValue) -> list[Fact]:
    """Volts; a codec of somebody else may state a per cent, which is more than any cell has."""
    read = number(stated)
    return volts(stated) if read is not None and read <= 5 else charge(stated)


_DOOR = ("open",), ("close", "closed")
_is_dragino = has(
    "Sound_key", "Sound_ACK", "ALARM_status", "DOOR_OPEN_STATUS", "WATER_LEAK_STATUS", "BAT_V", "TempC_SHT"
)
MAP = FieldMap(
    vendor="Dragino",
    named=_MODEL,
    tells=lambda values: _is_dragino(values) or _is_tracker(values),
    rows={
        **dict.fromkeys(("BatV", "batV", "BAT_V", "BAT", "Bat", "Bat_V", "bat"), volts),
        "battery": _battery,
        # The probe of the house comes first; where there is none, that at the cable.
        **dict.fromkeys(
            ("TempC_SHT", "TempC_SHT31", "TempC_SHT41", "Tem", "TempC1", "TempC_DS"), measure(Kind.TEMPERATURE)
        ),
        **dict.fromkeys(("Hum_SHT", "Hum_SHT31", "Hum_SHT41", "Hum"), measure(Kind.HUMIDITY)),
        **dict.fromkeys(("ALARM_status", "ALARM_STATUS"), call()),
        "DOOR_OPEN_STATUS": state(Kind.CONTACT, *_DOOR),
        "door1_open_status": state(Kind.CONTACT, *_DOOR, channel="1"),
        "door2_open_status": state(Kind.CONTACT, *_DOOR, channel="2"),
        "WATER_LEAK_STATUS": state(
            Kind.WATER, ("leak", "leaking", "water leak"), ("no leak", "noleak", "no water leak")
        ),
    },
    frames=(_pressed, _tracked),
)
