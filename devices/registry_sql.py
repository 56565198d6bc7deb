"""The Registry port on SQL: a home is one JSON document, a change is one row of audit with the next global revision.

Every writer locks the one row of `registry_revision` until it commits, so that a revision never becomes visible before
a lower one: whoever follows `changes` misses nothing.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql, sqlite

from carebell.engine_sql import Database, open_database
from carebell.errors import BadInput, TryLater
from carebell.types import HomeProfile
from carebell.words_sql import Words
from devices.registry import AuditLine, Home

_HOME_BODY = TypeAdapter(Home)
_COUNTER = "home"
_AT_ONCE = 500  # below every database's limit of bound values
_WORDS = Words()
METADATA = sa.MetaData()
_HOME = sa.Table(
    "registry_home",
    METADATA,
    sa.Column("home_id", _WORDS, primary_key=True),
    sa.Column("body", _WORDS),
    sa.Column("revision", sa.BigInteger, nullable=False, unique=True),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("updated_at", _WORDS, nullable=False),
)
_AUDIT = sa.Table(
    "registry_audit",
    METADATA,
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("home_id", _WORDS, nullable=False, index=True),
    sa.Column("at", _WORDS, nullable=False),
    sa.Column("by", _WORDS, nullable=False),
    sa.Column("before", _WORDS),
    sa.Column("after", _WORDS),
)
_REVISION = sa.Table(
    "registry_revision",
    METADATA,
    sa.Column("name", _WORDS, primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False),
)


class SqlRegistry:
    """Build with `SqlRegistry.open(url)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> "SqlRegistry":
        database = await open_database(url, METADATA)
        try:
            await database.write(_begin_counting)
        except TryLater:
            await database.close()
            raise
        return cls(database)

    async def home(self, home_id: str) -> Home | None:
        statement = sa.select(_HOME.c.body).where(_HOME.c.home_id == home_id)
        try:
            body = await self._database.read(lambda connection: connection.scalar(statement))
            return None if body is None else _HOME_BODY.validate_json(body)
        except (sa.exc.SQLAlchemyError, ValueError) as error:
            raise TryLater(f"the home cannot be read: {type(error).__name__}") from error

    async def homes(self, after: str = "", limit: int = 100) -> Sequence[Home]:
        statement = (
            sa.select(_HOME.c.body)
            .where(_HOME.c.home_id > after, sa.not_(_HOME.c.removed))
            .order_by(_HOME.c.home_id)
            .limit(max(0, limit))
        )
        bodies = await self._database.read(lambda connection: connection.scalars(statement).all())
        return [_HOME_BODY.validate_json(body) for body in bodies]

    async def put(self, homes: Sequence[Home], *, by: str, at: datetime) -> int:
        count = Counter(home.home_id for home in homes)
        if repeated := sorted(home_id for home_id, number in count.items() if number > 1):
            raise BadInput([f"home {one} is there more than once: leave one of them out" for one in repeated])
        stamp = _stamp(by, at)
        return await self._database.write(lambda connection: _put(connection, homes, stamp))

    async def remove(self, home_id: str, *, by: str, at: datetime) -> bool:
        stamp = _stamp(by, at)
        return await self._database.write(lambda connection: _remove(connection, home_id, stamp))

    async def changes(self, after: int, limit: int) -> Sequence[tuple[int, HomeProfile]]:
        statement = (
            sa.select(_HOME.c.home_id, _HOME.c.body, _HOME.c.revision)
            .where(_HOME.c.revision > after)
            .order_by(_HOME.c.revision)
            .limit(max(0, limit))
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [(row.revision, _profile(row)) for row in rows]

    async def audit(self, home_id: str) -> Sequence[AuditLine]:
        statement = sa.select(_AUDIT).where(_AUDIT.c.home_id == home_id).order_by(_AUDIT.c.revision)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [
            AuditLine(
                home_id=row.home_id,
                revision=row.revision,
                at=datetime.fromisoformat(row.at),
                by=row.by,
                before=None if row.before is None else orjson.loads(row.before),
                after=None if row.after is None else orjson.loads(row.after),
            )
            for row in rows
        ]

    async def close(self) -> None:
        await self._database.close()


def _begin_counting(connection: sa.Connection) -> None:
    first = _insert(connection, _REVISION).values(name=_COUNTER, revision=0)
    connection.execute(first.on_conflict_do_nothing())


def _put(connection: sa.Connection, homes: Sequence[Home], stamp: dict[str, str]) -> int:
    revision = _lock_revision(connection)
    before = _bodies(connection, [home.home_id for home in homes])
    changes = []
    for home in homes:
        old = before.get(home.home_id)
        # values are compared, not text: a field added to the code later is no change of the home
        if old is not None and _HOME_BODY.validate_json(old) == home:
            continue
        after = _HOME_BODY.dump_json(home).decode()
        changes.append({"home_id": home.home_id, "before": old, "after": after, **stamp})
    _write(connection, revision, changes)
    return len(changes)


def _remove(connection: sa.Connection, home_id: str, stamp: dict[str, str]) -> bool:
    revision = _lock_revision(connection)
    old = _bodies(connection, [home_id]).get(home_id)
    if old is None:
        return False
    _write(connection, revision, [{"home_id": home_id, "before": old, "after": None, **stamp}])
    return True


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _stamp(by: str, at: datetime) -> dict[str, str]:
    if not by.strip():
        raise BadInput("a change of the registry needs to say who made it")
    if at.tzinfo is None:
        raise ValueError("the time of a change needs a time zone")
    return {"by": by, "at": at.astimezone(UTC).isoformat()}


def _lock_revision(connection: sa.Connection) -> int:
    statement = sa.select(_REVISION.c.revision).where(_REVISION.c.name == _COUNTER).with_for_update()
    revision: int = (connection.execute(statement)).scalar_one()
    return revision


def _bodies(connection: sa.Connection, ids: Sequence[str]) -> dict[str, str]:
    """The documents of the homes that are there and not removed."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        statement = sa.select(_HOME.c.home_id, _HOME.c.body).where(_HOME.c.home_id.in_(some), sa.not_(_HOME.c.removed))
        found.update((row.home_id, row.body) for row in connection.execute(statement))
    return found


def _write(connection: sa.Connection, revision: int, changes: Sequence[dict[str, Any]]) -> None:
    """Give each change the next revision, and write the homes, the audit and the counter."""
    if not changes:
        return
    numbered = [{**change, "revision": revision + count} for count, change in enumerate(changes, start=1)]
    rows = [
        {
            "home_id": change["home_id"],
            "body": change["after"],  # nothing personal stays here once a home is removed
            "revision": change["revision"],
            "removed": change["after"] is None,
            "updated_at": change["at"],
        }
        for change in numbered
    ]
    insert = _insert(connection, _HOME)
    replaced = {name: insert.excluded[name] for name in ("body", "revision", "removed", "updated_at")}
    connection.execute(insert.on_conflict_do_update(index_elements=[_HOME.c.home_id], set_=replaced), rows)
    connection.execute(sa.insert(_AUDIT), numbered)
    counter = sa.update(_REVISION).where(_REVISION.c.name == _COUNTER)
    connection.execute(counter.values(revision=revision + len(changes)))


def _profile(row: Any) -> HomeProfile:
    if row.body is None:
        return HomeProfile(home_id=row.home_id, revision=row.revision, removed=True)
    return _HOME_BODY.validate_json(row.body).profile(row.revision)
