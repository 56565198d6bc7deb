"""Deliveries in SQL: claimed with a lease and a fence, the case asked again in the claiming transaction, recorded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import JsonValue

from carebell.types import Severity
from devices.confirm import Stage
from notifier.case import wants
from notifier.case_value import Case, Line, Purpose, What
from notifier.casebook import Claimed, DeliveryRow, DeliveryStatus, Outcome
from notifier.escalation import HOME_CHANNEL
from notifier.schema_sql import CASE, DELIVERY, read_due, write_due, write_time
from notifier.sheet_sql import AT_ONCE, readable
from notifier.words import Said
from notifier.words_delivery import in_chinese

# Nothing that can wait may stand before these, neither in the queue nor in the limit of a channel.
_CAN_WAIT = DELIVERY.c.purpose == Purpose.RECEIVED.value
_IS_CALL_FOR_HELP = sa.and_(CASE.c.severity == Severity.CRITICAL.value, sa.not_(_CAN_WAIT))
_LIVE = (DeliveryStatus.QUEUED.value, DeliveryStatus.SENDING.value)


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt, how it ended and when."""

    claimed: Claimed
    outcome: Outcome
    at: datetime


def delivery_row(row: Any) -> DeliveryRow:
    """A row of the delivery table as a value."""
    return DeliveryRow(
        id=row.id,
        case_id=row.case_id,
        step=row.step,
        round=row.round,
        person_id=row.person_id,
        person=row.person,
        role=row.role,
        language=row.language,
        channel=row.channel,
        to=row.to,
        purpose=Purpose(row.purpose),
        why=row.why,
        source_id=row.source_id,
        status=DeliveryStatus(row.status),
        created_at=datetime.fromisoformat(row.created_at),
        attempts=row.attempts,
        caught=row.caught,
        first_attempt_at=read_due(row.first_attempt_at),
        ended_at=read_due(row.ended_at),
        detail=row.detail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a courier asks for. `taking_over`: also deliveries whose holder's lease has ended."""

    owner: str
    lease: timedelta
    limit: int
    busy: Sequence[str]
    taking_over: bool


def claim(connection: sa.Connection, asked: Claim, at: datetime) -> Sequence[Claimed]:
    """Take what is due and free, calls for help first. What its case no longer wants is cancelled here, not sent."""
    now = write_time(at)
    is_due = sa.and_(
        DELIVERY.c.status.in_(_LIVE),
        DELIVERY.c.due_at <= now,
        sa.or_(DELIVERY.c.lease_until.is_(None), DELIVERY.c.lease_until < now if asked.taking_over else sa.false()),
        sa.or_(_IS_CALL_FOR_HELP, DELIVERY.c.channel.not_in(asked.busy)),
    )
    claimed: list[Claimed] = []
    unreadable: set[str] = set()
    while len(claimed) < asked.limit:
        wanted: list[tuple[Any, Case]] = []
        passed_over = 0
        is_next = sa.and_(is_due, DELIVERY.c.case_id.not_in(unreadable)) if unreadable else is_due
        for row in _free(connection, is_next, asked.limit - len(claimed)):
            case = readable(row.document)
            if case is None:
                # Left as it is, and told of by the auditor; the other deliveries go on, however many stand before them.
                unreadable.add(row.case_id)
                passed_over += 1
                continue
            if reason := wants(case, Purpose(row.purpose), row.source_id):
                _cancel(connection, row, reason, now)
                passed_over += 1
            else:
                wanted.append((row, case))
        claimed += _take(connection, wanted, asked, at)
        if not passed_over:
            break
    return claimed


def _free(connection: sa.Connection, is_due: sa.ColumnElement[bool], limit: int) -> Sequence[Any]:
    rows = connection.execute(
        sa.select(DELIVERY, CASE.c.document)
        .join(CASE, CASE.c.id == DELIVERY.c.case_id)
        .where(is_due)
        .order_by(_IS_CALL_FOR_HELP.desc(), _CAN_WAIT, DELIVERY.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=DELIVERY)
    )
    return rows.all()


def _take(connection: sa.Connection, wanted: Sequence[tuple[Any, Case]], asked: Claim, at: datetime) -> list[Claimed]:
    """Rows that are locked become ours."""
    if not wanted:
        return []
    is_caught = DELIVERY.c.status == DeliveryStatus.SENDING.value
    connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id.in_([row.id for row, _ in wanted]))
        .values(
            status=DeliveryStatus.SENDING.value,
            owner=asked.owner,
            lease_until=write_time(at + asked.lease),
            fence=DELIVERY.c.fence + 1,
            attempts=DELIVERY.c.attempts + 1,
            caught=DELIVERY.c.caught + sa.case((is_caught, 1), else_=0),
            first_attempt_at=sa.func.coalesce(DELIVERY.c.first_attempt_at, write_time(at)),
        )
    )
    return [
        Claimed(
            delivery=delivery_row(row),
            case=case,
            fence=row.fence + 1,
            due_at=datetime.fromisoformat(row.due_at),
            was_caught=row.status == DeliveryStatus.SENDING.value,
        )
        for row, case in wanted
    ]


def _cancel(connection: sa.Connection, row: Any, reason: str, now: str) -> None:
    connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id == row.id)
        .values(status=DeliveryStatus.CANCELLED.value, due_at=None, lease_until=None, ended_at=now, detail=reason)
    )


def extend(connection: sa.Connection, claims: Sequence[Claimed], until: datetime) -> frozenset[str]:
    """Keep the leases while channels are still at it; the ids of those that are still held."""
    held: set[str] = set()
    for start in range(0, len(claims), AT_ONCE):
        mine = [(one.delivery.id, one.fence) for one in claims[start : start + AT_ONCE]]
        is_held = sa.and_(
            sa.tuple_(DELIVERY.c.id, DELIVERY.c.fence).in_(mine), DELIVERY.c.status == DeliveryStatus.SENDING.value
        )
        extending = sa.update(DELIVERY).where(is_held).values(lease_until=write_time(until))
        held.update(connection.scalars(extending.returning(DELIVERY.c.id)))
    return frozenset(held)


def held_of(connection: sa.Connection, claims: Sequence[Claimed]) -> set[tuple[str, int]]:
    """Which of these nobody else has taken over and nobody has recorded, locked: by id and fence."""
    query = sa.select(DELIVERY.c.id, DELIVERY.c.fence).where(
        DELIVERY.c.id.in_({one.delivery.id for one in claims}), DELIVERY.c.status == DeliveryStatus.SENDING.value
    )
    return {(row.id, row.fence) for row in connection.execute(query.order_by(DELIVERY.c.id).with_for_update())}


def record(connection: sa.Connection, ended: Sequence[Ended]) -> None:
    """How attempts ended whose deliveries are locked and ours."""
    if not ended:
        return
    changes = [
        {
            "id_": one.claimed.delivery.id,
            "status": one.outcome.status.value,
            "due_at": write_due(one.outcome.retry_at),
            "lease_until": None,
            "owner": None,
            "ended_at": write_time(one.at) if one.outcome.retry_at is None else None,
            "detail": one.outcome.detail,
        }
        for one in ended
    ]
    connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == sa.bindparam("id_")), changes)


def release(connection: sa.Connection, owner: str) -> int:
    """Leases of an owner that is dead are free at once; the attempt stays marked as begun."""
    changed = connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.owner == owner, DELIVERY.c.status == DeliveryStatus.SENDING.value)
        .values(lease_until=None, owner=None)
    )
    return changed.rowcount


def case_of(connection: sa.Connection, delivery_id: str) -> str | None:
    """The case of a delivery; None where there is no such delivery."""
    found: str | None = connection.scalar(sa.select(DELIVERY.c.case_id).where(DELIVERY.c.id == delivery_id))
    return found


def is_to_home(claimed: Claimed, outcome: Outcome) -> bool:
    """Whether the broker has taken something for a device of the home."""
    return claimed.delivery.channel == HOME_CHANNEL and outcome.status is DeliveryStatus.SENT


def line_of(claimed: Claimed, outcome: Outcome) -> Line:
    """The line an attempt leaves on the time line."""
    delivery = claimed.delivery
    stage: dict[str, JsonValue] = {"stage": Stage.ACCEPTED.value} if is_to_home(claimed, outcome) else {}
    return Line(
        what=What.DELIVERY,
        why=Said(outcome.detail, in_chinese(outcome.detail)),
        source_id=delivery.source_id,
        data={
            "delivery_id": delivery.id,
            "outcome": outcome.status.value,
            "step": delivery.step,
            "round": delivery.round,
            "purpose": delivery.purpose.value,
            "person": delivery.person,
            "role": delivery.role,
            "channel": delivery.channel,
            "attempt": delivery.attempts + 1,
            **stage,
        },
    )
