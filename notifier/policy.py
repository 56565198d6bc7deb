"""The steps of an escalation, in seconds. A case takes a copy when it opens, so that editing a policy derails nobody.

after:  0s      0s        60s         180s             180s + repeat_after
        desk    family    provider    health_centre    all again, as the next round
"""

from dataclasses import dataclass
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
    """An escalation. Times run from the beginning of a round."""

    name: str
    version: str
    steps: tuple[PolicyStep, ...]
    repeat_after: timedelta
    remind_after: timedelta
    group_for: timedelta


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """The policy for each severity."""

    by_severity: dict[Severity, Policy]

    def for_severity(self, severity: Severity) -> Policy:
        return self.by_severity[severity]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Step(_File):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    after: Duration
    tell: Annotated[tuple[Role, ...], Field(min_length=1)]
    channels: tuple[str, ...] = ()


class _Policy(_File):
    severities: Annotated[tuple[Severity, ...], Field(min_length=1, alias="for")]
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
        return self


class _Book(_File):
    format: Literal[1]
    version: str
    policies: dict[str, _Policy]

    @model_validator(mode="after")
    def _each_severity_once(self) -> "_Book":
        named = [severity for policy in self.policies.values() for severity in policy.severities]
        if sorted(named) != sorted(Severity):
            raise ValueError(f"each severity must have one policy; named: {', '.join(named) or 'none'}")
        return self


def read_policies(text: str, name: str) -> PolicyBook:
    """Parse and validate a policy file. Raises BadInput with every problem and its line."""
    book = read_model(_Book, text, name)
    return PolicyBook(
        {
            severity: _policy(policy_name, policy, book.version)
            for policy_name, policy in book.policies.items()
            for severity in policy.severities
        }
    )


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
    )
