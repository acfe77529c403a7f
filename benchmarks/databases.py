"""Scratch databases, filled for one run and removed after it."""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import asyncpg
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from benchmarks.data import insert_rows
from benchmarks.servers import ServerError
from deskgraph.database.database import Database
from deskgraph.database.migrate import upgrade
from deskgraph.database.trigrams import many_writes
from deskgraph.database.urls import dsn_of
from deskgraph.demo.factory import Rows

SERVER = os.environ.get("DESKGRAPH_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
PREFIX = "deskgraph_bench_"


async def why_no_postgres() -> str | None:
    """Return why PostgreSQL cannot be measured, or None where it can."""
    url = make_url(SERVER)
    try:
        connection = await asyncpg.connect(dsn_of(url), timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        return f"PostgreSQL at {url.host}:{url.port or 5432} is not there ({error})"
    await connection.close()
    return None


async def there(chosen: str) -> list[str]:
    """Return the kinds of databases to measure, of ``both`` those that are there.

    Raises ``ServerError`` where the only one is missing.
    """
    kinds = ["sqlite", "postgres"] if chosen == "both" else [chosen]
    if "postgres" not in kinds or (missing := await why_no_postgres()) is None:
        return kinds
    if kinds == ["postgres"]:
        raise ServerError(missing)
    print(f"{missing}: it is left out.", file=sys.stderr)
    return ["sqlite"]


@asynccontextmanager
async def measured(kind: str, rows: Rows) -> AsyncIterator[tuple[str, Path, str]]:
    """Give the URL of a database with these rows, a folder for servers, and the database's name."""
    shown = await version(kind)
    print(f"Filling {shown} ...", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        async with scratch(kind, Path(name), rows) as url:
            yield url, Path(name), shown


@asynccontextmanager
async def blank(kind: str, folder: Path, name: str) -> AsyncIterator[str]:
    """Give the URL of a database of our own with nothing in it."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / name}.db"
        return
    database = f"{PREFIX}{os.getpid()}_{time.time_ns()}"
    await _on_postgres(make_url(SERVER), f"CREATE DATABASE {database}")
    try:
        yield dsn_of(make_url(SERVER).set(database=database))
    finally:
        await _on_postgres(make_url(SERVER), f"DROP DATABASE {database} WITH (FORCE)")


@asynccontextmanager
async def scratch(kind: str, folder: Path, rows: Rows) -> AsyncIterator[str]:
    """Give the URL of a migrated database with these rows."""
    async with filled(kind, folder, "bench", [rows]) as url:
        yield url


@asynccontextmanager
async def filled(kind: str, folder: Path, name: str, chunks: Iterable[Rows]) -> AsyncIterator[str]:
    """Give the URL of a migrated database with the rows of all chunks."""
    async with blank(kind, folder, name) as url:
        database = Database(url)
        try:
            await upgrade(database)
            async with nullcontext() if kind == "sqlite" else many_writes(database.engine):
                for rows in chunks:
                    async with database.engine.begin() as connection:
                        await insert_rows(connection, rows)
            if kind == "sqlite":
                async with database.engine.begin() as connection:
                    await connection.execute(text("ANALYZE"))
        finally:
            await asyncio.shield(database.engine.dispose())
        if kind == "postgres":
            await _on_postgres(make_url(url), "VACUUM ANALYZE")
        yield url


async def version(kind: str) -> str:
    """Return the name and version of the database."""
    if kind == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    connection = await asyncpg.connect(dsn_of(make_url(SERVER)))
    try:
        shown = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return f"PostgreSQL {str(shown).split()[0]}"


async def _on_postgres(url: URL, statement: str) -> None:
    connection = await asyncpg.connect(dsn_of(url))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
