"""The ids of lines: whoever follows all cases by the last id seen must miss none, however many write at once.

SQLite has one writer, and its ids become visible in their order. On PostgreSQL a counter's would not: the transaction that
took the lower id may commit later. There an id is (base + number of the transaction) * 4096 + place within it, and
followers see only lines of transactions older than every one that still runs: what appears later has a higher id.
Numbers of transactions begin low again when a database is restored into a new cluster: `lift` raises the base.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from carebell.errors import CarebellError
from notifier.case_value import Case, Line
from notifier.schema_sql import LINE, LINE_BASE

PER_TRANSACTION = 4096
# Behind it stand also the lines of transactions that had begun when the base was raised.
_MARGIN = 1_000_000


class TooManyLines(CarebellError):
    """More lines than one transaction may write: do the work in smaller parts."""


def write_lines(connection: sa.Connection, lines: Sequence[tuple[Case, Line]], now: str) -> None:
    """Lines in their order, each with what its case was then. Once in a transaction: places are counted here."""
    if not lines:
        return
    if len(lines) >= PER_TRANSACTION:
        raise TooManyLines(f"{len(lines)} lines in one transaction")
    first = _first_id(connection)
    rows = [
        {"id": None if first is None else first + place, **_row(case, line, now)}
        for place, (case, line) in enumerate(lines)
    ]
    connection.execute(sa.insert(LINE).inline(), rows)


def _first_id(connection: sa.Connection) -> int | None:
    """None where the table counts by itself."""
    if connection.dialect.name != "postgresql":
        return None
    first: int = connection.scalars(sa.select(_times_places(_number(sa.func.pg_current_xact_id())))).one()
    return first


def is_settled(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Lines that no line to come can stand before."""
    if connection.dialect.name != "postgresql":
        return sa.true()
    oldest_running = sa.func.pg_snapshot_xmin(sa.func.pg_current_snapshot())
    return LINE.c.id < sa.select(_times_places(_number(oldest_running))).scalar_subquery()


def restored_problem(connection: sa.Connection) -> str:
    """Why lines must not be written yet; empty when they may."""
    if connection.dialect.name != "postgresql" or not _ahead(connection):
        return ""
    return "PostgreSQL: this database was restored into a new cluster: run `carebell admin migrate`"


def lift(connection: sa.Connection) -> int:
    """Raise the base until new lines stand behind every old one; by how much. Waits for whoever is writing lines."""
    connection.execute(sa.text(f"LOCK TABLE {LINE_BASE.name} IN ACCESS EXCLUSIVE MODE"))
    ahead = _ahead(connection)
    if not ahead:
        return 0
    connection.execute(sa.update(LINE_BASE).values(base=LINE_BASE.c.base + ahead + _MARGIN))
    return ahead + _MARGIN


def _ahead(connection: sa.Connection) -> int:
    """How many transactions the newest line stands ahead of the next one."""
    newest = sa.select(sa.func.coalesce(sa.func.max(LINE.c.id), 0) // PER_TRANSACTION).scalar_subquery()
    running = _number(sa.func.pg_snapshot_xmax(sa.func.pg_current_snapshot()))
    ahead: int = connection.scalar(sa.select(newest + 1 - LINE_BASE.c.base - running)) or 0
    return max(0, ahead)


def _times_places(transaction: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return (LINE_BASE.c.base + transaction) * PER_TRANSACTION


def _number(transaction: Any) -> sa.ColumnElement[int]:
    return sa.cast(sa.cast(transaction, sa.Text), sa.BigInteger)


def _row(case: Case, line: Line, now: str) -> dict[str, Any]:
    is_translated = line.why.zh not in ("", line.why.en)
    return {
        "case_id": case.id,
        "home_id": case.home_id,
        "at": now,
        "what": line.what.value,
        "by": line.by,
        "why": line.why.en,
        "source_id": line.source_id,
        "status": case.status.value,
        "severity": case.severity.value,
        "data": {**line.data, "summary_zh": line.why.zh} if is_translated else line.data,
    }
