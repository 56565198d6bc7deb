"""What a rule is: parameters, a state, a pure step. Adding one means adding a module with this shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, JsonValue

from carebell.duration import Duration
from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert, AlertStatus, HomeProfile, Reading, Severity, Tick

RuleEvent = Reading | Tick | HomeProfile
RuleState = Mapping[str, Any]


class RuleParameters(BaseModel):
    """What every rule has: whether it is on and how late it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    budget: Duration


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at besides its own state."""

    home: HomeProfile
    now: datetime
    rulebook: str


class Rule(Protocol):
    """The state is a JSON object of the rule's own; `start` is how it begins."""

    @property
    def name(self) -> str: ...

    def start(self) -> RuleState: ...

    def step(self, state: RuleState, event: RuleEvent, context: Context, parameters: Any) -> Next[RuleState, Alert]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule has found out, before it is an alert of a home."""

    subject: str
    severity: Severity
    summary: str
    summary_zh: str
    cause: Reading | None = None
    began_at: datetime | None = None
    status: AlertStatus = AlertStatus.OPENED
    is_test: bool = False


def alert_of(finding: Finding, rule: str, parameters: RuleParameters, context: Context) -> Alert:
    """An alert whose id comes from the rule, the home, its subject and the start of the episode."""
    cause = finding.cause
    began_at = finding.began_at or context.now
    return Alert(
        id=computed("alert", rule, context.home.home_id, finding.subject, began_at.isoformat()),
        rule=rule,
        home_id=context.home.home_id,
        status=finding.status,
        at=context.now,
        severity=finding.severity,
        summary=finding.summary,
        summary_zh=finding.summary_zh,
        caused_at=context.now if cause is None else cause.received_at,
        evidence=() if cause is None else (cause.id,),
        source_ids=() if cause is None else (cause.source_message_id,),
        device_id=finding.subject if cause is None else cause.device_id,
        budget=parameters.budget,
        rulebook=context.rulebook,
        is_test=finding.is_test,
    )


def as_time(text: JsonValue) -> datetime | None:
    """A time kept in a state."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None
