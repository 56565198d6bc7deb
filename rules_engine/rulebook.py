"""The rulebook: one YAML file, validated whole at start, every duration with its unit. Its version is in every alert."""

from hashlib import sha256
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from carebell.file_yaml import read_model
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
    """Parse and validate. Raises BadInput with every problem and its line."""
    fingerprint = sha256(text.encode()).hexdigest()[:8]
    return read_model(Rulebook, text, name, {"fingerprint": fingerprint})
