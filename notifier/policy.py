"""The steps of an escalation, in seconds. A case takes a copy when it opens, so that editing a policy derails nobody.

after:  0s      0s        60s         180s             180s + repeat_after
        desk    family    provider    health_centre    all again, as the next round
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from carebell.duration import Duration
from carebell.file_yaml import read_model
from carebell.types import Severity
from devices.registry import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStep:
    """A tier: everybody with one of these roles is told at once, on all of these channels (none named: all they have)."""

    name: str
    after: timedelta
    roles: tuple[str, ...]
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An escalation. Times run from the beginning of a round. `call`: a number to call before anything else, and what for."""

    name: str
    version: str
    steps: tuple[PolicyStep, ...]
    repeat_after: timedelta
    remind_after: timedelta
    group_for: timedelta
    call: str = ""

    def is_more_urgent_than(self, other: "Policy") -> bool:
        """Another escalation that tells nobody later than the other one does, and somebody sooner."""
        mine, others = self._told_after(), other._told_after()
        is_never_later = all(role in mine and mine[role] <= after for role, after in others.items())
        return self.name != other.name and is_never_later and mine != others

    def _told_after(self) -> dict[str, timedelta]:
        """When each role is first told."""
        return {role: step.after for step in reversed(self.steps) for role in step.roles}


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policy for each severity, and those for alerts of certain rules."""

    by_severity: dict[Severity, Policy]
    by_rule: dict[tuple[str, Severity], Policy] = field(default_factory=dict)

    def for_severity(self, severity: Severity) -> Policy:
        return self.by_severity[severity]

    def every(self) -> tuple[Policy, ...]:
        """Each policy once."""
        return tuple(dict.fromkeys((*self.by_severity.values(), *self.by_rule.values())))

    def for_alert(self, rule: str, severity: Severity) -> Policy:
        """What names the alert's rule goes before what names only its severity."""
        return self.by_rule.get((rule, severity)) or self.by_severity[severity]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Step(_File):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    after: Duration
    tell: Annotated[tuple[Role, ...], Field(min_length=1)]
    channels: tuple[str, ...] = ()


class _Policy(_File):
    severities: Annotated[tuple[Severity, ...], Field(alias="for")] = ()
    rules: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    call: Annotated[str, Field(pattern=r"^([0-9+*#(][^\r\n]{0,79})?$")] = ""
    steps: Annotated[tuple[_Step, ...], Field(min_length=1)]
    repeat_after: Duration
    remind_after: Duration
    group_for: Duration

    @model_validator(mode="after")
    def _in_order(self) -> "_Policy":
        afters = [step.after for step in self.steps]
        if afters != sorted(afters):
            raise ValueError("the steps must stand in the order of their times")
        if len({step.name for step in self.steps}) != len(self.steps):
            raise ValueError("each step needs a name of its own")
        if min(self.repeat_after, self.remind_after) < timedelta(seconds=1):
            raise ValueError("repeat_after and remind_after must be 1s or longer")
        if not self.severities and not self.rules:
            raise ValueError("for: a policy needs severities, or rules")
        return self

    def named_by_rule(self) -> Iterator[tuple[str, Severity]]:
        """The alerts of certain rules that it is for; without `for`, those of any severity."""
        return ((rule, severity) for rule in self.rules for severity in self.severities or Severity)


class _Book(_File):
    format: Literal[1]
    version: str
    policies: dict[str, _Policy]

    @model_validator(mode="after")
    def _each_severity_once(self) -> "_Book":
        named = [severity for policy in self.policies.values() if not policy.rules for severity in policy.severities]
        if sorted(named) != sorted(Severity):
            raise ValueError(f"each severity must have one policy; named: {', '.join(named) or 'none'}")
        return self

    @model_validator(mode="after")
    def _each_rule_at_most_once(self) -> "_Book":
        named = Counter(pair for policy in self.policies.values() for pair in policy.named_by_rule())
        for (rule, severity), count in named.items():
            if count > 1:
                raise ValueError(f"rule {rule} has {count} policies for {severity}")
        return self


def read_policies(text: str, name: str) -> PolicyBook:
    """Parse and validate a policy file. Raises BadInput with every problem and its line."""
    book = read_model(_Book, text, name)
    by_severity: dict[Severity, Policy] = {}
    by_rule: dict[tuple[str, Severity], Policy] = {}
    for policy_name, read in book.policies.items():
        policy = _policy(policy_name, read, book.version)
        by_severity |= {} if read.rules else dict.fromkeys(read.severities, policy)
        by_rule |= dict.fromkeys(read.named_by_rule(), policy)
    return PolicyBook(by_severity, by_rule)


def _policy(name: str, policy: _Policy, version: str) -> Policy:
    return Policy(
        name=name,
        version=version,
        steps=tuple(
            PolicyStep(
                name=step.name, after=step.after, roles=tuple(role.value for role in step.tell), channels=step.channels
            )
            for step in policy.steps
        ),
        repeat_after=policy.repeat_after,
        remind_after=policy.remind_after,
        group_for=policy.group_for,
        call=policy.call,
    )
