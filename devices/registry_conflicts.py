"""What must hold between the parts of a home, and between homes. Each refusal says what to write in its place.

Parts are mappings of their fields, so that a file that is not in order yet is looked at as well as a home.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from devices.ecosystems import BY_NAME
from devices.registry_checks import WORD_CHECKS, Path, closest

Part = Mapping[str, Any]
_GATEWAY_HINT = "; add it with is_gateway: true"
# Where it is tomorrow first.
_EARLIEST_ZONE = timedelta(hours=14)
# Their servers speak for many homes at once: the address alone tells the home.
SERVER_DIALECTS = frozenset(name for name, dialect in BY_NAME.items() if dialect.FILTERS)


def plain_address(address: str) -> str:
    """An address as it is compared: gateways write the same one in capitals and small letters, with colons and without."""
    return address.casefold().replace(":", "").removeprefix("0x")


def device_conflicts(devices: Sequence[Part]) -> Iterator[tuple[int, str, str]]:
    """Which device, which field of it, and what is wrong. Fields that could not be read are not there."""
    gateways = {one["device_id"]: one for one in devices if "device_id" in one}
    for index, device in enumerate(devices):
        if refusal := _gateway_refusal(device, gateways):
            yield index, "gateway_id", refusal
        for name, refusal in _loan_refusals(device):
            yield index, name, refusal
    yield from _address_conflicts(devices)


def _address_conflicts(devices: Sequence[Part]) -> Iterator[tuple[int, str, str]]:
    """An address leads to one device of the home: a message names its sender by its address or by its id."""
    named = [(index, one) for index, one in enumerate(devices) if is_installed(one) and "device_id" in one]
    by_id: dict[str, str] = {plain_address(one["device_id"]): one["device_id"] for _, one in named}
    by_address: dict[str, str] = {}
    for index, device in named:
        if not (address := plain_address(device.get("address", ""))):
            continue
        owner = by_address.setdefault(address, by_id.get(address) or device["device_id"])
        if owner != device["device_id"]:
            yield index, "address", f"{device['address']!r} leads to device {owner!r} already; keep one of them"


def binding_conflicts(bindings: Sequence[Part]) -> Iterator[tuple[int, str, str]]:
    """A gesture on a channel, as it comes, means one thing."""
    meant: dict[tuple[str, str | None, str | None], str] = {}
    for index, one in enumerate(bindings):
        key = gesture_of(one)
        if key in meant:
            yield index, "gesture", f"it means {meant[key]!r} already on this channel; keep one"
        meant.setdefault(key, one.get("kind", ""))


def gesture_of(binding: Part) -> tuple[str, str | None, str | None]:
    """What tells one binding of a device from another."""
    return binding.get("gesture", "").casefold(), binding.get("channel"), binding.get("heard")


def early_returns(devices: Sequence[Part], at: datetime) -> Iterator[tuple[int, str, str]]:
    """Returns that are still to come: whoever writes one would make the device deaf at once."""
    today = (at + _EARLIEST_ZONE).date()
    for index, device in enumerate(devices):
        day: date | None = device.get("returned_on")
        if day is not None and day > today:
            yield index, "returned_on", f"{day} is still to come; write due_back_on, and this when it is back"


def is_installed(device: Part) -> bool:
    """Whether it is in the home, and not returned."""
    return device.get("returned_on") is None


def claims(devices: Sequence[Part]) -> dict[tuple[str, str], str]:
    """The addresses that no other home may have, as dialect and plain address, each with its device."""
    return {
        (one["dialect"], plain_address(one["address"] or one["device_id"])): one["device_id"]
        for one in devices
        if is_installed(one) and one["dialect"] in SERVER_DIALECTS
    }


def unknown_words(devices: Sequence[Part]) -> Iterator[tuple[Path, str]]:
    """Dialects and kinds that are not spoken here, for whoever writes them: where they stand in the home, and a sentence."""
    for place, device in enumerate(devices):
        named: list[tuple[Path, str | None]] = [((name,), device[name]) for name in ("dialect", "confirms")]
        for index, one in enumerate(device["bindings"]):
            named += [(("bindings", index, "kind"), one.kind), (("bindings", index, "heard"), one.heard)]
        for path, word in named:
            try:
                WORD_CHECKS[str(path[-1])](word)
            except ValueError as refusal:
                yield ("devices", place, *path), f"device {device['device_id']}: {refusal}"


def _gateway_refusal(device: Part, known: Mapping[str, Part]) -> str:
    """Why a device cannot speak through its gateway, "" where it can."""
    gateway_id = device.get("gateway_id", "")
    if not gateway_id:
        return ""
    if gateway_id == device.get("device_id"):
        return "a device is not its own gateway; leave gateway_id out"
    gateway = known.get(gateway_id)
    if gateway is None:
        return f"this home has no device {gateway_id!r}{closest(gateway_id, list(known)) or _GATEWAY_HINT}"
    if not gateway.get("is_gateway", False):
        return f"device {gateway_id!r} is not a gateway; give it is_gateway: true"
    if is_installed(device) and not is_installed(gateway):
        return f"gateway {gateway_id!r} was returned; name the one that this device speaks through now"
    return ""


def _loan_refusals(device: Part) -> Iterator[tuple[str, str]]:
    lent: date | None = device.get("lent_on")
    for name in ("due_back_on", "returned_on"):
        day: date | None = device.get(name)
        if lent is not None and day is not None and day < lent:
            yield name, f"{day} is before {lent}, when it was lent; mend one of them"
