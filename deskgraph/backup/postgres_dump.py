"""PostgreSQL's own programs: pg_dump with the snapshot of a transaction, and pg_restore."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path

from asyncpg import PostgresError
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup.manifest import BackupError
from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report
from deskgraph.database.urls import dsn_of
from deskgraph.private_files import create_private

NAME = "database.dump"
# How often PostgreSQL is asked how far pg_dump is, in seconds.
WATCH_SECONDS = 1.0
PIECE_BYTES = 1 << 18
# The first lines of what a program says of its failure are enough to know the cause.
MAX_MESSAGE = 500
_TABLE_BYTES = "SELECT sum(pg_table_size(relid))::bigint FROM pg_stat_user_tables"
_SENT_BYTES = """SELECT relid, bytes_processed FROM pg_stat_progress_copy
    WHERE datname = current_database() AND command = 'COPY TO'"""

# What goes on while a program runs, with its standard input.
Attending = Callable[[asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def dumped(
    database: Database, folder: Path, report: Report
) -> AsyncIterator[AsyncConnection]:
    """Dump the database into a folder, and give a transaction that sees the same rows."""
    path = folder / NAME
    create_private(path)
    async with database.engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        snapshot = str(await connection.scalar(text("SELECT pg_export_snapshot()")))
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        options.append(f"--file={path}")
        await _run("pg_dump", options, database.url, lambda _: _watch(database, report))
        yield connection


async def load(database: Database, dump: Path, report: Report) -> None:
    """Restore a dump into a database without tables, all of it or nothing."""
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    await _run("pg_restore", options, database.url, lambda pipe: _feed(pipe, dump, report))


async def _watch(database: Database, report: Report) -> None:
    """Report how many bytes of rows PostgreSQL has sent to pg_dump, until this is cancelled.

    The total is the size of the tables, which is about as much. A copy that begins and ends between
    two looks is not seen.
    """
    sent: dict[int, int] = {}
    # Without a connection for it, the dump goes on without progress.
    with suppress(SQLAlchemyError, PostgresError, OSError):
        async with database.engine.connect() as plain:
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            total = await connection.scalar(text(_TABLE_BYTES)) or 0
            while True:
                for table, size in await connection.execute(text(_SENT_BYTES)):
                    sent[table] = max(size, sent.get(table, 0))
                done = sum(sent.values())
                report("Bytes, about", done, max(done, total))
                await asyncio.sleep(WATCH_SECONDS)


async def _feed(pipe: asyncio.StreamWriter, dump: Path, report: Report) -> None:
    """Write a dump to pg_restore, which reads on as it writes to the database."""
    done = 0
    # If pg_restore ends before, it says why.
    with closing(pipe), suppress(ConnectionError), dump.open("rb") as file:
        total = file.seek(0, os.SEEK_END)
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            pipe.write(piece)
            await pipe.drain()
            done += len(piece)
            report("Bytes", done, total)


def require_program() -> None:
    """Raise ``BackupError`` where pg_dump is missing: before anything is written."""
    _found("pg_dump")


def _found(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise BackupError(f"{name} is not installed: install PostgreSQL's client programs.")
    return program


async def _run(name: str, options: Sequence[str], url: URL, attend: Attending) -> None:
    """Run a program of PostgreSQL; raises ``BackupError``. Its password is not in its arguments.

    ``attend`` is cancelled when the program ends.
    """
    program = _found(name)
    environment = {**os.environ}
    password = url.query.get("password") or url.password
    if password is not None:
        environment["PGPASSWORD"] = str(password)
    public = url.set(password=None).difference_update_query(["password"])
    running = await asyncio.create_subprocess_exec(
        program,
        *options,
        f"--dbname={dsn_of(public)}",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert running.stdin is not None
    assert running.stderr is not None
    attending = asyncio.create_task(attend(running.stdin))
    try:
        said = (await running.stderr.read()).decode(errors="replace").strip()
        await running.wait()
    except BaseException:
        running.kill()
        await running.wait()
        raise
    finally:
        attending.cancel()
        with suppress(asyncio.CancelledError):
            await attending
    if running.returncode:
        raise BackupError(f"{name} failed: {said[:MAX_MESSAGE]}")
