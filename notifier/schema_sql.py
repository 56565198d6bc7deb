"""The tables of the notifier. Times are ISO 8601 text in UTC with microseconds, so that their order is their age."""

from datetime import UTC, datetime

import sqlalchemy as sa

from carebell.words_sql import CODE, Words

WORDS = Words()
METADATA = sa.MetaData()

CASE = sa.Table(
    "care_case",
    METADATA,
    # Asked for by whoever types an address; likewise the rest of a cursor.
    sa.Column("id", WORDS, primary_key=True),
    sa.Column("home_id", WORDS, nullable=False, index=True),
    # The home's id while the case is open, NULL when closed: one open case per home, whoever writes.
    sa.Column("open_home", WORDS, unique=True),
    sa.Column("status", CODE, nullable=False),
    sa.Column("severity", CODE, nullable=False),
    sa.Column("opened_at", WORDS, nullable=False, index=True),
    sa.Column("updated_at", CODE, nullable=False),
    sa.Column("due_at", CODE, index=True),
    sa.Column("document", CODE, nullable=False),
)
# The auditor counts what is open, and closed cases are kept for good.
_IS_OPEN = sa.text("status <> 'closed'")
sa.Index("ix_care_case_open", CASE.c.status, CASE.c.opened_at, postgresql_where=_IS_OPEN, sqlite_where=_IS_OPEN)
ALERT_SEEN = sa.Table(
    "case_alert",
    METADATA,
    sa.Column("alert_id", WORDS, primary_key=True),
    sa.Column("status", CODE, primary_key=True),
    sa.Column("case_id", WORDS, nullable=False),
)
LINE = sa.Table(
    "case_line",
    METADATA,
    # SQLite counts by itself; on PostgreSQL see line_sql.
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("case_id", WORDS, nullable=False),
    sa.Column("home_id", WORDS, nullable=False),
    sa.Column("at", CODE, nullable=False),
    sa.Column("what", CODE, nullable=False),
    sa.Column("by", WORDS, nullable=False),
    sa.Column("why", WORDS, nullable=False),
    sa.Column("source_id", WORDS, nullable=False),
    sa.Column("status", CODE, nullable=False),
    sa.Column("severity", CODE, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("ix_case_line_case_id", "case_id", "id"),
    sqlite_autoincrement=True,
)
DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", CODE, primary_key=True),
    sa.Column("case_id", WORDS, nullable=False, index=True),
    sa.Column("step", CODE, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("person_id", WORDS, nullable=False),
    sa.Column("person", WORDS, nullable=False),
    sa.Column("role", CODE, nullable=False),
    sa.Column("language", CODE, nullable=False),
    sa.Column("channel", CODE, nullable=False),
    sa.Column("to", WORDS, nullable=False),
    sa.Column("purpose", CODE, nullable=False),
    sa.Column("why", WORDS, nullable=False),
    sa.Column("source_id", WORDS, nullable=False),
    sa.Column("status", CODE, nullable=False),
    sa.Column("created_at", CODE, nullable=False),
    # When it is to be tried (again); NULL when it has ended.
    sa.Column("due_at", CODE, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("first_attempt_at", CODE),
    sa.Column("lease_until", CODE),
    sa.Column("owner", CODE),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    # Attempts that were begun and never recorded: a crash between sending and recording.
    sa.Column("caught", sa.Integer, nullable=False, default=0),
    sa.Column("ended_at", CODE),
    sa.Column("detail", WORDS, nullable=False, default=""),
)
RELAY = sa.Table(
    "relay",
    METADATA,
    sa.Column("name", CODE, primary_key=True),
    sa.Column("line_id", sa.BigInteger, nullable=False),
)
# One row, on PostgreSQL only: what is added to a transaction's number in the ids of its lines.
LINE_BASE = sa.Table("case_line_base", METADATA, sa.Column("base", sa.BigInteger, nullable=False))


def write_time(at: datetime) -> str:
    """A time as it is kept."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def write_due(at: datetime | None) -> str | None:
    return None if at is None else write_time(at)


def read_due(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
