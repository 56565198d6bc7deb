"""The schema of PostgreSQL: made and changed by migrations only, equal to the tables in the code, safe to run at any time."""

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from carebell import duty_sql, store_sql
from carebell.bell import Bell
from carebell.engine_sql import SCHEMA
from carebell.errors import BadInput, TryLater
from carebell.postgres_sql import PostgresDatabase
from carebell.telemetry import Telemetry
from deploy.migrate import migrate, schema_problem
from devices import credentials_sql, registry_sql
from devices.registry_sql import SqlRegistry
from notifier import schema_sql
from notifier.casebook_sql import SqlCasebook
from tests.support import build
from tests.support.servers.postgres import PostgresAddress
from tests.support.services import ROOT, free_port

pytestmark = pytest.mark.integration
EVERY = [one.METADATA for one in (schema_sql, registry_sql, credentials_sql, duty_sql, store_sql)]
_COLUMNS = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2"""
_INDEXES = """
SELECT tablename, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('alembic_version'), 0) ORDER BY 1, 2"""


@pytest.fixture
def empty(postgres: PostgresAddress) -> Iterator[str]:
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


async def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    database = PostgresDatabase(url)
    rows = await database.read(lambda connection: connection.execute(sa.text(statement)).all())
    await database.close()
    return [tuple(row) for row in rows]


async def do(url: str, statement: str) -> None:
    database = PostgresDatabase(url)
    await database.write(lambda connection: connection.execute(sa.text(statement)))
    await database.close()


async def test_what_the_migrations_make_is_what_the_code_says(database_url: str, empty: str) -> None:
    database = PostgresDatabase(empty)
    for metadata in EVERY:
        await database.write(metadata.create_all)
    await database.close()
    for what in (_COLUMNS, _INDEXES, _CONSTRAINTS):
        made, said = await ask(database_url, what), await ask(empty, what)
        assert made
        assert made == said


async def test_alembic_finds_nothing_left_to_do(database_url: str) -> None:
    whole = sa.MetaData()
    for metadata in EVERY:
        for table in metadata.sorted_tables:
            table.to_metadata(whole)

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, whole))

    database = PostgresDatabase(database_url)
    assert await database.read(differences) == []
    await database.close()


def test_the_code_asks_for_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "deploy/migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [SCHEMA]
    revisions = [one.revision for one in script.walk_revisions()]
    assert revisions == sorted(revisions, reverse=True), "their names must stand in their order: versions are compared"


async def test_running_it_again_changes_nothing(empty: str) -> None:
    assert await migrate(empty) == [f"schema none -> {SCHEMA}"]
    before = [await ask(empty, what) for what in (_COLUMNS, _INDEXES, _CONSTRAINTS)]
    assert await migrate(empty) == [f"schema {SCHEMA}: nothing to do"]
    assert [await ask(empty, what) for what in (_COLUMNS, _INDEXES, _CONSTRAINTS)] == before


async def test_several_at_once_do_it_once(empty: str) -> None:
    said = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(said) == sorted([[f"schema none -> {SCHEMA}"], *[[f"schema {SCHEMA}: nothing to do"]] * 3])
    assert await ask(empty, "SELECT count(*) FROM case_line_base") == [(1,)]


async def test_nobody_makes_tables_by_opening(empty: str) -> None:
    with pytest.raises(BadInput, match="no tables yet: run `carebell admin migrate`"):
        await SqlRegistry.open(empty)
    assert await ask(empty, _COLUMNS) == []
    assert "carebell admin migrate" in await schema_problem(empty)


@pytest.mark.parametrize(
    ("version", "said"), [("0000", "run `carebell admin migrate`"), ("9999", "update the program")]
)
async def test_a_schema_of_another_version_is_refused_in_words(database_url: str, version: str, said: str) -> None:
    await do(database_url, f"UPDATE alembic_version SET version_num = '{version}'")  # noqa: S608
    with pytest.raises(BadInput, match=said):
        await SqlRegistry.open(database_url)
    assert said in await schema_problem(database_url)


async def test_a_newer_schema_is_not_touched(database_url: str) -> None:
    await do(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadInput, match="newer than this program"):
        await migrate(database_url)
    assert await ask(database_url, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_a_server_that_is_not_there_is_told_of(postgres: PostgresAddress, database_url: str) -> None:
    assert await schema_problem(database_url) == ""
    away = f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/x"
    with pytest.raises(TryLater):
        await migrate(away)
    assert "cannot be used now" in await schema_problem(away)
    with pytest.raises(BadInput, match=r"postgresql\+asyncpg"):
        await migrate("sqlite:///x.db")


async def test_a_database_restored_into_a_new_cluster_gives_higher_ids_after_a_migration(database_url: str) -> None:
    casebook = await SqlCasebook.open(database_url, build.default_policies(), Bell(), Telemetry())
    await casebook.raise_alert(build.alert("a"), build.PEOPLE, build.START, label="", address="")
    await casebook.close()
    # the old cluster was five thousand million transactions on
    await do(database_url, "UPDATE case_line SET id = id + 5000000000::bigint * 4096")
    with pytest.raises(BadInput, match="restored into a new cluster: run `carebell admin migrate`"):
        await SqlCasebook.open(database_url, build.default_policies(), Bell(), Telemetry())
    [nothing, lifted] = await migrate(database_url)
    assert "nothing to do" in nothing
    assert "restored" in lifted
    again = await SqlCasebook.open(database_url, build.default_policies(), Bell(), Telemetry())
    last = await again.last_line()
    assert last > 5_000_000_000 * 4096
    await again.raise_alert(build.alert("b"), build.PEOPLE, build.START, label="", address="")
    lines = await again.lines(after=last, limit=10)
    assert [line.what for line in lines] == ["signal"]
    await again.close()
    assert lines[0].id < 2**53
    assert await migrate(database_url) == [f"schema {SCHEMA}: nothing to do"]
