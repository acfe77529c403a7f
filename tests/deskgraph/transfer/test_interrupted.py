"""Whatever stops an export or an import, the next run goes on; a finished one is left."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from deskgraph.database.database import Database
from deskgraph.transfer import manifest, progress
from deskgraph.transfer.manifest import TransferError
from deskgraph.transfer.state import State, begin_state, find_state
from tests.deskgraph.conftest import Run, change
from tests.deskgraph.transfer.conftest import EXPORT, Desk, fill, on
from tests.deskgraph.transfer.test_moving import lines_of, moved
from tests.support import proofs
from tests.support.paths import ROOT
from tests.support.processes.launcher import run as run_process
from tests.support.rows import key
from tests.support.stored import wrong_counts_of

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

NewDesk = Callable[[str], Desk]
Use = Callable[[Desk], None]
# How often a run keeps how far it is until it is killed. At 2, none is left out.
STEP = 2 if proofs.LONG else 12


def killed_again_and_again(*arguments: str) -> int:
    """Run a command to its end, killing it at its checkpoints; return how often."""
    program = [sys.executable, "-m", "tests.support.processes.killed_commands", str(STEP)]
    ended = run_process([*program, *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    return int(ended.stdout.split()[-1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("sqlite", "postgres", marks=pytest.mark.proof(small=True)),
        pytest.param("postgres", "sqlite", marks=pytest.mark.proof()),
    ],
)
def test_killed_again_and_again_all_rows_are_moved(
    run: Run, new_desk: NewDesk, use: Use, old: str, new: str
) -> None:
    here, there = new_desk(old), new_desk(new)
    fill(here)
    use(here)

    assert killed_again_and_again("export", "killed") >= 3
    assert run("export", "at-once").code == 0
    assert lines_of(Path("killed")) == lines_of(Path("at-once"))

    use(there)
    assert killed_again_and_again("import", "killed") >= 3
    assert moved(there.url) == moved(here.url)
    assert wrong_counts_of(there.url) == []
    before = moved(there.url)
    again = run("import", "killed")
    assert again == (0, "killed is imported already; nothing was changed.\n", "")
    assert moved(there.url) == before


class Interrupted(Exception):
    """What stops an export in the middle."""


@pytest.fixture
def interrupted(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give a function that begins an export, which fails after some of its checkpoints."""

    def begin() -> None:
        count = 0
        write = manifest.write_json

        def write_some(path: Path, content: object) -> None:
            nonlocal count
            count += 1
            if count == 12:
                raise Interrupted
            write(path, content)

        with monkeypatch.context() as patch:
            patch.setattr(progress, "write_json", write_some)
            ended = run("export", "export")
        assert (ended.code, ended.out) == (1, "")
        assert "Interrupted" in ended.err

    return begin


@pytest.mark.parametrize("old", ["sqlite", "postgres"])
def test_an_export_that_goes_on_is_of_one_moment(
    run: Run, new_desk: NewDesk, use: Use, interrupted: Callable[[], None], old: str
) -> None:
    desk = new_desk(old)
    fill(desk)
    use(desk)
    before = moved(desk.url)
    interrupted()
    assert not (EXPORT / "manifest.json").exists()
    assert {path.stat().st_mode & 0o077 for path in [EXPORT, *EXPORT.iterdir()]} == {0}
    # One was written already, the other one was not.
    change(desk.url, "UPDATE companies SET name = 'changed meanwhile'")
    change(desk.url, "DELETE FROM webhook_attempts")

    ended = run("export", "export")

    assert ended.code == 0, ended
    names = {
        line.split(b'"name":"')[1][:7] for line in lines_of(EXPORT)["companies.jsonl"].splitlines()
    }
    attempts = len(lines_of(EXPORT)["webhook_attempts.jsonl"].splitlines())
    if old == "sqlite":
        # The moment is that of the first run.
        assert ended.out.startswith("The export went on where it was interrupted.\n")
        assert attempts == len(before["webhook_attempts"]) > 0
        assert names != {b"changed"}
    else:
        assert ended.out.startswith("Rows may have changed since the export was interrupted: all")
        assert (names, attempts) == ({b"changed"}, 0)
    assert sorted(path.name for path in EXPORT.iterdir() if path.suffix != ".jsonl") == [
        "manifest.json"
    ]


def let_transactions_end(url: str) -> None:
    """Wait until all transactions of PostgreSQL that began before now have ended, of all databases.

    Rows that were written after the oldest one began count as written since an interruption.
    """

    async def wait(database: Database) -> None:
        async with database.engine.begin() as connection:
            now = await connection.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
        oldest = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        async with database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            while await connection.scalar(oldest) <= now:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    on(url, wait)


@pytest.mark.parametrize("old", ["sqlite", "postgres"])
def test_an_export_goes_on_where_no_row_has_changed(
    run: Run, new_desk: NewDesk, use: Use, interrupted: Callable[[], None], old: str
) -> None:
    desk = new_desk(old)
    fill(desk)
    use(desk)
    if old == "postgres":
        let_transactions_end(desk.url)
    interrupted()
    written = {path: path.stat().st_mtime_ns for path in EXPORT.glob("compan*.jsonl")}
    assert written

    ended = run("export", "export")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("The export went on where it was interrupted.\n")
    # It was not written again.
    assert {path: path.stat().st_mtime_ns for path in written} == written
    run("export", "at-once")
    assert lines_of(EXPORT) == lines_of(Path("at-once"))


def test_two_imports_do_not_bring_the_same_rows(services: str) -> None:
    async def work(database: Database) -> None:
        async with database.engine.begin() as connection:
            begun = await begin_state(connection, key("export"))
            await State(1, 20, 300).save(connection, key("export"), begun)
        with pytest.raises(TransferError, match="Another import works on this database"):
            async with database.engine.begin() as connection:
                await State(1, 10, 100).save(connection, key("export"), begun)
        async with database.engine.connect() as connection:
            assert await find_state(connection) == (key("export"), State(1, 20, 300))

    on(services, work)


def test_two_imports_do_not_begin_at_once(postgres_url: str) -> None:
    async def begin(database: Database) -> State:
        async with database.engine.begin() as connection:
            return await begin_state(connection, key("export"))

    async def work(database: Database) -> None:
        async with database.engine.begin() as connection:
            await begin_state(connection, key("export"))
            # It waits for the row of the first one.
            other = asyncio.create_task(begin(database))
            waiting = text(
                "SELECT count(*) FROM pg_locks "
                "WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            while not await connection.scalar(waiting):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        with pytest.raises(TransferError, match="Another import works on this database"):
            await other

    on(postgres_url, work)


def test_two_exports_do_not_write_into_the_same_folder(
    run: Run, new_desk: NewDesk, use: Use
) -> None:
    use(new_desk("sqlite"))
    with progress.locked_folder(EXPORT):
        ended = run("export", "export")
    assert ended == (1, "", "deskgraph: Another export is writing into export.\n")
    assert list(EXPORT.iterdir()) == []


def test_a_finished_export_is_left_as_it_is(run: Run, new_desk: NewDesk, use: Use) -> None:
    desk = new_desk("sqlite")
    fill(desk)
    use(desk)
    run("export", "export")
    written = {path: path.stat().st_mtime_ns for path in EXPORT.iterdir()}
    change(desk.url, "UPDATE companies SET name = 'changed later'")

    ended = run("export", "export")

    assert ended.code == 0
    assert ended.out.startswith("export has a whole export already: ")
    assert {path: path.stat().st_mtime_ns for path in EXPORT.iterdir()} == written


def test_an_unfinished_export_of_another_database_is_left_alone(
    run: Run, new_desk: NewDesk, use: Use, interrupted: Callable[[], None]
) -> None:
    desk, other = new_desk("sqlite"), new_desk("sqlite")
    fill(desk)
    use(desk)
    interrupted()
    before = lines_of(EXPORT)
    use(other)
    ended = run("export", "export")
    assert (ended.code, ended.out) == (1, "")
    assert "an unfinished export of another database" in ended.err
    assert lines_of(EXPORT) == before
