"""One expression of Home Assistant's templates, read without running anything of Python's. Pure and bounded.

Literals, paths into the payload, calculations, comparisons, tests, choices, the filters and functions of
`homeassistant_filters`, and a few methods of texts. Whatever else stands there is Unreadable.
"""

import re
from typing import Any

from devices.dialects.homeassistant_filters import FILTERS, FUNCTIONS, METHODS, TESTS
from devices.dialects.homeassistant_values import (
    NOTHING,
    Node,
    Scope,
    calculated,
    compared,
    counted,
    is_in,
    is_true,
    item,
    joined,
    weighed,
)

_DEPTH = 12
# Every one of these may stand inside the one before it.
_NODES = 100
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d{1,15}(?:\.\d{1,15})?)|(?P<text>'[^'\\]*'|"[^"\\]*")|(?P<name>[A-Za-z_]\w*)|"""
    r"""(?P<sign>==|!=|<=|>=|//|[-<>+*/%~.\[\](){},|:=]))"""
)
_WORDS: dict[str, Any] = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
# What a call may name instead of counting places.
_NAMED = frozenset({"default", "default_value", "boolean", "precision", "if_true", "if_false"})


class Unreadable(ValueError):
    """A template of another form than those known here."""


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


class Expression:
    """Reads one expression from left to right; every method takes what it reads. Raises Unreadable."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self._left = _tokens(text)[::-1]
        self._names = names
        self._depth = 0
        self._made = 0

    def whole(self) -> Node:
        """All of the text as one expression."""
        node = self._choice()
        if self._left:
            raise Unreadable("more than one expression")
        return node

    def _next(self) -> str:
        return self._left[-1][1] if self._left and self._left[-1][0] != "text" else ""

    def _take(self, *wanted: str) -> str:
        return self._left.pop()[1] if self._next() in wanted and self._left else ""

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise Unreadable(f"expected {wanted}")

    def _name(self) -> str:
        if not self._left or self._left[-1][0] != "name":
            raise Unreadable("expected a name")
        if self._next().startswith("_"):
            raise Unreadable("a name that is not known here")
        return self._left.pop()[1]

    def _node(self, node: Node) -> Node:
        self._made += 1
        if self._made > _NODES:
            raise Unreadable("too many parts")
        return counted(node)

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _DEPTH:
            raise Unreadable("too many brackets")
        value = self._either()
        if self._take("if"):
            is_so, then = self._either(), value
            instead = self._choice() if self._take("else") else _nothing
            value = self._node(lambda scope: then(scope) if is_true(is_so(scope)) else instead(scope))
        self._depth -= 1
        return value

    def _either(self) -> Node:
        value = self._both()
        while self._take("or"):
            value = self._node(_or(value, self._both()))
        return value

    def _both(self) -> Node:
        value = self._denied()
        while self._take("and"):
            value = self._node(_and(value, self._denied()))
        return value

    def _denied(self) -> Node:
        is_denied = False
        while self._take("not"):
            is_denied = not is_denied
            self._node(_nothing)
        value = self._comparison()
        return self._node(lambda scope: not is_true(value(scope))) if is_denied else value

    def _comparison(self) -> Node:
        value = self._sum()
        sign = self._take(*_COMPARISONS)
        if sign:
            other = self._sum()
            return self._node(lambda scope: compared(sign, value(scope), other(scope)))
        is_denied = bool(self._take("not"))
        if not self._take("in"):
            if is_denied:
                raise Unreadable("expected in")
            return value
        held = self._sum()
        return self._node(lambda scope: is_in(value(scope), held(scope)) != is_denied)

    def _sum(self) -> Node:
        value = self._text()
        while sign := self._take("+", "-"):
            value = self._node(_calculation(sign, value, self._text()))
        return value

    def _text(self) -> Node:
        value = self._product()
        while self._take("~"):
            value = self._node(_joint(value, self._product()))
        return value

    def _product(self) -> Node:
        value = self._filtered()
        while sign := self._take("*", "/", "//", "%"):
            value = self._node(_calculation(sign, value, self._filtered()))
        return value

    def _filtered(self) -> Node:
        is_below = False
        while self._take("-"):
            is_below = not is_below
            self._node(_nothing)
        value = self._path(self._operand())
        if is_below:
            value = self._node(_calculation("-", lambda _: 0, value))
        while sign := self._take("|", "is"):
            value = self._filter(value) if sign == "|" else self._test(value)
        return value

    def _filter(self, value: Node) -> Node:
        name = self._name()
        given = self._arguments() if self._next() == "(" else []
        if name not in FILTERS:
            raise Unreadable(f"a filter that is not known here: {name}")
        return self._node(lambda scope: FILTERS[name](value(scope), [one(scope) for one in given]))

    def _test(self, value: Node) -> Node:
        is_denied = bool(self._take("not"))
        name = self._name()
        if name not in TESTS:
            raise Unreadable(f"a test that is not known here: {name}")
        return self._node(lambda scope: TESTS[name](value(scope)) != is_denied)

    def _arguments(self) -> list[Node]:
        self._need("(")
        return self._listed(")")

    def _listed(self, end: str) -> list[Node]:
        given: list[Node] = []
        while not self._take(end):
            self._skip_name()
            given.append(self._choice())
            if not self._take(",") and self._next() != end:
                raise Unreadable("expected another one")
        return given

    def _skip_name(self) -> None:
        """`float(default=0)`: the name of an argument."""
        if self._next() in _NAMED and len(self._left) > 1 and self._left[-2] == ("sign", "="):
            del self._left[-2:]

    def _operand(self) -> Node:
        if self._take("("):
            return self._bracket()
        if self._take("["):
            listed = self._listed("]")
            return self._node(lambda scope: weighed(scope, [one(scope) for one in listed]))
        if self._take("{"):
            return self._table()
        if not self._left:
            raise Unreadable("ends too early")
        what, text = self._left.pop()
        if what in ("number", "text"):
            stated: Any = text[1:-1] if what == "text" else float(text) if "." in text else int(text)
            return counted(lambda _: stated)
        return self._named(text)

    def _bracket(self) -> Node:
        """A part in brackets, or a list that cannot change."""
        first = self._choice()
        if self._take(")"):
            return first
        self._need(",")
        listed = [first, *self._listed(")")]
        return self._node(lambda scope: weighed(scope, [one(scope) for one in listed]))

    def _table(self) -> Node:
        entries: list[tuple[Node, Node]] = []
        while not self._take("}"):
            key = self._choice()
            self._need(":")
            entries.append((key, self._choice()))
            if not self._take(",") and self._next() != "}":
                raise Unreadable("expected another entry")
        return self._node(lambda scope: weighed(scope, {key(scope): value(scope) for key, value in entries}))

    def _named(self, text: str) -> Node:
        if text in _WORDS:
            return counted(lambda _: _WORDS[text])
        if text in self._names:
            # One that is set in a branch not taken, or named by a loop that is over, is not there.
            return counted(lambda scope: scope.get(text, NOTHING))
        if text in FUNCTIONS and self._next() == "(":
            given = self._arguments()
            return self._node(lambda scope: FUNCTIONS[text]([one(scope) for one in given]))
        raise Unreadable("a name that is not known here")

    def _path(self, value: Node) -> Node:
        while sign := self._take(".", "["):
            value = self._node(self._key(value) if sign == "[" else self._member(value))
        return value

    def _key(self, value: Node) -> Node:
        first: Node = _nothing if self._next() == ":" else self._choice()
        if self._take("]"):
            return lambda scope: item(value(scope), first(scope))
        self._need(":")
        last: Node = _nothing if self._next() == "]" else self._choice()
        self._need("]")
        return lambda scope: METHODS["slice"](value(scope), [first(scope), last(scope)])

    def _member(self, value: Node) -> Node:
        if self._left and self._left[-1][0] == "number":
            place = self._left.pop()[1]
            return lambda scope: item(value(scope), int(float(place)))
        name = self._name()
        if self._next() != "(":
            return lambda scope: item(value(scope), name)
        if name not in METHODS:
            raise Unreadable(f"a method that is not known here: {name}")
        given = self._arguments()
        return lambda scope: METHODS[name](value(scope), [one(scope) for one in given])


def _nothing(_: Scope) -> Any:
    return NOTHING


def _or(one: Node, two: Node) -> Node:
    return lambda scope: held if is_true(held := one(scope)) else two(scope)


def _and(one: Node, two: Node) -> Node:
    return lambda scope: two(scope) if is_true(held := one(scope)) else held


def _joint(one: Node, two: Node) -> Node:
    return lambda scope: joined([one(scope), two(scope)])


def _calculation(sign: str, one: Node, two: Node) -> Node:
    return lambda scope: calculated(sign, one(scope), two(scope))
