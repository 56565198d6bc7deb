"""What a gesture of a device means in this home, taught by a press-it-now pairing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from carebell.types import Kind
from devices.dialect import Fact

_SILENT_GESTURES = frozenset({"release", "off"})
_MEANT = {Kind.SOS: "active", Kind.FALL: "detected"}


@dataclass(frozen=True, slots=True)
class Binding:
    """`gesture` on `channel` (None: any) also states `kind`."""

    gesture: str
    kind: str
    channel: str | None = None


def bound(facts: Sequence[Fact], bindings: Sequence[Binding], *, is_sos: bool) -> tuple[Fact, ...]:
    """The facts and what they mean here. A press of a device registered as an SOS device is an SOS without a binding too."""
    known = (*bindings, *((Binding(gesture="", kind=Kind.SOS),) if is_sos else ()))
    stated = {fact.kind for fact in facts}
    meant = []
    for fact in facts:
        kind = _meaning(fact, known)
        if kind is not None and kind not in stated:
            meant.append(replace(fact, kind=kind, value=_MEANT.get(Kind(kind), True), note="bound gesture"))
    return (*facts, *meant)


def _meaning(fact: Fact, bindings: Sequence[Binding]) -> str | None:
    gesture = str(fact.value)
    for binding in bindings:
        is_any_press = binding.gesture == "" and fact.kind == Kind.BUTTON and gesture not in _SILENT_GESTURES
        if (binding.gesture == gesture or is_any_press) and binding.channel in (None, fact.channel):
            return binding.kind
    return None
