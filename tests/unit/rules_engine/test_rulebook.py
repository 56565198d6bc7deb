"""A bad rulebook is refused whole, with the place and what to write."""

from datetime import timedelta

import pytest

from carebell.errors import BadInput
from rules_engine.rulebook import read_rulebook
from tests.support.homeline import shipped_rulebook

GOOD = """\
format: 1
version: "1"
rules:
  sos:
    budget: 1s
  supervision:
    budget: 1m
    battery_again_after: 1d
"""


def test_the_shipped_rulebook_is_good() -> None:
    rules = shipped_rulebook().rules
    assert (rules.sos.budget, rules.supervision.budget) == (timedelta(seconds=1), timedelta(minutes=1))
    assert (rules.supervision.intervals, rules.supervision.battery_again_after) == (2, timedelta(days=1))


def test_the_label_follows_the_version_and_the_content() -> None:
    book, other = read_rulebook(GOOD, "f"), read_rulebook(GOOD.replace("1m", "2m"), "f")
    assert book.label == "1+" + book.fingerprint
    assert len(book.fingerprint) == 8
    assert book.label != other.label
    assert book.label == read_rulebook(GOOD + "fingerprint: forged\n", "f").label[:2] + book.fingerprint


def test_supervision_can_be_switched_off() -> None:
    assert not read_rulebook(GOOD + "    enabled: false\n", "f").rules.supervision.enabled


SOS_OFF = "rules.sos: a call for help cannot be switched off"
NO_UNIT = "a duration needs a number and a unit"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("budget: 1s", "budget: 1", f"book.yaml:5: rules.sos.budget: {NO_UNIT}"),
        ("budget: 1s", "budget: '1'", NO_UNIT),
        ("budget: 1s", "budget: -1s", NO_UNIT),
        ("budget: 1s", "budget: 999999999999d", "this duration is too long"),
        ("battery_again_after: 1d", "battery_again_after: 24", "rules.supervision.battery_again_after"),
        ("budget: 1s", "budget: 1s\n    enabled: false", SOS_OFF),
        ("budget: 1s", "budget: 1s\n    enable: true", "rules.sos.enable: Extra inputs are not permitted"),
        ("budget: 1s", "enabled: true", "rules.sos.budget: Field required"),
        ("  sos:\n    budget: 1s\n", "", "rules.sos: Field required"),
        ("rules:", "rules:\n  falls: {}", "rules.falls: Extra inputs are not permitted"),
        ("format: 1", "format: 2", "format: Input should be 1"),
        ("format: 1\n", "", "format: Field required"),
        ('version: "1"', "version: 1", "version: Input should be a valid string"),
        ("budget: 1m", "budget: 1m\n    intervals: 0.9", "rules.supervision.intervals"),
        ("budget: 1m", "budget: 1m\n    intervals: .inf", "rules.supervision.intervals"),
        ("budget: 1m", "budget: 1m\n    intervals: .nan", "rules.supervision.intervals"),
        ("battery_again_after: 1d", "battery_again_after: 59s", "rules.supervision.battery_again_after"),
        ("budget: 1m", "budget: 1m\n    silent_again_after: 0s", "rules.supervision.silent_again_after"),
        ("budget: 1m", "budget: 1m\n    fault_again_after: 0s", "rules.supervision.fault_again_after"),
        ("rules:", "rules:\n  climate: {again_after: 0s}", "rules.climate.again_after"),
        ("budget: 1m", "budget: 1m\n    battery_low_below: 101", "rules.supervision.battery_low_below"),
        ("rules:", "rules: [", "book.yaml:5: not YAML"),
        ("budget: 1s", "budget: 1s\n\tx: 1", "book.yaml:6: not YAML"),
        ("format: 1", "format: 1\n*", "book.yaml:2: not YAML"),
        ("format: 1", "format: 1\n? [a]\n: b", "book.yaml:2: not YAML"),
        ("format: 1", "format: !!python/object:os.system 1", "book.yaml:1: not YAML"),
        ('version: "1"', "version: 2026-13-45", "book.yaml:1: not YAML: month must be in 1..12"),
        ("format: 1", "format: \x00", "book.yaml:1: not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput) as refused:
        read_rulebook(GOOD.replace(old, new, 1), "book.yaml")
    assert message in str(refused.value)
    assert all(problem.startswith("book.yaml:") for problem in refused.value.problems)


@pytest.mark.parametrize("text", ["", "[]", "7", "just words", "~", "- format: 1"])
def test_a_file_that_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"book\.yaml:1: (expected names with values|format: Field required)"):
        read_rulebook(text, "book.yaml")


def test_brackets_without_end_are_refused() -> None:
    with pytest.raises(BadInput, match="not YAML"):
        read_rulebook("[" * 5000, "book.yaml")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        read_rulebook(GOOD.replace("1s", "1").replace("1m", "2"), "f")
    assert len(refused.value.problems) == 2
