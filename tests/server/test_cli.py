"""What the commands do and say. Errors are one line on standard error, whatever happens.

Most tests call ``main`` in this process, which is quick; what depends on being a process of one's
own (signals, pipes, terminals, serving) runs ``python -m server.cli``.
"""

import asyncio
import io
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from server import cli, migrate
from server.cli.errors import CommandError, explain, open_database
from server.database import Database
from server.demo import PASSWORD
from server.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
SECRET = "hidden-password"


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give a function that sets settings by their short names."""

    def change(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(PREFIX + name.upper(), value)

    return change


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in this process."""

    def run_here(*arguments: str, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "argv", ["deskgraph", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run_here


@pytest.fixture
def start() -> Iterator[Start]:
    """Give a function that starts a command as a process, which ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start_process(*arguments: str, **options: object) -> "subprocess.Popen[str]":
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(  # type: ignore[call-overload]
            [sys.executable, "-m", "server.cli", *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
            # Not on our terminal, if we have one: passwords are asked for there.
            start_new_session=True,
            **pipes | options,
        )
        started.append(process)
        return process  # type: ignore[no-any-return]

    yield start_process
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def desk(database_url: str, environment: Callable[..., None]) -> str:
    """Make a migrated, empty database the one that commands work on."""
    environment(database_url=database_url)
    return database_url


def rows(url: str, sql: str) -> list[tuple[object, ...]]:
    """Ask the database itself."""

    async def ask() -> list[tuple[object, ...]]:
        database = Database(url)
        async with database.engine.connect() as connection:
            found = [tuple(row) for row in await connection.execute(text(sql))]
        await database.engine.dispose()
        return found

    return asyncio.run(ask())


def change(url: str, sql: str) -> None:
    async def execute() -> None:
        database = Database(url)
        async with database.engine.begin() as connection:
            await connection.execute(text(sql))
        await database.engine.dispose()

    asyncio.run(execute())


def assert_refused(ended: Ended, *words: str) -> None:
    """It failed with one line on standard error and said nothing else."""
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1), ended
    assert ended.err.startswith("deskgraph: ")
    assert SECRET not in ended.err
    for word in words:
        assert word in ended.err


# What there is


@pytest.mark.parametrize("command", ["serve", "migrate", "demo", "user add", "token", "schema"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    ended = run(*command.split(), "--help")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: deskgraph {command}")
    assert all(len(line.split("  ", 2)) > 1 for line in ended.out.splitlines() if "  --" in line)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["token"],
        ["serve", "--port", "99999"],
        ["serve", "--workers", "0"],
        ["serve", "--reload", "--workers", "2"],
        ["user", "add", "--username", "me"],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    ended = run(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


# migrate and demo


def test_migrate_makes_the_schema_once(
    run: Run, blank_database_url: str, environment: Callable[..., None]
) -> None:
    environment(database_url=blank_database_url)

    first, second = run("migrate"), run("migrate")

    assert first == Ended(0, "The database now has the schema 0001.\n", "")
    assert second == Ended(0, "The database already has the schema 0001.\n", "")
    assert rows(blank_database_url, "SELECT count(*) FROM tickets") == [(0,)]


def test_migrate_makes_the_folder_of_the_default_database(run: Run) -> None:
    assert run("migrate").code == 0
    assert Path("var/deskgraph.db").is_file()


def test_demo_fills_an_empty_desk_once(run: Run, desk: str) -> None:
    first, second = run("demo"), run("demo")

    assert (first.code, first.err) == (0, "")
    assert "Loaded 300 tickets, 22 users and 12 companies." in first.out
    assert PASSWORD in first.out
    assert second.code == 0
    assert "not loaded" in second.out
    assert rows(desk, "SELECT count(*) FROM tickets") == [(300,)]
    assert len([path for path in Path("var/media").rglob("*") if path.is_file()]) > 50


def test_demo_is_refused_in_production(
    run: Run, desk: str, environment: Callable[..., None]
) -> None:
    environment(environment="production")

    assert_refused(run("demo"), "development", "DESKGRAPH_ENVIRONMENT")
    assert rows(desk, "SELECT count(*) FROM users") == [(0,)]


# user add and token


def add(run: Run, *options: str, password: str = "long enough\n") -> Ended:
    return run("user", "add", "--username", "ann", "--password-stdin", *options, stdin=password)


def test_a_member_of_staff_is_added(run: Run, desk: str) -> None:
    ended = add(run, "--role", "tech", "--email", "ann@desk.example", "--first-name", "Ann")

    assert ended == Ended(0, "Added ann (Tech).\n", "")
    assert rows(desk, "SELECT username, role, email, first_name, is_active FROM users") == [
        ("ann", "Tech", "ann@desk.example", "Ann", True)
    ]
    [(stored,)] = rows(desk, "SELECT password FROM users")
    assert str(stored).startswith("$argon2id$")


def test_a_customer_is_added_to_a_company_by_name_or_id(run: Run, desk: str) -> None:
    run("demo")
    [(company,)] = rows(desk, "SELECT CAST(id AS text) FROM companies WHERE name = 'Kopi & Rain'")

    by_name = add(run, "--role", "Customer", "--company", "Kopi & Rain")
    by_id = add(run, "--username", "ben", "--role", "Customer", "--company", str(company).upper())

    assert (by_name.code, by_id.code) == (0, 0)
    assert (
        rows(desk, "SELECT CAST(company_id AS text) FROM users WHERE username IN ('ann', 'ben')")
        == [(company,)] * 2
    )


@pytest.mark.parametrize(
    ("options", "password", "said"),
    [
        (["--role", "Wizard"], "long enough", "no role 'Wizard'"),
        (["--role", "Tech"], "short", "8 characters or more"),
        (["--role", "Tech"], "", "password is needed"),
        (["--role", "Tech", "--username", " "], "long enough", "--username is needed"),
        (["--role", "Tech", "--username", "x" * 151], "long enough", "--username may have 150"),
        (["--role", "Customer"], "long enough", "--company is needed for a customer"),
        (["--role", "Customer", "--company", "Nobody"], "long enough", "no company 'Nobody'"),
        (["--role", "Tech", "--company", "Kopi & Rain"], "long enough", "for customers only"),
        (["--role", "Tech", "--username", "keith"], "long enough", "user with this name already"),
    ],
)
def test_what_is_no_user_is_refused_and_not_added(
    run: Run, sqlite_desk: str, options: list[str], password: str, said: str
) -> None:
    assert_refused(add(run, *options, password=password), said)
    assert rows(sqlite_desk, "SELECT count(*) FROM users") == [(22,)]


@pytest.fixture
def sqlite_desk(run: Run, sqlite_url: str, environment: Callable[..., None]) -> str:
    """Make the demo on SQLite what commands work on."""
    environment(database_url=sqlite_url)
    run("demo")
    return sqlite_url


def test_a_company_name_that_stands_for_two_is_refused(run: Run, sqlite_desk: str) -> None:
    change(sqlite_desk, "UPDATE companies SET name = 'Twin' WHERE name LIKE 'T%'")
    assert_refused(add(run, "--role", "Customer", "--company", "Twin"), "Several", "id of one")


def test_without_a_terminal_the_password_has_to_come_from_stdin(run: Run, desk: str) -> None:
    ended = run("user", "add", "--username", "ann", "--role", "Tech")
    assert_refused(ended, "--password-stdin")
    assert rows(desk, "SELECT count(*) FROM users") == [(0,)]


def test_at_a_terminal_the_password_is_asked_for_twice(
    start: Start, sqlite_url: str, environment: Callable[..., None]
) -> None:
    environment(database_url=sqlite_url)
    with terminal() as (keyboard, screen):
        process = start(
            "user", "add", "--username", "ann", "--role", "Tech", stdin=screen, stderr=screen
        )
        for prompt in ("Password: ", "confirmation: "):
            seen = read_until(keyboard, prompt)
            os.write(keyboard, b"long enough\n")
        out, _ = process.communicate()

    assert (process.returncode, out) == (0, "Added ann (Tech).\n")
    assert "long enough" not in seen


def test_control_c_at_the_password_ends_quietly(
    start: Start, sqlite_url: str, environment: Callable[..., None]
) -> None:
    environment(database_url=sqlite_url)
    with terminal() as (keyboard, screen):
        process = start(
            "user", "add", "--username", "ann", "--role", "Tech", stdin=screen, stderr=screen
        )
        read_until(keyboard, "Password: ")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        os.write(screen, b"the end")
        assert "Traceback" not in read_until(keyboard, "the end")

    assert rows(sqlite_url, "SELECT count(*) FROM users") == [(0,)]


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Give both ends of a terminal: ours, and the one for a process."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        os.close(ours)
        os.close(theirs)


def read_until(terminal: int, words: str) -> str:
    seen = ""
    while words not in seen:
        assert select.select([terminal], [], [], 60)[0], f"only {seen!r}"
        seen += os.read(terminal, 1000).decode()
    return seen


def test_a_token_is_all_that_token_prints(run: Run, sqlite_desk: str) -> None:
    ended = run("token", "keith")

    claims = json.loads(urlsafe_b64decode(ended.out.split(".")[1] + "=="))
    assert (ended.code, ended.err, ended.out.count("\n")) == (0, "", 1)
    assert claims["token_type"] == "access"
    assert claims["exp"] - claims["iat"] == 3600
    assert [(claims["user_id"],)] == rows(
        sqlite_desk, "SELECT id FROM users WHERE username = 'keith'"
    )


def test_no_token_for_a_user_who_is_unknown_or_deactivated(run: Run, sqlite_desk: str) -> None:
    change(sqlite_desk, "UPDATE users SET is_active = false WHERE username = 'keith'")

    assert_refused(run("token", "nobody"), "no user 'nobody'")
    assert_refused(run("token", "keith"), "'keith' is deactivated")


# schema and pipes


def test_schema_prints_the_sdl(run: Run) -> None:
    ended = run("schema")

    assert (ended.code, ended.err) == (0, "")
    assert "type Ticket implements Node" in ended.out
    assert ended.out.endswith("}\n")


@pytest.mark.parametrize("arguments", [["schema"], ["--help"]])
def test_a_reader_who_left_is_no_reason_to_complain(start: Start, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = start(*arguments, stdout=writing)
    os.close(writing)

    _, err = process.communicate()

    assert (process.returncode, err) == (1, "")


# Trouble


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
        (f"postgresql://me:{SECRET}@127.0.0.1:1/desk", ["No PostgreSQL server", "127.0.0.1:1"]),
        (f"postgresql://me:{SECRET}@nowhere.invalid/desk", ["'nowhere.invalid'", "unknown"]),
        ("sqlite:///text.txt", ["text.txt", "not a SQLite database"]),
        ("sqlite:///text.txt/desk.db", ["text.txt/desk.db", "cannot be opened"]),
        ("sqlite:///folder", ["folder", "cannot be opened"]),
    ],
)
@pytest.mark.parametrize("command", [["migrate"], ["serve", "--port", "0"]], ids=" ".join)
def test_a_database_that_cannot_be_used_is_explained(
    run: Run, environment: Callable[..., None], url: str, words: list[str], command: list[str]
) -> None:
    Path("text.txt").write_text("no database, but long enough to look at its first bytes\n" * 20)
    Path("folder").mkdir()
    environment(database_url=url)

    assert_refused(run(*command), *words)


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

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "revisions", lambda: ["0001", "9998"])
        assert_refused(run(*command), "older schema 0001", 'run "deskgraph migrate"')
    change(sqlite_url, "UPDATE alembic_version SET version_num = '9999'")
    assert_refused(run(*command), "9999", "newer")


# serve


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["v4", "v6"])
def test_a_port_in_use_is_noticed_before_anything_starts(
    run: Run, sqlite_url: str, environment: Callable[..., None], family: socket.AddressFamily
) -> None:
    environment(database_url=sqlite_url)
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as other:
        try:
            other.bind((host, 0))
        except OSError:
            pytest.skip(f"this machine has no {host}")
        other.listen()
        port = str(other.getsockname()[1])

        assert_refused(run("serve", "--host", host, "--port", port), f"Port {port}", "in use")


@pytest.mark.parametrize(
    ("host", "said"),
    [("nowhere.invalid", "unknown"), ("192.0.2.1", "no address of this machine"), ("a" * 70, "")],
)
def test_a_host_that_is_not_ours_is_refused(run: Run, host: str, said: str) -> None:
    assert_refused(run("serve", "--host", host, "--port", "0"), host, said)


def test_production_without_a_key_does_not_start(
    run: Run, desk: str, environment: Callable[..., None]
) -> None:
    environment(environment="production")
    assert_refused(run("serve", "--port", "0"), "DESKGRAPH_SECRET_KEY is not set")


def banner(process: "subprocess.Popen[str]", lines: int) -> tuple[str, str]:
    """Read what ``serve`` says first; return its address and all of it."""
    assert process.stdout
    said = "".join(process.stdout.readline() for _ in range(lines))
    assert "/graphql\n" in said, process.communicate()
    return said.split("/graphql\n")[0].split()[-1], said


def status(url: str) -> int:
    """Ask for a page; a server that is still starting lets us wait."""
    try:
        with urlopen(url, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def stop(process: "subprocess.Popen[str]") -> str:
    """Press Ctrl-C, and return what was on standard error."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_prepares_a_desk_says_where_it_is_and_answers(start: Start, workers: str) -> None:
    process = start("serve", "--prepare", "--port", "0", "--workers", workers)
    base, said = banner(process, 3)

    assert f"GraphiQL  {base}/graphql\nREST      {base}/api/v1/\n" in said
    assert "admin (an admin), keith (a technician), customer (a customer)" in said
    assert PASSWORD in said
    assert status(f"{base}/api/v1/tickets/") == 401
    err = stop(process)
    assert "/api/v1/tickets/" not in err
    assert "\x1b" not in err


def test_production_shows_no_login_and_loads_no_demo(
    start: Start, desk: str, environment: Callable[..., None]
) -> None:
    environment(environment="production", secret_key="k" * 32)
    process = start("serve", "--prepare", "--port", "0", "--host", "localhost")
    base, said = banner(process, 2)

    assert base.startswith("http://localhost:")
    assert status(f"{base}/api/v1/tickets/") == 401
    stop(process)
    assert "GraphiQL" not in said
    assert "Log in" not in said
    assert rows(desk, "SELECT count(*) FROM users") == [(0,)]
