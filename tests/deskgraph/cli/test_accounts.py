"""The commands that look after users and their sessions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deskgraph.database.migrate import head, revisions
from tests.deskgraph.conftest import Ended, Run, assert_refused, change, rows

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

USERS = "SELECT username, role, company_id, is_active, password, tokens_not_before FROM users"


def not_before(url: str, username: str) -> object:
    """Return the time from which on a user's tokens are good."""
    wanted = f"SELECT tokens_not_before FROM users WHERE username = '{username}'"
    [(found,)] = rows(url, wanted)
    return found


def test_all_users_are_listed_by_name(run: Run, sqlite_desk: str) -> None:
    ended = run("user", "list")

    lines = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, "")
    assert lines[0].split() == ["username", "role", "company", "active", "last_login"]
    names = [name for (name,) in rows(sqlite_desk, "SELECT username FROM users ORDER BY username")]
    assert [line.split()[0] for line in lines[1:]] == names
    assert any(line.split()[:2] == ["admin", "Admin"] for line in lines)


def test_users_are_listed_as_json_lines(run: Run, sqlite_desk: str) -> None:
    ended = run("user", "list", "--json")

    users = [json.loads(line) for line in ended.out.splitlines()]
    assert len(users) == rows(sqlite_desk, "SELECT count(*) FROM users")[0][0]
    keith = next(user for user in users if user["username"] == "keith")
    assert (keith["role"], keith["active"], keith["company"]) == ("Tech", True, None)
    assert not any("password" in user for user in users)


def test_nothing_is_listed_where_nobody_is(run: Run, services: str) -> None:
    assert run("user", "list", "--json") == Ended(0, "", "")


def test_a_user_is_shown_without_the_hash_of_the_password(run: Run, sqlite_desk: str) -> None:
    ended = run("user", "show", "keith")

    shown = dict(line.split(None, 1) for line in ended.out.splitlines())
    assert (shown["username"], shown["role"], shown["active"]) == ("keith", "Tech", "yes")
    assert "argon2" not in ended.out


def test_control_characters_of_a_name_do_not_reach_the_terminal(run: Run, sqlite_desk: str) -> None:
    change(sqlite_desk, "UPDATE users SET first_name = char(27) || '[2J' WHERE username = 'keith'")

    assert "\x1b" not in run("user", "show", "keith").out


def test_a_new_password_is_good_and_ends_the_sessions(run: Run, sqlite_desk: str) -> None:
    before = rows(sqlite_desk, "SELECT password FROM users WHERE username = 'keith'")

    ended = run("user", "password", "keith", "--password-stdin", stdin="quite another one\n")

    assert ended == Ended(0, "keith has a new password; all their sessions have ended.\n", "")
    after = rows(sqlite_desk, "SELECT password FROM users WHERE username = 'keith'")
    assert before != after
    assert not_before(sqlite_desk, "keith") is not None


def test_a_user_is_deactivated_and_activated_again(run: Run, sqlite_desk: str) -> None:
    off = run("user", "deactivate", "keith")
    assert rows(sqlite_desk, "SELECT is_active FROM users WHERE username = 'keith'") == [(0,)]
    assert not_before(sqlite_desk, "keith") is not None
    assert_refused(run("token", "keith"), "deactivated")
    on = run("user", "activate", "keith")

    assert off == Ended(0, "keith is deactivated; all their sessions have ended.\n", "")
    assert on == Ended(0, "keith is active and can log in.\n", "")
    assert rows(sqlite_desk, "SELECT is_active FROM users WHERE username = 'keith'") == [(1,)]


def test_a_role_is_changed_with_the_company_that_goes_with_it(run: Run, sqlite_desk: str) -> None:
    customer = run("user", "role", "keith", "customer", "--company", "Kopi & Rain")
    [(company,)] = rows(sqlite_desk, "SELECT id FROM companies WHERE name = 'Kopi & Rain'")
    found = "SELECT role, company_id FROM users WHERE username = 'keith'"
    assert rows(sqlite_desk, found) == [("Customer", company)]
    staff = run("user", "role", "keith", "Sales")

    assert customer == Ended(0, "keith is Customer now.\n", "")
    assert staff == Ended(0, "keith is Sales now.\n", "")
    assert rows(sqlite_desk, found) == [("Sales", None)]


def test_all_sessions_of_a_user_end(run: Run, sqlite_desk: str) -> None:
    others = "SELECT username, tokens_not_before FROM users WHERE username != 'keith'"
    before = rows(sqlite_desk, others)

    ended = run("sessions", "end", "keith")
    first = not_before(sqlite_desk, "keith")
    run("sessions", "end", "keith")

    assert ended == Ended(0, "All sessions of keith have ended.\n", "")
    assert first is not None
    assert str(first) < str(not_before(sqlite_desk, "keith"))
    assert rows(sqlite_desk, others) == before
    assert run("token", "keith").code == 0


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["user", "show", "nobody"], "", "no user 'nobody'"),
        (["user", "deactivate", "nobody"], "", "no user 'nobody'"),
        (["user", "activate", "nobody"], "", "no user 'nobody'"),
        (["user", "role", "nobody", "Tech"], "", "no user 'nobody'"),
        (["user", "role", "keith", "Wizard"], "", "no role 'Wizard'"),
        (["user", "role", "keith", "Customer"], "", "--company is needed for a customer"),
        (["user", "role", "keith", "Customer", "--company", "Nobody"], "", "no company 'Nobody'"),
        (["user", "role", "keith", "Tech", "--company", "Kopi & Rain"], "", "for customers only"),
        (["user", "role", "admin", "Tech"], "", "last active Admin"),
        (["user", "deactivate", "admin"], "", "last active Admin"),
        (["user", "password", "keith"], "", "--password-stdin"),
        (["user", "password", "keith", "--password-stdin"], "short\n", "10 characters or more"),
        (["user", "password", "nobody", "--password-stdin"], "long enough\n", "no user 'nobody'"),
        (["sessions", "end", "nobody"], "", "no user 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    run: Run, sqlite_desk: str, arguments: list[str], stdin: str, said: str
) -> None:
    before = rows(sqlite_desk, USERS)

    assert_refused(run(*arguments, stdin=stdin), said)
    assert rows(sqlite_desk, USERS) == before


# version and migrate


def test_the_version_is_printed(run: Run) -> None:
    ended = run("--version")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("deskgraph 0.")


def test_a_plan_lists_what_would_be_migrated_and_changes_nothing(
    run: Run, blank_database_url: str, environment: Callable[..., None]
) -> None:
    environment(database_url=blank_database_url)

    plan, check = run("migrate", "--plan"), run("migrate", "--check")

    assert (plan.code, check.code) == (0, 1)
    assert plan.out == check.out
    assert [line.split()[0] for line in plan.out.splitlines()] == revisions()
    assert run("migrate").out == f"The database now has the schema {head()}.\n"
    assert run("migrate", "--check") == Ended(0, "There is nothing to migrate.\n", "")


def test_a_plan_for_a_desk_in_use_says_which_servers_go_on(run: Run, services: str) -> None:
    version = "UPDATE alembic_version SET version_num = '0011', compatible_from = '0011'"
    back = f"UPDATE alembic_version SET version_num = '{head()}', compatible_from = '{head()}'"

    change(services, version)
    try:
        plan = run("migrate", "--plan")
    finally:
        change(services, back)

    assert plan.out.splitlines() == [
        "0012  Texts and indexes for searches of comments, contacts and companies. "
        "Stop servers of schemas before 0012 first.",
        "0013  How much of the event log was removed, because it was older than a setting allows. "
        "Stop servers of schemas before 0012 first.",
        "0014  Which version of its ticket or its comment an event made. "
        "Stop servers of schemas before 0012 first.",
        "0015  Responses to writes that were sent with an idempotency key. "
        "Stop servers of schemas before 0012 first.",
        "0016  A mark that changes with what answers show besides the event log, kept by triggers. "
        "Stop servers of schemas before 0012 first.",
        "0017  What an undo needs: rows that were deleted, and texts that were replaced, for some "
        "hours. Stop servers of schemas before 0012 first.",
        "0018  Bulk jobs, with their batches and errors. "
        "Stop servers of schemas before 0012 first.",
        "0019  The files of imports, and the rows of them that were refused. "
        "Stop servers of schemas before 0012 first.",
        "0020  Changes of counts are added up beside the writers, and by them where there are too "
        "many. Stop servers of schemas before 0012 first.",
    ]


def test_a_plan_makes_no_file(run: Run, environment: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    environment(database_url=f"sqlite:///{path}")

    assert run("migrate", "--plan").code == 0
    assert not path.exists()
