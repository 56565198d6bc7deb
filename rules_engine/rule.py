"""What a rule is: parameters, a state, a pure step. Adding one means adding a module with this shape."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from carebell.duration import Duration
from carebell.ids import computed
from carebell.step import Next
from carebell.types import Alert, AlertStatus, HomeProfile, Reading, Severity, Tick

RuleEvent = Reading | Tick | HomeProfile
RuleState = Mapping[str, Any]
NO_TIME = timedelta(0)
# Until something is told again: nothing is told with every tick.
Pause = Annotated[Duration, Field(ge=timedelta(minutes=1))]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class RuleParameters(BaseModel):
    """What every rule has: whether it is on and how late it may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    budget: Duration

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Some of them changed, and the whole validated again. Raises ValueError (pydantic's is one)."""
        if not isinstance(changes, Mapping):
            raise ValueError("expected names of parameters with values")
        unchanged = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self).model_validate({**unchanged, **changes})


class AlwaysOn(RuleParameters):
    """Of a rule on which lives hang: no rulebook, level or home can switch it off."""

    @field_validator("enabled")
    @classmethod
    def _is_on(cls, enabled: bool) -> bool:
        if not enabled:
            raise ValueError("this rule cannot be switched off: lives hang on it")
        return enabled


class Context(NamedTuple):
    """What a rule may look at besides its own state. `now` never runs backwards in a home; `happened_at` is when the
    reading happened by our best reckoning, up to a day earlier where a device sends late. Both also as they are kept in a
    state: every rule needs them for every reading."""

    home: HomeProfile
    now: datetime
    rulebook: str
    happened_at: datetime
    now_ms: int
    happened_ms: int


def context_of(home: HomeProfile, now: datetime, rulebook: str) -> Context:
    """The context of what happens now."""
    now_ms = ms(now)
    return Context(home, now, rulebook, now, now_ms, now_ms)


class Rule(Protocol):
    """The state is a JSON object of the rule's own; `start` is how it begins. `hears`: the kinds of readings it is stepped
    for, None for all. Ticks come when its own due time has come, profiles always."""

    @property
    def name(self) -> str: ...

    @property
    def hears(self) -> frozenset[str] | None: ...

    def start(self) -> RuleState: ...

    def step(self, state: Any, event: RuleEvent, context: Context, parameters: Any) -> Next[RuleState, Alert] | None:
        """Pure; the state that came in stays as it was. The due time that is returned replaces the one before. None, for a
        reading that says nothing new: state and due time stay, at no cost. Most readings are such."""
        ...


class Finding(NamedTuple):
    """What a rule has found out, before it is an alert of a home. A tuple, as a call for help is made through it.

    `subject` and `began_at` make the alert's id: the same for all that is said of one episode. `cause` is the reading that
    decided it, `evidence` the ids of others that speak for it. `pre_alarm`: the home has so long to say that all is well.
    """

    subject: str
    severity: Severity
    summary: str
    summary_zh: str
    cause: Reading | None = None
    evidence: tuple[str, ...] = ()
    device_id: str = ""
    began_at: datetime | None = None
    status: AlertStatus = AlertStatus.OPENED
    pre_alarm: timedelta = NO_TIME
    is_test: bool = False


def alert_of(finding: Finding, rule: str, parameters: RuleParameters, context: Context) -> Alert:
    """An alert whose id comes from the rule, the home, its subject and the start of the episode."""
    cause = finding.cause
    began_at = finding.began_at or context.now
    evidence = finding.evidence if cause is None else (*finding.evidence, cause.id)
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
        evidence=tuple(dict.fromkeys(evidence)),
        source_ids=() if cause is None else (cause.source_message_id,),
        device_id=finding.device_id if cause is None else cause.device_id,
        budget=parameters.budget,
        rulebook=context.rulebook,
        pre_alarm=finding.pre_alarm,
        is_test=finding.is_test,
    )


def as_time(text: JsonValue) -> datetime | None:
    """A time kept in a state as text."""
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def ms(at: datetime) -> int:
    """A time as it is kept in a state: whole milliseconds since 1970."""
    return (at - _EPOCH) // _MILLISECOND


@lru_cache(maxsize=8192)
def at_ms(milliseconds: int) -> datetime:
    """A time that was kept in a state. Due times are asked for again and again."""
    return _EPOCH + milliseconds * _MILLISECOND
