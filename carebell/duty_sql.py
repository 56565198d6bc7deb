"""Duties on SQL: one row each, taken in one statement by whoever comes first after the lease has ended."""

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from carebell.engine_sql import Database, open_database
from carebell.words_sql import Words

METADATA = sa.MetaData()
DUTY = sa.Table(
    "duty",
    METADATA,
    sa.Column("name", Words(), primary_key=True),
    sa.Column("owner", Words(), nullable=False),
    sa.Column("until", Words(), nullable=False),
    # How often it has changed hands, and to whom: for people who look.
    sa.Column("fence", sa.BigInteger, nullable=False),
)


class SqlDuties:
    """Build with `SqlDuties.open(url)`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, url: str) -> "SqlDuties":
        return cls(await open_database(url, METADATA))

    async def take(self, name: str, owner: str, at: datetime, until: datetime) -> bool:
        row: dict[str, str | int] = {"name": name, "owner": owner, "until": _write(until), "fence": 1}
        return await self._database.write(lambda connection: _take(connection, row, _write(at)))

    async def give_up(self, name: str, owner: str) -> None:
        ours = sa.update(DUTY).where(DUTY.c.name == name, DUTY.c.owner == owner)
        await self._database.write(lambda connection: connection.execute(ours.values(until="")))

    async def close(self) -> None:
        await self._database.close()


def _take(connection: sa.Connection, row: dict[str, str | int], now: str) -> bool:
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(DUTY)
    is_ours = DUTY.c.owner == insert.excluded.owner
    taking = insert.on_conflict_do_update(
        index_elements=[DUTY.c.name],
        set_={
            "owner": insert.excluded.owner,
            "until": insert.excluded.until,
            "fence": DUTY.c.fence + sa.case((is_ours, 0), else_=1),
        },
        where=sa.or_(is_ours, DUTY.c.until < now),
    )
    return connection.scalar(taking.values(row).returning(DUTY.c.owner)) is not None


def _write(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
