"""Whatever goes wrong, a command says so in one line on standard error."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from deskgraph.cli.errors import CommandError, explain, open_database
from deskgraph.database import migrate
from deskgraph.settings import Settings
from tests.deskgraph.conftest import SECRET, Run, assert_refused, change

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def test_a_setting_that_is_wrong_is_named(run: Run, environment: Callable[..., None]) -> None:
    environment(environment=SECRET)
    assert_refused(run("migrate"), "DESKGRAPH_ENVIRONMENT")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"mysql://me:{SECRET}@localhost/desk", ["'mysql'", "sqlite or postgresql"]),
        (SECRET, ["cannot be read"]),
        (f"postgresql://me:{SECRET}@localhost:port/desk", ["cannot be read"]),
        ("sqlite://", ["names no file"]),
        ("sqlite:///:memory:", ["names no file"]),
        (f"sqlite:///desk.db?key={SECRET}", ["parameters", "sqlite:///path/to/file.db"]),
        (f"postgresql://me:{SECRET}@127.0.0.1:1", ["names no database"]),
        (f"postgresql://me:{SECRET}@127.0.0.1:1/desk", ["No PostgreSQL server", "127.0.0.1:1"]),
        (f"postgresql://me:{SECRET}@nowhere.invalid/desk", ["'nowhere.invalid'", "unknown"]),
        ("sqlite:///text.txt", ["text.txt", "not a SQLite database"]),
        ("sqlite:///text.txt/desk.db", ["text.txt/desk.db", "cannot be opened"]),
        ("sqlite:///folder", ["folder is a folder, not a file"]),
    ],
)
@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "0"]], ids=" ".join)
def test_a_database_that_cannot_be_used_is_explained(
    run: Run, environment: Callable[..., None], url: str, words: list[str], command: list[str]
) -> None:
    Path("text.txt").write_text("no database, but long enough to look at its first bytes\n" * 20)
    Path("folder").mkdir()
    environment(database_url=url)

    assert_refused(run(*command), "DESKGRAPH_DATABASE_URL: ", *words)


def test_replicas_of_sqlite_are_refused(run: Run, environment: Callable[..., None]) -> None:
    environment(replica_urls=f"postgresql://me:{SECRET}@127.0.0.1:1/desk")

    refused = run("serve", "--prepare", "--port", "0")
    assert_refused(refused, "DESKGRAPH_REPLICA_URLS needs PostgreSQL: the database is SQLite.")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", ["looks like file://var/media"]),
        ("var/media", ["looks like file://var/media"]),
        ("file://text.txt", ["text.txt", "it is a file"]),
        ("file://text.txt/media", ["text.txt/media", "cannot be made"]),
        ("file:///proc/media", ["/proc/media", "cannot be made"]),
        ("s3://bucket?endpoint=https://s3.example", ["no credentials", "AWS_ACCESS_KEY_ID"]),
    ],
)
def test_files_that_cannot_be_kept_are_explained(
    run: Run, environment: Callable[..., None], url: str, words: list[str]
) -> None:
    Path("text.txt").write_text("")
    environment(files_url=url)

    assert_refused(run("serve", "--port", "0"), "DESKGRAPH_FILES_URL", *words)


def test_half_of_the_credentials_are_none(
    run: Run, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(files_url="s3://bucket")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRET)

    assert_refused(run("serve", "--port", "0"), "set without AWS_SECRET_ACCESS_KEY")


def test_a_misspelt_setting_stops_every_command(
    run: Run, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(databse_url=SECRET)
    commands = (
        ["migrate"],
        ["serve", "--port", "0"],
        ["token", "admin"],
        ["demo"],
        ["files", "sweep"],
    )
    for command in commands:
        assert_refused(
            run(*command),
            "DESKGRAPH_DATABSE_URL is no setting: DESKGRAPH_DATABASE_URL is the nearest one.",
        )
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("database", "username", "said"),
    [
        ("deskgraph_missing", None, "has no such database"),
        (None, "deskgraph_missing", "refused the user"),
    ],
)
def test_postgres_that_refuses_is_explained(
    run: Run,
    environment: Callable[..., None],
    postgres_url: str,
    database: str | None,
    username: str | None,
    said: str,
) -> None:
    url = make_url(postgres_url).set(password=SECRET, database=database, username=username)
    environment(database_url=url.render_as_string(hide_password=False))

    assert_refused(run("migrate"), said)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (asyncpg.InvalidPasswordError("…"), "refused the user or the password"),
        (asyncpg.TooManyConnectionsError("…"), "no connection left"),
        (asyncpg.CannotConnectNowError("the database system is starting up"), "try again"),
        (asyncpg.PostgresError("out of\ncheese"), "answered: out of cheese"),
        (asyncpg.InterfaceError("…"), "could not be used (InterfaceError)"),
        (TimeoutError(), "No PostgreSQL server answers at db.example:5432"),
    ],
)
def test_each_kind_of_postgres_trouble_has_its_sentence(error: Exception, said: str) -> None:
    async def meet() -> None:
        settings = Settings(database_url=f"postgresql://me:{SECRET}@db.example/desk")
        async with open_database(settings, migrated=False):
            raise error

    with pytest.raises(CommandError) as raised:
        asyncio.run(meet())

    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


def test_what_nobody_foresaw_is_one_line_without_passwords() -> None:
    error = RuntimeError(f"cannot reach\npostgresql://me:{SECRET}@host/desk")
    assert explain(error) == ("Unexpected RuntimeError: cannot reach postgresql://***@host/desk")


COMMANDS = (["serve", "--port", "0"], ["demo"], ["token", "keith"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_without_tables_is_refused_and_not_made(run: Run, command: list[str]) -> None:
    assert_refused(run(*command), "no tables", 'run "deskgraph migrate"')
    assert not Path("var/deskgraph.db").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_another_schema_is_refused(
    run: Run,
    sqlite_url: str,
    environment: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    environment(database_url=sqlite_url)

    known = migrate.revisions()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "revisions", lambda: [*known, "9998"])
        assert_refused(run(*command), f"older schema {known[-1]}", 'run "deskgraph migrate"')
    change(sqlite_url, "UPDATE alembic_version SET version_num = '9999', compatible_from = NULL")
    assert_refused(run(*command), "9999", "newer")
