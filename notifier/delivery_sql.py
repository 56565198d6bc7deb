"""Deliveries in SQL: claimed with a lease and a fence, the case asked again in the claiming transaction, recorded once."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from carebell.types import Severity
from carebell.wire import Unreadable
from notifier.case import wants
from notifier.case_value import Case, Line, Purpose, What
from notifier.casebook import Claimed, DeliveryRow, DeliveryStatus, Outcome
from notifier.schema_sql import CASE, DELIVERY, read_due, write_due, write_time

# Nothing that can wait may stand before these, neither in the queue nor in the limit of a channel.
_IS_CALL_FOR_HELP = CASE.c.severity == Severity.CRITICAL.value
_LIVE = (DeliveryStatus.QUEUED.value, DeliveryStatus.SENDING.value)


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


def claim(
    connection: sa.Connection,
    at: datetime,
    *,
    owner: str,
    lease: timedelta,
    limit: int,
    busy: Sequence[str],
    read: Callable[[str], Case],
) -> Sequence[Claimed]:
    """Take what is due and free, calls for help first. What its case no longer wants is cancelled here, not sent."""
    now = write_time(at)
    is_due = sa.and_(
        DELIVERY.c.status.in_(_LIVE),
        DELIVERY.c.due_at <= now,
        sa.or_(DELIVERY.c.lease_until.is_(None), DELIVERY.c.lease_until < now),
        sa.or_(_IS_CALL_FOR_HELP, DELIVERY.c.channel.not_in(busy)),
    )
    claimed: list[Claimed] = []
    while len(claimed) < limit:
        cancelled = 0
        for row in _free(connection, is_due, limit - len(claimed)):
            try:
                case = read(row.document)
            except Unreadable:
                # Left as it is, and told of by the auditor; the other deliveries go on.
                continue
            reason = wants(case, Purpose(row.purpose))
            if reason:
                _cancel(connection, row, reason, now)
                cancelled += 1
            else:
                claimed.append(_take(connection, row, case, now, owner=owner, until=write_time(at + lease)))
        if not cancelled:
            break
    return claimed


def _free(connection: sa.Connection, is_due: sa.ColumnElement[bool], limit: int) -> Sequence[Any]:
    rows = connection.execute(
        sa.select(DELIVERY, CASE.c.document)
        .join(CASE, CASE.c.id == DELIVERY.c.case_id)
        .where(is_due)
        .order_by(_IS_CALL_FOR_HELP.desc(), DELIVERY.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True, of=DELIVERY)
    )
    return rows.all()


def _take(connection: sa.Connection, row: Any, case: Case, now: str, *, owner: str, until: str) -> Claimed:
    was_caught = row.status == DeliveryStatus.SENDING.value
    fence = row.fence + 1
    connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id == row.id)
        .values(
            status=DeliveryStatus.SENDING.value,
            owner=owner,
            lease_until=until,
            fence=fence,
            attempts=row.attempts + 1,
            caught=row.caught + int(was_caught),
            first_attempt_at=row.first_attempt_at or now,
        )
    )
    return Claimed(delivery_row(row), case, fence, datetime.fromisoformat(row.due_at), was_caught)


def _cancel(connection: sa.Connection, row: Any, reason: str, now: str) -> None:
    connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.id == row.id)
        .values(status=DeliveryStatus.CANCELLED.value, due_at=None, lease_until=None, ended_at=now, detail=reason)
    )


def _held(claimed: Claimed) -> sa.ColumnElement[bool]:
    return sa.and_(
        DELIVERY.c.id == claimed.delivery.id,
        DELIVERY.c.fence == claimed.fence,
        DELIVERY.c.status == DeliveryStatus.SENDING.value,
    )


def extend(connection: sa.Connection, claimed: Claimed, until: datetime) -> bool:
    """Keep the lease while a channel is still at it."""
    changed = connection.execute(sa.update(DELIVERY).where(_held(claimed)).values(lease_until=write_time(until)))
    return changed.rowcount == 1


def record(connection: sa.Connection, claimed: Claimed, outcome: Outcome, at: datetime) -> bool:
    """How the attempt ended, unless somebody else has taken the delivery over."""
    is_over = outcome.retry_at is None
    changed = connection.execute(
        sa.update(DELIVERY)
        .where(_held(claimed))
        .values(
            status=outcome.status.value,
            due_at=write_due(outcome.retry_at),
            lease_until=None,
            owner=None,
            ended_at=write_time(at) if is_over else None,
            detail=outcome.detail,
        )
    )
    return changed.rowcount == 1


def release(connection: sa.Connection, owner: str) -> int:
    """Leases of an owner that is dead are free at once; the attempt stays marked as begun."""
    changed = connection.execute(
        sa.update(DELIVERY)
        .where(DELIVERY.c.owner == owner, DELIVERY.c.status == DeliveryStatus.SENDING.value)
        .values(lease_until=None, owner=None)
    )
    return changed.rowcount


def line_of(claimed: Claimed, outcome: Outcome) -> Line:
    """The line an attempt leaves on the time line."""
    delivery = claimed.delivery
    return Line(
        what=What.DELIVERY,
        why=outcome.detail,
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
        },
    )
