"""A home under its rules on a time line: say what happens at which second, ask which alerts were raised."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from carebell.ids import computed
from carebell.types import Alert, AlertStatus, HomeProfile, Reading, Tick
from rules_engine.home import HomeAction, HomeState, HomeStep, decode_state, encode_state
from rules_engine.operations import Failure
from rules_engine.rule import Rule, RuleEvent
from rules_engine.rulebook import Rulebook, read_rulebook
from rules_engine.ruleset import every_rule

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@cache
def shipped_rulebook() -> Rulebook:
    """The rulebook that comes with Carebell."""
    return read_rulebook(shipped_text(), "rulebook.yaml")


def shipped_text() -> str:
    """The same as it stands in its file."""
    return files("deploy").joinpath("rulebook.yaml").read_text(encoding="utf-8")


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def reading(kind: str = "sos", at: float = 0, *, device_id: str = "button", source: str = "", **more: Any) -> Reading:
    """A reading of home `h` received `at` seconds after the start; `source` is the device's own message id."""
    source_id = source or f"{device_id}-{at}"
    values = {"sos": "active", "heartbeat": True, "battery": 80, "fall": "detected"}
    content: dict[str, Any] = {"value": values.get(kind, True), "observed_at": moment(at), **more}
    return Reading(
        id=computed("reading", device_id, source_id, kind),
        home_id="h",
        device_id=device_id,
        kind=kind,
        received_at=moment(at),
        source_message_id=source_id,
        **content,
    )


@dataclass
class HomeLine:
    """`step` feeds one event; `until` wakes the home at its own due times, as ticks do."""

    rules: tuple[Rule, ...] = field(default_factory=every_rule)
    between: Callable[[HomeState], HomeState] = lambda state: state
    actions: list[HomeAction] = field(default_factory=list)
    due_at: datetime | None = None

    def __post_init__(self) -> None:
        self._step = HomeStep(shipped_rulebook(), self.rules)
        self.state = self._step.start("h")

    def step(self, event: RuleEvent, at: float) -> list[Alert]:
        """One event; the alerts it raised."""
        following = self._step(self.between(self.state), event, moment(at))
        self.state, self.due_at = following.state, following.due_at
        self.actions += following.actions
        return [action.alert if isinstance(action, Failure) else action for action in following.actions]

    def hear(self, event: Reading) -> list[Alert]:
        return self.step(event, (event.received_at - START).total_seconds())

    def follow(self, profile: HomeProfile, at: float = 0) -> list[Alert]:
        return self.step(profile, at)

    def tick(self, at: float, listening_since: float | None = None) -> list[Alert]:
        """A tick, which reaches the home only where it is due."""
        if self.due_at is None or self.due_at > moment(at):
            return []
        since = None if listening_since is None else moment(listening_since)
        return self.step(Tick(at=moment(at), source="test", listening_since=since), at)

    @property
    def alerts(self) -> list[Alert]:
        return [action.alert if isinstance(action, Failure) else action for action in self.actions]

    @property
    def opened(self) -> list[Alert]:
        return [alert for alert in self.alerts if alert.status is AlertStatus.OPENED]


def restarted(state: HomeState) -> HomeState:
    """What a new process knows."""
    return decode_state(encode_state(state))
