"""The tables of the notifier. Times are ISO 8601 text in UTC with microseconds, so that their order is their age."""

from datetime import UTC, datetime

import sqlalchemy as sa

METADATA = sa.MetaData()

CASE = sa.Table(
    "care_case",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("home_id", sa.String, nullable=False, index=True),
    # The home's id while the case is open, NULL when closed: one open case per home, whoever writes.
    sa.Column("open_home", sa.String, unique=True),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("opened_at", sa.String, nullable=False, index=True),
    sa.Column("updated_at", sa.String, nullable=False),
    sa.Column("due_at", sa.String, index=True),
    sa.Column("document", sa.Text, nullable=False),
)
ALERT_SEEN = sa.Table(
    "case_alert",
    METADATA,
    sa.Column("alert_id", sa.String, primary_key=True),
    sa.Column("status", sa.String, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False),
)
LINE = sa.Table(
    "case_line",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("home_id", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("source_id", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("severity", sa.String, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sqlite_autoincrement=True,
)
DELIVERY = sa.Table(
    "delivery",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("case_id", sa.String, nullable=False, index=True),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("person_id", sa.String, nullable=False),
    sa.Column("person", sa.String, nullable=False),
    sa.Column("role", sa.String, nullable=False),
    sa.Column("language", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("to", sa.String, nullable=False),
    sa.Column("purpose", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("source_id", sa.String, nullable=False),
    sa.Column("status", sa.String, nullable=False),
    sa.Column("created_at", sa.String, nullable=False),
    # When it is to be tried (again); NULL when it has ended.
    sa.Column("due_at", sa.String, index=True),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("first_attempt_at", sa.String),
    sa.Column("lease_until", sa.String),
    sa.Column("owner", sa.String),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    # Attempts that were begun and never recorded: a crash between sending and recording.
    sa.Column("caught", sa.Integer, nullable=False, default=0),
    sa.Column("ended_at", sa.String),
    sa.Column("detail", sa.Text, nullable=False, default=""),
)
RELAY = sa.Table(
    "relay",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("line_id", sa.Integer, nullable=False),
)


def write_time(at: datetime) -> str:
    """A time as it is kept."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def write_due(at: datetime | None) -> str | None:
    return None if at is None else write_time(at)


def read_due(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
