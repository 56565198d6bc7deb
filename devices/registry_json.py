"""Homes as JSON: what stands in the database, in the API and in the audit. `HomeBody` and `DeviceBody` are what people send."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from itertools import islice
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue, TypeAdapter

from carebell.types import BindingProfile
from devices.registry import Contact, Device, Home, Resident, Service
from devices.registry_checks import Path, Unfit, closest

# So many unknown keys are told at once: what may have been meant takes time to find.
MOST_UNKNOWN = 10
_HOME: TypeAdapter[Home] = TypeAdapter(Home)
_DEVICE: TypeAdapter[Device] = TypeAdapter(Device)
_PARTS: Mapping[str, type] = MappingProxyType(
    {"residents": Resident, "contacts": Contact, "services": Service, "devices": Device, "bindings": BindingProfile}
)


def home_document(home: Home) -> dict[str, JsonValue]:
    """The whole home as JSON, defaults too."""
    document: dict[str, JsonValue] = _HOME.dump_python(home, mode="json")
    return document


def device_document(device: Device) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = _DEVICE.dump_python(device, mode="json")
    return document


def _known_only(shape: type) -> Callable[[Any], Any]:
    """Refuses keys that the shape and its parts do not have: a misspelt field must not be lost in silence."""

    def check(sent: Any) -> Any:
        if found := unknown_fields(shape, sent):
            raise Unfit(found)
        return sent

    return check


def unknown_fields(shape: type, sent: Any) -> list[tuple[Path, str]]:
    """The first keys that the shape and its parts do not have: where each stands, and what may have been meant."""
    return list(islice(_unknown(shape, sent), MOST_UNKNOWN))


def _unknown(shape: type, sent: Any) -> Iterator[tuple[Path, str]]:
    if is_dataclass(sent) or not isinstance(sent, Mapping):
        return
    known = [one.name for one in fields(shape)]
    what = shape.__name__.removesuffix("Profile").lower()
    for name in sent:
        if name not in known:
            yield (str(name),), f"a {what} has no {name!r}{closest(str(name), known)}"
    for name, part in _PARTS.items():
        if name in known and isinstance(listed := sent.get(name), list):
            for index, one in enumerate(listed):
                yield from (((name, index, *path), said) for path, said in _unknown(part, one))


HomeBody = Annotated[Home, BeforeValidator(_known_only(Home))]
DeviceBody = Annotated[Device, BeforeValidator(_known_only(Device))]
