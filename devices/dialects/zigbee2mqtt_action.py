"""What the `action` of a Zigbee2MQTT device says: a call for help, arming, a gesture of a button, or nothing of these. Pure.

emergency, panic, sos          a call for help
arm_…, disarm, exit_delay, …   arming
1_single, double_left, on_2    a gesture; the rest of the word is the channel
rotate_left, toggle, recall_1  a knob or a key without a gesture: a press all the same, with the word as its channel
fall, shake, flip90, unlock    what happened to an object or a lock: `other`, for it is nobody's press
"""

import re

from pydantic import JsonValue

from carebell.types import Kind
from devices.coercion import word
from devices.dialect import Fact
from devices.facts import event, other

_CALLS = frozenset({"emergency", "panic", "sos"})
_CALLED_OFF = frozenset({"cancel", "cancelled", "clear", "cleared", "end", "off", "stop"})
_ARMING = frozenset({"arm", "armed", "arming", "disarm", "disarmed"})
_ARM_WORDS = frozenset({"exit_delay", "entry_delay", "not_ready", "in_alarm"})
_NOTHING = frozenset({"", "none", "null"})
# About an object, a lock or the radio, whatever else the word contains.
_OBJECT_WORDS = """
    drop fall flip inactivity knock moving orientation region shake side slide static strike tap throw tilt vibration
    auto door finger lock locked manual password reverse rfid unlock   identify non unknown
"""
_NO_PRESS = frozenset(_OBJECT_WORDS.split())
_MOTORS = frozenset({"closing", "opening", "stopped"})
_TURNS = re.compile(r"flip\d+")
_OBJECTS = re.compile(r"\bcube|\bvibration\b|\block\b|multi-state")
# The strongest gesture of a word is the one that it names: `press_release` is a release, `double_press` a double.
_GESTURES: dict[str, tuple[str, ...]] = {
    "other": ("initial", "many", "quadruple", "quintuple"),
    "release": ("release", "released"),
    "triple": ("triple", "tripple"),
    "double": ("double", "twice"),
    "long": ("long", "longpress"),
    "hold": ("hold", "held"),
    "single": ("single", "click", "press", "pressed", "short", "once"),
    "on": ("on",),
    "off": ("off",),
}
_SAME_PRESS = frozenset(
    {"click", "held", "hold", "initial", "long", "press", "pressed", "release", "released", "short"}
)
_FILLERS = frozenset({"button", "key", "input", "switch"})
# Buttons for emergencies that say `off` when they are let go: neither a call nor its end.
_OFF_IS_RELEASE = frozenset({"hs1eb", "hs1eb-e", "hs1eb/hs1eb-e", "se21", "im6001-btp01", "snzb-01-kf"})
_EMERGENCY = re.compile(r"\b(?:emergency|panic|sos|help)\b.*\bbutton\b")
_FOBS_THAT_ARM_BY_PLACE = frozenset({"swo-kef1pa"})
_TEXT_LIMIT = 64


def action_of(value: JsonValue, *, channel: str = "", model: str = "", text: str = "") -> list[Fact]:
    """`model` and `text` (vendor, model and description) in lower case; `channel` where the key names one."""
    said = word(value)[:_TEXT_LIMIT]
    tokens = re.split(r"[_\s]+", said)
    if said in _NOTHING or isinstance(value, bool):
        return []
    if _CALLS & set(tokens) and not _CALLED_OFF & set(tokens):
        return [event(Kind.SOS, "active", channel=_channel(channel, tokens, _CALLS))]
    if tokens[0] in _ARMING or said in _ARM_WORDS or model in _FOBS_THAT_ARM_BY_PLACE:
        return [event(Kind.ARM, said, channel=channel)]
    if said == "motion":
        return [event(Kind.MOTION, True, channel=channel)]
    if _NO_PRESS & set(tokens) or said in _MOTORS or _TURNS.match(said) or _OBJECTS.search(text):
        return [other(said, channel=channel or "action")]
    return [_press(said, tokens, channel, is_off_a_release=model in _OFF_IS_RELEASE or bool(_EMERGENCY.search(text)))]


def _press(said: str, tokens: list[str], channel: str, *, is_off_a_release: bool) -> Fact:
    gesture = _gesture(tokens)
    if gesture is None:
        return event(Kind.BUTTON, "other", channel=channel or said)
    is_state = gesture in ("on", "off")
    rest = _channel(channel, tokens, frozenset(_GESTURES[gesture]) | (frozenset() if is_state else _SAME_PRESS))
    if gesture == "off" and is_off_a_release:
        gesture = "release"
    return event(Kind.BUTTON, gesture, channel=rest)


def _gesture(tokens: list[str]) -> str | None:
    # The end of a short press is the press itself; its beginning came before as `initial_press`.
    if "short" in tokens:
        return "single"
    return next((gesture for gesture, words in _GESTURES.items() if set(words) & set(tokens)), None)


def _channel(channel: str, tokens: list[str], spent: frozenset[str]) -> str:
    rest = "_".join(token for token in tokens if token not in spent and token not in _FILLERS)
    return "_".join(part for part in (channel, rest) if part)
