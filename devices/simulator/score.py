"""How well a run told the truth: which incidents were told in time, and which alerts were for nothing. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from pydantic import TypeAdapter, ValidationError

from carebell.types import Alert, AlertStatus, Severity
from devices.simulator.trouble import EXPECTED, Truth

_TRUTH: TypeAdapter[Truth] = TypeAdapter(Truth)
# An alert that comes so long after an incident is over may still be of it.
_AFTERWARDS = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Incidents of one sort: how many there were, how many were told in time, and after how many seconds (median, worst)."""

    what: str
    incidents: int
    told: int
    median_s: float | None
    worst_s: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """`false_alarms`: alerts that call people, in homes where nothing of the kind happened."""

    rows: tuple[Row, ...]
    missed: tuple[Truth, ...]
    false_alarms: tuple[Alert, ...]


def write_truth(truth: Truth) -> str:
    """A line of the ground truth."""
    return _TRUTH.dump_json(truth).decode()


def read_truth(line: bytes) -> Truth:
    """What `write_truth` wrote. Raises ValueError."""
    try:
        truth = _TRUTH.validate_json(line)
    except ValidationError as error:
        raise ValueError("not a line of ground truth") from error
    if truth.what not in EXPECTED:
        raise ValueError(f"an unknown incident: {truth.what}")
    return truth


def score(truths: Sequence[Truth], alerts: Iterable[Alert], until: datetime) -> Score:
    """Compare. What would still have had time at `until` is not counted as missed."""
    opened = sorted(
        (one for one in alerts if one.status is AlertStatus.OPENED and not one.is_test), key=lambda one: one.at
    )
    told = {index: alert for index, one in enumerate(truths) if (alert := _first_of(one, opened))}
    due = [index for index, one in enumerate(truths) if index in told or one.at + EXPECTED[one.what].within <= until]
    rows = []
    for what in EXPECTED:
        of_what = [index for index in due if truths[index].what == what]
        took = sorted((told[index].at - truths[index].at).total_seconds() for index in of_what if index in told)
        if of_what:
            middle = took[len(took) // 2] if took else None
            worst = took[-1] if took else None
            rows.append(Row(what=what, incidents=len(of_what), told=len(took), median_s=middle, worst_s=worst))
    missed = tuple(truths[index] for index in due if index not in told)
    return Score(tuple(rows), missed, tuple(one for one in opened if _is_false(one, truths)))


def _first_of(truth: Truth, alerts: Sequence[Alert]) -> Alert | None:
    expected = EXPECTED[truth.what]
    for alert in alerts:
        is_of_home = alert.home_id == truth.home_id and alert.rule in expected.rules
        if is_of_home and truth.at <= alert.at <= truth.at + expected.within:
            return alert
    return None


def _is_false(alert: Alert, truths: Sequence[Truth]) -> bool:
    """Faults are not judged: batteries are weak all over a village."""
    if alert.severity.rank < Severity.HIGH.rank or alert.rule == "supervision":
        return False
    return not any(
        truth.home_id == alert.home_id and truth.at <= alert.at <= truth.until + _AFTERWARDS for truth in truths
    )


def as_json(found: Score) -> bytes:
    """The whole of it, for machines."""
    return orjson.dumps(found)
