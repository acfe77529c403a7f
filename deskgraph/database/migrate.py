"""The schema of the database: bringing it up to date, and refusing to work with another one.

Revisions are numbered files in ``migrations/versions``, one after the other, so the newest one is
known without importing Alembic: a server that starts with a schema in order never loads it.
"""

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report, silent
from deskgraph.database.trigrams import REVISION as INDEXES_SINCE
from deskgraph.database.trigrams import TrigramsMissing, build_indexes

SCRIPTS = Path(__file__).parents[1] / "migrations"
VERSION_TABLE = "alembic_version"
# Any number that nothing else in the database takes as an advisory lock.
POSTGRES_LOCK = 7_205_759_403_792_794


class SchemaError(Exception):
    """The database has another schema than this program; the text is a sentence."""


def revisions() -> list[str]:
    """Return every revision this program knows, the oldest first."""
    return sorted(path.name.split("_")[0] for path in SCRIPTS.glob("versions/[0-9]*_*.py"))


def head() -> str:
    """Return the revision that this program works with."""
    return revisions()[-1]


async def current(database: Database) -> str | None:
    """Return the revision of the database; nothing where it was never migrated."""
    if database.is_sqlite and not _has_file(database):
        return None  # Looking would create it.
    async with database.engine.connect() as connection:
        return await connection.run_sync(_current)


async def check(database: Database) -> None:
    """Raise ``SchemaError`` unless the database has this program's schema."""
    revision = await current(database)
    if revision is None:
        raise SchemaError('The database has no tables yet: run "deskgraph migrate".')
    _refuse_newer(revision)
    if revision != head():
        raise SchemaError(
            f"The database has the older schema {revision}, this program needs {head()}: "
            'run "deskgraph migrate".'
        )


async def pending(database: Database) -> list[tuple[str, str]]:
    """Return the revisions that ``upgrade`` would bring, each with what it does.

    Raises ``SchemaError`` where the schema is newer than this program.
    """
    from alembic.script import ScriptDirectory

    revision = await current(database)
    if revision is not None:
        _refuse_newer(revision)
    scripts = ScriptDirectory(str(SCRIPTS))
    wanted = [one for one in revisions() if revision is None or one > revision]
    found = [scripts.get_revision(one) for one in wanted]
    return [(one.revision, one.doc) for one in found if one is not None]


async def upgrade(database: Database, report: Report = silent) -> bool:
    """Bring the schema up to date in one transaction; return whether there was anything to do.

    Processes that do this at once wait for each other: SQLite lets one writer begin, PostgreSQL
    has an advisory lock. Raises ``SchemaError`` where the schema is newer than this program, or
    needs what the database does not have. Indexes of large tables of PostgreSQL are made before,
    for themselves: servers go on writing meanwhile. ``report`` is told how far the long steps are.
    """
    try:
        if not database.is_sqlite and await _lacks_indexes(database):
            await build_indexes(database.engine, POSTGRES_LOCK, report)
        async with database.engine.begin() as connection:
            if not database.is_sqlite:
                lock = text("SELECT pg_advisory_xact_lock(:k)")
                await connection.execute(lock, {"k": POSTGRES_LOCK})
            return await connection.run_sync(_upgrade, report)
    except TrigramsMissing as error:
        raise SchemaError(str(error)) from error


async def _lacks_indexes(database: Database) -> bool:
    revision = await current(database)
    return revision is not None and revision < INDEXES_SINCE


def _upgrade(connection: Connection, report: Report) -> bool:
    revision = _current(connection)
    if revision is not None:
        _refuse_newer(revision)
    if revision == head():
        return False
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["report"] = report
    command.upgrade(config, "head")
    return True


def _has_file(database: Database) -> bool:
    return Path(str(database.url.database)).exists()


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return None if revision is None else str(revision)


def _refuse_newer(revision: str) -> None:
    if revision not in revisions():
        raise SchemaError(
            f"The database has the schema {revision}, which is newer than this program knows "
            f"({head()}): use the newer program."
        )
