"""Databases for the tests: a migrated file of SQLite, and a migrated database on PostgreSQL.

Migrating for every test would take most of the suite's time. SQLite tests get a copy of a file
that was migrated once. PostgreSQL tests share one database per session, emptied before each test:
creating and dropping one takes 150 ms, emptying it 5 ms. A test that changes the schema takes
``blank_database_url``, which is its own.

``tests/conftest.py`` loads this module as a plugin.
"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from deskgraph.database.database import Database
from deskgraph.database.migrate import upgrade
from deskgraph.database.urls import dsn_of
from tests.support.processes import clusters
from tests.support.processes.clusters import Cluster
from tests.support.processes.networks import Network

POSTGRES = make_url(
    os.environ.get("DESKGRAPH_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
)
POSTGRES_REQUIRED = os.environ.get("DESKGRAPH_REQUIRE_POSTGRES") == "1"
PREFIX = "deskgraph_test_"
BACKENDS = ("sqlite", "postgres")

T = TypeVar("T")
Admin = Callable[[str], object]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Look once whether PostgreSQL is there; fail at once where it has to be."""
    session.config.stash[_missing] = missing = asyncio.run(_why_no_postgres())
    if missing and POSTGRES_REQUIRED:
        raise pytest.UsageError(f"PostgreSQL is required: {missing}")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what a green run did not cover."""
    if missing := config.stash.get(_missing, None):
        terminalreporter.write_line(f"PostgreSQL was not tested: {missing}", yellow=True)


_missing = pytest.StashKey[str | None]()


async def _why_no_postgres() -> str | None:
    try:
        connection = await asyncpg.connect(dsn_of(POSTGRES), timeout=60)
    except (OSError, asyncpg.PostgresError) as error:
        where = f"{POSTGRES.host}:{POSTGRES.port or 5432}"
        if isinstance(error, asyncpg.PostgresError):
            return f"the server at {where} refused: {error}"
        return f"no server answers at {where}"
    await connection.close()
    return None


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Run a test once for each kind of database."""
    if request.param == "postgres":
        _need_postgres(request.config)
    return str(request.param)


def _need_postgres(config: pytest.Config) -> None:
    if missing := config.stash[_missing]:
        pytest.skip(missing)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest) -> str:
    """Give the URL of a migrated database without rows."""
    return str(request.getfixturevalue(f"{backend}_url"))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Give the URL of a migrated file without rows."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'desk.db')}"


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """Give the URL of the session's PostgreSQL database, emptied."""
    asyncio.run(_empty(postgres_database))
    return postgres_database


@pytest.fixture(scope="module", params=BACKENDS)
def shared_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a migrated database for all tests of a module, once for each kind."""
    return str(request.getfixturevalue(f"shared_{request.param}_url"))


@pytest.fixture
def kept_url(backend: str, request: pytest.FixtureRequest) -> str:
    """Give the URL of the database that all tests of a module have on this kind."""
    return str(request.getfixturevalue(f"shared_{backend}_url"))


@pytest.fixture(scope="module")
def shared_sqlite_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of a file for a module, whose tests take out the rows of the others."""
    path = tmp_path_factory.mktemp("shared") / "desk.db"
    return f"sqlite:///{shutil.copy(sqlite_template, path)}"


@pytest.fixture(scope="session")
def shared_postgres_url(postgres_admin: Admin) -> Iterator[str]:
    """Give the URL of a database to which connections stay open from test to test."""
    yield from _migrated(postgres_admin, f"{PREFIX}{os.getpid()}_shared")


@pytest.fixture
def blank_database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database that nobody else uses and that was not migrated."""
    if backend == "sqlite":
        return f"sqlite:///{tmp_path / 'blank.db'}"
    return str(request.getfixturevalue("blank_postgres_url")())


@pytest.fixture
def blank_postgres_url(postgres_admin: Admin) -> Iterator[Callable[[], str]]:
    """Give a function that makes databases, which are dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"{PREFIX}{os.getpid()}_blank_{len(made)}")
        postgres_admin(f"CREATE DATABASE {made[-1]}")
        return dsn_of(POSTGRES.set(database=made[-1]))

    yield make
    for name in made:
        postgres_admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def statements() -> list[str]:
    """Collect every statement that ``database`` runs, in order."""
    return []


@pytest.fixture
async def database(
    anyio_backend: str, database_url: str, statements: list[str]
) -> AsyncIterator[Database]:
    """Give an open, migrated database without rows."""
    opened = Database(database_url, observer=statements.append)
    await opened.open()
    statements.clear()
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "desk.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_database(postgres_admin: Admin) -> Iterator[str]:
    """Make and migrate the session's database."""
    yield from _migrated(postgres_admin, f"{PREFIX}{os.getpid()}")


def _migrated(postgres_admin: Admin, name: str) -> Iterator[str]:
    postgres_admin(f"CREATE DATABASE {name}")
    # Tests kill processes, not the server: nothing here has to survive a power cut.
    postgres_admin(f"ALTER DATABASE {name} SET synchronous_commit = off")
    url = dsn_of(POSTGRES.set(database=name))
    asyncio.run(_migrate(url))
    yield url
    postgres_admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_admin(request: pytest.FixtureRequest) -> Admin:
    """Give a function that runs a statement on the server, outside of any test's database."""
    _need_postgres(request.config)
    asyncio.run(_drop_stale())
    return lambda sql: asyncio.run(_on(POSTGRES, lambda connection: connection.execute(sql)))


@contextmanager
def migrated_cluster(network: Network | None = None, disk: str | None = None) -> Iterator[Cluster]:
    """Run a server of PostgreSQL for tests that stop it, with a migrated database ``desk``.

    It runs in a network, or on a disk of a size, if one is given.
    """
    if missing := clusters.missing():
        assert not POSTGRES_REQUIRED, missing
        pytest.skip(missing)
    with clusters.primary(network, disk) as started:
        asyncio.run(started.run("CREATE DATABASE desk", "SELECT 1"))
        asyncio.run(_migrate(started.url_of("desk")))
        yield started


async def _migrate(url: str) -> None:
    database = Database(url)
    await upgrade(database)
    await database.engine.dispose()


async def _on(url: URL, work: "Callable[[asyncpg.Connection], Awaitable[T]]") -> T:
    connection = await asyncpg.connect(dsn_of(url))
    try:
        return await work(connection)
    finally:
        await connection.close()


async def _empty(url: str) -> None:
    """Take all rows out of the session's database, and start its numbers at 1 again.

    Rows are deleted without their triggers: TRUNCATE writes a new file per table and index, which
    takes twenty times as long for the few rows of a test.
    """

    async def empty(connection: "asyncpg.Connection") -> None:
        # A test that failed may have left a transaction open, whose locks would block us.
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        deletes = "; ".join(f'DELETE FROM "{table["tablename"]}"' for table in tables)
        await connection.execute(
            f"BEGIN; SET LOCAL session_replication_role = replica; {deletes}; "
            "ALTER SEQUENCE ticket_events_seq_seq RESTART; COMMIT"
        )

    await _on(make_url(url), empty)


async def _drop_stale() -> None:
    """Drop what a killed session left behind."""

    async def drop(connection: "asyncpg.Connection") -> None:
        names = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX
        )
        for name in (row["datname"] for row in names):
            pid = name.removeprefix(PREFIX).split("_")[0]
            if not (pid.isdigit() and _runs(int(pid))):
                # In use after all, or just dropped by another session: not ours to care about.
                with contextlib.suppress(asyncpg.PostgresError):
                    await connection.execute(f'DROP DATABASE "{name}"')

    await _on(POSTGRES, drop)


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
