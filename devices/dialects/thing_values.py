"""What the values of thing models say of a kind, in words or as switches. Pure; what is not plain is None."""

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import flag, number, word
from devices.dialects.thing_words import BARE
from devices.products import Meaning

_ON: dict[str, frozenset[str]] = {
    Kind.SMOKE: frozenset({"smoke", "fire", "alarming"}),
    Kind.CO: frozenset({"co", "alarming"}),
    Kind.GAS: frozenset({"gas", "leak", "alarming"}),
    Kind.WATER: frozenset({"water", "leak", "leaking", "wet", "flood", "alarming"}),
    Kind.HEAT: frozenset({"heat", "hot", "alarming"}),
    Kind.MOTION: frozenset({"pir", "motion", "move", "moving"}),
    Kind.PRESENCE: frozenset({"presence", "present", "occupied", "somebody", "human", "person", "people"}),
    Kind.BED: frozenset({"occupied", "in_bed", "inbed", "on_bed", "onbed"}),
    Kind.VIBRATION: frozenset({"vibration", "shock"}),
    Kind.TAMPER: frozenset({"tamper", "temper", "tampered"}),
    Kind.BATTERY_LOW: frozenset({"low", "critical"}),
}
_OFF: dict[str, frozenset[str]] = {
    Kind.WATER: frozenset({"dry"}),
    Kind.MOTION: frozenset({"no_motion", "still"}),
    Kind.PRESENCE: frozenset({"nobody", "vacant", "unoccupied", "absent", "no_presence"}),
    Kind.BED: frozenset({"vacant", "out_of_bed", "outbed", "off_bed", "offbed", "left"}),
    Kind.BATTERY_LOW: frozenset({"middle", "medium", "high", "full", "ok"}),
}
_CALM = frozenset({"ok", "safe", "standby", "restored", "recovered", "released", "release", "cancel", "cancelled"})
# Of the detector, not of what it looks for.
_REACHED = frozenset({"online", "offline"})
# How a button is, not that somebody presses it.
_AT_HAND = _REACHED | {
    *("ready", "enabled", "disabled", "connected", "disconnected", "available", "unavailable", "unknown"),
}
_OPEN, _SHUT = frozenset({"open", "opened"}), frozenset({"close", "closed", "shut"})
_GESTURES: dict[str, str] = {
    **dict.fromkeys(("1", "true", "click", "single", "single_click", "singleclick", "press", "pressed"), "single"),
    **dict.fromkeys(("2", "double", "double_click", "doubleclick"), "double"),
    **dict.fromkeys(("triple", "triple_click", "tripleclick"), "triple"),
    **dict.fromkeys(("long", "long_press", "longpress", "long_click"), "long"),
    **dict.fromkeys(("release", "released"), "release"),
    "hold": "hold",
}


def switched(meaning: Meaning, value: JsonValue) -> bool | None:
    """The switch that a stated value plainly is for a kind; None where it is not plain."""
    said, kind = word(value), meaning.kind
    if kind == Kind.CONTACT:
        return True if said in _OPEN else False if said in _SHUT else None
    if kind == Kind.SENSOR_FAULT and isinstance(value, int | float):
        return value != 0
    if said in _ON.get(kind, ()):
        return True
    if said in _OFF.get(kind, ()) or said in _CALM:
        return False
    if said in _REACHED or (kind == Kind.BED and not isinstance(value, bool | str)):
        return None
    if meaning.mode == BARE and number(value) is not None:
        return None
    return flag(value)


def gesture(value: JsonValue) -> str | None:
    """The gesture of a button; None where nothing was pressed, "other" for a word that is not known."""
    said = word(value)
    if said in ("", "0", "false", "none", "idle"):
        return None
    return _GESTURES.get(said, "other")


def call(value: JsonValue) -> bool | None:
    """Whether a stated value of a call for help is one: whatever does not plainly say that it is over. None for nothing."""
    said = word(value)
    if value is None or value == "" or said in _AT_HAND:
        return None
    return not (said in _CALM or said in ("clear", "cleared", "inactive") or flag(value) is False)


def fallen(value: JsonValue) -> str | None:
    """The state that a stated value of a fall is; None where it is not plain."""
    said = word(value)
    if said in ("fall", "fallen", "fall_down", "falldown", "falling", "confirmed", "fall_alarm", "alarm"):
        return "detected"
    if said in ("maybe_fall", "suspected", "suspected_fall", "maybe", "fall_warning", "warning", "2"):
        return "suspected"
    if said in _CALM:
        return "cleared"
    is_on = flag(value)
    return None if is_on is None else "detected" if is_on else "cleared"
