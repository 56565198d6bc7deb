"""Homes in a file: YAML or CSV in and out. Every problem of a file is told with its line; a faulty file gives nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import PurePath
from typing import Any

from carebell.errors import BadInput
from carebell.types import BindingProfile
from devices.registry import AddressTaken, Contact, Device, Home, Resident, Service
from devices.registry_checks import CHECKS, WORD_CHECKS, closest
from devices.registry_conflicts import binding_conflicts, device_conflicts
from devices.registry_convert import LISTS, converted, items, plain
from devices.registry_csv import PARTS, read_csv, write_csv
from devices.registry_settings import read_settings
from devices.registry_yaml import Node, Problem, read_yaml, write_yaml

MAX_BYTES = 16 * 1024 * 1024
_MAX_SENTENCE = 600
_READERS = {".yaml": read_yaml, ".yml": read_yaml, ".csv": read_csv}
_WRITERS = {".yaml": write_yaml, ".yml": write_yaml, ".csv": write_csv}
_Shape = type[Home] | type[Resident] | type[Contact] | type[Service] | type[Device] | type[BindingProfile]
_PARTS: Mapping[str, _Shape] = dict(PARTS.values())
_SHAPES: Mapping[str, _Shape] = {**_PARTS, "bindings": BindingProfile}
_CHECKS = {**CHECKS, **WORD_CHECKS}
# Why settings of a home cannot be used, by rule.
Refusals = Callable[[Home], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class HomesFile:
    """What a file says. `lines`: where each device stands, by home_id and device_id."""

    name: str
    homes: tuple[Home, ...]
    lines: Mapping[tuple[str, str], int]

    def placed(self, taken: AddressTaken) -> BadInput:
        """The same with the lines of this file."""
        places = [(self.lines[home_id, device_id], said) for home_id, device_id, said in taken.places]
        return _problems(self.name, [(line, f"address: {said}") for line, said in places])


def read_homes(data: bytes, name: str, refusals: Refusals = lambda home: {}) -> tuple[Home, ...]:
    """The homes of a file, as `read_file` reads it."""
    return read_file(data, name, refusals).homes


def read_file(data: bytes, name: str, refusals: Refusals = lambda home: {}) -> HomesFile:
    """A .yaml, .yml or .csv file. Raises BadInput with every problem as `name:LINE: what to do`.

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
    lines = {
        (draft.values["home_id"], device.values["device_id"]): device.line_of("address")
        for draft in drafts
        for device in draft.values.get("devices", ())
    }
    return HomesFile(name, homes, lines)


def _name_of(shape: _Shape) -> str:
    return shape.__name__.removesuffix("Profile").lower()


def _raise(name: str, problems: Sequence[Problem]) -> None:
    if problems:
        raise _problems(name, problems)


def _problems(name: str, problems: Sequence[Problem]) -> BadInput:
    told = dict.fromkeys(sorted(problems, key=lambda problem: problem[0]))
    return BadInput([f"{name}:{line}: {_short(sentence)}" for line, sentence in told])


def write_homes(homes: Sequence[Home], suffix: str) -> str:
    """The homes as the text of a file with that suffix; `read_homes` reads it back equal."""
    writer = _WRITERS.get(suffix.lower())
    if writer is None:
        raise BadInput(f"homes cannot be written as {suffix!r}; choose one of {', '.join(_WRITERS)}")
    return writer({"homes": [plain(home) for home in homes]})


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


@dataclass(slots=True)
class _Draft:
    """What could be read of one record; `lines` also has the fields that could not."""

    shape: _Shape
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def is_faulty(self, name: str) -> bool:
        return name in self.lines and name not in self.values

    def line_of(self, name: str) -> int:
        return self.lines.get(name, self.line)

    def build(self) -> Any:
        parts = {name: tuple(part.build() for part in self.values[name]) for name in _SHAPES if name in self.values}
        return self.shape(**{**self.values, **parts})


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
        what = _name_of(shape)
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
        elif shape is Device:
            bindings = draft.values.get("bindings", [])
            self._conflicts(bindings, binding_conflicts([one.values for one in bindings]))
        return draft

    def _read(self, draft: _Draft, name: str, node: Node) -> None:
        draft.lines[name] = node.line
        if name in _SHAPES:
            draft.values[name] = self._records(_SHAPES[name], name, node)
        elif name == "settings":
            self._settings(draft, node)
        elif name in LISTS:
            read = [self._value(name, item) for item in items(node)]
            draft.values[name] = tuple(one for one in read if one is not None)
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
            value = converted(name, node)
            if check := _CHECKS.get(name):
                check([value] if name in LISTS else value)
        except ValueError as refusal:
            self._problem(node.line, f"{name}: {refusal}")
            return None
        return value

    def _within(self, home: _Draft) -> None:
        """What must hold between the records of one home."""
        for name, shape in _PARTS.items():
            self._distinct(home.values.get(name, []), fields(shape)[0].name, "this home")
        devices = home.values.get("devices", [])
        telling = ("device_id", "is_gateway", "returned_on")
        if any(device.is_faulty(name) for device in devices for name in telling):
            return  # a gateway may be among those; the next reading will tell
        self._conflicts(devices, device_conflicts([device.values for device in devices]))

    def _conflicts(self, drafts: Sequence[_Draft], found: Iterable[tuple[int, str, str]]) -> None:
        for index, name, refusal in found:
            if not drafts[index].is_faulty(name):
                self._problem(drafts[index].line_of(name), f"{name}: {refusal}")

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
