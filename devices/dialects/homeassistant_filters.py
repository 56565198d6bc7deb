"""What the expressions of Home Assistant's templates may do with values: filters, functions, methods, tests. Pure, bounded.

`given` are the arguments of a call. TypeError and the like mean that a template has no value here.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from devices.coercion import number

_TEXT_LIMIT = 65_536
_FORMAT = re.compile(r"([^%]{0,32})%(?:\.(\d))?([dfs])([^%]{0,32})")
_NOT_A_SLUG = re.compile(r"[^a-z0-9]+")


class _Nothing:
    """A key that the payload has not."""


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


def item(value: Any, key: Any) -> Any:
    """What stands under a key or a place; NOTHING where neither is."""
    if isinstance(value, dict) and isinstance(key, str | int | float):
        return value.get(str(key), NOTHING)
    if isinstance(value, list | str) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return NOTHING


def is_true(value: Any) -> bool:
    """Whether a template takes a value for true: a text is, unless it is empty."""
    return value is not NOTHING and bool(value)


def is_in(value: Any, held: Any) -> bool:
    """Nested lists are not compared: their depth is the sender's choice."""
    if held is NOTHING or isinstance(value, dict | list):
        return False
    return value in held


def compared(sign: str, one: Any, two: Any) -> bool:
    """Plain values alone; whatever is nested is equal to nothing."""
    is_plain = not isinstance(one, dict | list) and not isinstance(two, dict | list)
    return is_plain and _COMPARED[sign](one, two)


def calculated(sign: str, one: Any, two: Any) -> Any:
    """Numbers, also where they are written as texts; two texts are put together by `+`."""
    left, right = number(_plain(one)), number(_plain(two))
    if left is None or right is None:
        return joined([one, two]) if sign == "+" and isinstance(one, str) and isinstance(two, str) else NOTHING
    return number(_CALCULATED[sign](left, right))


def joined(parts: Iterable[Any]) -> str:
    """Values as one text, the way a template prints them. Raises TypeError for one that is too long."""
    text = ""
    for part in parts:
        text += printed(part)
        if len(text) > _TEXT_LIMIT:
            raise TypeError("too long")
    return text


def printed(value: Any) -> str:
    """A value as a template prints it; nothing for a key that is not there."""
    if value is NOTHING:
        return ""
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else str(value)


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value if isinstance(value, int | float | str) else None


def _text_of(value: Any) -> str:
    if not isinstance(value, bool | int | float | str) or len(text := str(value)) > _TEXT_LIMIT:
        raise TypeError("no text")
    return text


def _float(value: Any, given: list[Any]) -> Any:
    read = number(_plain(value))
    return read if read is not None else (given[0] if given else NOTHING)


def _int(value: Any, given: list[Any]) -> Any:
    read = number(_plain(value))
    return int(read) if read is not None else (given[0] if given else NOTHING)


def _round(value: Any, given: list[Any]) -> Any:
    read = number(value) if isinstance(value, int | float | str) else None
    digits = given[0] if given and isinstance(given[0], int) and abs(given[0]) < 16 else 0
    how = {"floor": math.floor, "ceil": math.ceil}.get(given[1]) if len(given) > 1 else None
    if read is None or how is None:
        return NOTHING if read is None else round(read, digits)
    return how(read * 10.0**digits) / 10.0**digits


def _default(value: Any, given: list[Any]) -> Any:
    is_missing = value is NOTHING or (len(given) > 1 and given[1] is True and not value)
    return (given[0] if given else "") if is_missing else value


def _text(change: Callable[[str], str]) -> Callable[[Any, list[Any]], Any]:
    def changed(value: Any, _given: list[Any]) -> Any:
        return change(str(value)) if isinstance(value, bool | int | float | str) else value

    return changed


def _bits(change: Callable[[int, int], int]) -> Callable[[Any, list[Any]], Any]:
    def changed(value: Any, given: list[Any]) -> Any:
        one, two = number(_plain(value)), number(_plain(given[0])) if given else None
        return NOTHING if one is None or two is None else change(int(one), int(two))

    return changed


def _replaced(value: Any, given: list[Any]) -> Any:
    old, new = (_text_of(one) for one in given[:2])
    text = _text_of(value)
    if text.count(old) * len(new) > _TEXT_LIMIT:
        raise TypeError("too long")
    return text.replace(old, new)


def _from_json(value: Any, given: list[Any]) -> Any:
    try:
        return orjson.loads(_text_of(value))
    except orjson.JSONDecodeError:
        return given[0] if given else NOTHING


def _formatted(value: Any, given: list[Any]) -> Any:
    """`'%.1f' | format(x)`, with one place alone."""
    parts = _FORMAT.fullmatch(value) if isinstance(value, str) else None
    read = number(_plain(given[0])) if given else None
    if parts is None or (read is None and parts[3] != "s"):
        return NOTHING
    if parts[3] == "s":
        return f"{parts[1]}{_text_of(given[0])}{parts[4]}"
    digits = 0 if parts[3] == "d" else int(parts[2] or 6)
    return f"{parts[1]}{read if parts[3] == 'f' else int(read or 0):.{digits}f}{parts[4]}"


def _length(value: Any, _given: list[Any]) -> Any:
    return len(value) if isinstance(value, str | list | dict) else NOTHING


def _most(choose: Callable[[Iterable[Any]], Any]) -> Callable[[list[Any]], Any]:
    def chosen(given: list[Any]) -> Any:
        listed = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        read = [number(_plain(one)) for one in listed]
        return NOTHING if not read or None in read else choose(read)

    return chosen


def _iif(value: Any, given: list[Any]) -> Any:
    return (*given, True, False)[0 if is_true(value) else 1]


def _bool(value: Any, given: list[Any]) -> Any:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    stated = known.get(printed(value).casefold()) if isinstance(value, bool | int | str) else None
    return (given[0] if given else NOTHING) if stated is None else stated


def _split(value: Any, given: list[Any]) -> Any:
    parts = _text_of(value).split(_text_of(given[0]) if given else None, 100)
    return parts[:100]


def _part(value: Any, given: list[Any]) -> Any:
    first, last = (one if isinstance(one, int) else None for one in given)
    return value[first:last] if isinstance(value, str | list) else NOTHING


def _got(value: Any, given: list[Any]) -> Any:
    found = item(value, given[0]) if given else NOTHING
    return found if found is not NOTHING else given[1] if len(given) > 1 else None


FILTERS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "default": _default,
    "d": _default,
    "is_defined": lambda value, _given: value,
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(str.title),
    "capitalize": _text(str.capitalize),
    "trim": _text(str.strip),
    "string": _text(str),
    "slugify": _text(lambda text: _NOT_A_SLUG.sub("_", text.casefold()).strip("_")),
    "replace": _replaced,
    "split": _split,
    "format": _formatted,
    "abs": lambda value, _given: NOTHING if number(value) is None else abs(number(value) or 0),
    "multiply": lambda value, given: calculated("*", value, *given[:1]),
    "add": lambda value, given: calculated("+", value, *given[:1]),
    "bitwise_and": _bits(int.__and__),
    "bitwise_or": _bits(int.__or__),
    "from_json": _from_json,
    "to_json": lambda value, _given: NOTHING if value is NOTHING else orjson.dumps(value).decode(),
    "tojson": lambda value, _given: NOTHING if value is NOTHING else orjson.dumps(value).decode(),
    "length": _length,
    "count": _length,
    "first": lambda value, _given: item(value, 0),
    "last": lambda value, _given: item(value, -1),
    "max": lambda value, _given: _most(max)([value]),
    "min": lambda value, _given: _most(min)([value]),
    "iif": _iif,
    "bool": _bool,
}
FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "float": lambda given: _float(given[0], given[1:]),
    "int": lambda given: _int(given[0], given[1:]),
    "bool": lambda given: _bool(given[0], given[1:]),
    "iif": lambda given: _iif(given[0], given[1:]),
    "max": _most(max),
    "min": _most(min),
}
METHODS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "get": _got,
    "split": _split,
    "replace": _replaced,
    "slice": _part,
    "lower": lambda value, _given: _text_of(value).lower(),
    "upper": lambda value, _given: _text_of(value).upper(),
    "strip": lambda value, _given: _text_of(value).strip(),
    "startswith": lambda value, given: _text_of(value).startswith(_text_of(given[0])),
    "endswith": lambda value, given: _text_of(value).endswith(_text_of(given[0])),
}
TESTS: dict[str, Callable[[Any], bool]] = {
    "defined": lambda value: value is not NOTHING,
    "undefined": lambda value: value is NOTHING,
    "none": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float),
    "string": lambda value: isinstance(value, str),
    "mapping": lambda value: isinstance(value, dict),
    "sequence": lambda value: isinstance(value, list | str | dict),
    "iterable": lambda value: isinstance(value, list | str | dict),
}
