"""What the expressions of Home Assistant's templates may do with values: filters, functions, methods, tests. Pure, bounded.

`given` are the arguments of a call. TypeError and the like mean that a template has no value here.
"""

import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from devices.coercion import number
from devices.dialects.homeassistant_values import NOTHING, TEXT_LIMIT, is_true, item, plain, printed, reckoned, text_of

_LIST_LIMIT, _PARTS = 100, 100
# Each letter of a text is looked for among those that are taken off its ends.
_TAKEN_OFF = 64
# A state of Home Assistant is no longer.
_SLUG_LIMIT = 255
_FORMAT = re.compile(r"([^%]{0,32})%(?:\.(\d))?([dfs])([^%]{0,32})")
_NOT_A_SLUG = re.compile(r"[^a-z0-9]+")


def _float(value: Any, given: list[Any]) -> Any:
    read = number(plain(value))
    return given[0] if read is None else float(read)


def _int(value: Any, given: list[Any]) -> Any:
    read = number(plain(value))
    return given[0] if read is None else int(read)


def _round(value: Any, given: list[Any]) -> Any:
    read = number(value) if isinstance(value, int | float | str) else None
    digits = given[0] if given and isinstance(given[0], int) and abs(given[0]) < 16 else 0
    how = {"floor": math.floor, "ceil": math.ceil}.get(given[1]) if len(given) > 1 else None
    if read is None:
        raise TypeError("no number")
    rounded = round(read, digits) if how is None else how(read * 10.0**digits) / 10.0**digits
    return int(rounded) if digits == 0 else rounded


def _default(value: Any, given: list[Any]) -> Any:
    is_missing = value is NOTHING or (len(given) > 1 and given[1] is True and not value)
    return (given[0] if given else "") if is_missing else value


def _text(change: Callable[[str], str]) -> Callable[[Any, list[Any]], Any]:
    def changed(value: Any, _given: list[Any]) -> Any:
        return change(text_of(value)) if isinstance(value, bool | int | float | str) else value

    return changed


def _bits(change: Callable[[int, int], int]) -> Callable[[Any, list[Any]], Any]:
    def changed(value: Any, given: list[Any]) -> Any:
        one, two = number(plain(value)), number(plain(given[0]))
        if one is None or two is None:
            raise TypeError("no number")
        return change(int(one), int(two))

    return changed


def _replaced(value: Any, given: list[Any]) -> Any:
    old, new = (text_of(one) for one in given[:2])
    text = text_of(value)
    if text.count(old) * len(new) > TEXT_LIMIT:
        raise TypeError("too long")
    return text.replace(old, new)


def _from_json(value: Any, given: list[Any]) -> Any:
    try:
        return orjson.loads(text_of(value))
    except orjson.JSONDecodeError:
        return given[0]


def _formatted(value: Any, given: list[Any]) -> Any:
    """`'%.1f' | format(x)`, with one place alone."""
    parts = _FORMAT.fullmatch(value) if isinstance(value, str) else None
    read = number(plain(given[0])) if given else None
    if parts is None or (read is None and parts[3] != "s"):
        raise TypeError("no such form")
    if parts[3] == "s":
        return f"{parts[1]}{text_of(given[0])}{parts[4]}"
    digits = 0 if parts[3] == "d" else int(parts[2] or 6)
    return f"{parts[1]}{read if parts[3] == 'f' else int(read or 0):.{digits}f}{parts[4]}"


def _slug(text: str) -> str:
    if len(text) > _SLUG_LIMIT:
        raise TypeError("too long")
    return _NOT_A_SLUG.sub("_", text.casefold()).strip("_")


def _trimmed(value: Any, given: list[Any]) -> Any:
    return _stripped(text_of(value), *map(text_of, given)) if value is not NOTHING else NOTHING


def _stripped(text: str, letters: str | None = None) -> str:
    if letters is not None and len(letters) > _TAKEN_OFF:
        raise TypeError("too long")
    return text.strip(letters)


def _length(value: Any, _given: list[Any]) -> Any:
    return 0 if value is NOTHING else len(value)


def _most(choose: Callable[[Iterable[Any]], Any]) -> Callable[[list[Any]], Any]:
    def chosen(given: list[Any]) -> Any:
        listed = given[0] if len(given) == 1 and isinstance(given[0], list) else given
        if len(listed) > _LIST_LIMIT:
            raise TypeError("too long")
        read = [number(plain(one)) for one in listed]
        if None in read:
            raise TypeError("no number")
        return choose(read)

    return chosen


def _iif(value: Any, given: list[Any]) -> Any:
    """`iif(then, otherwise, where it is none)`."""
    if value is None and len(given) > 2:
        return given[2]
    place = 0 if is_true(value) else 1
    return given[place] if place < len(given) else (True, False)[place]


def _bool(value: Any, given: list[Any]) -> Any:
    if isinstance(value, int | float):
        return value != 0
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    stated = known.get(printed(value).casefold()) if isinstance(value, str) else None
    return given[0] if stated is None else stated


def _split(value: Any, given: list[Any]) -> Any:
    """At most so often as the template says, and as is kept here."""
    times = given[1] if len(given) > 1 and isinstance(given[1], int) else -1
    parts = text_of(value).split(text_of(given[0]) if given else None, times if 0 <= times < _PARTS else _PARTS)
    if len(parts) > _PARTS:
        raise TypeError("too many parts")
    return parts


def _part(value: Any, given: list[Any]) -> Any:
    first, last = (None if one is NOTHING else one for one in given)
    return value[first:last]


def _got(value: Any, given: list[Any]) -> Any:
    if not isinstance(value, dict):
        raise TypeError("no object")
    found = item(value, given[0])
    return found if found is not NOTHING else given[1] if len(given) > 1 else None


def _ends(place: int) -> Callable[[Any, list[Any]], Any]:
    def end(value: Any, _given: list[Any]) -> Any:
        if not isinstance(value, list | str):
            raise TypeError("no list")
        return item(value, place)

    return end


def _of_a_text(change: Callable[..., Any]) -> Callable[[Any, list[Any]], Any]:
    """A method that texts alone have."""

    def changed(value: Any, given: list[Any]) -> Any:
        if not isinstance(value, str):
            raise TypeError("no text")
        return change(text_of(value), *map(text_of, given))

    return changed


def _is_defined(value: Any, _given: list[Any]) -> Any:
    if value is NOTHING:
        raise TypeError("not there")
    return value


FILTERS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "default": _default,
    "d": _default,
    "is_defined": _is_defined,
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(str.title),
    "capitalize": _text(str.capitalize),
    "trim": _trimmed,
    "string": _text(str),
    "slugify": _text(_slug),
    "replace": _replaced,
    "split": _split,
    "format": _formatted,
    "abs": lambda value, _given: abs(reckoned("+", value, 0)),
    "multiply": lambda value, given: reckoned("*", value, *given[:1]),
    "add": lambda value, given: reckoned("+", value, *given[:1]),
    "bitwise_and": _bits(int.__and__),
    "bitwise_or": _bits(int.__or__),
    "from_json": _from_json,
    "to_json": lambda value, _given: orjson.dumps(value).decode(),
    "tojson": lambda value, _given: orjson.dumps(value).decode(),
    "length": _length,
    "count": _length,
    "first": _ends(0),
    "last": _ends(-1),
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
    "lower": _of_a_text(str.lower),
    "upper": _of_a_text(str.upper),
    "strip": _of_a_text(_stripped),
    "startswith": _of_a_text(str.startswith),
    "endswith": _of_a_text(str.endswith),
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
    "sequence": lambda value: value is NOTHING or isinstance(value, list | str | dict),
    "iterable": lambda value: value is NOTHING or isinstance(value, list | str | dict),
}
