"""Demo data: a desk of four months to look at. For development only, its password is public."""

import asyncio
import tomllib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from obstore.store import ObjectStore
from sqlalchemy import Table, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from deskgraph.demo.factory import DemoFactory, Row, Rows
from deskgraph.demo.people import make_people
from deskgraph.demo.ticket_stories import make_tickets
from deskgraph.settings import Settings, SettingsError
from deskgraph.storage.file_store import FileStore
from models import Ticket, User, table_of
from resolvers.auth.passwords import hash_password, verify_password

PASSWORD = "demo-desk-2025"  # noqa: S105 - public on purpose, see the module's first line
# One login for each kind of viewer.
LOGINS = {"admin": "an admin", "keith": "a technician", "customer": "a customer"}
TICKETS = 300
SEED = 20_251_119
CHUNK = 500

_users = table_of(User)
_tickets = table_of(Ticket)

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Loaded:
    """How much was loaded."""

    tickets: int
    users: int
    companies: int


def build(now: datetime, password: str, *, tickets: int = TICKETS, seed: int = SEED) -> Rows:
    """Make the demo as it stands at ``now``; ``password`` is the hash that all users get."""
    data = _data()
    maker = DemoFactory(now, seed)
    make_people(maker, data, password)
    make_tickets(maker, data, tickets)
    return maker.rows


async def is_empty(database: Database) -> bool:
    """Tell whether there is neither a user nor a ticket yet."""
    async with database.engine.connect() as connection:
        return await _is_empty(connection)


def _data() -> Row:
    return tomllib.loads((Path(__file__).parent / "data.toml").read_text("utf-8"))


def usernames() -> list[str]:
    """Return the names of all who can log in to the demo."""
    data = _data()
    customers = (one for company in data["companies"] for one in company["customers"])
    return [*(one["username"] for one in data["staff"]), *(one.split("/")[0] for one in customers)]


async def working_logins(database: Database, names: Collection[str] = LOGINS) -> list[str]:
    """Return who of some users of the demo is there and still has the demo's password."""
    found = select(_users.c.username, _users.c.password).where(
        _users.c.username.in_(names), _users.c.is_active
    )
    async with database.engine.connect() as connection:
        stored = {row.username: row.password for row in await connection.execute(found)}
    # They share one hash as long as nobody changed anything: one slow check is enough.
    genuine = {hash_ for hash_ in set(stored.values()) if verify_password(PASSWORD, hash_)}
    return [name for name in names if stored.get(name) in genuine]


async def check_production(settings: Settings, database: Database) -> None:
    """Raise ``SettingsError`` where production would let in whoever knows the demo's password."""
    if not settings.production:
        return
    if left := await working_logins(database, usernames()):
        raise SettingsError(
            f"The database has logins with the demo's password, which is public: "
            f"{', '.join(left)}. Change their passwords or deactivate them in development, or use "
            f"another database."
        )


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
            # Whoever else is loading finds our rows when we are done. SQLite has one writer anyway.
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
    for table in (_users, _tickets):
        if await connection.scalar(select(table.c.id).limit(1)) is not None:
            return False
    return True
