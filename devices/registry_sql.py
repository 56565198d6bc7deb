"""The Registry port on SQL: a home is one JSON document, a change is one row of audit with the next global revision.

Every writer locks the one row of `registry_revision` until it commits, so that a revision never becomes visible before
a lower one: whoever follows `changes` misses nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects import postgresql, sqlite

from carebell.engine_sql import Database, open_database
from carebell.errors import BadInput, TryLater
from carebell.types import HomeProfile
from carebell.wire import encode
from devices import credentials_sql
from devices.registry import ChangedMeanwhile, Home, Revised
from devices.registry_address_sql import check_addresses, forget_addresses, taken_addresses, write_addresses
from devices.registry_changes import AuditLine
from devices.registry_conflicts import early_returns
from devices.registry_schema_sql import AT_ONCE, AUDIT, HOME, METADATA, REVISION

_HOME_BODY = TypeAdapter(Home)
_COUNTER = "home"
# A profile travels in one record of the log, which takes no larger one.
_MAX_PROFILE = 512 * 1024


class SqlRegistry:
    """Build with `SqlRegistry.open(url)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> "SqlRegistry":
        database = await open_database(url, _tables())
        try:
            await database.write(_begin_counting)
        except TryLater:
            await database.close()
            raise
        return cls(database)

    async def home(self, home_id: str) -> Home | None:
        found = await self.revised(home_id)
        return None if found is None else found.home

    async def revised(self, home_id: str) -> Revised | None:
        statement = sa.select(HOME.c.body, HOME.c.revision).where(HOME.c.home_id == home_id)
        try:
            row = await self._database.read(lambda connection: connection.execute(statement).one_or_none())
            if row is None or row.body is None:
                return None
            return Revised(_HOME_BODY.validate_json(row.body), row.revision)
        except (sa.exc.SQLAlchemyError, ValueError) as error:
            raise TryLater(f"the home cannot be read: {type(error).__name__}") from error

    async def homes(self, after: str = "", limit: int = 100) -> Sequence[Home]:
        statement = (
            sa.select(HOME.c.body)
            .where(HOME.c.home_id > after, sa.not_(HOME.c.removed))
            .order_by(HOME.c.home_id)
            .limit(max(0, limit))
        )
        return await self._database.read(
            lambda connection: [_HOME_BODY.validate_json(body) for body in connection.scalars(statement)]
        )

    async def put(
        self,
        homes: Sequence[Home],
        *,
        by: str,
        at: datetime,
        expected: Mapping[str, int] | None = None,
        is_trial: bool = False,
    ) -> int:
        count = Counter(home.home_id for home in homes)
        if repeated := sorted(home_id for home_id, number in count.items() if number > 1):
            raise BadInput([f"home {one} is there more than once: leave one of them out" for one in repeated])
        if unknown := [f"home {home.home_id}, {said}" for home in homes for _, said in home.unknown_words()]:
            raise BadInput(unknown)
        if large := [home.home_id for home in homes if len(encode(home.profile(0))) > _MAX_PROFILE]:
            raise BadInput([f"home {one} has more devices than one home can have: divide it" for one in large])
        stamp, wanted = _stamp(by, at), expected or {}
        return await self._database.write(
            lambda connection: _put(connection, homes, stamp, expected=wanted, is_trial=is_trial)
        )

    async def remove(self, home_id: str, *, by: str, at: datetime, expected: int | None = None) -> bool:
        stamp = _stamp(by, at)
        return await self._database.write(lambda connection: _remove(connection, home_id, stamp, expected))

    async def taken(self, wanted: Mapping[str, Mapping[tuple[str, str], str]]) -> Sequence[tuple[str, str, str]]:
        return await self._database.read(lambda connection: taken_addresses(connection, wanted))

    async def changes(self, after: int, limit: int) -> Sequence[tuple[int, HomeProfile]]:
        statement = (
            sa.select(HOME.c.home_id, HOME.c.body, HOME.c.revision)
            .where(HOME.c.revision > after)
            .order_by(HOME.c.revision)
            .limit(max(0, limit))
        )
        return await self._database.read(
            lambda connection: [(row.revision, _profile(row)) for row in connection.execute(statement)]
        )

    async def audit(self, home_id: str, *, before: int | None = None, limit: int | None = None) -> Sequence[AuditLine]:
        statement = sa.select(AUDIT).where(AUDIT.c.home_id == home_id).order_by(AUDIT.c.revision.desc()).limit(limit)
        if before is not None:
            statement = statement.where(AUDIT.c.revision < before)
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
            for row in reversed(rows)
        ]

    async def close(self) -> None:
        await self._database.close()


def _tables() -> sa.MetaData:
    """With those of the credentials: what a device may say ends in the transaction in which it leaves its home."""
    whole = sa.MetaData()
    for table in (*METADATA.sorted_tables, *credentials_sql.METADATA.sorted_tables):
        table.to_metadata(whole)
    return whole


def _begin_counting(connection: sa.Connection) -> None:
    first = _insert(connection, REVISION).values(name=_COUNTER, revision=0)
    connection.execute(first.on_conflict_do_nothing())


def _put(
    connection: sa.Connection,
    homes: Sequence[Home],
    stamp: dict[str, str],
    *,
    expected: Mapping[str, int],
    is_trial: bool,
) -> int:
    revision = _lock_revision(connection)
    before = _stored(connection, [home.home_id for home in homes])
    for home_id, wanted in expected.items():
        _check_revision(home_id, before, wanted)
    changed = [home for home in homes if home.home_id not in before or not _is_same(before[home.home_id], home)]
    _check_returns(changed, stamp["at"])
    check_addresses(connection, changed)
    if is_trial:
        return len(changed)
    changes = [
        {
            "home_id": home.home_id,
            "before": before[home.home_id].body if home.home_id in before else None,
            "after": _HOME_BODY.dump_json(home).decode(),
            **stamp,
        }
        for home in changed
    ]
    _write(connection, revision, changes)
    write_addresses(connection, changed)
    _revoke(connection, {home.home_id: home for home in homes}, stamp)
    return len(changed)


def _check_returns(homes: Sequence[Home], at: str) -> None:
    found = [
        f"home {home.home_id}, device {home.devices[index].device_id}: {name}: {said}"
        for home in homes
        for index, name, said in early_returns(
            [{"returned_on": one.returned_on} for one in home.devices], datetime.fromisoformat(at)
        )
    ]
    if found:
        raise BadInput(found)


def _is_same(row: Any, home: Home) -> bool:
    """Values are compared, not text: a field added to the code later is no change of the home."""
    try:
        return _HOME_BODY.validate_json(row.body) == home
    except ValueError:
        return False  # what cannot be read is mended by writing it anew


def _remove(connection: sa.Connection, home_id: str, stamp: dict[str, str], expected: int | None) -> bool:
    revision = _lock_revision(connection)
    before = _stored(connection, [home_id])
    if expected is not None:
        _check_revision(home_id, before, expected)
    _revoke(connection, {home_id: None}, stamp)
    if home_id not in before:
        return False
    _write(connection, revision, [{"home_id": home_id, "before": before[home_id].body, "after": None, **stamp}])
    forget_addresses(connection, [home_id])
    return True


def _revoke(connection: sa.Connection, homes: Mapping[str, Home | None], stamp: dict[str, str]) -> None:
    credentials_sql.revoke_left_behind(connection, homes, stamp["by"], datetime.fromisoformat(stamp["at"]))


def _check_revision(home_id: str, stored: Mapping[str, Any], expected: int) -> None:
    if home_id not in stored and expected:
        raise ChangedMeanwhile(f"home {home_id} is not there any more; somebody has removed it")
    if home_id in stored and not expected:
        raise ChangedMeanwhile(f"home {home_id} is there already; read it, and change what is there")
    if home_id in stored and stored[home_id].revision != expected:
        raise ChangedMeanwhile(
            f"home {home_id} has revision {stored[home_id].revision}, not {expected}: somebody has changed it "
            "meanwhile; read it again and make your change anew"
        )


def _insert(connection: sa.Connection, table: sa.Table) -> Any:
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _stamp(by: str, at: datetime) -> dict[str, str]:
    if not by.strip():
        raise BadInput("a change of the registry needs to say who made it")
    if at.tzinfo is None:
        raise ValueError("the time of a change needs a time zone")
    return {"by": by, "at": at.astimezone(UTC).isoformat()}


def _lock_revision(connection: sa.Connection) -> int:
    statement = sa.select(REVISION.c.revision).where(REVISION.c.name == _COUNTER).with_for_update()
    revision: int = (connection.execute(statement)).scalar_one()
    return revision


def _stored(connection: sa.Connection, ids: Sequence[str]) -> dict[str, Any]:
    """Document and revision of the homes that are there and not removed."""
    found: dict[str, Any] = {}
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        wanted = HOME.c.home_id.in_(some), sa.not_(HOME.c.removed)
        statement = sa.select(HOME.c.home_id, HOME.c.body, HOME.c.revision).where(*wanted)
        found.update((row.home_id, row) for row in connection.execute(statement))
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
    insert = _insert(connection, HOME)
    replaced = {name: insert.excluded[name] for name in ("body", "revision", "removed", "updated_at")}
    connection.execute(insert.on_conflict_do_update(index_elements=[HOME.c.home_id], set_=replaced), rows)
    connection.execute(sa.insert(AUDIT), numbered)
    counter = sa.update(REVISION).where(REVISION.c.name == _COUNTER)
    connection.execute(counter.values(revision=revision + len(changes)))


def _profile(row: Any) -> HomeProfile:
    if row.body is None:
        return HomeProfile(home_id=row.home_id, revision=row.revision, removed=True)
    return _HOME_BODY.validate_json(row.body).profile(row.revision)
