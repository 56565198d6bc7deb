"""Which parameters are in force in a home: the rulebook's, then those of the ability level, then the home's own settings.

    rulebook  <  levels 0 … n (GB/T 42195-2022: 0 intact … 4 total dependence), each on top of the one below  <  the home's own

The most dependent resident's level counts. What comes later is stronger, and the whole is validated again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from pydantic import JsonValue

from carebell.types import HomeProfile
from rules_engine.rule import RuleParameters
from rules_engine.rulebook import Rulebook, changeable, problem_of

Settings = Mapping[str, Mapping[str, JsonValue]]


@dataclass(frozen=True, slots=True, eq=False)
class InForce:
    """The parameters by rule, and why settings of the home's own for a rule are left out. Known by its identity."""

    rules: Mapping[str, RuleParameters]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Explained:
    """One parameter in force, and where it comes from."""

    rule: str
    parameter: str
    value: JsonValue
    source: str


class ParametersInForce:
    """Looks them up by home. What many homes share is merged once."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._plain = InForce(rulebook.parameters(), {})
        self._merged = lru_cache(maxsize=4096)(self._merge)

    def of(self, home: HomeProfile) -> InForce:
        if not home.residents and not home.settings:
            return self._plain
        level = ability_level(home)
        if level is None and not home.settings:
            return self._plain
        return self._merged(level, orjson.dumps(home.settings, option=orjson.OPT_SORT_KEYS) if home.settings else b"{}")

    def _merge(self, level: int | None, settings: bytes) -> InForce:
        rules = dict(self._rulebook.parameters())
        refused: dict[str, str] = {}
        for rule, changes in _level_changes(self._rulebook, level):
            rules[rule] = rules[rule].changed(changes)
        for rule, changes in orjson.loads(settings).items():
            try:
                rules[rule] = changeable(rules, rule).changed(changes)
            except ValueError as error:
                refused[rule] = problem_of(error)
        return InForce(rules, refused)


def ability_level(home: HomeProfile) -> int | None:
    """That of the most dependent resident; None where none is known."""
    return max((one.ability_level for one in home.residents if one.ability_level is not None), default=None)


def settings_problems(rulebook: Rulebook, home: HomeProfile) -> list[str]:
    """What is wrong with a home's own settings, for whoever writes them."""
    refused = ParametersInForce(rulebook).of(home).refused
    return [f"settings of rule {rule}: {detail}" for rule, detail in sorted(refused.items())]


def explain(rulebook: Rulebook, home: HomeProfile) -> list[Explained]:
    """Every parameter in force in a home, and what decided it."""
    level = ability_level(home)
    told: dict[tuple[str, str], str] = {}
    for number in sorted(rulebook.levels):
        if level is not None and number <= level:
            for rule, changes in rulebook.levels[number].items():
                told |= {(rule, name): f"ability level {number}" for name in changes}
    in_force = ParametersInForce(rulebook).of(home)
    for rule, changes in home.settings.items():
        if rule not in in_force.refused:
            told |= {(rule, name): "this home's own settings" for name in changes}
    return [
        Explained(rule, name, value, told.get((rule, name), f"rulebook {rulebook.label}"))
        for rule, parameters in in_force.rules.items()
        for name, value in parameters.model_dump(mode="json").items()
    ]


def _level_changes(rulebook: Rulebook, level: int | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number in sorted(rulebook.levels):
        if level is not None and number <= level:
            yield from rulebook.levels[number].items()
