"""The tree of a file of homes as drafts of its records, with every problem told on its line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from carebell.types import BindingProfile
from devices.registry import Contact, Device, Home, Resident, Service
from devices.registry_checks import CHECKS, WORD_CHECKS, closest
from devices.registry_conflicts import binding_conflicts, device_conflicts
from devices.registry_convert import LISTS, converted, items
from devices.registry_csv import PARTS
from devices.registry_settings import read_settings
from devices.registry_yaml import Node, Problem

_Shape = type[Home] | type[Resident] | type[Contact] | type[Service] | type[Device] | type[BindingProfile]
_PARTS: Mapping[str, _Shape] = dict(PARTS.values())
_SHAPES: Mapping[str, _Shape] = {**_PARTS, "bindings": BindingProfile}
_CHECKS = {**CHECKS, **WORD_CHECKS}
# Without these nobody can say what other devices may do.
_TELLING = ("device_id", "is_gateway", "returned_on")
_LOAN = ("due_back_on", "returned_on")


@dataclass(slots=True)
class Draft:
    """What could be read of one record; `lines` also has the fields that could not."""

    shape: _Shape
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def parts(self, name: str) -> Sequence["Draft"]:
        """Its records of that name, as far as they could be read."""
        found: Sequence[Draft] = self.values.get(name, ())
        return found

    def is_faulty(self, name: str) -> bool:
        return name in self.lines and name not in self.values

    def line_of(self, name: str) -> int:
        return self.lines.get(name, self.line)

    def build(self) -> Any:
        parts = {name: tuple(part.build() for part in self.values[name]) for name in _SHAPES if name in self.values}
        return self.shape(**{**self.values, **parts})


class Walk:
    """Goes through a tree and collects the drafts and every problem."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)

    def homes(self, root: Node) -> list[Draft]:
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

    def _records(self, shape: _Shape, name: str, node: Node) -> list[Draft]:
        if node.value is None:
            return []
        if not isinstance(node.value, list):
            self._problem(node.line, f"{name} is a list; write each of them with `- ` in front, or [] for none")
            return []
        return [draft for item in node.value if (draft := self._record(shape, item)) is not None]

    def _record(self, shape: _Shape, node: Node) -> Draft | None:
        what = _name_of(shape)
        if not isinstance(node.value, dict):
            if node.value is not None:
                self._problem(node.line, f"a {what} is not a single value; write it as `key: value` lines")
            return None
        draft = Draft(shape, node.line)
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
            bindings = [one for one in draft.parts("bindings") if not any(map(one.is_faulty, ("channel", "heard")))]
            self._conflicts(bindings, binding_conflicts([one.values for one in bindings]))
        return draft

    def _read(self, draft: Draft, name: str, node: Node) -> None:
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

    def _settings(self, draft: Draft, node: Node) -> None:
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

    def _within(self, home: Draft) -> None:
        """What must hold between the records of one home."""
        for name, shape in _PARTS.items():
            self._distinct(home.values.get(name, []), fields(shape)[0].name, "this home")
        devices = home.values.get("devices", [])
        doubtful: list[Draft] = []
        sure: list[Draft] = []
        for device in devices:
            (doubtful if any(map(device.is_faulty, _TELLING)) else sure).append(device)
        found = device_conflicts([device.values for device in sure])
        # A gateway may be among those that could not be read; what else is wrong is wrong.
        self._conflicts(sure, (one for one in found if not doubtful or one[1] != "gateway_id"))
        for device in doubtful:
            self._conflicts([device], (one for one in device_conflicts([device.values]) if one[1] in _LOAN))

    def _conflicts(self, drafts: Sequence[Draft], found: Iterable[tuple[int, str, str]]) -> None:
        for index, name, refusal in found:
            if not drafts[index].is_faulty(name):
                self._problem(drafts[index].line_of(name), f"{name}: {refusal}")

    def _distinct(self, drafts: Sequence[Draft], name: str, where: str) -> None:
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


def _name_of(shape: _Shape) -> str:
    return shape.__name__.removesuffix("Profile").lower()
