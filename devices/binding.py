"""What a gesture of a device means in this home, taught by a press-it-now pairing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import JsonValue

from carebell.types import URGENT_KINDS, Kind
from devices.coercion import flag, word
from devices.dialect import Fact

# On the note of a state that a binding has made a call, and that is over: it says nothing of the call.
RELEASED = "bound state is over"
_SILENT_GESTURES = frozenset({"release", "off"})
# What a press may come as. `true` of a heartbeat or a weak battery is no gesture.
GESTURES_OF = frozenset(
    {
        Kind.BUTTON,
        Kind.CONTACT,
        Kind.MOTION,
        Kind.PRESENCE,
        Kind.VIBRATION,
        Kind.ARM,
        Kind.OTHER,
        Kind.SOS,
        Kind.FALL,
    }
)
_OPPOSITES = {"open": "closed", "closed": "open", "true": "false", "false": "true", "on": "off", "off": "on"}
_MEANT: dict[str, tuple[JsonValue, JsonValue]] = {
    Kind.SOS: ("active", "active"),
    Kind.FALL: ("detected", "detected"),
    Kind.CONTACT: ("open", "closed"),
    Kind.BED: ("occupied", "vacant"),
    Kind.AVAILABILITY: ("online", "offline"),
}
_OVER: dict[str, JsonValue] = {Kind.SOS: "cleared", Kind.FALL: "cleared"}


@dataclass(frozen=True, slots=True)
class Binding:
    """`gesture` (empty: any press) on `channel` (None: any), where it comes as `heard` (None: any), also states `kind`."""

    gesture: str
    kind: str
    channel: str | None = None
    heard: str | None = None

    def is_about(self, fact: Fact) -> bool:
        """Whether the fact comes by this channel and as this kind."""
        return self.channel in (None, fact.channel) and self.heard in (None, fact.kind)


def bound(facts: Sequence[Fact], bindings: Sequence[Binding], *, is_sos: bool) -> tuple[Fact, ...]:
    """The facts and what they mean here. A press of a device registered as an SOS device is an SOS without a binding too."""
    stated = {(fact.kind, fact.message_id, fact.stated_at) for fact in facts if fact.value != "cleared"}
    meant = []
    for fact in facts:
        kind = _meaning(fact, bindings) or (Kind.SOS if is_sos and _is_press(fact) else None)
        if kind is not None and (kind, fact.message_id, fact.stated_at) not in stated:
            meant.append(replace(fact, kind=kind, value=_value(kind, fact), unit="", note="bound gesture"))
        elif kind is None and (over := _over(fact, bindings)) is not None:
            meant.append(replace(fact, kind=over, value=_OVER.get(over, False), unit="", note=RELEASED))
    return (*facts, *meant)


def _over(fact: Fact, bindings: Sequence[Binding]) -> str | None:
    """The call that a state has been until now: unless it is said to be over, the next one would be its repeat."""
    if not fact.is_level or fact.kind not in GESTURES_OF - URGENT_KINDS:
        return None
    opposite = _OPPOSITES.get(word(fact.value))
    for binding in bindings:
        is_of_it = binding.is_about(fact) and binding.gesture.strip().casefold() == opposite
        if is_of_it and binding.kind in URGENT_KINDS:
            return binding.kind
    return None


def _value(kind: str, fact: Fact) -> JsonValue:
    """What a gesture states of a kind. A gesture that somebody taught as a call is one, whatever its word."""
    if kind == Kind.BUTTON:
        return fact.value
    on, off = _MEANT.get(kind, (True, False))
    return off if kind not in URGENT_KINDS and flag(fact.value) is False else on


def _meaning(fact: Fact, bindings: Sequence[Binding]) -> str | None:
    if fact.kind not in GESTURES_OF:
        return None
    gesture = word(fact.value)
    is_press = fact.kind == Kind.BUTTON and gesture not in _SILENT_GESTURES
    for binding in bindings:
        is_meant = binding.gesture.strip().casefold() == gesture if binding.gesture else is_press
        if is_meant and binding.is_about(fact):
            return binding.kind
    return None


def _is_press(fact: Fact) -> bool:
    """Whatever somebody who presses a device for help may come as: pendants on radio speak as door contacts, zones and
    switches."""
    gesture = word(fact.value)
    if fact.kind == Kind.BUTTON:
        return gesture not in _SILENT_GESTURES
    if fact.is_level or fact.is_history:
        return False
    if fact.kind == Kind.CONTACT:
        return gesture == "open"
    is_switch = fact.channel.casefold().startswith(("switch", "button"))
    return fact.kind == Kind.OTHER and (
        gesture == "alarm" or (is_switch and flag(fact.value) is not False and gesture != "")
    )
