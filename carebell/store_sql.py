"""The Store port on SQL (SQLite at the edge, PostgreSQL in the city): states and positions in one fenced transaction."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from carebell.engine_sql import Database, open_database
from carebell.errors import Fenced
from carebell.store import Change, Saved, Snapshot

_METADATA = sa.MetaData()
_FENCE = sa.Table(
    "rule_fence",
    _METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("fence", sa.Integer, nullable=False),
)
_STATE = sa.Table(
    "rule_state",
    _METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, nullable=False, index=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("due_at", sa.String),
)
_POSITION = sa.Table(
    "rule_position",
    _METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("topic", sa.String, primary_key=True),
    sa.Column("offset", sa.BigInteger, nullable=False),
)


class SqlStore:
    """Build with `SqlStore.open(url)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> "SqlStore":
        # What the last moments before a power cut changed may be lost as a whole, states with their positions: the log has
        # it still, and it is judged again to the same alerts.
        return cls(await open_database(url, _METADATA, is_rebuildable=True))

    async def claim(self, scope: str, partition: int) -> int:
        return await self._database.write(lambda connection: _claim(connection, scope, partition))

    async def load(self, scope: str, partition: int) -> Snapshot:
        return await self._database.read(lambda connection: _load(connection, scope, partition))

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        if changes:
            await self._database.write(lambda connection: _save(connection, scope, changes))

    async def close(self) -> None:
        await self._database.close()


def _claim(connection: sa.Connection, scope: str, partition: int) -> int:
    statement = sa.select(_FENCE.c.fence).where(_FENCE.c.scope == scope, _FENCE.c.partition == partition)
    fence = (connection.scalar(statement.with_for_update()) or 0) + 1
    _upsert(connection, _FENCE, [{"scope": scope, "partition": partition, "fence": fence}])
    return fence


def _load(connection: sa.Connection, scope: str, partition: int) -> Snapshot:
    states = connection.execute(
        sa.select(_STATE.c.key, _STATE.c.value, _STATE.c.due_at).where(
            _STATE.c.scope == scope, _STATE.c.partition == partition
        )
    )
    positions = connection.execute(
        sa.select(_POSITION.c.topic, _POSITION.c.offset).where(
            _POSITION.c.scope == scope, _POSITION.c.partition == partition
        )
    )
    return Snapshot(
        states={row.key: Saved(row.key, row.value, _read_time(row.due_at)) for row in states},
        positions={(row.topic, partition): row.offset for row in positions},
    )


def _save(connection: sa.Connection, scope: str, changes: Sequence[Change]) -> None:
    _check_fences(connection, scope, changes)
    _upsert(connection, _STATE, [row for change in changes for row in _state_rows(scope, change)])
    _upsert(connection, _POSITION, [row for change in changes for row in _position_rows(scope, change)])


def _check_fences(connection: sa.Connection, scope: str, changes: Sequence[Change]) -> None:
    numbers = [change.partition for change in changes]
    statement = (
        sa.select(_FENCE.c.partition, _FENCE.c.fence)
        .where(_FENCE.c.scope == scope, _FENCE.c.partition.in_(numbers))
        .order_by(_FENCE.c.partition)
        .with_for_update()
    )
    fences = {row.partition: row.fence for row in connection.execute(statement)}
    for change in changes:
        if fences.get(change.partition, 0) != change.fence:
            raise Fenced(f"partition {change.partition} of {scope} has a newer owner than {change.fence}")


def _state_rows(scope: str, change: Change) -> list[dict[str, Any]]:
    return [
        {
            "scope": scope,
            "key": state.key,
            "partition": change.partition,
            "value": state.value,
            "due_at": _write_time(state.due_at),
        }
        for state in change.states
    ]


def _position_rows(scope: str, change: Change) -> list[dict[str, Any]]:
    return [
        {"scope": scope, "partition": change.partition, "topic": topic, "offset": offset}
        for (topic, _), offset in change.positions.items()
    ]


def _upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    changed = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    connection.execute(insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed), rows)


def _write_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
