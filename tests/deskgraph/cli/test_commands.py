"""What the commands do and say."""

import json
import os
import signal
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from deskgraph.database.migrate import head
from deskgraph.demo.logins import PASSWORD
from tests.deskgraph.conftest import (
    Ended,
    Run,
    Start,
    assert_refused,
    change,
    read_until,
    rows,
    terminal,
)
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


@pytest.mark.parametrize(
    "command",
    [
        *("serve", "migrate", "demo", "import-legacy", "purge", "user add", "token", "files sweep"),
        *("counts check", "counts rebuild", "schema", "export", "import", "check"),
    ],
)
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
        ["import"],
        ["import", "nowhere"],
        ["export"],
        ["check", "everything"],
        ["import-legacy"],
        ["import-legacy", "sqlite:///old.db", "--media", "nowhere"],
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

    assert first == Ended(0, f"The database now has the schema {head()}.\n", "")
    assert second == Ended(0, f"The database already has the schema {head()}.\n", "")
    assert rows(blank_database_url, "SELECT count(*) FROM tickets") == [(0,)]


def test_migrate_makes_the_folder_of_the_default_database(run: Run) -> None:
    assert run("migrate").code == 0
    assert Path("var/deskgraph.db").is_file()


def test_demo_fills_an_empty_desk_once(run: Run, services: str) -> None:
    first, second = run("demo"), run("demo")

    assert (first.code, first.err) == (0, "")
    assert "Loaded 300 tickets, 22 users and 12 companies." in first.out
    assert PASSWORD in first.out
    assert second.code == 0
    assert "not loaded" in second.out
    assert rows(services, "SELECT count(*) FROM tickets") == [(300,)]
    assert len([path for path in Path("var/media").rglob("*") if path.is_file()]) > 50


def test_demo_is_refused_in_production(
    run: Run, services: str, environment: Callable[..., None]
) -> None:
    environment(environment="production")

    assert_refused(run("demo"), "development", "DESKGRAPH_ENVIRONMENT")
    assert rows(services, "SELECT count(*) FROM users") == [(0,)]


# user add and token


def add(run: Run, *options: str, password: str = "long enough\n") -> Ended:
    return run("user", "add", "--username", "ann", "--password-stdin", *options, stdin=password)


def test_a_member_of_staff_is_added(run: Run, services: str) -> None:
    ended = add(run, "--role", "tech", "--email", "ann@desk.example", "--first-name", "Ann")

    assert ended == Ended(0, "Added ann (Tech).\n", "")
    assert rows(services, "SELECT username, role, email, first_name, is_active FROM users") == [
        ("ann", "Tech", "ann@desk.example", "Ann", True)
    ]
    [(stored,)] = rows(services, "SELECT password FROM users")
    assert str(stored).startswith("$argon2id$")


def test_a_customer_is_added_to_a_company_by_name_or_id(run: Run, services: str) -> None:
    run("demo")
    [(company,)] = rows(
        services, "SELECT CAST(id AS text) FROM companies WHERE name = 'Kopi & Rain'"
    )

    by_name = add(run, "--role", "Customer", "--company", "Kopi & Rain")
    by_id = add(run, "--username", "ben", "--role", "Customer", "--company", str(company).upper())

    assert (by_name.code, by_id.code) == (0, 0)
    assert (
        rows(
            services, "SELECT CAST(company_id AS text) FROM users WHERE username IN ('ann', 'ben')"
        )
        == [(company,)] * 2
    )


@pytest.mark.parametrize(
    ("options", "password", "said"),
    [
        (["--role", "Wizard"], "long enough", "no role 'Wizard'"),
        (["--role", "Tech"], "short", "10 characters or more"),
        (["--role", "Tech"], "nine char", "10 characters or more"),
        (["--role", "Tech"], "Password123", "everybody tries first"),
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


def test_a_company_name_that_stands_for_two_is_refused(run: Run, sqlite_desk: str) -> None:
    change(sqlite_desk, "UPDATE companies SET name = 'Twin' WHERE name LIKE 'T%'")
    assert_refused(add(run, "--role", "Customer", "--company", "Twin"), "Several", "id of one")


def test_without_a_terminal_the_password_has_to_come_from_stdin(run: Run, services: str) -> None:
    ended = run("user", "add", "--username", "ann", "--role", "Tech")
    assert_refused(ended, "--password-stdin")
    assert rows(services, "SELECT count(*) FROM users") == [(0,)]


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
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)

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
        assert process.wait(DEADLINE_SECONDS) == 1
        os.write(screen, b"the end")
        assert "Traceback" not in read_until(keyboard, "the end")

    assert rows(sqlite_url, "SELECT count(*) FROM users") == [(0,)]


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

    _, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert (process.returncode, err) == (1, "")
