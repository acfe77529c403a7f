"""Migrations give both databases the schema of the models, once, with any number of processes."""

import asyncio
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

import models as models
from deskgraph.database import migrate
from deskgraph.database.database import Database
from tests.support import proofs
from tests.support.processes.launcher import together

pytestmark = pytest.mark.anyio

# The indexes of searches on SQLite are virtual tables, which no model declares.
SQLITE_CATALOGUE = (
    "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' "
    "AND tbl_name NOT GLOB '*_search*' AND type <> 'trigger' ORDER BY 1, 2"
)
POSTGRES_CATALOGUE = (
    "SELECT table_name, column_name, data_type, udt_name, "
    "character_maximum_length, numeric_precision, datetime_precision, is_nullable, column_default, "
    "is_generated, generation_expression FROM information_schema.columns "
    "WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version' "
    "AND contype <> 't' ORDER BY 1, 2",
    "SELECT tablename, indexname, indexdef FROM pg_indexes "
    "WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2",
    "SELECT sequencename, data_type::text, start_value, increment_by, cycle FROM pg_sequences "
    "WHERE schemaname = 'public' ORDER BY 1",
)
# What a process runs that migrates; it waits for its start signal, so that two meet.
MIGRATE = """
import asyncio, sys
from deskgraph.database.database import Database
from deskgraph.database.migrate import upgrade

async def main():
    database = Database(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    print(await upgrade(database))
    await database.engine.dispose()

asyncio.run(main())
"""


@pytest.fixture
async def blank(blank_database_url: str) -> Any:
    database = Database(blank_database_url)
    yield database
    await database.engine.dispose()


@pytest.fixture
async def by_metadata(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str
) -> Any:
    """Make a second database, straight from the models."""
    if backend == "sqlite":
        url = f"sqlite:///{tmp_path / 'models.db'}"
    else:
        make: Callable[[], str] = request.getfixturevalue("blank_postgres_url")
        url = await asyncio.to_thread(make)
    database = Database(url)
    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("CREATE EXTENSION pg_trgm"))
        await connection.run_sync(SQLModel.metadata.create_all)
    yield database
    await database.engine.dispose()


async def catalogue(database: Database) -> list[tuple[object, ...]]:
    """Return all that the database knows of its tables, comparable."""
    queries = (SQLITE_CATALOGUE,) if database.is_sqlite else POSTGRES_CATALOGUE
    async with database.engine.connect() as connection:
        rows = [tuple(row) for query in queries for row in await connection.execute(text(query))]
    return [tuple(_normal(value) for value in row) for row in rows]


def _normal(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = re.sub(r"\s*([(),])\s*|\s+", r" \1", value)
    if text.startswith("CREATE TABLE"):
        # SQLite writes a column that was added behind the constraints.
        name, _, parts = text.removesuffix(")").partition("(")
        return (name, *sorted(re.split(r",(?![^(]*\))", parts)))
    return text


async def tables(database: Database) -> set[str]:
    async with database.engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def stamp(database: Database, revision: str, compatible_from: str | None = None) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(
            text("UPDATE alembic_version SET version_num = :revision, compatible_from = :oldest"),
            {"revision": revision, "oldest": compatible_from},
        )


AddRevision = Callable[..., None]


@pytest.fixture
def add_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AddRevision:
    """Give a function that makes this program a later one, with another migration."""
    scripts = Path(shutil.copytree(migrate.SCRIPTS, tmp_path / "migrations"))
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)

    def add(revision: str, compatible_from: str | None = None) -> None:
        lines = [
            f'"""Migration {revision}."""',
            f'revision, down_revision = "{revision}", "{migrate.head()}"',
            *([] if compatible_from is None else [f'COMPATIBLE_FROM = "{compatible_from}"']),
            "def upgrade(): pass",
        ]
        (scripts / "versions" / f"{revision}_later.py").write_text("\n".join(lines))

    return add


async def test_migrations_and_models_give_the_same_schema(
    blank: Database, by_metadata: Database
) -> None:
    await migrate.upgrade(blank)

    migrated = await catalogue(blank)
    assert migrated == await catalogue(by_metadata)
    assert len(migrated) > 40


# Alembic compares generated columns by their text, and PostgreSQL words them in its own way; the
# test above compares them.
@pytest.mark.filterwarnings("ignore:Computed default on tickets")
async def test_alembic_finds_nothing_to_add_to_a_migrated_database(blank: Database) -> None:
    await migrate.upgrade(blank)

    def compared(_object: object, name: object, *_: object) -> bool:
        # Only SQLite has such tables, which no model has, and only PostgreSQL such indexes; the
        # test above compares them.
        return "_search" not in str(name)

    def differences(connection: Connection) -> list[Any]:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_object": compared,
        }
        return list(
            compare_metadata(
                MigrationContext.configure(connection, opts=options), SQLModel.metadata
            )
        )

    async with blank.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_revisions_are_those_that_alembic_finds_in_its_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    script = ScriptDirectory.from_config(config)

    newest_first = [revision.revision for revision in script.walk_revisions()]

    assert migrate.revisions() == newest_first[::-1]
    assert migrate.head() == script.get_current_head()


async def test_a_second_migration_does_nothing(blank: Database) -> None:
    assert await migrate.current(blank) is None
    assert await migrate.upgrade(blank) is True
    before = await catalogue(blank)

    assert await migrate.upgrade(blank) is False
    assert await catalogue(blank) == before
    assert await migrate.current(blank) == migrate.head()
    await migrate.check(blank)


async def test_a_migration_that_fails_leaves_nothing_behind(blank: Database) -> None:
    async with blank.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE ticket_events (seq integer)"))

    with pytest.raises(DBAPIError, match="already exists"):
        await migrate.upgrade(blank)

    assert await tables(blank) == {"ticket_events"}
    assert await migrate.current(blank) is None


@proofs.on("postgres")
async def test_processes_that_migrate_at_once_all_succeed(
    blank: Database, blank_database_url: str
) -> None:
    command = [sys.executable, "-c", MIGRATE, blank_database_url]
    answers = await asyncio.to_thread(together, [command] * 2)

    assert sorted(answers) == ["False\n", "True\n"]
    await migrate.check(blank)


async def test_a_database_without_tables_is_refused_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    database = Database(f"sqlite:///{path}")

    with pytest.raises(migrate.SchemaError, match='run "deskgraph migrate"'):
        await migrate.check(database)

    assert not await asyncio.to_thread(path.exists)


async def test_an_older_schema_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = migrate.head()
    monkeypatch.setattr(migrate, "revisions", lambda: [newest, "9999"])

    with pytest.raises(migrate.SchemaError, match=f'older schema {newest}.*"deskgraph migrate"'):
        await migrate.check(database)


async def test_a_newer_schema_is_refused_and_not_migrated(blank: Database) -> None:
    await migrate.upgrade(blank)
    await stamp(blank, "9999")

    with pytest.raises(migrate.SchemaError, match="9999, which is newer"):
        await migrate.check(blank)
    with pytest.raises(migrate.SchemaError, match="9999, which is newer"):
        await migrate.upgrade(blank)
    assert await migrate.current(blank) == "9999"


async def test_a_newer_schema_says_which_servers_can_work_with_it(
    blank: Database, add_revision: AddRevision
) -> None:
    older = migrate.head()
    add_revision("8001", compatible_from=older)
    add_revision("8002", compatible_from="8001")
    # Its word does not make servers fit that the one before it leaves out.
    add_revision("8003", compatible_from=older)

    await migrate.upgrade(blank)

    assert await migrate.version(blank) == migrate.Version("8003", "8001")


@pytest.mark.parametrize(("oldest", "goes_on"), [("0012", True), ("9999", False), (None, False)])
async def test_a_program_goes_on_with_a_newer_schema_that_names_its_own(
    blank: Database, monkeypatch: pytest.MonkeyPatch, oldest: str | None, goes_on: bool
) -> None:
    await migrate.upgrade(blank)
    monkeypatch.setattr(migrate, "revisions", lambda: ["0011", "0012"])
    await stamp(blank, "9999", oldest)

    if goes_on:
        await migrate.check(blank)
        assert await migrate.upgrade(blank) is False
        assert await migrate.pending(blank) == []
    else:
        for refused in (migrate.check, migrate.upgrade, migrate.pending):
            with pytest.raises(migrate.SchemaError, match=r"9999, which is newer .* \(0012\)"):
                await refused(blank)
    assert await migrate.current(blank) == "9999"


async def test_a_database_of_before_says_nothing_and_learns_it_with_the_next_migration(
    blank: Database, add_revision: AddRevision
) -> None:
    await migrate.upgrade(blank)
    older = migrate.head()
    async with blank.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE alembic_version DROP COLUMN compatible_from"))
    assert await migrate.version(blank) == migrate.Version(older, older)
    await migrate.check(blank)

    add_revision("8001", compatible_from=older)
    assert await migrate.upgrade(blank) is True

    assert await migrate.version(blank) == migrate.Version("8001", older)


async def test_a_plan_says_which_migrations_need_a_stop(
    blank: Database, add_revision: AddRevision
) -> None:
    await migrate.upgrade(blank)
    older = migrate.head()
    add_revision("8001", compatible_from=older)
    add_revision("8002")
    add_revision("8003", compatible_from="8002")

    found = [
        (one.version.revision, one.version.compatible_from, one.stops)
        for one in await migrate.pending(blank)
    ]

    assert found == [("8001", older, False), ("8002", "8002", True), ("8003", "8002", True)]


async def test_no_event_number_comes_back_after_a_delete(database: Database) -> None:
    event = (
        "INSERT INTO ticket_events (id, type, ticket_id, company_id, ticket_number, via, "
        "is_internal, changes, at) VALUES (:id, 'created', :id, :id, 'T-1', 'test', "
        "false, '[]', '2025-11-19T10:30:00.000000Z') RETURNING seq"
    )
    if not database.is_sqlite:
        event = event.replace(":id", "CAST(CAST(:id AS text) AS uuid)")
    async with database.engine.begin() as connection:
        first = await connection.scalar(
            text(event), {"id": "0" * 8 + "-0000-7000-8000-" + "0" * 12}
        )
        await connection.execute(text("DELETE FROM ticket_events"))
        again = await connection.scalar(
            text(event), {"id": "1" * 8 + "-0000-7000-8000-" + "0" * 12}
        )

    assert (first, again) == (1, 2)


async def test_events_of_before_keep_their_numbers_and_the_next_one_follows(
    blank: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = (
        "INSERT INTO ticket_events (id, type, ticket_id, company_id, ticket_number, via, "
        "is_internal, changes, at) VALUES (:id, :type, :id, :id, 'T-1', 'rest', "
        "false, '[]', '2025-11-19T10:30:00.000000Z') RETURNING seq"
    )
    if not blank.is_sqlite:
        event = event.replace(":id", "CAST(CAST(:id AS text) AS uuid)")

    async def add(number: int, kind: str) -> Any:
        async with blank.engine.begin() as connection:
            key = f"{number:08}-0000-7000-8000-000000000000"
            return await connection.scalar(text(event), {"id": key, "type": kind})

    with monkeypatch.context() as patched:
        patched.setattr(migrate, "head", lambda: "0002")
        patched.setattr("alembic.command.upgrade", _upgrade_to("0002"))
        await migrate.upgrade(blank)
    assert [await add(number, "created") for number in (1, 2, 3)] == [1, 2, 3]
    with pytest.raises(DBAPIError):
        await add(4, "attachment_renamed")
    async with blank.engine.begin() as connection:
        await connection.execute(text("DELETE FROM ticket_events WHERE seq = 2"))

    await migrate.upgrade(blank)
    async with blank.engine.connect() as connection:
        found = await connection.execute(text("SELECT seq, type FROM ticket_events ORDER BY seq"))
        assert [tuple(row) for row in found] == [(1, "created"), (3, "created")]
    assert await add(5, "attachment_renamed") > 3


async def test_what_was_written_before_is_found_by_searches(
    blank: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 1201  # More than two batches.
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "head", lambda: "0005")
        patched.setattr("alembic.command.upgrade", _upgrade_to("0005"))
        await migrate.upgrade(blank)
    company = (
        "INSERT INTO companies (id, name, legal_entity_name, country, city, website, industry, "
        "billing_entity, is_active, notes, created_at, updated_at) VALUES (:id, :name, '', "
        "'PERÚ', '', '', '', '', true, 'ÄRGER', :at, :at)"
    )
    at = "'2025-11-19T10:30:00.000000Z'"
    if not blank.is_sqlite:
        company = company.replace(":id", "CAST(CAST(:id AS text) AS uuid)")
    ids = [f"{number:08}-0000-7000-8000-000000000000" for number in range(count)]
    async with blank.engine.begin() as connection:
        await connection.execute(
            text(company.replace(":at", at)),
            [{"id": key, "name": f"BÜCHER {number}"} for number, key in enumerate(ids)],
        )

    await migrate.upgrade(blank)
    stored = "SELECT search_name, search_text, search_private FROM companies ORDER BY id"
    async with blank.engine.connect() as connection:
        found = [tuple(row) for row in await connection.execute(text(stored))]
    assert found == [
        (f"bücher {number}", f"bücher {number}\x1f\x1fperú", "ärger") for number in range(count)
    ]


def _upgrade_to(revision: str) -> Callable[[Config, str], None]:
    from alembic import command

    upgrade = command.upgrade
    return lambda config, _head: upgrade(config, revision)
