"""What keeps an import from starting is one sentence, and nothing was changed."""

import asyncio
import os
from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from benchmarks import old_desk
from deskgraph.importer.source import SourceError, open_source
from tests.deskgraph.conftest import SECRET, Ended, Run, Start, assert_refused, read_until, terminal
from tests.deskgraph.importer.conftest import OldDesk, counts, everything
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.rows import key

Bring = Callable[..., Ended]

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def test_a_database_without_the_old_tables(
    run: Run, services: str, blank_database_url: str
) -> None:
    if blank_database_url.startswith("sqlite"):
        OldDesk(blank_database_url).do(lambda c: c.execute(text("CREATE TABLE other (id int)")))

    assert_refused(run("import-legacy", blank_database_url), "no table auth_user", "old database?")


def test_an_old_table_without_a_column(old: OldDesk, services: str, bring: Bring) -> None:
    old.add_small_desk()
    old.do(lambda c: c.execute(text("ALTER TABLE crm_app_ticket DROP COLUMN tags")))
    before = everything(services)

    assert_refused(bring(), "The table crm_app_ticket has no column tags.")
    assert everything(services) == before


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/old", "No PostgreSQL server answers at 127.0.0.1:1"),
        (f"mysql://u:{SECRET}@host/old", "'mysql'"),
        ("sqlite:///nowhere.sqlite3", "There is no file nowhere.sqlite3."),
        ("nonsense", "cannot be read"),
    ],
)
def test_an_old_database_that_is_not_there(run: Run, services: str, url: str, words: str) -> None:
    before = everything(services)

    assert_refused(run("import-legacy", url), words)
    assert everything(services) == before


def test_a_file_that_is_no_database(run: Run, services: str) -> None:
    Path("old.sqlite3").write_text("no database, but long enough to look like something else" * 9)

    assert_refused(run("import-legacy", "sqlite:///old.sqlite3"), "is not a SQLite database")


def test_any_path_can_be_that_of_the_old_database(run: Run, services: str, tmp_path: Path) -> None:
    folder = tmp_path / "50% of it? #1"
    folder.mkdir()
    old = OldDesk(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    old.do(old_desk.OLD.create_all)
    old.add_small_desk()
    (tmp_path / "old.sqlite3").rename(folder / "old.sqlite3")

    ended = run("import-legacy", f"sqlite:///{quote(str(folder))}/old.sqlite3")

    assert counts(ended)["comments"] == (3, 3, 0, 0)
    assert services


def test_an_old_database_that_breaks_while_it_is_read(backend: str, old: OldDesk) -> None:
    """It is the old one that is blamed."""
    companies = [old_desk.company(key(f"c{i}"), "x" * 250) for i in range(200)]
    old.add(old_desk.COMPANIES_TABLE, *companies)
    order = "rowid" if backend == "sqlite" else "id"
    lost = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%company%'"
    lost += " AND datname = current_database() AND pid <> pg_backend_pid()"
    read = 0

    async def break_it() -> None:
        nonlocal read
        async with open_source(old.url) as source:
            async for batch in source.batches("crm_app_company", ("name",), (order,), 10):
                read += len(batch)
                if backend == "postgres":
                    await asyncio.to_thread(old.do, methodcaller("execute", text(lost)))

    if backend == "sqlite":
        path = Path(old.url.removeprefix("sqlite:///"))
        content = path.read_bytes()
        half = len(content) // 2
        path.write_bytes(content[:half] + b"\xff" * half)
    with pytest.raises(SourceError):
        asyncio.run(break_it())
    assert 0 < read < len(companies)


def test_a_time_that_nobody_can_have(backend: str, old: OldDesk, bring: Bring) -> None:
    if backend == "sqlite":
        pytest.skip("it stores texts")
    old.add_small_desk()
    sql = "UPDATE crm_app_ticket SET due_date = '20000-01-01' WHERE subject = 'S'"
    old.do(methodcaller("execute", text(sql)))

    assert_refused(bring(), "could not be used (OverflowError)")


def test_our_own_database_is_not_the_old_one(run: Run, services: str) -> None:
    assert_refused(run("import-legacy", services), "This is deskgraph's own database")


def test_rejects_that_cannot_be_written(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    before = everything(services)

    assert_refused(bring("--rejects", "."), ". cannot be written: Is a directory.")
    assert everything(services) == before


def test_a_desk_that_was_not_migrated(
    run: Run, old: OldDesk, environment: Callable[..., None], tmp_path: Path
) -> None:
    environment(database_url=f"sqlite:///{tmp_path / 'new.db'}")

    assert_refused(run("import-legacy", old.url), 'run "deskgraph migrate"')


def test_a_terminal_shows_how_far_it_is(start: Start, services: str, old: OldDesk) -> None:
    assert services
    old.add_small_desk()
    with terminal() as (keyboard, screen):
        process = start("import-legacy", old.url, stderr=screen)
        out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        os.write(screen, b"the end")
        seen = read_until(keyboard, "the end")

    assert process.returncode == 0
    assert out.endswith("The sums agree.\n")
    for words in ("users", "attachments", "3/3", "/s", "0:00:00"):
        assert words in seen
