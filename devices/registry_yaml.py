"""YAML text as a tree that knows its lines, and back.

Scalars stay the text that was written, so that `0012` is no number and `2024-01-01` no date. Aliases and tags are
refused, and nesting is bounded: a small file cannot become a large tree.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_MAX_DEPTH = 16
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = ("", "~", "null", "Null", "NULL")
Problem = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its line. `value` is None where it was refused already; `plain` is text without quotes."""

    line: int
    value: "str | list[Node] | dict[str, Node] | None"
    plain: bool = False

    @property
    def is_empty(self) -> bool:
        """Nothing was written, so that the default holds."""
        return self.plain and self.value in _NULLS


def read_yaml(text: str) -> tuple[Node, list[Problem]]:
    """The tree of the one document in the text, and what is wrong with it."""
    composer = _Composer(text)
    try:
        return composer.document(), composer.problems
    except _TooDeep as refusal:
        problem = (refusal.line, "this is nested too deep; write it flat")
    except yaml.YAMLError as error:
        problem = composer.syntax(error)
    return Node(1, None), [*composer.problems, problem]


def write_yaml(tree: dict[str, Any]) -> str:
    """The tree as YAML that `read_yaml` reads back equal."""
    # sort_keys=False keeps the order of the fields; a line is never folded, so that text stays findable
    return yaml.dump(tree, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31 - 1)


def write_value(value: Any) -> str:
    """One value on one line."""
    written: str = yaml.dump(
        value, Dumper=_Dumper, allow_unicode=True, default_flow_style=True, sort_keys=False, width=2**31 - 1
    )
    return written.removesuffix("...\n").rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Never an alias; and in quotes whatever a reader might fold, strip or take for a number, a date or a switch."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    simple = text[:1].isalpha() and text == text.strip() and re.sub("[ _-]", "", text).isalnum()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if simple else '"')


_Dumper.add_representer(str, _write_text)


class _TooDeep(Exception):
    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


class _Composer:
    """Events to nodes; goes on after a problem so that one reading finds them all."""

    def __init__(self, text: str) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._ends = [index for index, character in enumerate(text) if character == "\n"]
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document begins here; keep one document in a file, take `---` away")
                    break
                root = self._node(next(self._events), 0)
        return root or Node(1, "", plain=True)

    def syntax(self, error: yaml.YAMLError) -> Problem:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            position = getattr(error, "position", 0)
            return self._line(position), "a character here cannot be in YAML; take it away"
        line = self._line(mark.index)
        for number in (line, line - 1):
            row = self._row(number)
            if "\t" in row[: len(row) - len(row.lstrip())]:
                return number, "this line is indented with a tab; indent it with spaces"
        said = " ".join(part for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part)
        return line, f"this is not YAML ({said}); mend the indentation, colons or quotes here or on the line above"

    def _node(self, event: Any, depth: int) -> Node:
        line = self._line(event.start_mark.index)
        if depth > _MAX_DEPTH:
            raise _TooDeep(line)
        if isinstance(event, yaml.AliasEvent):
            return self._refuse(event, f"the alias *{event.anchor} is not taken here; write the value out")
        if isinstance(event, yaml.SequenceStartEvent):
            node = Node(line, [self._node(item, depth + 1) for item in self._until(yaml.SequenceEndEvent)])
        elif isinstance(event, yaml.MappingStartEvent):
            node = Node(line, self._mapping(depth))
        else:
            node = Node(line, event.value, plain=event.style is None or event.style == "")
        if event.tag is not None:
            return self._refuse(event, f"the tag {event.tag} is not taken here; take it away")
        return node

    def _mapping(self, depth: int) -> dict[str, Node]:
        values: dict[str, Node] = {}
        for event in self._until(yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key.value, str):
                if key.value is not None:
                    self.problems.append((key.line, "a key is one word; take the brackets away"))
            elif key.value in values:
                first = values[key.value].line
                self.problems.append((key.line, f"{key.value} is there twice, first on line {first}; keep one"))
            else:
                # a value may begin on a later line than its key; people look for the key
                values[key.value] = Node(key.line, value.value, value.plain)
        return values

    def _until(self, end: type) -> Iterator[Any]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _refuse(self, event: Any, sentence: str) -> Node:
        line = self._line(event.start_mark.index)
        self.problems.append((line, sentence))
        return Node(line, None)

    def _line(self, index: int) -> int:
        # not mark.line: YAML also counts U+2028 and others as ends of a line, editors do not
        return bisect_left(self._ends, index) + 1

    def _row(self, number: int) -> str:
        rows: Sequence[str] = self._text.split("\n")
        return rows[number - 1] if 1 <= number <= len(rows) else ""
