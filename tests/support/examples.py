"""The grid of examples: one folder per dialect, one row per message; for the table test, the fuzz and the page on devices.

A row:  why, topic, payload (object, text or number), says: [{kind: value, and what else is to be seen of the reading}, …]
May be: device {vendor, model, description}, retain, at (seconds after the first), before: [messages that come first],
        bindings: [{gesture, kind, channel}], rejected: REASON, from: documented (by the ecosystem) or live (a real peer)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml

from deploy.cli.decode import Decoding

FOLDER = Path(__file__).parents[1] / "unit/devices/examples"
_BEGAN = datetime(2026, 1, 15, tzinfo=UTC)
_UNASKED = frozenset({"other", "heartbeat", "discovery"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row. `before` are the messages that come first in the same home."""

    dialect: str
    file: str
    why: str
    topic: str
    payload: Any
    says: list[dict[str, Any]]
    device: dict[str, str] | None = None
    retain: bool = False
    at: float = 0
    before: list[dict[str, Any]] = field(default_factory=list)
    bindings: list[dict[str, Any]] = field(default_factory=list)
    rejected: str | None = None
    origin: str = "documented"

    @property
    def model(self) -> str:
        device = self.device or {}
        return " ".join(part for part in (device.get("vendor", ""), device.get("model", "")) if part)


@cache
def examples() -> tuple[Example, ...]:
    """Every row of every folder."""
    return tuple(_rows())


def _rows() -> Iterator[Example]:
    for path in sorted(FOLDER.glob("*/*.yaml")):
        for row in yaml.safe_load(path.read_text("utf-8")):
            origin = row.pop("from", "documented")
            yield Example(dialect=path.parent.name, file=path.stem, origin=origin, **row)


def line_of(example: Example, message: dict[str, Any]) -> bytes:
    """A message as `carebell decode` takes it."""
    line = {
        "topic": message["topic"],
        "payload": message["payload"],
        "retain": message.get("retain", False),
        "at": (_BEGAN + timedelta(seconds=message.get("at", 0))).isoformat(),
        "device": example.device,
        "bindings": example.bindings,
    }
    return orjson.dumps(line)


def answer_to(example: Example) -> dict[str, Any]:
    """What the last message of the row comes to, after those before it."""
    decoding = Decoding()
    for message in example.before:
        decoding.answer(line_of(example, message))
    row = {"topic": example.topic, "payload": example.payload, "retain": example.retain, "at": example.at}
    return decoding.answer(line_of(example, row))


def seen_of(example: Example, readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The readings in the form of `says`: what may always be said beside is left out unless the row asks for it."""
    asked = {kind for said in example.says for kind in said}
    left = [one for one in readings if one["kind"] not in _UNASKED or one["kind"] in asked]
    wanted = [{name for name in said if name in _FLAGS} for said in example.says]
    seen = []
    for index, one in enumerate(left):
        names = wanted[index] if index < len(wanted) else set()
        flags = {name: one[name] for name in sorted(names | {name for name in ("is_test", "is_history") if one[name]})}
        seen.append({one["kind"]: one["value"], **flags})
    return seen


_FLAGS = ("unit", "channel", "device_id", "is_test", "is_history")
