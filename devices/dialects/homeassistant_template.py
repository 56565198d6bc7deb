"""Home Assistant's value templates, read without running anything of Python's. Pure and bounded.

Text, printed expressions, choices, settings and one loop. Whatever else a template says is Unreadable, and its entity then
says nothing, for a guess could be wrong.

    {{ value_json.a['b'][0] | float(0) | round(1) }}
    {{ 'ON' if value_json.a == 1 else 'OFF' }}
    {% if value == 'x' %}ON{% elif 'y' in value_json.list %}ON{% else %}OFF{% endif %}
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from pydantic import JsonValue

from devices.dialects.homeassistant_expression import Expression, Unreadable
from devices.dialects.homeassistant_values import NOTHING, Effort, Node, TooMuch, is_true, joined, spend, work_of

__all__ = ["STEPS_OF_PAYLOAD", "STEPS_OF_TEMPLATE", "Said", "Unreadable", "is_readable", "render"]

_LIMIT = 1000
_ROUNDS = 50
# Two hundred entities of a gateway that puts everything on one topic take less than half of it.
STEPS_OF_PAYLOAD = 30_000
STEPS_OF_TEMPLATE = 2000
_CHARACTERS_READ_A_STEP = 4
PAYLOAD_LIMIT = 65_536
_ENDS_OF_TAGS = {"{%": "%}", "{#": "#}"}
_WITHIN = re.compile(r"""'[^']*'|"[^"]*"|[{}]""")
_OPENS = re.compile(r"\{[{%#]")
_HEAD = re.compile(r"\w*")
_SET = re.compile(r"\s+([A-Za-z_]\w*)\s*=(.*)", re.DOTALL)
_FOR = re.compile(r"\s+([A-Za-z_]\w*)\s+in\s+(.*)", re.DOTALL)
_ENDS = frozenset({"elif", "else", "endif", "endfor"})
_DEPTH = 6
Variables = dict[str, Any]
# Adds what it prints to the parts; texts between the tags are parts of their own.
_Statement = Callable[[Variables, list[Any]], None]


class Said:
    """One payload, read once for all the templates that are about it, and what work they have left together, in steps.
    `cut` counts those that had to stop."""

    def __init__(self, text: str, steps: int = STEPS_OF_PAYLOAD) -> None:
        self.text = text
        self.is_too_long = len(text) > PAYLOAD_LIMIT
        # NOTHING where it is no JSON.
        self.content: Any = NOTHING if self.is_too_long else _content(text)
        self.left = steps
        self.cut = 0


def render(template: str, said: Said) -> JsonValue:
    """What the template makes of a payload; None where the payload has it not, is longer than PAYLOAD_LIMIT characters, or
    wants more work than is left. Raises Unreadable for other templates."""
    if said.is_too_long:
        return None
    given = min(STEPS_OF_TEMPLATE, said.left)
    effort = Effort(given)
    try:
        # It may have to be read first, which costs more than what it then does.
        effort.take_many(len(template) // _CHARACTERS_READ_A_STEP)
        return _run(_known(template), said, effort)
    except Unreadable:
        raise
    except TooMuch:
        said.cut += 1
        return None
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None
    finally:
        said.left -= given - max(0, effort.left)


def _run(statements: tuple["_Statement", ...], said: Said, effort: Effort) -> JsonValue:
    variables: Variables = work_of(effort) | {"value": said.text, "value_json": said.content}
    parts: list[Any] = []
    for statement in statements:
        statement(variables, parts)
    return _whole(parts)


def _whole(parts: list[Any]) -> JsonValue:
    """What was printed: one value as it is in the payload, several as a text."""
    told = [part for part in parts if not isinstance(part, str) or part.strip()]
    if len(told) > 1:
        return joined(parts).strip()
    value: JsonValue = None if not told or told[0] is NOTHING else told[0]
    return value.strip() if isinstance(value, str) else value


def is_readable(template: str) -> bool:
    """Whether a template is of a form known here."""
    return isinstance(_statements(template), tuple)


def _known(template: str) -> tuple["_Statement", ...]:
    statements = _statements(template)
    if isinstance(statements, str):
        raise Unreadable(statements)
    return statements


@lru_cache(maxsize=4096)
def _statements(template: str) -> tuple["_Statement", ...] | str:
    """The same template comes with every message of its entity. One that is not known here: why."""
    try:
        return tuple(_Template(template.strip()).whole())
    except Unreadable as error:
        return str(error)


class _Template:
    """Reads the tags of a template from left to right."""

    def __init__(self, text: str) -> None:
        if len(text) > _LIMIT:
            raise Unreadable("too long")
        self._left = [part for part in _parts_of(text) if part and not part.startswith("{#")][::-1]
        self._names = {"value", "value_json"}
        self._depth = 0
        self._is_in_loop = False

    def whole(self) -> list[_Statement]:
        """All of its statements."""
        statements, ended_by, _ = self._block()
        if ended_by:
            raise Unreadable(f"{ended_by} without its beginning")
        return statements

    def _block(self) -> tuple[list[_Statement], str, str]:
        """The statements up to the tag that ends them, and that tag."""
        self._depth += 1
        if self._depth > _DEPTH:
            raise Unreadable("too deep")
        found: list[_Statement] = []
        head = rest = ""
        while self._left and head not in _ENDS:
            part = self._left.pop()
            if part.startswith("{{"):
                found.append(_printing(self._expression(part[2:-2].strip("-"))))
            elif not part.startswith("{%"):
                found.append(_stating(part))
            else:
                head, rest = _parted(part)
                found += [] if head in _ENDS else [self._statement(head, rest)]
        self._depth -= 1
        return found, head if head in _ENDS else "", rest

    def _expression(self, text: str) -> Node:
        return Expression(text, frozenset(self._names)).whole()

    def _statement(self, head: str, rest: str) -> _Statement:
        if head == "if":
            return self._choice(rest)
        if head == "set" and (setting := _SET.fullmatch(rest)) is not None:
            value = self._expression(setting[2])
            self._names.add(setting[1])
            return _setting(setting[1], value)
        if head == "for" and not self._is_in_loop and (loop := _FOR.fullmatch(rest)) is not None:
            return self._loop(loop[1], self._expression(loop[2]))
        raise Unreadable(f"a tag that is not known here: {head}")

    def _choice(self, condition: str) -> _Statement:
        cases: list[tuple[Node, list[_Statement]]] = []
        ended_by = "elif"
        while ended_by == "elif":
            is_so = self._expression(condition)
            statements, ended_by, condition = self._block()
            cases.append((is_so, statements))
        otherwise: list[_Statement] = []
        if ended_by == "else":
            otherwise, ended_by, _ = self._block()
        if ended_by != "endif":
            raise Unreadable("expected endif")
        return _choosing(cases, otherwise)

    def _loop(self, name: str, held: Node) -> _Statement:
        self._is_in_loop = True
        self._names.add(name)
        statements, ended_by, _ = self._block()
        if ended_by != "endfor":
            raise Unreadable("expected endfor")
        self._is_in_loop = False
        return _looping(name, held, statements)


def _parted(tag: str) -> tuple[str, str]:
    """The first word of a tag, and the rest of it."""
    text = tag[2:-2].strip("-").strip()
    head = _HEAD.match(text)
    return (head[0], text[head.end() :]) if head else ("", "")


def _parts_of(text: str) -> list[str]:
    """Tags and what stands between them, in order."""
    found, at = [], 0
    while opening := _OPENS.search(text, at):
        closing = _ENDS_OF_TAGS.get(opening[0])
        end = text.find(closing, opening.end()) if closing else _end_of_expression(text, opening.end())
        if end < 0:
            raise Unreadable("a tag without its end")
        found += [text[at : opening.start()], text[opening.start() : end + 2]]
        at = end + 2
    return [*found, text[at:]]


def _end_of_expression(text: str, at: int) -> int:
    """Where its two brackets are that belong to no table and no text within it; below 0 where they are not."""
    depth = 0
    for sign in _WITHIN.finditer(text, at):
        if sign[0] == "}" and depth == 0:
            return sign.start() if text.startswith("}}", sign.start()) else -1
        depth += {"{": 1, "}": -1}.get(sign[0], 0)
    return -1


def _printing(value: Node) -> _Statement:
    return lambda variables, parts: parts.append(value(variables))


def _stating(text: str) -> _Statement:
    def state(variables: Variables, parts: list[Any]) -> None:
        spend(variables, text)
        parts.append(text)

    return state


def _setting(name: str, value: Node) -> _Statement:
    return lambda variables, _parts: variables.update({name: value(variables)})


def _choosing(cases: list[tuple[Node, list[_Statement]]], otherwise: list[_Statement]) -> _Statement:
    def choose(variables: Variables, parts: list[Any]) -> None:
        chosen = next((then for is_so, then in cases if is_true(is_so(variables))), otherwise)
        for statement in chosen:
            statement(variables, parts)

    return choose


def _looping(name: str, held: Node, statements: list[_Statement]) -> _Statement:
    def loop(variables: Variables, parts: list[Any]) -> None:
        listed = () if (found := held(variables)) is NOTHING else found
        if len(listed) > _ROUNDS:
            raise TypeError("too many rounds")
        for one in listed:
            # What is set in a round is forgotten after it.
            spend(variables, variables)
            inner = {**variables, name: one}
            for statement in statements:
                statement(inner, parts)

    return loop


def _content(said: str) -> Any:
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError:
        return NOTHING
