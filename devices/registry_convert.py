"""Text of a file to values of a home, and back. A conversion raises ValueError, with what to write in its place."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import date, timedelta
from enum import Enum
from typing import Any

from carebell.duration import format_duration, parse_duration
from devices.registry import Role
from devices.registry_checks import closest
from devices.registry_yaml import Node

# Fields that hold several values; in a cell they have ; between them.
LISTS = frozenset({"phones", "languages", "hours", "battery_changes"})
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# as YAML 1.1 has them; another mixture of capitals is text
_SWITCH_WORDS = {form for word in _SWITCHES for form in (word, word.capitalize(), word.upper())}


def plain(record: Any) -> dict[str, Any]:
    """A record without what is default, in text, numbers, switches and lists."""
    found = {}
    for one in fields(record):
        default = {} if one.default_factory is not MISSING else one.default
        if (value := getattr(record, one.name)) != default:
            found[one.name] = _plain_value(value)
    return found


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(item) if hasattr(item, "__dataclass_fields__") else _plain_value(item) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Enum) else value


def items(node: Node) -> list[Node]:
    """A list, or one text with ; between its parts, as cells have it."""
    if isinstance(node.value, list):
        return node.value
    if not isinstance(node.value, str):
        return [node]
    parts = [part.strip() for part in re.split("[;；]", node.value)]
    return [Node(node.line, part, node.plain) for part in parts if part]


def converted(name: str, node: Node) -> Any:
    """The value of a field, or of one item of it."""
    return _CONVERTERS.get(name, _text)(node)


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise ValueError("one value belongs here, not a list or a block; write it on one line")
    if node.plain and node.value in _SWITCH_WORDS:
        raise ValueError(f'{node.value} without quotes means yes or no; where it is text, write "{node.value}"')
    return node.value


def _word(node: Node) -> str:
    """A word of a device, which `on` and `off` may be."""
    return node.value if isinstance(node.value, str) else _text(node)


def _number(node: Node) -> int:
    text = _text(node).strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a whole number; write digits only")
    return int(text)


def _day(node: Node) -> date:
    text = _text(node).strip()
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # such as the 30th of February
    raise ValueError(f"{text!r} is not a day; write it such as 2026-03-01 (format the cells of a spreadsheet as text)")


def _switch(node: Node) -> bool:
    word = node.value.strip().lower() if isinstance(node.value, str) else ""
    if word not in _SWITCHES:
        raise ValueError(f"{node.value if word else 'this'!r} is neither true nor false; write one of these")
    return _SWITCHES[word]


def _role(node: Node) -> Role:
    word, words = _text(node).strip(), [role.value for role in Role]
    if word not in words:
        raise ValueError(f"there is no role {word!r}{closest(word, words) or ', write one of ' + ', '.join(words)}")
    return Role(word)


_CONVERTERS: Mapping[str, Callable[[Node], Any]] = {
    **dict.fromkeys(("birth_year", "ability_level", "order"), _number),
    **dict.fromkeys(("consent", "has_key", "is_gateway", "is_sos"), _switch),
    **dict.fromkeys(("consent_on", "installed_on", "lent_on", "due_back_on", "returned_on", "battery_changes"), _day),
    **dict.fromkeys(("gesture", "channel"), _word),
    "role": _role,
    "expected_every": lambda node: parse_duration(_text(node)),
}
