"""The rules that exist. Apart from the room's `main`, so that a replay loads no log, store or metrics."""

from rules_engine.rule import Rule
from rules_engine.rules.bed import BedRule
from rules_engine.rules.climate import ClimateRule
from rules_engine.rules.fall import FallRule
from rules_engine.rules.hazard import HazardRule
from rules_engine.rules.inactivity import InactivityRule
from rules_engine.rules.routine import RoutineRule
from rules_engine.rules.sos import SosRule
from rules_engine.rules.supervision import SupervisionRule
from rules_engine.rules.vital import VitalRule
from rules_engine.rules.wandering import WanderingRule


def every_rule() -> tuple[Rule, ...]:
    """In the order in which they look at an event."""
    return (
        SosRule(),
        FallRule(),
        HazardRule(),
        VitalRule(),
        SupervisionRule(),
        InactivityRule(),
        BedRule(),
        WanderingRule(),
        ClimateRule(),
        RoutineRule(),
    )
