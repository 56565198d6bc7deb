"""The rulebook: one YAML file, validated whole at start, every duration with its unit. Its version is in every alert."""

from hashlib import sha256
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from carebell.errors import BadInput
from rules_engine.rules.sos import SosParameters
from rules_engine.rules.supervision import SupervisionParameters


class Rules(BaseModel):
    """The parameters of each rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sos: SosParameters
    supervision: SupervisionParameters

    @field_validator("sos")
    @classmethod
    def _sos_is_always_on(cls, parameters: SosParameters) -> SosParameters:
        if not parameters.enabled:
            raise ValueError("a call for help cannot be switched off")
        return parameters


class Rulebook(BaseModel):
    """What is in force. `version` is told by whoever edits it; `fingerprint` by the content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    version: str
    rules: Rules
    fingerprint: str = ""

    @property
    def label(self) -> str:
        return f"{self.version}+{self.fingerprint}"


def read_rulebook(text: str, name: str) -> Rulebook:
    """Parse and validate. Raises BadInput with every problem, the line where YAML knows it."""
    try:
        content: Any = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise BadInput(f"{name}:{line}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"{name}:1: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{name}:1: a rulebook is a mapping with format, version and rules")
    try:
        fingerprint = sha256(text.encode()).hexdigest()[:8]
        return Rulebook.model_validate({**content, "fingerprint": fingerprint})
    except ValidationError as error:
        raise BadInput([f"{name}: {_where(problem['loc'])}: {problem['msg']}" for problem in error.errors()]) from error


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the file"
