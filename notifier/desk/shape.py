"""The JSON of the desk: how cases, lines and deliveries look from outside."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from devices.confirm import Stage
from devices.registry import Home
from devices.registry_json import home_document
from notifier.case_value import Case, CaseStatus
from notifier.casebook import DeliveryRow, LineRow
from notifier.confirmation import newest
from notifier.words_delivery import in_chinese

Json = dict[str, Any]


def time(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with `Z`."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def case_json(case: Case, updated_at: datetime, home: Home | None) -> Json:
    """A case as it stands in lists and on the feed."""
    case = _with_what_is_suspected(case)
    steps = case.policy.steps
    is_escalating = case.status is CaseStatus.OPEN
    following = steps[case.next_step].name if case.next_step < len(steps) else steps[0].name
    return {
        "id": case.id,
        "home_id": case.home_id,
        "status": case.status.value,
        "severity": case.severity.value,
        "opened_at": time(case.opened_at),
        "updated_at": time(updated_at),
        "caused_at": time(case.caused_at),
        "last_call_at": time(case.last_call_at),
        "rule": case.rule,
        "summary": case.summary,
        "summary_zh": case.summary_zh,
        "call": case.policy.call or None,
        "pre_alarm_until": time(case.pre_alarm_until),
        "calls": case.calls,
        "round": case.round,
        "accepted_by": case.accepted_by or None,
        "accepted_at": time(case.accepted_at),
        "closed_at": time(case.closed_at),
        "outcome": case.outcome or None,
        "due_at": time(case.next_step_at),
        "next_step": following if is_escalating else None,
        "policy": {"name": case.policy.name, "version": case.policy.version},
        "home_told": _told_json(case),
        "home": _home_brief(case, home),
    }


def _told_json(case: Case) -> Json | None:
    """What the home was told last, how far that has come, and whether it may not have heard."""
    signals = newest(case)
    if not signals:
        return None
    surest = max(signals, key=lambda one: (one.stage is not Stage.REFUSED, one.stage.rank))
    is_shown = surest.stage is Stage.CONFIRMED
    return {
        "purpose": surest.purpose.value,
        "stage": surest.stage.value,
        "can_confirm": any(one.best is Stage.CONFIRMED for one in signals),
        "may_not_have_heard": not is_shown and any(one.is_doubtful for one in signals),
    }


def _with_what_is_suspected(case: Case) -> Case:
    """A suspicion that is worse than what is under way stands in front while it waits."""
    worst = case.worst_waiting
    if worst is None or worst.rank <= case.severity.rank:
        return case
    alert = worst.raised.alert
    return replace(
        case,
        severity=alert.severity,
        rule=alert.rule,
        summary=alert.summary,
        summary_zh=alert.summary_zh,
        caused_at=alert.caused_at,
    )


def _home_brief(case: Case, home: Home | None) -> Json:
    return {
        "label": home.label if home else case.label,
        "address": home.address if home else case.address,
        "residents": [{"name": one.name, "birth_year": one.birth_year} for one in (home.residents if home else ())],
    }


def whole_case_json(
    case: Case,
    updated_at: datetime,
    home: Home | None,
    lines: Sequence[LineRow],
    deliveries: Sequence[DeliveryRow],
) -> Json:
    """A case with everything that is known of it."""
    stages = {one.delivery_id: one.stage for one in case.confirmations}
    return {
        **case_json(case, updated_at, home),
        "home": {**_home_brief(case, home), **(home_json(home) if home else {})},
        "timeline": [line_json(line) for line in lines],
        "deliveries": [delivery_json(delivery, stages.get(delivery.id)) for delivery in deliveries],
    }


def line_json(line: LineRow) -> Json:
    """A line of a time line; `source_id` is the device's own message id."""
    return {
        "id": line.id,
        "at": time(line.at),
        "what": line.what,
        "by": line.by,
        "why": line.why,
        "source_id": line.source_id or None,
        "status": line.status,
        "data": line.data,
    }


def delivery_json(delivery: DeliveryRow, stage: Stage | None = None) -> Json:
    """A delivery; `caught` counts attempts that began and were never recorded, sent again under the same key. `stage` is how
    far a signal to the home has come."""
    return {
        "id": delivery.id,
        "idempotency_key": delivery.id,
        "step": delivery.step,
        "round": delivery.round,
        "person_id": delivery.person_id,
        "person": delivery.person,
        "role": delivery.role,
        "channel": delivery.channel,
        "purpose": delivery.purpose.value,
        "why": delivery.why,
        "status": delivery.status.value,
        "attempts": delivery.attempts,
        "caught": delivery.caught,
        "created_at": time(delivery.created_at),
        "sent_at": time(delivery.first_attempt_at),
        "ended_at": time(delivery.ended_at),
        "detail": delivery.detail,
        "detail_zh": in_chinese(delivery.detail),
        "stage": None if stage is None else stage.value,
    }


def home_json(home: Home) -> Json:
    """A home with its people and the devices that are in it, for whoever is on duty; who is called first stands first."""
    contacts = tuple(sorted(home.contacts, key=lambda one: one.order))
    return home_document(
        replace(home, contacts=contacts, devices=tuple(one for one in home.devices if one.is_installed))
    )
