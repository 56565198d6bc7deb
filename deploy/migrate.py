"""Brings a PostgreSQL to the schema of this program: what `carebell admin migrate` runs, and what `doctor` asks.

Everything happens in one transaction under a lock of its own: it is done or it is not, and whoever runs it at the same
time waits and then finds nothing to do.
"""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from carebell import engine_sql
from carebell.engine_sql import SCHEMA, schema_version
from carebell.errors import BadInput, TryLater
from carebell.postgres_sql import Limits, PostgresDatabase
from notifier.line_sql import lift, restored_problem

_FOLDER = Path(__file__).parent / "migrations"
# Tables may be large. Only waiting for somebody else's lock on one is short: all others queue behind a change that waits.
_PATIENT = Limits(connections=1, connect=10, command=3600, lock=10, idle_in_transaction=3600, whole=7200)
_LOCK = "SELECT pg_advisory_xact_lock(212133857)"


async def migrate(url: str) -> list[str]:
    """A line for each thing that was done. Raises BadInput where the tables are newer than this program, TryLater."""
    _check(url)
    database = PostgresDatabase(url, _PATIENT)
    try:
        return await database.write(_migrate)
    finally:
        await database.close()


async def schema_problem(url: str) -> str:
    """Why this program cannot work with a database, in a sentence that says what to do; empty when it can."""
    try:
        _check(url)
        database = PostgresDatabase(url, Limits(connections=1))
        try:
            return await engine_sql.schema_problem(database) or await database.read(restored_problem)
        finally:
            await database.close()
    except (BadInput, TryLater) as error:
        return str(error)


def _check(url: str) -> None:
    if not url.startswith("postgresql+asyncpg://"):
        raise BadInput("only PostgreSQL has a schema to migrate: its address begins with postgresql+asyncpg://")


def _migrate(connection: Any) -> list[str]:
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql(_LOCK)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(_PATIENT.lock * 1000)}")
    before = schema_version(connection)
    if before is not None and before > SCHEMA:
        raise BadInput(
            f"the tables are of version {before}, newer than this program knows ({SCHEMA}): update the program"
        )
    _upgrade(connection)
    said = [f"schema {SCHEMA}: nothing to do" if before == SCHEMA else f"schema {before or 'none'} -> {SCHEMA}"]
    if restored_problem(connection) and (lifted := lift(connection)):
        said.append(
            f"the database was restored into a new cluster: ids of new lines begin {lifted} transactions higher"
        )
    return said


def _upgrade(connection: Any) -> None:
    """Through Alembic's own commands, with our connection and without a file of settings."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, SCHEMA)
