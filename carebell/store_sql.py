"""The Store port on SQL (SQLite at the edge, PostgreSQL in the city): states and positions in one fenced transaction."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from carebell.engine_sql import Database, open_database
from carebell.errors import Fenced, TryLater
from carebell.log import Positions
from carebell.store import Change, Claim, Saved, Snapshot, next_fence

PIECE = 2000
Result = TypeVar("Result")

METADATA = sa.MetaData()
_FENCE = sa.Table(
    "rule_fence",
    METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("fence", sa.BigInteger, nullable=False),
)
_STATE = sa.Table(
    "rule_state",
    METADATA,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("due_at", sa.String),
    sa.Index("ix_rule_state_place", "scope", "partition", "key"),
)
_POSITION = sa.Table(
    "rule_position",
    METADATA,
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
        return cls(await open_database(url, METADATA, is_rebuildable=True))

    async def claim(self, scope: str, partition: int, at: datetime) -> Claim:
        return await _asked(self._database.write(lambda connection: _claim(connection, scope, partition, at)))

    async def load(self, scope: str, partition: int) -> Snapshot:
        return await _asked(self._load(scope, partition))

    async def _load(self, scope: str, partition: int) -> Snapshot:
        read = self._database.read
        fence, positions = await read(lambda connection: _place(connection, scope, partition))
        states: dict[str, Saved] = {}
        while True:
            last = next(reversed(states), None)
            piece = await read(lambda connection, last=last: _states(connection, scope, partition, last))  # type: ignore[misc]
            states.update((one.key, one) for one in piece)
            if len(piece) < PIECE:
                break
        if await read(lambda connection: _fence(connection, scope, partition)) != fence:
            raise Fenced(f"partition {partition} of {scope} was claimed by another while it was loaded")
        return Snapshot(states, positions)

    async def save(self, scope: str, changes: Sequence[Change]) -> None:
        if changes:
            await _asked(self._database.write(lambda connection: _save(connection, scope, changes)))

    async def close(self) -> None:
        await self._database.close()


async def _asked(answer: Awaitable[Result]) -> Result:
    """Whatever is wrong with a database, damaged or without its tables too: calls are judged without it until it is mended."""
    try:
        return await answer
    except sa.exc.SQLAlchemyError as error:
        raise TryLater(f"the database cannot be used: {getattr(error, 'orig', None) or error}"[:300]) from error


def _claim(connection: sa.Connection, scope: str, partition: int, at: datetime) -> Claim:
    # The row is made first: where there is none, FOR UPDATE locks nothing, and two at once would be given the same fence.
    place = {"scope": scope, "partition": partition}
    connection.execute(_insert(connection, _FENCE).on_conflict_do_nothing(), [{**place, "fence": 0}])
    previous = connection.scalar(_the_fence(scope, partition).with_for_update()) or 0
    fence = next_fence(previous, at)
    _upsert(connection, _FENCE, [{**place, "fence": fence}])
    return Claim(fence, previous)


def _the_fence(scope: str, partition: int) -> sa.Select[Any]:
    return sa.select(_FENCE.c.fence).where(_FENCE.c.scope == scope, _FENCE.c.partition == partition)


def _fence(connection: sa.Connection, scope: str, partition: int) -> int:
    return connection.scalar(_the_fence(scope, partition)) or 0


def _place(connection: sa.Connection, scope: str, partition: int) -> tuple[int, Positions]:
    """The fence first: whoever claims afterwards is noticed at the end."""
    fence = _fence(connection, scope, partition)
    statement = sa.select(_POSITION.c.topic, _POSITION.c.offset).where(
        _POSITION.c.scope == scope, _POSITION.c.partition == partition
    )
    return fence, {(row.topic, partition): row.offset for row in connection.execute(statement)}


def _states(connection: sa.Connection, scope: str, partition: int, after: str | None) -> list[Saved]:
    """The next piece behind a key."""
    statement = (
        sa.select(_STATE.c.key, _STATE.c.value, _STATE.c.due_at)
        .where(_STATE.c.scope == scope, _STATE.c.partition == partition)
        .order_by(_STATE.c.key)
        .limit(PIECE)
    )
    if after is not None:
        statement = statement.where(_STATE.c.key > after)
    return [Saved(key, value, _read_time(due_at)) for key, value, due_at in connection.execute(statement)]


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


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    insert = _insert(connection, table)
    changed = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    statement = insert.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed)
    for start in range(0, len(rows), PIECE):
        connection.execute(statement, rows[start : start + PIECE])


def _write_time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _read_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
