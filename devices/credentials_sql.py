"""The Credentials port on SQL: one row for each user name, and one for each change of it. No password is ever written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from carebell.engine_sql import Database, open_database
from carebell.errors import BadInput
from carebell.words_sql import Words
from devices.credentials import WITH_DEVICE, Change, Credential, Holder, Speaker, issued, revoked, rotated
from devices.credentials_left import left_behind
from devices.registry import Home

_AT_ONCE = 500  # below every database's limit of bound values
_WORDS = Words()
METADATA = sa.MetaData()
_CREDENTIAL = sa.Table(
    "credential",
    METADATA,
    sa.Column("username", _WORDS, primary_key=True),
    sa.Column("speaker", _WORDS, nullable=False),
    sa.Column("home_id", _WORDS, nullable=False, index=True),
    sa.Column("name", _WORDS, nullable=False),
    sa.Column("dialect", _WORDS, nullable=False),
    sa.Column("address", _WORDS, nullable=False),
    sa.Column("secret", _WORDS, nullable=False),
    sa.Column("issued_at", _WORDS, nullable=False),
    sa.Column("revoked_at", _WORDS),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
)
_CHANGE = sa.Table(
    "credential_change",
    METADATA,
    sa.Column("username", _WORDS, primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("what", _WORDS, nullable=False),
    sa.Column("by", _WORDS, nullable=False),
    sa.Column("at", _WORDS, nullable=False),
)
Rule = Callable[[Credential | None], Credential]


class SqlCredentials:
    """Build with `SqlCredentials.open(url)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> "SqlCredentials":
        return cls(await open_database(url, METADATA))

    async def find(self, username: str) -> Credential | None:
        return await self._database.read(lambda connection: _find(connection, username))

    async def page(self, after: str = "", limit: int = 500, *, home_id: str = "") -> Sequence[Credential]:
        statement = sa.select(_CREDENTIAL).where(_CREDENTIAL.c.username > after)
        if home_id:
            statement = statement.where(_CREDENTIAL.c.home_id == home_id)
        statement = statement.order_by(_CREDENTIAL.c.username).limit(max(0, limit))
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [_credential(row) for row in rows]

    async def issue(self, holder: Holder, secret: str, *, by: str, at: datetime) -> Credential:
        return await self._change(holder.username, "issued", by, at, lambda known: issued(known, holder, secret, at))

    async def rotate(self, username: str, secret: str, *, by: str, at: datetime) -> Credential:
        return await self._change(username, "rotated", by, at, lambda known: rotated(known, username, secret, at))

    async def revoke(self, username: str, *, by: str, at: datetime) -> Credential:
        return await self._change(username, "revoked", by, at, lambda known: revoked(known, username, at))

    async def _change(self, username: str, what: str, by: str, at: datetime, rule: Rule) -> Credential:
        if not by.strip():
            raise BadInput("a change of a credential needs to say who made it")
        line = {"username": username, "what": what, "by": by, "at": _time(at)}
        return await self._database.write(lambda connection: _change(connection, line, rule))

    async def settle(self, credential: Credential) -> bool:
        is_same = sa.and_(_CREDENTIAL.c.username == credential.username, _CREDENTIAL.c.revision == credential.revision)
        statement = sa.update(_CREDENTIAL).where(is_same).values(settled=True)
        return bool(await self._database.write(lambda connection: connection.execute(statement).rowcount))

    async def doubt(self, username: str) -> None:
        statement = sa.update(_CREDENTIAL).where(_CREDENTIAL.c.username == username).values(settled=False)
        await self._database.write(lambda connection: connection.execute(statement))

    async def still_inside(self) -> Sequence[Credential]:
        statement = sa.select(_CREDENTIAL).where(_CREDENTIAL.c.revoked_at.is_not(None), sa.not_(_CREDENTIAL.c.settled))
        statement = statement.order_by(_CREDENTIAL.c.username)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [_credential(row) for row in rows]

    async def audit(self, username: str) -> Sequence[Change]:
        statement = sa.select(_CHANGE).where(_CHANGE.c.username == username).order_by(_CHANGE.c.revision)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [
            Change(
                username=row.username,
                revision=row.revision,
                what=row.what,
                by=row.by,
                at=datetime.fromisoformat(row.at),
            )
            for row in rows
        ]

    async def close(self) -> None:
        await self._database.close()


def revoke_left_behind(connection: sa.Connection, homes: Mapping[str, Home | None], by: str, at: datetime) -> None:
    """In the transaction that changes these homes (None where one is removed): what nobody in them needs any more is
    revoked with its devices. The broker is told later; until then it is not settled."""
    ids = list(homes)
    for start in range(0, len(ids), _AT_ONCE):
        wanted = _CREDENTIAL.c.home_id.in_(ids[start : start + _AT_ONCE]), _CREDENTIAL.c.revoked_at.is_(None)
        valid: dict[str, list[Credential]] = {}
        for row in connection.execute(sa.select(_CREDENTIAL).where(*wanted).order_by(_CREDENTIAL.c.username)):
            valid.setdefault(row.home_id, []).append(_credential(row))
        for home_id, credentials in valid.items():
            for one in left_behind(homes[home_id], credentials):
                _revoke_with_device(connection, one.username, by, at)


def _revoke_with_device(connection: sa.Connection, username: str, by: str, at: datetime) -> None:
    line = {"username": username, "what": WITH_DEVICE, "by": by, "at": _time(at)}
    _change(connection, line, lambda known: revoked(known, username, at))


def _find(connection: sa.Connection, username: str, *, locked: bool = False) -> Credential | None:
    statement = sa.select(_CREDENTIAL).where(_CREDENTIAL.c.username == username)
    row = connection.execute(statement.with_for_update() if locked else statement).one_or_none()
    return None if row is None else _credential(row)


def _change(connection: sa.Connection, line: dict[str, str], rule: Rule) -> Credential:
    known = _find(connection, line["username"], locked=True)
    changed = rule(known)
    if changed == known:
        return changed
    row = _row(changed)
    if known is None:
        connection.execute(sa.insert(_CREDENTIAL), row)
    else:
        connection.execute(sa.update(_CREDENTIAL).where(_CREDENTIAL.c.username == changed.username).values(row))
    connection.execute(sa.insert(_CHANGE), {**line, "revision": changed.revision})
    return changed


def _row(credential: Credential) -> dict[str, Any]:
    holder = credential.holder
    return {
        "username": holder.username,
        "speaker": holder.speaker.value,
        "home_id": holder.home_id,
        "name": holder.name,
        "dialect": holder.dialect,
        "address": holder.address,
        "secret": credential.secret,
        "issued_at": _time(credential.issued_at),
        "revoked_at": None if credential.revoked_at is None else _time(credential.revoked_at),
        "revision": credential.revision,
        "settled": credential.is_settled,
    }


def _credential(row: Any) -> Credential:
    holder = Holder(
        speaker=Speaker(row.speaker), name=row.name, home_id=row.home_id, dialect=row.dialect, address=row.address
    )
    found = Credential(
        holder=holder,
        secret=row.secret,
        issued_at=datetime.fromisoformat(row.issued_at),
        revision=row.revision,
        is_settled=row.settled,
    )
    return found if row.revoked_at is None else replace(found, revoked_at=datetime.fromisoformat(row.revoked_at))


def _time(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("the time of a change needs a time zone")
    return at.astimezone(UTC).isoformat()
