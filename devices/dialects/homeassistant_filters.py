"""The filters of Home Assistant's templates that are read here, and what a key that is not there is. Pure."""

from collections.abc import Callable
from typing import Any

from devices.coercion import number


class _Nothing:
    """A key that the payload has not."""


NOTHING = _Nothing()


def item(value: Any, key: Any) -> Any:
    """What stands under a key or a place; NOTHING where neither is."""
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key, NOTHING)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return NOTHING


def _float(value: Any, given: list[Any]) -> Any:
    read = number(value) if isinstance(value, bool | int | float | str) else None
    return read if read is not None else (given[0] if given else NOTHING)


def _int(value: Any, given: list[Any]) -> Any:
    read = int(value) if isinstance(value, bool) else number(value) if isinstance(value, int | float | str) else None
    return int(read) if read is not None else (given[0] if given else NOTHING)


def _round(value: Any, given: list[Any]) -> Any:
    read = number(value) if isinstance(value, int | float | str) else None
    digits = given[0] if given and isinstance(given[0], int) and abs(given[0]) < 16 else 0
    return NOTHING if read is None else round(read, digits)


def _default(value: Any, given: list[Any]) -> Any:
    is_missing = value is NOTHING or (len(given) > 1 and given[1] is True and not value)
    return (given[0] if given else "") if is_missing else value


def is_true(value: Any) -> bool:
    """Whether a template takes a value for true: a text is, unless it is empty."""
    return value is not NOTHING and bool(value)


def _text(change: Callable[[str], str]) -> Callable[[Any, list[Any]], Any]:
    def changed(value: Any, _given: list[Any]) -> Any:
        return change(str(value)) if isinstance(value, bool | int | float | str) else value

    return changed


FILTERS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "default": _default,
    "d": _default,
    "is_defined": lambda value, _given: value,
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "trim": _text(str.strip),
    "string": _text(str),
    "abs": lambda value, _given: NOTHING if number(value) is None else abs(number(value) or 0),
    "iif": lambda value, given: (*given, True, False)[0 if is_true(value) else 1],
    "bool": lambda value, given: given[0] if value is NOTHING and given else value,
}
