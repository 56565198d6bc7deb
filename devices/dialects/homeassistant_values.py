"""The values of Home Assistant's templates: what is read of them, compared, calculated and printed. Pure, bounded.

TypeError and the like mean that a template has no value here, as where Home Assistant itself would report an error.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from devices.coercion import number

TEXT_LIMIT = 65_536
_WEIGHT = 200
# Work grows with what is handled: so many characters, or items of a list, cost one step more.
_SIZE_OF_A_STEP = 16
_WHOLE_LIMIT = 1e15
# Under a name that no template can write.
_EFFORT = ""
Scope = Mapping[str, Any]
Node = Callable[[Scope], Any]


class _Nothing:
    """A key that the payload has not."""


class TooMuch(TypeError):
    """A template wants more work than is left for it."""


class Effort:
    """How much a template may still do with one payload, in steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def take(self, handled: Any = None) -> None:
        """A step, and more for a long text, list or object. Raises TooMuch when none is left."""
        size = len(handled) if isinstance(handled, str | list | dict) else 0
        self.take_many(1 + size // _SIZE_OF_A_STEP)

    def take_many(self, steps: int) -> None:
        """So many steps at once. Raises TooMuch when fewer are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch("too much work")


NOTHING = _Nothing()
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
    "//": lambda one, two: one // two,
    "%": lambda one, two: one % two,
}


def work_of(effort: Effort) -> dict[str, Any]:
    """What goes into the variables of a template so that its work has an end."""
    return {_EFFORT: effort}


def spend(scope: Scope, handled: Any = None) -> None:
    """A share of the work. Raises TooMuch when none is left."""
    kept: Effort = scope[_EFFORT]
    kept.take(handled)


def counted(node: Node) -> Node:
    """A part that takes its share of the work by what it comes to."""

    def told(scope: Scope) -> Any:
        value = node(scope)
        spend(scope, value)
        return value

    return told


def item(value: Any, key: Any) -> Any:
    """What stands under a key or a place; NOTHING where neither is. Raises TypeError below what is not there itself."""
    if value is NOTHING:
        raise TypeError("not there")
    if isinstance(value, dict) and isinstance(key, str | int | float):
        return value.get(key, NOTHING)
    if isinstance(value, list | str) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return NOTHING


def is_true(value: Any) -> bool:
    """Whether a template takes a value for true: a text is, unless it is empty."""
    return value is not NOTHING and bool(value)


def is_in(value: Any, held: Any) -> bool:
    """Nested lists are not compared: their depth is the sender's choice."""
    if held is NOTHING:
        return False
    if isinstance(value, dict | list):
        raise TypeError("not compared")
    return value in held


def compared(sign: str, one: Any, two: Any) -> bool:
    """Plain values; of lists and objects only whether they are empty, for their depth is the sender's choice."""
    nested = [value for value in (one, two) if isinstance(value, dict | list)]
    if len(nested) == 2 and all(nested) and type(one) is type(two):
        raise TypeError("not compared")
    if nested and sign not in ("==", "!="):
        raise TypeError("without an order")
    return _COMPARED[sign](one, two)


def calculated(sign: str, one: Any, two: Any) -> Any:
    """Numbers; two texts are put together by `+`. Raises TypeError for whatever else."""
    if sign == "+" and isinstance(one, str) and isinstance(two, str):
        return joined([one, two])
    if isinstance(one, str) or isinstance(two, str):
        raise TypeError("a text is no number")
    return reckoned(sign, one, two)


def reckoned(sign: str, one: Any, two: Any) -> int | float:
    """Numbers, also where they are written as texts. Raises TypeError where either is none, or what comes of them."""
    left, right = _exact(one), _exact(two)
    if left is None or right is None:
        raise TypeError("no number")
    found = _CALCULATED[sign](left, right)
    # Whole numbers could grow without end.
    found = found if abs(found) < _WHOLE_LIMIT else float(found)
    if not math.isfinite(found):
        raise TypeError("no number")
    return found


def _exact(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else number(plain(value))


def joined(parts: Iterable[Any]) -> str:
    """Values as one text, the way a template prints them. Raises TypeError for one that is too long."""
    text = ""
    for part in parts:
        text += printed(part)
        if len(text) > TEXT_LIMIT:
            raise TypeError("too long")
    return text


def printed(value: Any) -> str:
    """A value as a template prints it; nothing for a key that is not there."""
    if value is NOTHING:
        return ""
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)


def weighed(scope: Scope, made: Any) -> Any:
    """A list or an object that a template puts together. Raises TypeError where it would multiply what it is made of."""
    waiting, weight = [made], 0
    while waiting:
        one = waiting.pop()
        held = one if isinstance(one, list) else list(one.values()) if isinstance(one, dict) else []
        spend(scope, held)
        weight += 1 + len(held)
        if weight > _WEIGHT:
            raise TypeError("too large")
        waiting += [part for part in held if isinstance(part, dict | list)]
    return made


def plain(value: Any) -> Any:
    """A switch as a number; None for what is neither number nor text."""
    return int(value) if isinstance(value, bool) else value if isinstance(value, int | float | str) else None


def text_of(value: Any) -> str:
    """A plain value as text. Raises TypeError for others, and for one that is too long."""
    if not isinstance(value, bool | int | float | str) or len(text := str(value)) > TEXT_LIMIT:
        raise TypeError("no text")
    return text
