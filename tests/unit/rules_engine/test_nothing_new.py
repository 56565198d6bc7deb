"""A rule that returns None for a reading: its state and its due time stay as they were."""

from dataclasses import dataclass
from datetime import timedelta

from carebell.step import Next
from carebell.types import Alert, Reading
from rules_engine.rule import Context, RuleEvent, RuleParameters, RuleState
from tests.support.homeline import HomeLine, moment, reading, restarted


@dataclass
class CountingRule:
    """Takes the place of supervision; motion is nothing new to it."""

    name: str = "supervision"
    hears: frozenset[str] | None = None

    def start(self) -> RuleState:
        return {"steps": 0}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: RuleParameters
    ) -> Next[RuleState, Alert] | None:
        if isinstance(event, Reading) and event.kind == "motion":
            return None
        return Next({"steps": state["steps"] + 1}, (), context.now + timedelta(minutes=1))


def test_state_and_due_time_stay_and_time_goes_on() -> None:
    home = HomeLine(rules=(CountingRule(),))
    home.hear(reading("heartbeat", 0))
    home.hear(reading("motion", 30))
    assert home.state.rules["supervision"] == {"steps": 1}
    assert home.due_at == moment(60)
    assert home.state.now == moment(30)


def test_the_first_due_time_survives_a_restart() -> None:
    home = HomeLine(rules=(CountingRule(),))
    home.hear(reading("heartbeat", 0))
    home.state = restarted(home.state)
    home.hear(reading("motion", 30))
    assert home.due_at == moment(60)
