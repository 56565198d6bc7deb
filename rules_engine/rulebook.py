"""The rulebook: one YAML file, validated whole at start, every duration with its unit. Its version is in every alert."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from carebell.errors import BadInput
from carebell.file_yaml import Location, line_of, read_model
from rules_engine.fall_parameters import FallParameters
from rules_engine.rule import RuleParameters
from rules_engine.rules.bed import BedParameters
from rules_engine.rules.climate import ClimateParameters
from rules_engine.rules.hazard import HazardParameters
from rules_engine.rules.inactivity import InactivityParameters
from rules_engine.rules.routine import RoutineParameters
from rules_engine.rules.sos import SosParameters
from rules_engine.rules.supervision import SupervisionParameters
from rules_engine.rules.vital import VitalParameters
from rules_engine.rules.wandering import WanderingParameters

# What neither an ability level nor a home's own settings may change.
FIXED = frozenset({"sos"})
Level = Annotated[int, Field(ge=0, le=4)]


class Rules(BaseModel):
    """The parameters of each rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sos: SosParameters
    supervision: SupervisionParameters
    fall: FallParameters = FallParameters()
    hazard: HazardParameters = HazardParameters()
    vital: VitalParameters = VitalParameters()
    inactivity: InactivityParameters = InactivityParameters()
    bed: BedParameters = BedParameters()
    wandering: WanderingParameters = WanderingParameters()
    climate: ClimateParameters = ClimateParameters()
    routine: RoutineParameters = RoutineParameters()

    @field_validator("sos")
    @classmethod
    def _sos_is_always_on(cls, parameters: SosParameters) -> SosParameters:
        if not parameters.enabled:
            raise ValueError("a call for help cannot be switched off")
        return parameters


class Rulebook(BaseModel):
    """What is in force. `version` is told by whoever edits it; `fingerprint` by the content. `levels`: what changes from an
    ability level of GB/T 42195-2022 on (0 intact … 4 total dependence), by rule and parameter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    version: str
    rules: Rules
    levels: dict[Level, dict[str, dict[str, JsonValue]]] = Field(default_factory=dict)
    fingerprint: str = ""

    @property
    def label(self) -> str:
        return f"{self.version}+{self.fingerprint}"

    def parameters(self) -> Mapping[str, RuleParameters]:
        """By the name of the rule."""
        return {name: getattr(self.rules, name) for name in Rules.model_fields}


def read_rulebook(text: str, name: str) -> Rulebook:
    """Parse and validate. Raises BadInput with every problem and its line."""
    fingerprint = sha256(text.encode()).hexdigest()[:8]
    rulebook = read_model(Rulebook, text, name, {"fingerprint": fingerprint})
    if problems := list(_level_problems(rulebook)):
        raise BadInput([f"{name}:{line_of(text, at)}: {'.'.join(map(str, at))}: {what}" for at, what in problems])
    return rulebook


def _level_problems(rulebook: Rulebook) -> Iterator[tuple[Location, str]]:
    """Each level on top of those below it must give rules that hold."""
    rules = dict(rulebook.parameters())
    for level in sorted(rulebook.levels):
        for rule, changes in rulebook.levels[level].items():
            try:
                rules[rule] = changeable(rules, rule).changed(changes)
            except ValueError as error:
                yield ("levels", level, rule), problem_of(error)


def changeable(rules: Mapping[str, RuleParameters], rule: str) -> RuleParameters:
    """The parameters of a rule that may differ from home to home. Raises ValueError."""
    if rule in FIXED:
        raise ValueError(f"rule {rule} is the same in every home: every call counts")
    if rule not in rules:
        raise ValueError(f"there is no rule {rule!r}; there are {', '.join(one for one in rules if one not in FIXED)}")
    return rules[rule]


def problem_of(error: ValueError) -> str:
    """One line for a person."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_url=False, include_input=False)
    said = ((".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in found)
    return "; ".join(f"{where}: {what}" if where else what for where, what in said)
