"""What one change of a home changed, field by field, for people. Pure; works on documents as the audit keeps them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

Document = Mapping[str, JsonValue]
# How parts of a list are told apart; lists of anything else are told whole.
PART_IDS = {"residents": "resident_id", "contacts": "contact_id", "services": "service_id", "devices": "device_id"}


@dataclass(frozen=True, slots=True)
class Change:
    """One field, such as `contacts.son.phones`; None where it was not there, or is not any more."""

    field: str
    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One change of one home. `before` is None where it was added, `after` is None where it was removed."""

    home_id: str
    revision: int
    at: datetime
    by: str
    before: dict[str, JsonValue] | None
    after: dict[str, JsonValue] | None


def changes_between(before: Document | None, after: Document | None) -> tuple[Change, ...]:
    """Every field that differs, in the order of the document. A field that the code knows only since then is no change."""
    old, new = before or {}, after or {}
    return tuple(
        found for name in dict.fromkeys((*old, *new)) for found in _of_home(name, old.get(name), new.get(name))
    )


def _of_home(name: str, old: JsonValue, new: JsonValue) -> Iterator[Change]:
    if name in PART_IDS:
        yield from _parts(name, PART_IDS[name], old, new)
    elif name == "settings":
        yield from _settings(_mapping(old), _mapping(new))
    else:
        yield from _field(name, old, new)


def _field(where: str, old: JsonValue, new: JsonValue) -> Iterator[Change]:
    if _filled(old) != _filled(new):
        yield Change(where, old, new)


def _settings(before: Document, after: Document) -> Iterator[Change]:
    """In settings a switch that is off differs from none."""
    for rule in dict.fromkeys((*before, *after)):
        old, new = _mapping(before.get(rule)), _mapping(after.get(rule))
        for name in dict.fromkeys((*old, *new)):
            if (name in old) != (name in new) or old[name] != new[name]:
                yield Change(f"settings.{rule}.{name}", old.get(name), new.get(name))


def _parts(where: str, key: str, old: JsonValue, new: JsonValue) -> Iterator[Change]:
    """A part that was added or removed is told whole, without what is empty in it."""
    before, after = _by_id(key, old), _by_id(key, new)
    for one in dict.fromkeys((*before, *after)):
        place = f"{where}.{one}"
        if one in before and one in after:
            for name in dict.fromkeys((*before[one], *after[one])):
                yield from _field(f"{place}.{name}", before[one].get(name), after[one].get(name))
        else:
            yield Change(place, _told(before.get(one)), _told(after.get(one)))


def _by_id(key: str, parts: JsonValue) -> dict[str, Document]:
    listed = parts if isinstance(parts, list) else []
    return {str(one.get(key)): one for one in listed if isinstance(one, dict)}


def _told(part: Document | None) -> JsonValue:
    return None if part is None else {name: value for name, value in part.items() if not _is_nothing(value)}


def _filled(value: JsonValue) -> JsonValue:
    """Without what nobody has filled in, also in the parts of a list: they may be older than a field of theirs."""
    if _is_nothing(value):
        return None
    return [_told(one) if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value


def _mapping(value: JsonValue) -> Document:
    return value if isinstance(value, dict) else {}


def _is_nothing(value: JsonValue) -> bool:
    """What a field is that nobody has filled in; 0 is a value."""
    return value is None or value is False or value in ("", [], {})
