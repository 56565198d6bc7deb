"""The plain forms of Home Assistant's value templates, read without running anything. Pure.

A path into the payload, a few filters, one calculation, a choice. Whatever else a template says is Unreadable,
and its entity then says nothing, for a guess could be wrong.

    {{ value_json.a['b'][0] | float(0) | round(1) }}
    {{ 'ON' if value_json.a == 1 else 'OFF' }}
    {% if value == 'x' %}ON{% elif 'y' in value_json.list %}ON{% else %}OFF{% endif %}
"""

import re
from collections.abc import Callable
from typing import Any

import orjson
from pydantic import JsonValue

from devices.coercion import number
from devices.dialects.homeassistant_filters import FILTERS, NOTHING, is_true, item

_LIMIT = 1000
_DEPTH = 8
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<name>[A-Za-z_]\w*)|"""
    r"""(?P<sign>==|!=|<=|>=|[-<>+*/.\[\](),|]))"""
)
_PRINTED = re.compile(r"\{\{-?([^{}]*?)-?\}\}")
_CHOSEN = re.compile(
    r"\{%-?\s*if\b([^%]*?)-?%\}([^{}%]*)((?:\{%-?\s*elif\b[^%]*%\}[^{}%]*)*)"
    r"\{%-?\s*else\s*-?%\}([^{}%]*)\{%-?\s*endif\s*-?%\}"
)
_ELSE_IF = re.compile(r"\{%-?\s*elif\b([^%]*?)-?%\}([^{}%]*)")
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda one, two: bool(one == two),
    "!=": lambda one, two: bool(one != two),
    "<": lambda one, two: bool(one < two),
    ">": lambda one, two: bool(one > two),
    "<=": lambda one, two: bool(one <= two),
    ">=": lambda one, two: bool(one >= two),
}
_CALCULATED: dict[str, Callable[[float, float], float]] = {
    "+": lambda one, two: one + two,
    "-": lambda one, two: one - two,
    "*": lambda one, two: one * two,
    "/": lambda one, two: one / two,
}
_WORDS: dict[str, JsonValue] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "none": None,
    "None": None,
}


class Unreadable(ValueError):
    """A template of another form than those known here."""


def render(template: str, said: str) -> JsonValue:
    """What the template makes of a payload; None where the payload has it not. Raises Unreadable for other templates."""
    plain = template.strip()
    if len(plain) > _LIMIT:
        raise Unreadable("too long")
    printed, chosen = _PRINTED.fullmatch(plain), _CHOSEN.fullmatch(plain)
    try:
        if printed:
            value = _Reader(printed[1], said).whole()
        elif chosen:
            cases = [(chosen[1], chosen[2]), *_ELSE_IF.findall(chosen[3])]
            told = (text for condition, text in cases if _Reader(condition, said).condition_alone())
            value = next(told, chosen[4]).strip()
        elif "{" not in plain:
            value = plain
        else:
            raise Unreadable("neither a printed value nor a choice")
    except (TypeError, ZeroDivisionError, OverflowError):
        return None
    return None if value is NOTHING else value


def is_readable(template: str) -> bool:
    """Whether a template is of a form known here."""
    try:
        render(template, "{}")
    except Unreadable:
        return False
    return True


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Unreadable("a sign that is not known here")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Reader:
    """Reads one expression from left to right; every method takes what it reads."""

    def __init__(self, text: str, said: str) -> None:
        self._left = _tokens(text)[::-1]
        self._said = said
        self._depth = 0

    def whole(self) -> Any:
        value = self._choice()
        self._end()
        return value

    def condition_alone(self) -> bool:
        value = self._condition()
        self._end()
        return value

    def _end(self) -> None:
        if self._left:
            raise Unreadable("more than one expression")

    def _next(self) -> str:
        return self._left[-1][1] if self._left else ""

    def _take(self, *wanted: str) -> str:
        if self._left and self._left[-1][0] != "text" and self._next() in wanted:
            return self._left.pop()[1]
        return ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise Unreadable(f"expected {wanted}")

    def _choice(self) -> Any:
        value = self._sum()
        if not self._take("if"):
            return self._compared(value) if self._next() in (*_COMPARED, "in", "is") else value
        is_so = self._condition()
        self._need("else")
        instead = self._sum()
        return value if is_so else instead

    def _condition(self) -> bool:
        is_so = self._one_condition()
        while joint := self._take("and", "or"):
            right = self._one_condition()
            is_so = (is_so and right) if joint == "and" else (is_so or right)
        return is_so

    def _one_condition(self) -> bool:
        is_denied = bool(self._take("not"))
        is_so = self._compared(self._sum())
        return is_so != is_denied

    def _compared(self, value: Any) -> bool:
        if self._take("is"):
            return self._is(value)
        is_denied = bool(self._take("not"))
        if is_denied or self._next() == "in":
            self._need("in")
            listed = self._listed()
            # Nested lists are not compared: their depth is the sender's choice.
            return (not isinstance(value, dict | list) and value in listed) != is_denied
        sign = self._take(*_COMPARED)
        if sign:
            other = self._sum()
            is_plain = not isinstance(value, dict | list) and not isinstance(other, dict | list)
            return is_plain and _COMPARED[sign](value, other)
        return is_true(value)

    def _is(self, value: Any) -> bool:
        is_denied = bool(self._take("not"))
        if self._take("none"):
            return (value is None) != is_denied
        self._need("defined")
        return (value is not NOTHING) != is_denied

    def _listed(self) -> list[Any] | str:
        end = "]" if self._take("[") else ")" if self._take("(") else ""
        if not end:
            held = self._operand_plain()
            return held if isinstance(held, list | str) else [] if held is NOTHING else list(held)
        listed: list[Any] = []
        while not self._take(end):
            listed.append(self._operand_plain())
            if not self._take(",") and self._next() != end:
                raise Unreadable("expected another item")
        return listed

    def _sum(self) -> Any:
        value = self._filtered()
        sign = self._take(*_CALCULATED)
        if not sign:
            return value
        left, right = number(value), number(self._filtered())
        if self._next() in _CALCULATED:
            raise Unreadable("more than one calculation")
        if left is None or right is None:
            return NOTHING
        return number(_CALCULATED[sign](left, right))

    def _filtered(self) -> Any:
        value = self._operand()
        while self._take("|"):
            value = self._filter(value)
        return value

    def _filter(self, value: Any) -> Any:
        if not self._left or self._left[-1][0] != "name":
            raise Unreadable("expected a filter")
        name = self._left.pop()[1]
        given = self._arguments()
        if name not in FILTERS:
            raise Unreadable(f"a filter that is not known here: {name}")
        return FILTERS[name](value, given)

    def _arguments(self) -> list[Any]:
        if not self._take("("):
            return []
        self._descend()
        given: list[Any] = []
        while not self._take(")"):
            given.append(self._sum())
            if not self._take(",") and self._next() != ")":
                raise Unreadable("expected another argument")
        return given

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise Unreadable("too many brackets")

    def _operand(self) -> Any:
        if self._take("("):
            self._descend()
            value = self._choice()
            self._need(")")
            return value
        if self._take("-"):
            value = number(self._operand_plain())
            return NOTHING if value is None else -value
        return self._operand_plain()

    def _operand_plain(self) -> Any:
        if not self._left:
            raise Unreadable("ends too early")
        what, text = self._left.pop()
        if what == "number":
            return number(text)
        if what == "text":
            return text[1:-1]
        if what == "name" and text in _WORDS:
            return _WORDS[text]
        if text == "value":
            return self._said
        if text == "value_json":
            return self._path(_content(self._said))
        if text in ("float", "int") and self._next() == "(":
            given = [*self._arguments(), NOTHING]
            return FILTERS[text](given[0], given[1:-1])
        raise Unreadable("a name that is not known here")

    def _path(self, value: Any) -> Any:
        while sign := self._take(".", "["):
            if not self._left:
                raise Unreadable("ends too early")
            what, key = self._left.pop()
            if sign == "[":
                self._need("]")
                if what not in ("number", "text"):
                    raise Unreadable("expected a key")
                value = item(value, int(float(key)) if what == "number" else key[1:-1])
            elif key == "get" and self._next() == "(":
                given = [*self._arguments(), NOTHING]
                found = item(value, given[0])
                value = (None if given[1] is NOTHING else given[1]) if found is NOTHING else found
            elif what == "name":
                value = item(value, key)
            else:
                raise Unreadable("expected a key")
        return value


def _content(said: str) -> Any:
    try:
        return orjson.loads(said)
    except orjson.JSONDecodeError:
        return NOTHING
