"""The usual small change of a home: a merge patch (RFC 7396) names the fields that change, and nothing else. Pure.

What is null goes back to nothing; a list is replaced whole.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from carebell.errors import BadInput
from devices.registry import Home
from devices.registry_checks import Path, Unfit
from devices.registry_conflicts import early_returns
from devices.registry_json import HomeBody, home_document, unknown_fields

_BODY: TypeAdapter[Home] = TypeAdapter(HomeBody)
# Deeper than anything in a home is; what lies below is refused, not merged.
_MAX_DEPTH = 10
_MOST_TOLD = 100
# What our own words are for what pydantic says of its types, which are not those of JSON.
_SAID = {
    "tuple_type": "send a list: it replaces the one that is there",
    "dataclass_type": "send an object with its fields",
    "missing": "it is required: send what it shall be",
}


class BadFields(BadInput):
    """Fields that cannot be like that. `places`: the JSON pointer to each of the first, and what is wrong with it."""

    def __init__(self, places: Iterable[tuple[Path, str]]) -> None:
        self.places = tuple((_pointer(path), said) for path, said in islice(places, _MOST_TOLD))
        super().__init__([f"{pointer}: {said}" for pointer, said in self.places])


def patched(home: Home, patch: dict[str, JsonValue], at: datetime) -> Home:
    """The home with the patch, at `at`. Raises BadFields."""
    if unknown := unknown_fields(Home, patch):
        raise BadFields(unknown)
    try:
        changed = _BODY.validate_python(_merged(home_document(home), patch, 0))
    except ValidationError as refusal:
        raise BadFields(place for error in refusal.errors() for place in _places(error)) from refusal
    if changed.home_id != home.home_id:
        raise BadFields([(("home_id",), f"it is {home.home_id!r}, as in the address, and stays so")])
    early = early_returns([{"returned_on": one.returned_on} for one in changed.devices], at)
    told = [*changed.unknown_words(), *((("devices", index, name), said) for index, name, said in early)]
    if told:
        raise BadFields(told)
    return changed


def _merged(target: JsonValue, patch: JsonValue, depth: int) -> JsonValue:
    if not isinstance(patch, Mapping) or depth > _MAX_DEPTH:
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value, depth + 1)
    return merged


def _places(error: Any) -> list[tuple[Path, str]]:
    """Where it stands, as exactly as is known: a refusal of a record names its fields."""
    where, refusal = tuple(error["loc"]), error.get("ctx", {}).get("error")
    if isinstance(refusal, Unfit):
        return [((*where, *path), said) for path, said in refusal.places]
    return [(where, _SAID.get(error["type"]) or str(error["msg"]).removeprefix("Value error, "))]


def _pointer(path: Path) -> str:
    """RFC 6901."""
    return "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in path)
