"""The schema of the database: bringing it up to date, and refusing to work with another one.

Revisions are numbered files in ``migrations/versions``, one after the other, so the newest one is
known without importing Alembic: a server that starts with a schema in order never loads it.

A revision that servers of earlier schemas can work with says so: its ``COMPATIBLE_FROM`` is the
oldest of these schemas. The database keeps it beside its revision, for servers that do not know the
revision. So servers are replaced one after the other, while the others go on.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report, silent
from deskgraph.database.trigrams import REVISION as INDEXES_SINCE
from deskgraph.database.trigrams import TrigramsMissing, build_indexes, limit_pending

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).parents[1] / "migrations"
VERSION_TABLE = "alembic_version"
# A column of that table, which Alembic leaves alone.
COMPATIBLE_FROM = "compatible_from"
# Any number that nothing else in the database takes as an advisory lock.
POSTGRES_LOCK = 7_205_759_403_792_794


class SchemaError(Exception):
    """The database has another schema than this program; the text is a sentence."""


@dataclass(frozen=True)
class Version:
    """The schema of a database, and the oldest schema whose servers can work with it."""

    revision: str
    compatible_from: str

    def serves(self, schema: str) -> bool:
        """Whether servers of a schema can work with it."""
        return self.compatible_from <= schema <= self.revision


@dataclass(frozen=True)
class Pending:
    """A revision that a database lacks.

    ``stops``: whether servers of the database's schema cannot work with it.
    """

    version: Version
    what: str
    stops: bool


def revisions() -> list[str]:
    """Return every revision this program knows, the oldest first."""
    return sorted(path.name.split("_")[0] for path in SCRIPTS.glob("versions/[0-9]*_*.py"))


def head() -> str:
    """Return the revision that this program works with."""
    return revisions()[-1]


async def current(database: Database) -> str | None:
    """Return the revision of the database; nothing where it was never migrated."""
    found = await version(database)
    return None if found is None else found.revision


async def version(database: Database) -> Version | None:
    """Return what schema the database has; nothing where it was never migrated."""
    if database.is_sqlite and not _has_file(database):
        return None  # Looking would create it.
    async with database.engine.connect() as connection:
        return await connection.run_sync(_version)


async def check(database: Database) -> None:
    """Raise ``SchemaError`` unless this program can work with the database's schema."""
    found = await version(database)
    if found is None:
        raise SchemaError('The database has no tables yet: run "deskgraph migrate".')
    _refuse_newer(found)
    if found.revision < head():
        raise SchemaError(
            f"The database has the older schema {found.revision}, this program needs {head()}: "
            'run "deskgraph migrate".'
        )


async def pending(database: Database) -> list[Pending]:
    """Return the revisions that ``upgrade`` would bring, the oldest first.

    Raises ``SchemaError`` where the schema is newer than this program can work with.
    """
    found = await version(database)
    if found is not None:
        _refuse_newer(found)
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(SCRIPTS))
    listed = []
    for revision in revisions():
        if found is None or revision > found.revision:
            made = Version(revision, _compatible_from(scripts, revision))
            stops = found is not None and not made.serves(found.revision)
            listed.append(Pending(made, scripts.get_revision(revision).doc, stops))
    return listed


async def upgrade(database: Database, report: Report = silent) -> bool:
    """Bring the schema up to date in one transaction; return whether there was anything to do.

    Processes that do this at once wait for each other: SQLite lets one writer begin, PostgreSQL
    has an advisory lock. A newer schema that this program can work with is left as it is. Raises
    ``SchemaError`` where it cannot, or where the database does not have what the schema needs.
    Indexes of large tables of PostgreSQL are made before, for themselves: servers go on writing
    meanwhile. ``report`` is told how far the long steps are.
    """
    try:
        if not database.is_sqlite and await _lacks_indexes(database):
            await build_indexes(database.engine, POSTGRES_LOCK, report)
        async with database.engine.begin() as connection:
            if not database.is_sqlite:
                lock = text("SELECT pg_advisory_xact_lock(:k)")
                await connection.execute(lock, {"k": POSTGRES_LOCK})
            done = await connection.run_sync(_upgrade, report)
        if not database.is_sqlite:
            await limit_pending(database.engine)
    except TrigramsMissing as error:
        raise SchemaError(str(error)) from error
    return done


async def _lacks_indexes(database: Database) -> bool:
    revision = await current(database)
    return revision is not None and revision < INDEXES_SINCE


def _upgrade(connection: Connection, report: Report) -> bool:
    found = _version(connection)
    if found is not None:
        _refuse_newer(found)
        if found.revision >= head():
            return False
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["report"] = report
    command.upgrade(config, "head")
    _store(connection, _compatible_from(ScriptDirectory.from_config(config), head()))
    return True


def _has_file(database: Database) -> bool:
    return Path(str(database.url.database)).exists()


def _version(connection: Connection) -> Version | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    columns = f"version_num, {COMPATIBLE_FROM}" if _tells(connection) else "version_num, NULL"
    row = connection.execute(text(f"SELECT {columns} FROM {VERSION_TABLE}")).first()  # noqa: S608
    return None if row is None else Version(row[0], row[1] or row[0])


def _tells(connection: Connection) -> bool:
    """Whether the database keeps which servers can work with it."""
    columns = inspect(connection).get_columns(VERSION_TABLE)
    return any(column["name"] == COMPATIBLE_FROM for column in columns)


def _store(connection: Connection, compatible_from: str) -> None:
    """Keep which servers can work with the schema.

    This comes last in the transaction: until its end, no server can read the table.
    """
    if not _tells(connection):
        connection.execute(
            text(f"ALTER TABLE {VERSION_TABLE} ADD COLUMN {COMPATIBLE_FROM} VARCHAR(32)")
        )
    connection.execute(
        text(f"UPDATE {VERSION_TABLE} SET {COMPATIBLE_FROM} = :oldest"),  # noqa: S608
        {"oldest": compatible_from},
    )


def _compatible_from(scripts: "ScriptDirectory", revision: str) -> str:
    """Return the oldest schema whose servers can work with a revision and all those before it.

    Servers of any earlier schema cannot work with a revision that does not say otherwise.
    """
    known = [scripts.get_revision(one) for one in revisions() if one <= revision]
    return max(getattr(one.module, COMPATIBLE_FROM.upper(), one.revision) for one in known)


def _refuse_newer(found: Version) -> None:
    if found.revision not in revisions() and not found.serves(head()):
        raise SchemaError(
            f"The database has the schema {found.revision}, which is newer than this program "
            f"({head()}) can work with: use the newer program."
        )
