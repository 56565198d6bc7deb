"""What a gesture of a device means in this home, taught by a press-it-now pairing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from carebell.types import Kind
from devices.dialect import Fact

_SILENT_GESTURES = frozenset({"release", "off"})
_MEANT = {Kind.SOS: "active", Kind.FALL: "detected"}


@dataclass(frozen=True, slots=True)
class Binding:
    """`gesture` (empty: any press) on `channel` (None: any) also states `kind`."""

    gesture: str
    kind: str
    channel: str | None = None


def bound(facts: Sequence[Fact], bindings: Sequence[Binding], *, is_sos: bool) -> tuple[Fact, ...]:
    """The facts and what they mean here. A press of a device registered as an SOS device is an SOS without a binding too."""
    known = (*bindings, *((Binding(gesture="", kind=Kind.SOS),) if is_sos else ()))
    stated = {(fact.kind, fact.message_id, fact.stated_at) for fact in facts if fact.value != "cleared"}
    meant = []
    for fact in facts:
        kind = _meaning(fact, known)
        if kind is not None and (kind, fact.message_id, fact.stated_at) not in stated:
            meant.append(replace(fact, kind=kind, value=_MEANT.get(Kind(kind), True), note="bound gesture"))
    return (*facts, *meant)


def _meaning(fact: Fact, bindings: Sequence[Binding]) -> str | None:
    gesture = "" if isinstance(fact.value, dict | list) else str(fact.value)
    is_press = fact.kind == Kind.BUTTON and gesture not in _SILENT_GESTURES
    for binding in bindings:
        is_meant = binding.gesture == gesture if binding.gesture else is_press
        if is_meant and binding.channel in (None, fact.channel):
            return binding.kind
    return None
