"""The world: the named rows and their files, open on a database that many tests share.

Each test starts with the same rows (``World.reset``).
"""

import functools
import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from deskgraph.app import create_services
from deskgraph.database.database import Database
from deskgraph.settings import Settings
from models import Attachment, TicketEvent
from resolvers.context import Context
from resolvers.services import Services
from resolvers.viewer import Viewer
from resolvers.write_statements import Transaction
from tests.support.clock import NOON, Clock
from tests.support.limits import UNBOUNDED
from tests.support.named_rows import (
    CONTENT,
    PEOPLE,
    named_rows,
    past_events,
    past_jobs,
    past_webhooks,
)
from tests.support.rows import insert, key
from tests.support.settings import settings_for
from tests.support.stored import DELETES, inserts, run_script, stored_rows

Row = TypeVar("Row", bound=SQLModel)


def _stored(rows: Iterable[SQLModel]) -> list[tuple[type[SQLModel], list[dict[str, Any]]]]:
    return [
        (model, [row.model_dump(exclude={"seq"}) for row in same])
        for model, same in itertools.groupby(rows, key=type)
    ]


_ROWS = functools.cache(lambda: _stored(named_rows()))
_PAST = functools.cache(lambda: _stored((*past_events(), *past_webhooks(), *past_jobs())))
# What stores the rows again, by whether it is on SQLite and whether the past is in it.
_again: dict[tuple[bool, bool], tuple[str, ...]] = {}


@dataclass
class World:
    """A desk with the named rows, and what it has stored."""

    services: Services
    settings: Settings
    # Whether each test starts with events and a webhook of the past, too.
    eventful: bool = False
    # Whether rows have been written since the last reset.
    changed: bool = True

    def __post_init__(self) -> None:
        """Notice whatever is committed."""
        sa.event.listen(self.database.engine.sync_engine, "commit", self._notice)
        write = self.database.write

        @asynccontextmanager
        async def noticed(
            *, fresh: bool = False, checks: bool = False
        ) -> AsyncIterator[Transaction]:
            async with write(fresh=fresh, checks=checks) as transaction:
                yield transaction
            self.changed = True

        self.database.write = noticed  # type: ignore[method-assign] # it calls the one it replaces

    @property
    def database(self) -> Database:
        database = self.services.database
        assert isinstance(database, Database)
        return database

    @property
    def clock(self) -> Clock:
        clock = self.services.clock
        assert isinstance(clock, Clock)
        return clock

    @property
    def media(self) -> Path:
        return Path(self.settings.files_url.removeprefix("file://"))

    def _notice(self, _connection: object) -> None:
        self.changed = True

    def context(self, who: str | None, *, via: str = "graphql", **settings: Any) -> Context:
        """Return the context of a user of the world, or of a stranger, with other services."""
        viewer = None
        if who is not None:
            role, company = PEOPLE[who]
            viewer = Viewer(key(who), role, key(company) if company else None)
        services = replace(self.services, **settings) if settings else self.services
        return Context(services, viewer, via, "http://desk.test")

    def token(self, who: str | UUID) -> str:
        """Return the value of the header of a login; a text is the name of a user."""
        user_id = key(who) if isinstance(who, str) else who
        return f"Bearer {self.services.tokens.access(user_id)}"

    def headers(self, who: str | UUID | None) -> dict[str, str]:
        """Return the headers of a request of a user, or of a stranger."""
        return {} if who is None else {"Authorization": self.token(who)}

    async def reset(self) -> None:
        """Go back to the rows and files that every test starts with."""
        self.forget()
        if not self.changed:
            return
        kind = (self.database.is_sqlite, self.eventful)
        if kind in _again:
            await self._clear(_again[kind])
        else:
            rows = _ROWS() + (_PAST() if self.eventful else [])
            await self._store(rows)
            _again[kind] = await inserts(self.database, [model for model, _ in rows])
        for row in named_rows():
            if isinstance(row, Attachment):
                path = self.media / row.key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(CONTENT)
        self.changed = False

    def forget(self) -> None:
        """Take the clock back, and keep nothing in memory of who logged in."""
        self.clock.now = NOON
        self.services.viewers.forget_all()

    async def clear(self, *rows: SQLModel) -> None:
        """Go back to these rows, without any file."""
        self.forget()
        await self._store(_stored(rows))

    async def _store(self, rows: list[tuple[type[SQLModel], list[dict[str, Any]]]]) -> None:
        await self._clear()
        async with self.database.transaction() as session:
            connection = await session.connection()
            for model, values in rows:
                await connection.execute(sa.insert(model), values)

    async def _clear(self, then: tuple[str, ...] = ()) -> None:
        """Take out all rows and files, and run further statements with that."""
        await run_script(self.database, (*DELETES, *then))
        for path in self._paths():
            path.unlink()

    async def dump(self) -> dict[str, list[Any]]:
        """Return all rows of all tables and the names of all files."""
        return {"files": self.files(), **await stored_rows(self.database)}

    def files(self) -> list[str]:
        """Return the keys of all stored files, and whatever else lies in the store."""
        return sorted(str(path.relative_to(self.media)) for path in self._paths())

    def _paths(self) -> list[Path]:
        return [path for path in self.media.rglob("*") if path.is_file()]

    async def add(self, *rows: SQLModel) -> None:
        """Insert rows as they are."""
        await insert(self.database, *rows)

    async def get(self, model: type[Row], row_id: UUID) -> Row:
        """Return a row that there is."""
        async with self.database.transaction() as session:
            row = await session.get(model, row_id)
        assert row is not None
        return row

    async def change(self, model: type[Row], row_id: object, **values: Any) -> None:
        """Change a row, past the rules of the desk."""
        async with self.database.transaction() as session:
            row = await session.get_one(model, row_id)
            for name, value in values.items():
                setattr(row, name, value)

    async def events(self, ticket_id: UUID | None = None) -> list[TicketEvent]:
        """Return the events, or those of a ticket, in their order."""
        async with self.database.transaction() as session:
            found = (await session.exec(select(TicketEvent).order_by(col(TicketEvent.seq)))).all()
        return [event for event in found if ticket_id in (None, event.ticket_id)]


@asynccontextmanager
async def open_world(
    url: str, media: Path, *, observer: Callable[[str], None] | None = None, **settings: Any
) -> AsyncIterator[World]:
    """Open the services on a migrated database, without limits unless they are given."""
    given = settings_for(url, media, **UNBOUNDED | settings)
    services, database = create_services(given, clock=Clock(), observer=observer)
    await database.open()
    try:
        yield World(services, given)
    finally:
        await database.close()
