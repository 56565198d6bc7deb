"""A home's own parameters of rules: `{rule: {parameter: value}}`. Their shape is looked at here; whether there is such a
rule and such a parameter is the rulebook's to say.

A value is what one line of YAML may hold: text, a number, a switch, and lists and blocks of these.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping

import orjson
from pydantic import JsonValue

from devices.registry_yaml import Node, Problem, read_yaml, write_value

Settings = dict[str, dict[str, JsonValue]]
# A profile with its settings travels in one record, and is kept with what the rules remember of the home.
MAX_BYTES = 8192
MAX_DEPTH = 3
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SWITCHES = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{0,20}([eE][+-]?[0-9]{1,3})?")


def check_settings(settings: Mapping[str, Mapping[str, JsonValue]]) -> None:
    """Raises ValueError."""
    for rule, parameters in settings.items():
        _check_name(rule)
        if not parameters:
            raise ValueError(f"nothing is set of rule {rule}; write its parameters, or take it away")
        for parameter, value in parameters.items():
            _check_name(parameter)
            _check_value(value, 1)
    if len(orjson.dumps(settings)) > MAX_BYTES:
        raise ValueError(f"a home's settings are at most {MAX_BYTES} bytes; leave out what the rulebook says already")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a rule or parameter: these are small letters, digits and _")


def _check_value(value: JsonValue, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("a setting is nested too deep; write it flat")
    if isinstance(value, list):
        for item in value:
            _check_value(item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_name(name)
            _check_value(item, depth + 1)
    else:
        _check_scalar(value)


def _check_scalar(value: JsonValue) -> None:
    if value is None:
        raise ValueError("a setting has no value; write it, or take the line away")
    if isinstance(value, str):
        if any(unicodedata.category(one) in ("Cc", "Cs") for one in value):
            raise ValueError(f"a setting cannot have control characters in it, as {value[:64]!r} has")
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < 1e15):
        raise ValueError(f"{value} is too large a number for a setting")


def read_settings(node: Node) -> tuple[Settings, list[Problem]]:
    """What stands in a file, and what is wrong with it."""
    settings: Settings = {}
    problems: list[Problem] = []
    if node.value == {}:
        return settings, problems
    for rule, block in _block(node, "settings are `rule:` with `parameter: value` lines below it", problems):
        for parameter, child in _block(block, f"rule {rule} is set by `parameter: value` lines", problems):
            if child.value is None:
                continue  # what is wrong with it is told already
            value = _value(child)
            settings.setdefault(rule, {})[parameter] = value
            problems += _refusals({rule: {parameter: value}}, child.line)
    return settings, problems or _refusals(settings, node.line)


def _refusals(settings: Settings, line: int) -> list[Problem]:
    try:
        check_settings(settings)
    except ValueError as refusal:
        return [(line, f"settings: {refusal}")]
    return []


def _block(node: Node, what: str, problems: list[Problem]) -> Iterator[tuple[str, Node]]:
    if isinstance(node.value, dict) and node.value:
        yield from node.value.items()
    elif node.value is not None:
        problems.append((node.line, f"settings: {what}"))


def _value(node: Node) -> JsonValue:
    if isinstance(node.value, dict):
        return {name: _value(child) for name, child in node.value.items()}
    if isinstance(node.value, list):
        return [_value(child) for child in node.value]
    if node.value is None or node.is_empty:
        return None
    return _scalar(node.value) if node.plain else node.value


def _scalar(text: str) -> JsonValue:
    """Text without quotes is a switch or a number where it looks like one."""
    if text in _SWITCHES:
        return _SWITCHES[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def read_cell(text: str, line: int) -> tuple[Node, list[Problem]]:
    """The value in a cell of a table, where it stands as in a line of YAML."""
    node, problems = read_yaml(text)
    return _moved(node, line), [(line, f"value: {sentence}") for _, sentence in problems]


def _moved(node: Node, line: int) -> Node:
    """All of a cell stands on its row."""
    value = node.value
    if isinstance(value, list):
        value = [_moved(child, line) for child in value]
    elif isinstance(value, dict):
        value = {name: _moved(child, line) for name, child in value.items()}
    return Node(line, value, node.plain)


def write_cell(value: JsonValue) -> str:
    """What `read_cell` reads back equal; text without quotes where it needs none."""
    if isinstance(value, str):
        node, problems = read_cell(value, 1)
        if not problems and node.plain and node.value == value and _value(node) == value:
            return value
    return write_value(value)
