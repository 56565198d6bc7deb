"""Mapping files: what the words of a product mean. Alink, OneNET and TuyaLink leave the words to each product.

products: [alink/a1XyZ, onenet/Q8r2]      # whose words these are: ECOSYSTEM/PRODUCT
identifiers:
  KeySOS: {kind: sos, is: event}
  Status: {kind: fall, values: {"0": cleared, "1": suspected, "2": detected}}
  Temp: {kind: temperature, factor: 0.1}
  Alarm: {kind: other}                    # never read
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

from carebell.errors import BadInput
from carebell.file_yaml import read_model
from carebell.types import Kind
from devices.coercion import number, word
from devices.values import read_value

ECOSYSTEMS = ("alink", "onenet", "tuyalink", "sparkplug")
MEASURED = frozenset({Kind.BATTERY, Kind.BATTERY_VOLTAGE, Kind.TEMPERATURE, Kind.HUMIDITY, Kind.CO2, Kind.VITAL})
_Key = Annotated[str, StringConstraints(pattern=rf"^({'|'.join(ECOSYSTEMS)})/[^\s/]{{1,100}}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_Short = Annotated[str, StringConstraints(max_length=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What an identifier states. `values`: its words to values of the kind; `factor` makes the kind's unit of its number.

    `mode`: "level" (a state: only its changes count), "event" (each message is news) or empty: as the kind has it.
    """

    kind: str
    values: Mapping[str, JsonValue] = field(default_factory=dict)
    factor: float = 1
    unit: str = ""
    channel: str = ""
    mode: str = ""


class Identifier(BaseModel):
    """One identifier of a mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    kind: Kind
    values: dict[str | bool | int | float, JsonValue] = Field(default_factory=dict)
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    unit: _Short = ""
    channel: _Short = ""
    mode: Literal["", "level", "event"] = Field(default="", alias="is")

    @model_validator(mode="after")
    def _fits(self) -> "Identifier":
        if self.kind in (Kind.ACCELERATION, Kind.POSITION):
            raise ValueError(f"{self.kind} cannot be mapped")
        if self.factor != 1 and self.kind not in MEASURED:
            raise ValueError(f"{self.kind} is no number that a factor could scale")
        if self.mode and self.kind in MEASURED:
            raise ValueError(f"{self.kind} is measured: neither a level nor an event")
        for stated, value in self.values.items():
            try:
                read_value(self.kind, value)
            except ValueError as error:
                raise ValueError(f"values: {stated}: {error}") from None
        return self


class Product(BaseModel):
    """A mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    products: Annotated[list[_Key], Field(min_length=1)]
    vendor: _Short = ""
    model: _Short = ""
    identifiers: Annotated[dict[_Name, Identifier], Field(min_length=1)]


def _words(stated: str | bool | float) -> tuple[str, ...]:
    """A word as messages write it. YAML takes `on`, `yes` and `true` for the same."""
    if isinstance(stated, bool):
        return ("true", "on", "yes") if stated else ("false", "off", "no")
    return (plain_word(stated),)


def plain_word(stated: JsonValue) -> str:
    """A scalar as it is compared with the words of a mapping: 1, 1.0 and "1" are one word."""
    read = number(stated)
    return word(stated) if read is None else str(read)


def read_product(text: str, name: str) -> dict[str, dict[str, JsonValue]]:
    """One mapping file: its products and their mapping. Raises BadInput with `name:LINE: where: what`."""
    product = read_model(Product, text, name)
    identifiers: dict[str, JsonValue] = {
        identifier: {
            "kind": one.kind.value,
            "values": {
                said: read_value(one.kind, value) for stated, value in one.values.items() for said in _words(stated)
            },
            "factor": one.factor,
            "unit": one.unit,
            "channel": one.channel,
            "mode": one.mode,
        }
        for identifier, one in product.identifiers.items()
    }
    mapping: dict[str, JsonValue] = {
        "vendor": product.vendor,
        "model": product.model,
        "identifiers": identifiers,
    }
    return dict.fromkeys(product.products, mapping)


def read_products(paths: Iterable[Path]) -> dict[str, Mapping[str, JsonValue]]:
    """Mapping files, and folders of them (`*.yaml`), by product. Raises BadInput with every bad line of every file."""
    found: dict[str, Mapping[str, JsonValue]] = {}
    problems: list[str] = []
    for path in paths:
        for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
            try:
                read = read_product(file.read_text(encoding="utf-8"), str(file))
            except BadInput as error:
                problems += error.problems
            except OSError as error:
                problems.append(f"{file}: cannot be read: {error.strerror}")
            except UnicodeDecodeError:
                problems.append(f"{file}: cannot be read: it is not UTF-8")
            else:
                problems += [f"{file}:1: products: {key} has a mapping already" for key in read if key in found]
                found.update(read)
    if problems:
        raise BadInput(problems)
    return found


def meaning_in(mapping: Mapping[str, JsonValue] | None, identifier: str) -> Meaning | None:
    """What a mapping says of an identifier; None where it says nothing."""
    identifiers = mapping.get("identifiers") if mapping else None
    stated = identifiers.get(identifier) if isinstance(identifiers, dict) else None
    if not isinstance(stated, dict):
        return None
    values = stated.get("values")
    return Meaning(
        kind=word(stated.get("kind")) or Kind.OTHER,
        values=values if isinstance(values, dict) else {},
        factor=number(stated.get("factor")) or 1,
        unit=str(stated.get("unit") or ""),
        channel=str(stated.get("channel") or ""),
        mode=word(stated.get("mode")),
    )
