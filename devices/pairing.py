"""The press-it-now pairing: what arrived from a device, and the binding that makes a gesture of it a call. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from carebell.types import URGENT_KINDS, BindingProfile, Kind, Reading
from devices.coercion import word
from devices.registry import Device, Home

# What a press of something that is no SOS button may come as: a button, a door contact sold as a pendant, a radio code.
_BINDABLE = (Kind.BUTTON, Kind.CONTACT, Kind.MOTION, Kind.VIBRATION, Kind.ARM, Kind.OTHER)
_NO_PRESS = frozenset({"release", "off", "closed", "false"})


@dataclass(frozen=True, slots=True)
class Gesture:
    """Something that a device did. `means` is the call that it is already, empty where it is none."""

    device_id: str
    kind: str
    gesture: str
    channel: str = ""
    means: str = ""

    def bound_to(self, kind: str) -> BindingProfile:
        """The binding that makes it mean `kind`."""
        # What is unknown today may be known to a later version: the binding must outlive that.
        heard = None if self.kind in ("", Kind.OTHER) else self.kind
        return BindingProfile(gesture=self.gesture, kind=kind, channel=self.channel or None, heard=heard)


def gestures(readings: Iterable[Reading]) -> tuple[Gesture, ...]:
    """What was done, in the order in which it came; what a message states beside it (battery, temperature) is left out."""
    found: list[Gesture] = []
    for reading in readings:
        if reading.is_history or reading.retained:
            continue
        gesture = word(reading.value)
        if reading.kind in URGENT_KINDS and reading.value not in ("cleared", False):
            found.append(Gesture(reading.device_id, reading.kind, gesture, reading.channel, means=reading.kind))
        elif reading.kind in _BINDABLE and gesture and gesture not in _NO_PRESS:
            found.append(Gesture(reading.device_id, reading.kind, gesture, reading.channel))
    return tuple(dict.fromkeys(found))


def best(found: Sequence[Gesture]) -> Gesture | None:
    """The one that a press most likely is: a call, then a button, then whatever else changed."""
    order = {kind: index for index, kind in enumerate(_BINDABLE)}
    return min(found, key=lambda one: -1 if one.means else order.get(Kind(one.kind), len(order)), default=None)


def with_binding(home: Home, device_id: str, binding: BindingProfile) -> Home:
    """The home with the device's gesture bound, in place of what the same gesture meant before. Raises KeyError where the
    home has no such device."""
    device = _device(home, device_id)
    kept = [one for one in device.bindings if not _is_same(one, binding.gesture, binding.channel, binding.heard)]
    return _with(home, replace(device, bindings=(*kept, binding)))


def without_binding(home: Home, device_id: str, gesture: str, channel: str | None, heard: str | None = None) -> Home:
    """The home without that binding; whatever the gesture comes as, where `heard` is None. Raises KeyError."""
    device = _device(home, device_id)
    kept = tuple(
        one
        for one in device.bindings
        if (one.gesture, one.channel) != (gesture, channel) or (heard is not None and one.heard != heard)
    )
    if kept == device.bindings:
        raise KeyError(gesture)
    return _with(home, replace(device, bindings=kept))


def _is_same(known: BindingProfile, gesture: str, channel: str | None, heard: str | None) -> bool:
    """Whether there is something that both of them would be about."""
    both = known.heard, heard
    return (known.gesture, known.channel) == (gesture, channel) and (None in both or known.heard == heard)


def _device(home: Home, device_id: str) -> Device:
    for device in home.devices:
        if device.device_id == device_id:
            return device
    raise KeyError(device_id)


def _with(home: Home, changed: Device) -> Home:
    return replace(home, devices=tuple(changed if one.device_id == changed.device_id else one for one in home.devices))
