"""The command ``check``: each check finds what it is for, and changes nothing."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.engine import make_url

from deskgraph.database.database import Database
from deskgraph.demo.logins import PASSWORD
from deskgraph.transfer.state import begin_state
from tests.deskgraph.conftest import SECRET, Run, Start, change
from tests.deskgraph.importer.conftest import everything
from tests.deskgraph.transfer.conftest import on
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.rows import attachment, company, event, insert, key, ticket

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

Environment = Callable[..., None]
# In their order.
NAMES = (
    *("settings", "database", "encoding", "extensions", "schema", "import", "logins", "counts"),
    *("search", "sequences", "clock", "webhooks", "files", "orphans"),
)
OF_ROWS = ("import", "logins", "counts", "search", "sequences", "clock", "webhooks")
MEDIA = Path("var/media")
Found = dict[str, tuple[str, str]]


@pytest.fixture
def desk(run: Run, services: str, demo_template: Path) -> str:
    """Fill the desk; return the URL of its database."""
    if services.startswith("sqlite"):
        shutil.copy(demo_template, services.removeprefix("sqlite:///"))
        shutil.copytree(demo_template.parent / "media", MEDIA)
    else:
        assert run("demo").code == 0
    return services


@pytest.fixture
def empty(services: str) -> str:
    """Make an empty desk with a file store; return the URL of its database."""
    MEDIA.mkdir(parents=True)
    return services


@pytest.fixture
def checked(run: Run) -> Callable[..., Found]:
    """Give a function that runs the command; it returns status and sentence by check.

    Both ways of printing say the same.
    """

    def check(*options: str) -> Found:
        shown, told = run("check", *options), run("check", "--json", *options)
        assert (shown.err, told.err) == ("", "")
        found = json.loads(told.out)
        results = {one["name"]: (one["status"], one["message"]) for one in found["checks"]}
        assert tuple(results) == NAMES
        lines = [f"{name:11} {status:12} {text}" for name, (status, text) in results.items()]
        assert shown.out.splitlines() == lines
        failed = any(status == "failed" for status, _ in results.values())
        assert (shown.code, told.code, found["ok"]) == (failed, failed, not failed)
        assert SECRET not in shown.out + told.out
        return results

    return check


def troubles(found: Found) -> Found:
    return {name: one for name, one in found.items() if one[0] != "ok"}


def test_all_is_well(checked: Callable[..., Found], desk: str) -> None:
    before, files = everything(desk), sorted(MEDIA.rglob("*"))

    assert troubles(checked()) == {}
    assert troubles(checked("--full")) == {}

    assert everything(desk) == before
    assert sorted(MEDIA.rglob("*")) == files
    assert not Path("var/secret.key").exists()


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_a_reader_who_leaves_is_no_reason_to_complain(start: Start, empty: str) -> None:
    process = start("check")
    assert process.stdout is not None
    assert "settings" in process.stdout.readline()
    # As ``head`` does, while connections are open.
    process.stdout.close()
    process.stdout = None

    _, err = process.communicate(timeout=DEADLINE_SECONDS)

    # It has ended before, or by this.
    assert process.returncode in (0, 1)
    assert err == ""


def test_an_empty_desk_is_well(checked: Callable[..., Found], empty: str) -> None:
    assert troubles(checked("--full")) == {}


def test_no_writer_waits_for_it_and_it_waits_for_none(
    checked: Callable[..., Found], sqlite_desk: str
) -> None:
    MEDIA.mkdir(parents=True)
    path = sqlite_desk.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE ticket_counts SET amount = amount + 1")
        found = checked()
        writer.execute("ROLLBACK")
    assert set(troubles(found)) <= {"orphans"}


LAST = "(SELECT id FROM {0} ORDER BY id DESC LIMIT 1)"


def test_rows_that_are_wrong(checked: Callable[..., Found], desk: str) -> None:
    change(desk, "UPDATE ticket_counts SET amount = amount + 1")
    # PostgreSQL has those of a new desk here.
    change(desk, "DELETE FROM ticket_count_changes")
    for table in ("tickets", "users"):
        last = LAST.format(table)
        change(desk, f"UPDATE {table} SET search_text = 'other' WHERE id = {last}")
    change(
        desk,
        "UPDATE ticket_events SET at = '2999-01-01T00:00:00.000000Z' "
        "WHERE seq = (SELECT max(seq) FROM ticket_events)",
    )
    today = f"{datetime.now(UTC):%Y%m%d}"
    number = f"UPDATE tickets SET ticket_number = 'T-{today}-0042'"
    change(desk, f"DELETE FROM day_counters WHERE day = '{today}'")
    change(desk, f"{number} WHERE id = {LAST.format('tickets')}")
    before = everything(desk)

    found = troubles(checked())

    assert set(found) == {"counts", "search", "sequences", "clock"}
    assert found["counts"][0] == "failed"
    assert 'Run "deskgraph counts rebuild".' in found["counts"][1]
    texts = "Rows of {} with another text for searches: 1."
    both = f"{texts.format('users')} {texts.format('tickets')}"
    assert found["search"] == ("failed", both)
    assert found["clock"][0] == "warning"
    assert found["clock"][1].startswith("Events from the future: 1 of the last ")
    counter = "The counter of today's tickets is 0, and there is number 42."
    assert found["sequences"] == ("failed", counter)
    assert everything(desk) == before


def test_the_numbers_of_events(checked: Callable[..., Found], empty: str) -> None:
    on(empty, lambda database: insert(database, event("said", "sound", seq=7)))
    if empty.startswith("sqlite"):
        change(empty, "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'ticket_events'")
    else:
        change(empty, "SELECT setval('ticket_events_seq_seq', 3)")
    found = checked()["sequences"]
    assert found == ("failed", "The next event would have the number 4, and there is 7.")


def test_an_import_that_has_not_ended(checked: Callable[..., Found], empty: str) -> None:
    async def begin(database: Database) -> None:
        async with database.engine.begin() as connection:
            await begin_state(connection, key("export"))

    on(empty, begin)
    assert troubles(checked()) == {
        "import": ("failed", 'An import has not ended: run "deskgraph import" again.')
    }


def test_webhooks_that_failed(checked: Callable[..., Found], empty: str) -> None:
    at, hook = "'2025-11-19T10:00:00.000000Z'", key("hook")
    change(
        empty,
        "INSERT INTO webhooks (id, url, event_types, include_internal, enabled, disabled_reason, "
        f"cursor, salt, old_salts, created_at, updated_at) VALUES ('{hook}', "
        f"'https://{SECRET}.example', '[]', false, true, 'It failed.', 9999999, 's', '[]', "
        f"{at}, {at})",
    )
    change(
        empty,
        "INSERT INTO webhook_deliveries (id, webhook_id, type, message_id, body, state, "
        f"attempt_count, tries, created_at) VALUES ('{hook}', '{hook}', 't', 'm', '{SECRET}', "
        f"'set_aside', 1, 1, {at})",
    )
    found = troubles(checked())
    assert found == {
        "webhooks": (
            "warning",
            "Deliveries that failed: 1. Webhooks that were disabled because they failed: 1.",
        ),
        "sequences": (
            "warning",
            "Webhooks that are ahead of the event log, and will miss events: 1.",
        ),
    }


def test_the_index_of_sqlite_is_asked(checked: Callable[..., Found], sqlite_desk: str) -> None:
    change(
        sqlite_desk,
        "INSERT INTO ticket_search (ticket_search, rowid, text) SELECT 'delete', k.key, "
        "t.search_text || char(31) || c.search_name FROM tickets t "
        "JOIN ticket_search_keys k ON k.ticket_id = t.id JOIN companies c ON c.id = t.company_id "
        "WHERE t.id = (SELECT min(id) FROM tickets)",
    )
    change(
        sqlite_desk,
        "DELETE FROM comment_search_keys WHERE comment_id = (SELECT max(id) FROM comments)",
    )
    some = checked()["search"]
    every = checked("--full")["search"]
    assert every[0] == some[0] == "failed"
    # The oldest of 300 tickets is not among those that are looked at.
    assert "Rows of tickets that the index lacks" not in some[1]
    assert "Rows of tickets that the index lacks: 1." in every[1]
    assert "Rows of comments that the index lacks: 2." in some[1]


def test_the_indexes_of_postgresql_are_looked_at(
    checked: Callable[..., Found],
    run: Run,
    blank_postgres_url: Callable[[], str],
    environment: Environment,
) -> None:
    url = blank_postgres_url()
    environment(database_url=url)
    MEDIA.mkdir(parents=True)
    run("migrate")
    change(url, "ALTER INDEX ix_tickets_search_text RESET (gin_pending_list_limit)")
    found = checked()["search"]
    assert found[0] == "warning"
    assert "(ix_tickets_search_text)" in found[1]
    change(url, "DROP INDEX ix_tickets_search_text")
    assert checked()["search"] == (
        "failed",
        "Indexes that are missing or not valid: ix_tickets_search_text.",
    )
    change(url, "DROP EXTENSION pg_trgm CASCADE")
    found = checked()["extensions"]
    assert found == ("failed", 'The extension pg_trgm is missing: run "deskgraph migrate".')


def test_files_and_rows_that_lack_each_other(checked: Callable[..., Found], empty: str) -> None:
    orphan = MEDIA / "tickets/attachments/2025/11/orphan.txt"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"left")
    old = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(orphan, (old, old))
    assert checked()["orphans"] == (
        "warning",
        'Files without a row: 1. "deskgraph files sweep" lists them.',
    )
    lost = [attachment(name, "sound") for name in ("photo", "scan")]
    on(empty, lambda database: insert(database, company("hilton"), ticket("sound"), *lost))
    assert checked()["orphans"] == (
        "failed",
        'Rows without a file: 2; files without a row: 1. "deskgraph files sweep" lists them.',
    )
    assert orphan.exists()


def test_a_login_of_the_demo_in_production(
    checked: Callable[..., Found], sqlite_desk: str, environment: Environment
) -> None:
    environment(environment="production", secret_key="k" * 48)
    found = checked()["logins"]
    assert found[0] == "failed"
    assert "keith" in found[1]
    assert PASSWORD not in found[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"environment": "production"}, "DESKGRAPH_SECRET_KEY is not set"),
        ({"secret_key": SECRET}, "DESKGRAPH_SECRET_KEY is too short"),
        ({"max_cost": "many"}, "DESKGRAPH_MAX_COST"),
        ({"databse_url": SECRET}, "DESKGRAPH_DATABSE_URL"),
        ({"database_url": f"mysql://u:{SECRET}@host/desk"}, "names 'mysql'"),
        ({"graphql_manifest": "nowhere.json"}, "nowhere.json cannot be read"),
    ],
)
def test_wrong_settings(
    checked: Callable[..., Found], environment: Environment, settings: dict[str, str], words: str
) -> None:
    environment(**settings)
    found = checked()
    assert found.pop("settings")[0] == "failed" or not words
    assert set(found.values()) == {("not checked", 'It needs "settings".')}
    assert not Path("var").exists()


@pytest.mark.parametrize(
    ("environment_name", "mode", "status"),
    [
        *[("production", mode, "warning") for mode in (0o644, 0o640, 0o606, 0o620)],
        ("production", 0o600, "ok"),
        ("production", 0o400, "ok"),
        ("development", 0o644, "ok"),
    ],
)
def test_a_file_of_settings_that_others_can_read(
    checked: Callable[..., Found],
    environment: Environment,
    environment_name: str,
    mode: int,
    status: str,
) -> None:
    environment(environment=environment_name)
    Path("secret").write_text(f"DESKGRAPH_SECRET_KEY={SECRET * 3}\n")
    Path(".env").symlink_to("secret")
    Path("secret").chmod(mode)

    found = checked()["settings"]

    text = f"The settings of {environment_name} are right."
    if status == "warning":
        text += " Other users can read or change their file: run chmod 600 .env."
    assert found == (status, text)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            f"postgresql://u:{SECRET}@127.0.0.1:1/desk",
            "No PostgreSQL server answers at 127.0.0.1:1",
        ),
        ("sqlite:///none.db", "There is no file none.db"),
        ("sqlite:///folder", "There is no file folder"),
        ("sqlite:///text.db", "is not a SQLite database"),
    ],
)
def test_a_database_that_is_away_is_one_failure(
    checked: Callable[..., Found], environment: Environment, url: str, words: str
) -> None:
    Path("folder").mkdir()
    Path("text.db").write_text("no database, but long enough to look like something else" * 9)
    MEDIA.mkdir(parents=True)
    environment(database_url=url)

    found = checked()

    assert found["database"][0] == "failed"
    assert words in found["database"][1]
    assert {name for name, (status, _) in found.items() if status == "failed"} == {"database"}
    assert {found[name][0] for name in (*OF_ROWS, "schema", "orphans")} == {"not checked"}
    assert found["files"][0] == "ok"
    assert not Path("none.db").exists()


def test_a_password_that_postgresql_refuses_is_not_shown(
    checked: Callable[..., Found], services: str, environment: Environment
) -> None:
    if services.startswith("sqlite"):
        return
    MEDIA.mkdir(parents=True)
    url = make_url(services).set(username="nobody_of_this_name", password=SECRET)
    environment(database_url=url.render_as_string(hide_password=False))
    assert checked()["database"][0] == "failed"


def test_another_schema_is_told(
    checked: Callable[..., Found], blank_database_url: str, environment: Environment
) -> None:
    MEDIA.mkdir(parents=True)
    environment(database_url=blank_database_url)
    if blank_database_url.startswith("sqlite"):
        sqlite3.connect(blank_database_url.removeprefix("sqlite:///")).close()
        Path(blank_database_url.removeprefix("sqlite:///")).touch()
    found = checked()
    assert found["schema"] == (
        "failed",
        'The database has no tables yet: run "deskgraph migrate".',
    )
    assert {found[name][0] for name in OF_ROWS} == {"not checked"}
    assert found["encoding"][0] == "ok"


def test_a_store_that_fails_hides_nothing_else(
    checked: Callable[..., Found],
    desk: str,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.rmtree(MEDIA)
    found = troubles(checked())
    assert set(found) == {"files", "orphans"}
    assert "There is no folder" in found["files"][1]
    assert not MEDIA.exists()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    endpoint = quote("http://127.0.0.1:9", safe=":/")
    environment(files_url=f"s3://{SECRET}/x?endpoint={endpoint}&allow_http=true")
    found = troubles(checked())
    assert found == {
        "files": ("failed", "The file store cannot be written."),
        "orphans": ("not checked", 'It needs "files".'),
    }
