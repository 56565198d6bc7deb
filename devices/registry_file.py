"""Homes in a file: YAML or CSV in and out. Every problem of a file is told with its line; a faulty file gives nothing."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from carebell.duration import format_duration, parse_duration
from carebell.errors import BadInput
from devices.registry import Contact, Device, Home, Resident, Role, gateway_refusal
from devices.registry_checks import CHECKS, closest
from devices.registry_csv import PARTS, read_csv, write_csv
from devices.registry_settings import read_settings
from devices.registry_yaml import Node, Problem, read_yaml, write_yaml

MAX_BYTES = 16 * 1024 * 1024
_MAX_SENTENCE = 600
_READERS = {".yaml": read_yaml, ".yml": read_yaml, ".csv": read_csv}
_WRITERS = {".yaml": write_yaml, ".yml": write_yaml, ".csv": write_csv}
_SHAPES = dict(PARTS.values())
_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# as YAML 1.1 has them; another mixture of capitals is text
_SWITCH_WORDS = {form for word in _SWITCHES for form in (word, word.capitalize(), word.upper())}
_Shape = type[Home] | type[Resident] | type[Contact] | type[Device]
# Why settings of a home cannot be used, by rule.
Refusals = Callable[[Home], Mapping[str, str]]


def read_homes(data: bytes, name: str, refusals: Refusals = lambda home: {}) -> tuple[Home, ...]:
    """The homes of a .yaml, .yml or .csv file. Raises BadInput with every problem as `name:LINE: what to do`.

    `refusals` knows what settings mean; it is asked once everything else is in order.
    """
    reader = _READERS.get(PurePath(name).suffix.lower())
    if reader is None:
        raise BadInput(f"{name}:1: name the file .yaml, .yml or .csv, so that it is clear how to read it")
    if len(data) > MAX_BYTES:
        raise BadInput(f"{name}:1: the file is larger than {MAX_BYTES >> 20} MiB; split it into several")
    root, problems = reader(_decode(data, name))
    walk = _Walk(problems)
    drafts = walk.homes(root)
    _raise(name, walk.problems)
    homes = tuple(draft.build() for draft in drafts)
    _raise(
        name,
        [
            (draft.lines[f"settings.{rule}"], f"settings of {rule}: {sentence}")
            for draft, home in zip(drafts, homes, strict=True)
            for rule, sentence in refusals(home).items()
        ],
    )
    return homes


def _raise(name: str, problems: Sequence[Problem]) -> None:
    if problems:
        told = dict.fromkeys(sorted(problems, key=lambda problem: problem[0]))
        raise BadInput([f"{name}:{line}: {_short(sentence)}" for line, sentence in told])


def write_homes(homes: Sequence[Home], suffix: str) -> str:
    """The homes as the text of a file with that suffix; `read_homes` reads it back equal."""
    writer = _WRITERS.get(suffix.lower())
    if writer is None:
        raise BadInput(f"homes cannot be written as {suffix!r}; choose one of {', '.join(_WRITERS)}")
    return writer({"homes": [_plain(home) for home in homes]})


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= _MAX_SENTENCE else f"{sentence[:_MAX_SENTENCE]}…"


def _decode(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput(f"{name}:1: the file is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        try:
            data.decode("gb18030")
        except UnicodeDecodeError:
            looks = "other"
        else:
            looks = "GBK"
        raise BadInput(f"{name}:{line}: this is not UTF-8 but {looks} text; save the file as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(record: Any) -> dict[str, Any]:
    """A record without what is default, in text, numbers, switches and lists."""
    values = {
        one.name: (getattr(record, one.name), {} if one.name == "settings" else one.default) for one in fields(record)
    }
    return {name: _plain_value(value) for name, (value, default) in values.items() if value != default}


def _plain_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [item if isinstance(item, str) else _plain(item) for item in value]
    if isinstance(value, timedelta):
        return format_duration(value)
    return str(value) if isinstance(value, Enum) else value


def _text(node: Node) -> str:
    if not isinstance(node.value, str):
        raise ValueError("one value belongs here, not a list or a block; write it on one line")
    if node.plain and node.value in _SWITCH_WORDS:
        raise ValueError(f'{node.value} without quotes means yes or no; where it is text, write "{node.value}"')
    return node.value


def _number(node: Node) -> int:
    text = _text(node).strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a whole number; write digits only")
    return int(text)


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
    **dict.fromkeys(("consent", "is_gateway", "is_sos"), _switch),
    "role": _role,
    "expected_every": lambda node: parse_duration(_text(node)),
}


@dataclass(slots=True)
class _Draft:
    """What could be read of one record; `lines` also has the fields that could not."""

    shape: _Shape
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def is_faulty(self, name: str) -> bool:
        return name in self.lines and name not in self.values

    def build(self) -> Any:
        parts = {name: tuple(part.build() for part in self.values.get(name, ())) for name in _SHAPES}
        return self.shape(**{**self.values, **(parts if self.shape is Home else {})})


class _Walk:
    """Goes through a tree and collects the drafts and every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)

    def homes(self, root: Node) -> list[_Draft]:
        if root.value is None:
            return []
        if root.is_empty:
            self._problem(root.line, "the file is empty; begin it with `homes:`")
            return []
        if not isinstance(root.value, dict):
            self._problem(root.line, "the file is not a mapping; begin it with `homes:`")
            return []
        self._unknown(root.value, ["homes"], "a file of homes")
        if "homes" not in root.value:
            self._problem(root.line, "`homes:` is missing; write the homes as a list below it")
            return []
        drafts = self._records(Home, "homes", root.value["homes"])
        self._distinct(drafts, "home_id", "this file")
        return drafts

    def _records(self, shape: _Shape, name: str, node: Node) -> list[_Draft]:
        if node.value is None:
            return []
        if not isinstance(node.value, list):
            self._problem(node.line, f"{name} is a list; write each of them with `- ` in front, or [] for none")
            return []
        return [draft for item in node.value if (draft := self._record(shape, item)) is not None]

    def _record(self, shape: _Shape, node: Node) -> _Draft | None:
        what = shape.__name__.lower()
        if not isinstance(node.value, dict):
            if node.value is not None:
                self._problem(node.line, f"a {what} is not a single value; write it as `key: value` lines")
            return None
        draft = _Draft(shape, node.line)
        self._unknown(node.value, [one.name for one in fields(shape)], f"a {what}")
        for one in fields(shape):
            child = node.value.get(one.name)
            if child is not None and not child.is_empty:
                self._read(draft, one.name, child)
            elif one.default is MISSING and one.default_factory is MISSING:
                self._problem(node.line, f"{one.name} is missing; every {what} needs one")
        if shape is Home:
            self._within(draft)
        return draft

    def _read(self, draft: _Draft, name: str, node: Node) -> None:
        draft.lines[name] = node.line
        if name in _SHAPES:
            draft.values[name] = self._records(_SHAPES[name], name, node)
        elif name == "settings":
            self._settings(draft, node)
        elif name == "phones":
            read = [self._value(name, item) for item in _items(node)]
            draft.values[name] = tuple(phone for phone in read if phone is not None)
        elif (value := self._value(name, node)) is not None:
            draft.values[name] = value

    def _settings(self, draft: _Draft, node: Node) -> None:
        draft.values["settings"], problems = read_settings(node)
        self.problems += problems
        if isinstance(node.value, dict):
            draft.lines |= {f"settings.{rule}": child.line for rule, child in node.value.items()}

    def _value(self, name: str, node: Node) -> Any:
        """The value, or None where a problem was told instead."""
        if node.value is None:
            return None
        try:
            value = _CONVERTERS.get(name, _text)(node)
            if check := CHECKS.get(name):
                check([value] if name == "phones" else value)
        except ValueError as refusal:
            self._problem(node.line, f"{name}: {refusal}")
            return None
        return value

    def _within(self, home: _Draft) -> None:
        """What must hold between the records of one home."""
        for name, shape in _SHAPES.items():
            self._distinct(home.values.get(name, []), fields(shape)[0].name, "this home")
        devices = home.values.get("devices", [])
        if any(device.is_faulty("device_id") or device.is_faulty("is_gateway") for device in devices):
            return  # a gateway may be among those; the next reading will tell
        known = {device.values.get("device_id", ""): device.values.get("is_gateway", False) for device in devices}
        for device in devices:
            gateway_id = device.values.get("gateway_id", "")
            if refusal := gateway_refusal(device.values.get("device_id", ""), gateway_id, known):
                self._problem(device.lines["gateway_id"], f"gateway_id: {refusal}")

    def _distinct(self, drafts: Sequence[_Draft], name: str, where: str) -> None:
        first: dict[str, int] = {}
        for draft in drafts:
            if (one := draft.values.get(name)) is None:
                continue
            if one in first:
                self._problem(
                    draft.lines[name], f"{name} {one!r} is in {where} already, on line {first[one]}; keep one"
                )
            first.setdefault(one, draft.lines[name])

    def _unknown(self, found: Mapping[str, Node], known: Sequence[str], what: str) -> None:
        for key, node in found.items():
            if key not in known:
                hint = closest(key, known) or f", it has {', '.join(known)}"
                self._problem(node.line, f"{what} has no {key!r}{hint}")

    def _problem(self, line: int, sentence: str) -> None:
        self.problems.append((line, sentence))


def _items(node: Node) -> list[Node]:
    """A list, or one text with ; between its parts, as cells have it."""
    if isinstance(node.value, list):
        return node.value
    if not isinstance(node.value, str):
        return [node]
    parts = [part.strip() for part in re.split("[;；]", node.value)]
    return [Node(node.line, part, node.plain) for part in parts if part]
