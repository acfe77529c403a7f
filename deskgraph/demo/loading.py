"""Loads the demo into an empty database: four months of a support team's work."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from obstore.store import ObjectStore
from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from deskgraph.demo.data import demo_data
from deskgraph.demo.factory import DemoFactory, Row, Rows
from deskgraph.demo.logins import PASSWORD
from deskgraph.demo.people import make_people
from deskgraph.demo.ticket_stories import make_tickets
from deskgraph.storage.file_store import FileStore
from models import Ticket, User, table_of
from resolvers.auth.passwords import hash_password

TICKETS = 300
SEED = 20_251_119
CHUNK = 500

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Loaded:
    """How much was loaded."""

    tickets: int
    users: int
    companies: int


def build(now: datetime, password: str, *, tickets: int = TICKETS, seed: int = SEED) -> Rows:
    """Make the demo as it stands at ``now``; ``password`` is the hash that all users get."""
    data = demo_data()
    maker = DemoFactory(now, seed)
    make_people(maker, data, password)
    make_tickets(maker, data, tickets)
    return maker.rows


async def is_empty(database: Database) -> bool:
    """Return whether there is neither a user nor a ticket yet."""
    async with database.engine.connect() as connection:
        return await _is_empty(connection)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def load_demo(
    database: Database, store: ObjectStore, now: datetime, progress: Progress | None = None
) -> Loaded | None:
    """Load the demo, files first; nothing where there are users or tickets already.

    ``progress`` is called with what is done and what there is to do.
    """
    rows = build(now, await asyncio.to_thread(hash_password, PASSWORD))
    tables = _tables(rows)
    files = FileStore(store)
    total = len(rows.files) + sum(len(some) for _, some in tables)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            # Another process that loads it waits, and finds these rows. SQLite has one writer.
            await connection.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
        if not await _is_empty(connection):
            return None
        for key, content in rows.files.items():
            await files.put(key, _once(content))
            advance(1)
        for table, some in tables:
            for start in range(0, len(some), CHUNK):
                chunk = some[start : start + CHUNK]
                await connection.execute(insert(table), chunk)
                advance(len(chunk))
    return Loaded(len(rows.tickets), len(rows.users), len(rows.companies))


def _tables(rows: Rows) -> list[tuple[Table, list[Row]]]:
    """Pair the tables with their rows, what is referred to before what refers to it."""
    by_name = {name: value for name, value in vars(rows).items() if name != "files"}
    return [
        (table, by_name[table.name])
        for table in SQLModel.metadata.sorted_tables
        if table.name in by_name
    ]


async def _is_empty(connection: AsyncConnection) -> bool:
    for table in (table_of(User), table_of(Ticket)):
        if await connection.scalar(select(table.c.id).limit(1)) is not None:
            return False
    return True
