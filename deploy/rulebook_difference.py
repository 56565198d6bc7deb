"""What differs between two rulebooks, parameter by parameter. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from rules_engine.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Difference:
    """A parameter by its whole name, as it was and as it is; None where it does not stand there."""

    name: str
    old: JsonValue
    new: JsonValue

    def __str__(self) -> str:
        return f"{self.name}: {said(self.old)} → {said(self.new)}"


def differences(old: Rulebook, new: Rulebook) -> list[Difference]:
    """In the order of the new one; what has gone from the old one behind it."""
    before, after = dict(_parameters(old)), dict(_parameters(new))
    return [
        Difference(name, before.get(name), after.get(name))
        for name in {**after, **before}
        if before.get(name) != after.get(name)
    ]


def said(value: JsonValue) -> str:
    """A value for a person."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _parameters(rulebook: Rulebook) -> Iterator[tuple[str, JsonValue]]:
    yield from _flat(rulebook.rules.model_dump(mode="json"))
    yield from _flat({str(level): dict(changes) for level, changes in rulebook.levels.items()}, "levels.")


def _flat(values: Mapping[str, JsonValue], before: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield before + name, value
