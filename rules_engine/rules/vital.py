"""Rule `vital`: what is measured on a person lies outside the person's limits, again and again.

    out ── out ── out ┤ `samples` on the same side, over `lasting` at least: high      back ── back ┤ over
    far out ── far out ┤ `critical_samples`, over `critical_lasting` at least: critical

One odd value is never told, a value that no living body has is no value, and one inside the limits ends the row. Where a person
is measured twice a day, the row may take as long as that: no more than `within` from one measurement to the next. A value
that comes after a newer one of its device is not judged.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, model_validator

from carebell.duration import Duration
from carebell.step import Next
from carebell.types import Alert, AlertStatus, Kind, Reading, Severity
from rules_engine.local_time import moment_text
from rules_engine.rule import Context, Finding, RuleEvent, RuleParameters, RuleState, alert_of, at_ms, ms
from rules_engine.vital_value import Measured, measured

MILLISECOND = timedelta(milliseconds=1)
ROWS_KEPT = 32
EVIDENCE_KEPT = 12
_WORDS = {
    "heart_rate": ("Heart rate", "心率", "/min"),
    "spo2": ("Oxygen saturation", "血氧饱和度", "%"),
    "systolic": ("Systolic blood pressure", "收缩压", "mmHg"),
    "diastolic": ("Diastolic blood pressure", "舒张压", "mmHg"),
    "body_temperature": ("Body temperature", "体温", "°C"),
    "glucose": ("Blood glucose", "血糖", "mmol/L"),
    "respiration": ("Breathing rate", "呼吸频率", "/min"),
}


class VitalLimits(BaseModel):
    """Outside `low` … `high` is told, outside `critical_low` … `critical_high` sooner and louder; back is `margin` inside.
    What is not `possible_from` … `possible_to` is a fault of the measurement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: float | None = None
    high: float | None = None
    critical_low: float | None = None
    critical_high: float | None = None
    margin: float = Field(default=0.0, ge=0)
    possible_from: float
    possible_to: float

    @model_validator(mode="after")
    def _are_in_order(self) -> Self:
        stated = [self.possible_from, self.critical_low, self.low, self.high, self.critical_high, self.possible_to]
        known = [one for one in stated if one is not None]
        if known != sorted(known):
            raise ValueError(
                "expected possible_from, critical_low, low, high, critical_high, possible_to in this order"
            )
        return self

    def side(self, value: float) -> str:
        """`low`, `high` or nothing."""
        if self.low is not None and value < self.low:
            return "low"
        return "high" if self.high is not None and value > self.high else ""

    def is_critical(self, value: float) -> bool:
        return (self.critical_low is not None and value < self.critical_low) or (
            self.critical_high is not None and value > self.critical_high
        )

    def is_back(self, value: float) -> bool:
        return (self.low is None or value >= self.low + self.margin) and (
            self.high is None or value <= self.high - self.margin
        )


class VitalParameters(RuleParameters):
    """`limits` by the name of what is measured; a level or a home changes single numbers of a name. `anew_after`: who sways
    about a limit is not told of each time; who is far outside always is."""

    budget: Duration = timedelta(minutes=1)
    samples: int = Field(default=3, ge=2, le=100)
    lasting: Duration = timedelta(minutes=10)
    critical_samples: int = Field(default=2, ge=2, le=100)
    critical_lasting: Duration = timedelta(minutes=1)
    within: Duration = timedelta(hours=36)
    back_samples: int = Field(default=2, ge=1, le=100)
    again_after: Duration = timedelta(days=1)
    anew_after: Duration = timedelta(hours=2)
    limits: dict[str, VitalLimits] = Field(default_factory=dict)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        if isinstance(changes, Mapping) and isinstance(changes.get("limits"), Mapping):
            merged: dict[str, Any] = {name: one.model_dump() for name, one in self.limits.items()}
            for name, one in changes["limits"].items():
                merged[name] = {**merged.get(name, {}), **one} if isinstance(one, Mapping) else one
            changes = {**changes, "limits": merged}
        return super().changed(changes)


class Row(TypedDict):
    """Times in milliseconds. What lies outside one after the other: on which `side`, `since` when, how many, the readings; the
    same for what is far outside; how many are `back` inside; what was told, by side, and when; what of it is not over."""

    last: int
    side: str
    since: int
    count: int
    readings: list[str]
    far_since: int
    far_count: int
    back: int
    told: dict[str, int]
    open: list[str]


class VitalRule:
    """State: a row for each device and what it measures, as two people may each wear one."""

    name = "vital"
    hears = frozenset({Kind.VITAL})

    def start(self) -> RuleState:
        return {"rows": {}}

    def step(
        self, state: RuleState, event: RuleEvent, context: Context, parameters: VitalParameters
    ) -> Next[RuleState, Alert]:
        if not isinstance(event, Reading) or event.is_test:
            return Next(state)
        rows: dict[str, Row] = dict(state["rows"])
        found: list[Finding] = []
        at = ms(min(context.happened_at, event.received_at))
        for one in measured(event):
            limits, subject = parameters.limits.get(one.name), f"{event.device_id}/{one.name}"
            if limits is None or not limits.possible_from <= one.value <= limits.possible_to:
                continue
            row = rows.pop(subject, None)
            if row is not None and (at <= row["last"] or event.id in row["readings"]):
                rows[subject] = row
                continue
            row = _continued(row, one.value, limits, at, event.id, parameters)
            told = _told(row, at, parameters)
            found += [_finding(subject, one, limits, row, key, event, context) for key in told]
            open_ = [*(key for key in row["open"] if key not in told), *told]
            row = {**row, "told": {**row["told"], **dict.fromkeys(told, at)}, "open": open_}
            if row["back"] >= parameters.back_samples and open_:
                found += [_over(subject, one, row["told"][key], key, event) for key in open_]
                row = {**row, "open": []}
            rows[subject] = row
        kept = dict(list(rows.items())[-ROWS_KEPT:])
        return Next({"rows": kept}, tuple(alert_of(one, self.name, parameters, context) for one in found))


def _continued(
    row: Row | None, value: float, limits: VitalLimits, at: int, reading_id: str, parameters: VitalParameters
) -> Row:
    """The row with one more value; it begins anew with another side, after a value inside, or after too long a time."""
    side = limits.side(value)
    goes_on = row is not None and row["side"] == side and at - row["last"] <= parameters.within // MILLISECOND
    if row is None or not goes_on:
        empty = Row(
            last=at, side=side, since=at, count=0, readings=[], far_since=at, far_count=0, back=0, told={}, open=[]
        )
        kept = empty if row is None else row
        row = {**empty, "back": 0 if side else kept["back"], "told": kept["told"], "open": kept["open"]}
    is_far = limits.is_critical(value)
    is_first_far = is_far and row["far_count"] == 0
    return {
        **row,
        "last": at,
        "count": row["count"] + 1,
        "readings": [*row["readings"], reading_id][-EVIDENCE_KEPT:] if side else [],
        "far_since": at if is_first_far else row["far_since"],
        "far_count": row["far_count"] + 1 if is_far else 0,
        "back": row["back"] + 1 if limits.is_back(value) else 0,
    }


def _told(row: Row, at: int, parameters: VitalParameters) -> list[str]:
    """What is to be told now: the side, and the side far outside, each once, again after a while, and anew once over."""
    side, due = row["side"], []
    if not side:
        return []
    lasting, far_lasting = parameters.lasting // MILLISECOND, parameters.critical_lasting // MILLISECOND
    if row["count"] >= parameters.samples and at - row["since"] >= lasting:
        due.append(side)
    if row["far_count"] >= parameters.critical_samples and at - row["far_since"] >= far_lasting:
        due.append(f"{side}/critical")

    def is_due(key: str) -> bool:
        before = row["told"].get(key)
        if before is None or key in row["open"]:
            return before is None or at - before >= parameters.again_after // MILLISECOND
        return key != side or at - before >= parameters.anew_after // MILLISECOND

    return [key for key in due if is_due(key)]


def _finding(
    subject: str, one: Measured, limits: VitalLimits, row: Row, key: str, event: Reading, context: Context
) -> Finding:
    what, what_zh, unit = _WORDS.get(one.name, (one.name, one.name, ""))
    is_low, is_far = row["side"] == "low", key.endswith("critical")
    limit = (
        (limits.critical_low if is_low else limits.critical_high) if is_far else (limits.low if is_low else limits.high)
    )
    count, since = (row["far_count"], row["far_since"]) if is_far else (row["count"], row["since"])
    below, below_zh = ("below", "低于") if is_low else ("above", "高于")
    when, value = moment_text(since, context.home.timezone), f"{one.value:g} {unit}".strip()
    return Finding(
        subject=f"{subject}/{key}",
        severity=Severity.CRITICAL if is_far else Severity.HIGH,
        summary=f"{what} {value}, {below} the limit of {limit:g}: {count} measurements by {event.device_id} since {when}.",
        summary_zh=f"{what_zh} {value}，{below_zh}限值 {limit:g}：设备 {event.device_id} 自 {when} 起测量 {count} 次。",
        cause=event,
        evidence=tuple(row["readings"]),
        began_at=at_ms(row["last"]),
    )


def _over(subject: str, one: Measured, began: int, key: str, event: Reading) -> Finding:
    what, what_zh, unit = _WORDS.get(one.name, (one.name, one.name, ""))
    value = f"{one.value:g} {unit}".strip()
    return Finding(
        subject=f"{subject}/{key}",
        severity=Severity.CRITICAL if key.endswith("critical") else Severity.HIGH,
        summary=f"{what} {value}, within the limits again.",
        summary_zh=f"{what_zh} {value}，已恢复到限值内。",
        cause=event,
        began_at=at_ms(began),
        status=AlertStatus.RESOLVED,
    )
