"""Reading the casebook: pages of cases, time lines, deliveries, and the auditor's overview."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from carebell.errors import BadInput
from notifier.case_value import Case, CaseStatus, What
from notifier.casebook import DeliveryRow, LineRow, Overview, Page
from notifier.delivery_sql import delivery_row
from notifier.escalation import HOME_CHANNEL
from notifier.line_sql import is_settled
from notifier.schema_sql import CASE, DELIVERY, LINE, read_due, write_time
from notifier.sheet_sql import read, readable

_IS_OPEN = CASE.c.status != CaseStatus.CLOSED.value


def one(connection: sa.Connection, case_id: str) -> tuple[Case, datetime] | None:
    """A case and when it changed last."""
    query = sa.select(CASE.c.document, CASE.c.updated_at).where(CASE.c.id == case_id)
    row = (connection.execute(query)).one_or_none()
    return None if row is None else (read(row.document), datetime.fromisoformat(row.updated_at))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases are asked for; what is empty does not matter."""

    statuses: Sequence[str]
    home_id: str
    outcome: str

    def conditions(self) -> Iterator[sa.ColumnElement[bool]]:
        if self.statuses:
            yield CASE.c.status.in_(self.statuses)
        if self.home_id:
            yield CASE.c.home_id == self.home_id
        if self.outcome:
            ended = sa.and_(LINE.c.case_id == CASE.c.id, LINE.c.what == What.CLOSED.value)
            yield sa.exists().where(ended, LINE.c.data["outcome"].as_string() == self.outcome)


def page(connection: sa.Connection, wanted: Wanted, limit: int, cursor: str | None) -> Page:
    """Such cases, newest first."""
    query = sa.select(CASE).order_by(CASE.c.opened_at.desc(), CASE.c.id.desc()).limit(limit + 1)
    query = query.where(*wanted.conditions())
    if cursor is not None:
        opened_at, case_id = _read_cursor(cursor)
        query = query.where(
            sa.or_(CASE.c.opened_at < opened_at, sa.and_(CASE.c.opened_at == opened_at, CASE.c.id < case_id))
        )
    rows = (connection.execute(query)).all()
    cases = tuple(
        (case, datetime.fromisoformat(row.updated_at)) for row in rows[:limit] if (case := readable(row.document))
    )
    is_last = len(rows) <= limit
    return Page(cases, None if is_last else _write_cursor(rows[limit - 1].opened_at, rows[limit - 1].id))


def _write_cursor(opened_at: str, case_id: str) -> str:
    return base64.urlsafe_b64encode(f"{opened_at} {case_id}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[str, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        opened_at, case_id = text.split(" ")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadInput(
            "this cursor was not given by this service: leave it out to begin with the newest case"
        ) from None
    return opened_at, case_id


def lines(connection: sa.Connection, *, after: int, limit: int, case_id: str | None) -> Sequence[LineRow]:
    """Lines behind an id, oldest first, of one case or of all."""
    of_whom = is_settled(connection) if case_id is None else LINE.c.case_id == case_id
    query = sa.select(LINE).where(LINE.c.id > after, of_whom).order_by(LINE.c.id).limit(limit)
    return [
        LineRow(
            id=row.id,
            case_id=row.case_id,
            home_id=row.home_id,
            at=datetime.fromisoformat(row.at),
            what=row.what,
            by=row.by,
            why=row.why,
            source_id=row.source_id,
            status=row.status,
            severity=row.severity,
            data=row.data,
        )
        for row in connection.execute(query)
    ]


def last_line(connection: sa.Connection) -> int:
    """The id of the newest line that is seen by whoever reads all cases."""
    return connection.scalar(sa.select(sa.func.max(LINE.c.id)).where(is_settled(connection))) or 0


def lines_behind(connection: sa.Connection, after: int, at_most: int) -> int:
    """How many lines stand behind an id, counted no further than `at_most`."""
    some = sa.select(LINE.c.id).where(LINE.c.id > after, is_settled(connection)).limit(at_most)
    return connection.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def deliveries(connection: sa.Connection, case_id: str) -> Sequence[DeliveryRow]:
    """All deliveries of a case, oldest first."""
    query = sa.select(DELIVERY).where(DELIVERY.c.case_id == case_id).order_by(DELIVERY.c.created_at, DELIVERY.c.id)
    return [delivery_row(row) for row in connection.execute(query)]


def signalled(connection: sa.Connection, since: datetime, limit: int) -> Sequence[Case]:
    """Open cases with deliveries to devices of their homes that are no answers to their messages, newest first."""
    to_home = sa.and_(
        DELIVERY.c.case_id == CASE.c.id,
        DELIVERY.c.channel == HOME_CHANNEL,
        DELIVERY.c.source_id == "",
        DELIVERY.c.created_at >= write_time(since),
    )
    query = sa.select(CASE.c.document).where(_IS_OPEN, sa.exists().where(to_home))
    rows = connection.scalars(query.order_by(CASE.c.opened_at.desc()).limit(limit))
    return [case for document in rows if (case := readable(document)) is not None]


def next_due(connection: sa.Connection) -> datetime | None:
    """When the next case wants to be woken."""
    return read_due(connection.scalar(sa.select(sa.func.min(CASE.c.due_at))))


def overview(connection: sa.Connection, at: datetime, late_after: timedelta) -> Overview:
    """Numbers over all open cases; what has been due for longer than `late_after` counts as not done."""
    late = write_time(at - late_after)
    is_free = sa.or_(DELIVERY.c.lease_until.is_(None), DELIVERY.c.lease_until < write_time(at))
    counts = connection.execute(sa.select(CASE.c.status, sa.func.count()).where(_IS_OPEN).group_by(CASE.c.status))
    oldest = connection.scalar(sa.select(sa.func.min(CASE.c.opened_at)).where(CASE.c.status == CaseStatus.OPEN.value))
    stuck = connection.scalars(sa.select(CASE.c.id).where(_IS_OPEN, CASE.c.due_at.is_(None)))
    return Overview(
        open_by_status={status: number for status, number in counts},
        oldest_unanswered_at=read_due(oldest),
        cases_overdue=_count(connection, sa.and_(_IS_OPEN, CASE.c.due_at < late)),
        deliveries_overdue=_count(connection, sa.and_(DELIVERY.c.due_at < late, is_free)),
        without_next=tuple(stuck),
    )


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    return (connection.scalar(sa.select(sa.func.count()).where(condition))) or 0
