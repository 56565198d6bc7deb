"""What is in force in a home: the rulebook, the ability level on top, the home's own settings on top of that."""

from typing import Any

import pytest

from carebell.errors import BadInput
from carebell.types import HomeProfile, ResidentProfile
from rules_engine.in_force import ParametersInForce, ability_level, explain, settings_problems
from rules_engine.rulebook import Rulebook, read_rulebook
from tests.support.homeline import HomeLine, shipped_rulebook, shipped_text

LEVELS = """levels:
  1: {supervision: {intervals: 3}}
  3: {supervision: {battery_low_below: 20}}
"""


def book(levels: str = LEVELS) -> Rulebook:
    return read_rulebook(without_levels() + levels, "book.yaml")


def without_levels() -> str:
    return shipped_text().partition("levels:")[0]


def home(*levels: int | None, settings: dict[str, Any] | None = None) -> HomeProfile:
    residents = tuple(ResidentProfile(ability_level=level) for level in levels)
    return HomeProfile(home_id="h", residents=residents, settings=settings or {})


def in_force(profile: HomeProfile) -> tuple[Any, Any]:
    parameters: Any = ParametersInForce(book()).of(profile).rules["supervision"]
    return parameters.intervals, parameters.battery_low_below


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((), (2, 15)), ((None,), (2, 15)), ((0,), (2, 15)), ((1,), (3, 15)), ((2,), (3, 15)), ((4, None, 0), (3, 20))],
)
def test_each_level_stands_on_those_below_it(levels: tuple[int | None, ...], expected: tuple[int, int]) -> None:
    assert in_force(home(*levels)) == expected


def test_the_most_dependent_resident_counts() -> None:
    assert ability_level(home(0, 3, None, 1)) == 3
    assert ability_level(home(None)) is None


def test_the_homes_own_settings_are_stronger_than_its_level() -> None:
    assert in_force(home(3, settings={"supervision": {"intervals": 5, "silent_again_after": "2d"}})) == (5, 20)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"sos": {"enabled": False}}, "settings of rule sos: rule sos is the same in every home: every call counts"),
        ({"sos": {"budget": "1h"}}, "settings of rule sos: rule sos is the same in every home: every call counts"),
        ({"fall": {"enabled": False}}, "settings of rule fall: enabled: this rule cannot be switched off"),
        ({"hazard": {"enabled": False}}, "settings of rule hazard: enabled: this rule cannot be switched off"),
        ({"fall": {"pre_alarm": "52w"}}, "settings of rule fall: pre_alarm is longer than again_after"),
        ({"falls": {}}, "settings of rule falls: there is no rule 'falls'; there are "),
        (
            {"supervision": {"intervalls": 3}},
            "settings of rule supervision: intervalls: Extra inputs are not permitted",
        ),
        ({"supervision": {"intervals": 0}}, "settings of rule supervision: intervals: Input should be greater than"),
        ({"supervision": {"budget": 60}}, "settings of rule supervision: budget: a duration needs a number and a unit"),
        ({"supervision": {"battery_low_below": "x"}}, "settings of rule supervision: battery_low_below: "),
    ],
)
def test_settings_that_do_not_fit_are_left_out_and_said(settings: dict[str, Any], problem: str) -> None:
    profile = home(1, settings={**settings})
    [told] = settings_problems(book(), profile)
    assert told.startswith(problem)
    assert in_force(profile) == (3, 15)


def test_operators_hear_of_settings_that_do_not_fit() -> None:
    line = HomeLine()
    [alert] = line.follow(home(settings={"supervision": {"intervals": 0}}))
    assert (alert.rule, alert.severity, alert.home_id) == ("operations", "low", "h")
    assert "The settings of home h for rule supervision cannot be used" in alert.summary
    [again] = line.follow(home(settings={"supervision": {"intervals": 0}}))
    assert again.id == alert.id


def test_every_parameter_is_explained() -> None:
    profile = home(3, settings={"supervision": {"intervals": 5}})
    told = {(one.rule, one.parameter): (one.value, one.source) for one in explain(book(), profile)}
    assert told["supervision", "intervals"] == (5, "this home's own settings")
    assert told["supervision", "battery_low_below"] == (20, "ability level 3")
    assert told["supervision", "budget"] == ("1m", f"rulebook {book().label}")
    assert told["sos", "budget"] == ("1s", f"rulebook {book().label}")
    whole = {(rule, name) for rule, one in book().parameters().items() for name in type(one).model_fields}
    assert set(told) == whole


@pytest.mark.parametrize(
    ("levels", "problem"),
    [
        ("levels:\n  2: {sos: {budget: 2s}}\n", "levels.2.sos: rule sos is the same in every home"),
        ("levels:\n  2:\n    nothing: {}\n", "levels.2.nothing: there is no rule 'nothing'"),
        ("levels:\n  2:\n    supervision: {intervals: 0}\n", "levels.2.supervision: intervals: "),
        ("levels:\n  5: {}\n", "levels.5.[key]: "),
    ],
)
def test_levels_that_do_not_fit_are_refused_with_their_line(levels: str, problem: str) -> None:
    with pytest.raises(BadInput) as refusal:
        book(levels)
    [told] = refusal.value.problems
    line = without_levels().count("\n") + levels.count("\n")
    assert told.startswith(f"book.yaml:{line}: {problem}")


def test_the_shipped_levels_change_something_that_exists() -> None:
    rulebook = shipped_rulebook()
    plain = rulebook.parameters()
    for level in rulebook.levels:
        assert dict(ParametersInForce(rulebook).of(home(level)).rules) != plain
