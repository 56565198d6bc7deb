"""Policy files: what is refused, and that the message says where and what."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from carebell.errors import BadInput
from carebell.types import Severity
from notifier.policy import read_policies
from rules_engine.rulebook import read_rulebook
from rules_engine.ruleset import every_rule
from tests.support import build
from tests.support.build import ROOT, seconds

SHIPPED = (ROOT / "deploy/policies/default.yaml").read_text()
Edit = Callable[[dict[str, Any]], object]


def edited(edit: Edit) -> str:
    content = yaml.safe_load(SHIPPED)
    edit(content)
    return yaml.safe_dump(content)


def call(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["policies"]["call_for_help"]
    return found


def test_the_shipped_policy_tells_desk_and_family_then_provider_then_health_centre() -> None:
    policy = build.default_policies().for_severity(Severity.CRITICAL)
    assert [(step.name, step.after, step.roles) for step in policy.steps] == [
        ("desk", seconds(0), ("desk",)),
        ("family", seconds(0), ("family", "neighbour")),
        ("provider", seconds(60), ("provider",)),
        ("health_centre", seconds(180), ("health_centre",)),
    ]
    assert (policy.name, policy.version) == ("call_for_help", "1")
    assert (policy.repeat_after, policy.remind_after, policy.group_for) == (seconds(120), seconds(900), seconds(600))


def test_every_severity_has_its_policy() -> None:
    book = build.default_policies()
    assert {severity: book.for_severity(severity).name for severity in Severity} == {
        Severity.CRITICAL: "call_for_help",
        Severity.HIGH: "call_for_help",
        Severity.LOW: "fault",
        Severity.INFO: "notice",
    }


def test_the_shipped_hazard_policy_tells_everybody_at_once_and_names_the_fire_brigade() -> None:
    book = build.default_policies()
    policy = book.for_alert("hazard", Severity.CRITICAL)
    assert (policy.name, policy.call) == ("hazard", "119 (火灾、烟雾、燃气、一氧化碳 / fire, smoke, gas, CO)")
    assert policy.steps[0].after == seconds(0)
    assert set(policy.steps[0].roles) == {"desk", "family", "neighbour", "provider"}
    assert policy.is_more_urgent_than(book.for_severity(Severity.CRITICAL))
    assert not book.for_severity(Severity.CRITICAL).is_more_urgent_than(policy)
    assert not policy.is_more_urgent_than(policy)


def test_a_hazard_that_is_told_again_while_it_lasts_goes_to_whoever_accepted() -> None:
    again_after = read_rulebook((ROOT / "deploy/rulebook.yaml").read_text(), "rulebook.yaml").rules.hazard.again_after
    for severity in (Severity.CRITICAL, Severity.HIGH):
        # A detector that repeats itself every so often is told again that much later at most.
        assert build.default_policies().for_alert("hazard", severity).group_for >= 2 * again_after


def test_what_names_the_rule_goes_before_what_names_the_severity() -> None:
    book = build.default_policies()
    assert book.for_alert("hazard", Severity.LOW).name == "fault"
    assert book.for_alert("routine", Severity.INFO).name == "note"
    assert book.for_alert("sos", Severity.CRITICAL).name == "call_for_help"
    assert {one.name for one in book.every()} == {"call_for_help", "hazard", "fault", "notice", "note"}


def test_the_rules_that_the_shipped_policies_name_are_there() -> None:
    assert {rule for rule, _ in build.default_policies().by_rule} <= {one.name for one in every_rule()}


def test_a_policy_for_rules_without_severities_is_for_all_of_them() -> None:
    book = read_policies(edited(lambda content: content["policies"]["note"].pop("for")), "my.yaml")
    assert {book.for_alert("routine", severity).name for severity in Severity} == {"note"}
    assert book.for_severity(Severity.LOW).name == "fault"


BAD_EDITS: dict[str, tuple[Edit, str]] = {
    "a time without a unit": (
        lambda content: call(content)["steps"][2].update(after=60),
        r"policies\.call_for_help\.steps\.2\.after: .*a number and a unit",
    ),
    "steps out of order": (
        lambda content: call(content)["steps"].reverse(),
        r"policies\.call_for_help: .*in the order of their times",
    ),
    "two steps of one name": (
        lambda content: call(content)["steps"][1].update(name="desk"),
        r"policies\.call_for_help: .*a name of its own",
    ),
    "a role that does not exist": (
        lambda content: call(content)["steps"][1].update(tell=["famly"]),
        r"policies\.call_for_help\.steps\.1\.tell\.0: .*'family'",
    ),
    "nobody to tell": (
        lambda content: call(content)["steps"][1].update(tell=[]),
        r"policies\.call_for_help\.steps\.1\.tell: .*at least 1 item",
    ),
    "no steps": (lambda content: call(content).update(steps=[]), r"policies\.call_for_help\.steps: .*at least 1 item"),
    "a round that repeats at once": (
        lambda content: call(content).update(repeat_after="500ms"),
        r"policies\.call_for_help: .*1s or longer",
    ),
    "a reminder at once": (
        lambda content: call(content).update(remind_after="0s"),
        r"policies\.call_for_help: .*1s or longer",
    ),
    "a severity without a policy": (
        lambda content: call(content).update({"for": ["critical"]}),
        r"the file: .*each severity must have one policy; named: critical, low, info",
    ),
    "a severity with two policies": (
        lambda content: call(content).update({"for": ["critical", "high", "low"]}),
        r"each severity must have one policy",
    ),
    "a rule with two policies": (
        lambda content: content["policies"]["note"].update(rules=["hazard"], **{"for": ["high"]}),
        r"the file: .*rule hazard has 2 policies for high",
    ),
    "neither severities nor rules": (
        lambda content: call(content).pop("for"),
        r"policies\.call_for_help: .*needs severities, or rules",
    ),
    "a number that nobody can call": (
        lambda content: call(content).update(call="the fire brigade"),
        r"policies\.call_for_help\.call: String should match pattern",
    ),
    "a number of two lines": (
        lambda content: call(content).update(call="119\nfire"),
        r"policies\.call_for_help\.call: String should match pattern",
    ),
    "a severity that does not exist": (
        lambda content: call(content).update({"for": ["urgent"]}),
        r"policies\.call_for_help\.for\.0: .*'critical'",
    ),
    "a word that is not known": (
        lambda content: call(content).update(repeat="2m"),
        r"policies\.call_for_help\.repeat: Extra inputs are not permitted",
    ),
    "a missing word": (
        lambda content: call(content).pop("repeat_after"),
        r"policies\.call_for_help\.repeat_after: Field required",
    ),
    "another format": (lambda content: content.update(format=2), r"format: Input should be 1"),
    "a version that is a number": (lambda content: content.update(version=1), r"version: .*valid string"),
    "no policies": (lambda content: content.update(policies={}), r"named: none"),
}


@pytest.mark.parametrize("name", BAD_EDITS)
def test_a_bad_policy_is_refused_with_where_and_why(name: str) -> None:
    edit, message = BAD_EDITS[name]
    with pytest.raises(BadInput, match=r"^my\.yaml:\d+: " + r".*" + message):
        read_policies(edited(edit), "my.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: [1", r"^my\.yaml:1: not YAML"),
        ("format: 1\nversion: 'x\n", r"^my\.yaml:3: not YAML"),
        ("", r"^my\.yaml:1: format: Field required"),
        ("- 1", r"^my\.yaml:1: expected names with values"),
        ("a: \x07", r"^my\.yaml:1: not YAML"),
        ("format: 1\nversion: 2026-02-30\n", r"^my\.yaml:.*day"),
    ],
)
def test_what_is_no_policy_file_at_all_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_policies(text, "my.yaml")


def test_every_problem_is_named_at_once() -> None:
    def twice(content: dict[str, Any]) -> None:
        call(content)["steps"][0].update(after="soon")
        content["policies"]["fault"].pop("group_for")

    with pytest.raises(BadInput) as refused:
        read_policies(edited(twice), "my.yaml")
    assert len(refused.value.problems) == 2
