"""PostgreSQL's own programs: pg_dump with the snapshot of a transaction, and pg_restore."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.backup.manifest import BackupError
from deskgraph.database.database import Database
from deskgraph.database.search_texts import Report
from deskgraph.database.urls import dsn_of
from deskgraph.private_files import create_private

NAME = "database.dump"
# How often it is told how large the dump is, in seconds.
WATCH_SECONDS = 1.0
# The first lines of what a program says of its failure are enough to know the cause.
MAX_MESSAGE = 500


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
        await _run("pg_dump", [*options, f"--file={path}"], database.url, path, report)
        yield connection


async def load(database: Database, dump: Path, report: Report) -> None:
    """Restore a dump into a database without tables, all of it or nothing."""
    options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
    await _run("pg_restore", [*options, str(dump)], database.url, dump, report)


async def _run(name: str, options: Sequence[str], url: URL, path: Path, report: Report) -> None:
    """Run a program of PostgreSQL; raises ``BackupError``. Its password is not in its arguments."""
    program = shutil.which(name)
    if program is None:
        raise BackupError(f"{name} is not installed: install PostgreSQL's client programs.")
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
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    ended = asyncio.create_task(running.communicate())
    try:
        while not (await asyncio.wait({ended}, timeout=WATCH_SECONDS))[0]:
            report("Bytes", _size(path), 0)
        said = (await ended)[1].decode(errors="replace").strip()
    except BaseException:
        running.kill()
        await running.wait()
        raise
    if running.returncode:
        raise BackupError(f"{name} failed: {said[:MAX_MESSAGE]}")


def _size(path: Path) -> int:
    return path.stat().st_size
