"""Strawberry as its documentation shows it: SQLModel rows, resolvers, and DataLoaders.

``python -m benchmarks.peers.naive --port PORT``, with the database in ``DESKGRAPH_DATABASE_URL``.
Documents are parsed and validated once.
"""

# ruff: noqa: D101, D102 - the fields are those of the schema.

import argparse
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
import uvicorn
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache

from models import Attachment, Comment, Company, Contact, Ticket, User

READ_CONNECTIONS = 8


class Loaders:
    """The loaders of one request."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.companies = self._by_id(Company)
        self.contacts = self._by_id(Contact)
        self.users = self._by_id(User)
        self.comments = self._of_tickets(Comment, col(Comment.created_at), col(Comment.id))
        newest = (col(Attachment.created_at).desc(), col(Attachment.id).desc())
        self.attachments = self._of_tickets(Attachment, *newest)

    async def all(self, statement: Any) -> Sequence[Any]:
        """Return the rows of a statement."""
        async with AsyncSession(self._engine, expire_on_commit=False) as session:
            found: Sequence[Any] = (await session.exec(statement)).all()
            return found

    # Models share no base class with an id, and rows are what SQLModel makes of them.
    def _by_id(self, model: Any) -> DataLoader[UUID, Any]:
        async def load(keys: list[UUID]) -> list[Any]:
            rows = await self.all(select(model).where(col(model.id).in_(keys)))
            found = {row.id: row for row in rows}
            return [found.get(key) for key in keys]

        return DataLoader(load)

    def _of_tickets(self, model: Any, *order: Any) -> DataLoader[UUID, list[Any]]:
        async def load(keys: list[UUID]) -> list[list[Any]]:
            statement = select(model).where(col(model.ticket_id).in_(keys)).order_by(*order)
            found = defaultdict(list)
            for row in await self.all(statement):
                found[row.ticket_id].append(row)
            return [found[key] for key in keys]

        return DataLoader(load)


Info = strawberry.Info[dict[str, Any], None]


def loaders(info: Info) -> Loaders:
    """Return the loaders of the request."""
    found: Loaders = info.context["loaders"]
    return found


@strawberry.type(name="Company")
class CompanyType:
    id: strawberry.ID
    name: str
    city: str
    country: str


@strawberry.type(name="Contact")
class ContactType:
    id: strawberry.ID
    name: str
    email: str
    phone: str


@strawberry.type(name="User")
class UserType:
    id: strawberry.ID
    role: str

    @strawberry.field
    def full_name(self: User) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@strawberry.type(name="Comment")
class CommentType:
    id: strawberry.ID
    text: str
    is_internal: bool
    created_at: datetime

    @strawberry.field
    async def author(self: Comment, info: Info) -> UserType | None:
        return await loaders(info).users.load(self.author_id) if self.author_id else None


@strawberry.type(name="Attachment")
class AttachmentType:
    id: strawberry.ID
    name: str
    size: int
    content_type: str
    created_at: datetime

    @strawberry.field
    async def uploaded_by(self: Attachment, info: Info) -> UserType | None:
        return await loaders(info).users.load(self.uploaded_by_id) if self.uploaded_by_id else None


@strawberry.type
class CommentConnection:
    nodes: list[CommentType]


@strawberry.type(name="Ticket")
class TicketType:
    id: strawberry.ID
    ticket_number: str
    subject: str
    description: str
    status: str
    priority: str
    category: str
    created_at: datetime
    updated_at: datetime

    @strawberry.field
    async def company(self: Ticket, info: Info) -> CompanyType:
        found: CompanyType = await loaders(info).companies.load(self.company_id)
        return found

    @strawberry.field
    async def contact(self: Ticket, info: Info) -> ContactType | None:
        return await loaders(info).contacts.load(self.contact_id) if self.contact_id else None

    @strawberry.field
    async def assigned_to(self: Ticket, info: Info) -> UserType | None:
        return await loaders(info).users.load(self.assigned_to_id) if self.assigned_to_id else None

    @strawberry.field
    async def comments(self: Ticket, info: Info, first: int | None = 20) -> CommentConnection:
        return CommentConnection(nodes=(await loaders(info).comments.load(self.id))[:first])

    @strawberry.field
    async def attachments(self: Ticket, info: Info) -> list[AttachmentType]:
        return await loaders(info).attachments.load(self.id)


@strawberry.type
class TicketConnection:
    nodes: list[TicketType]


@strawberry.type
class Query:
    @strawberry.field
    async def tickets(self, info: Info, first: int | None = 20) -> TicketConnection:
        newest = (col(Ticket.created_at).desc(), col(Ticket.id).desc())
        statement = select(Ticket).order_by(*newest).limit(first)
        rows: Any = await loaders(info).all(statement)
        return TicketConnection(nodes=list(rows))


class View(GraphQL[dict[str, Any], None]):
    """Strawberry's view, with loaders for each request."""

    def __init__(self, engine: AsyncEngine) -> None:
        caches = [ParserCache(maxsize=100), ValidationCache(maxsize=100)]
        # Their classes or factories would make an empty cache for each request.
        super().__init__(strawberry.Schema(Query, extensions=caches))  # type: ignore[arg-type]
        self._engine = engine

    async def get_context(self, request: Any, response: Response | Any) -> dict[str, Any]:
        """Return the context of a request."""
        return {"request": request, "response": response, "loaders": Loaders(self._engine)}


def create_app(url: str) -> Starlette:
    """Return the application over a database."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"))
    else:
        driver = parsed.set(drivername="postgresql+asyncpg")
        settings = {"server_settings": {"timezone": "UTC", "jit": "off"}}
        engine = create_async_engine(driver, pool_size=READ_CONNECTIONS, connect_args=settings)
    return Starlette(routes=[Route("/graphql", View(engine))])


def main() -> None:
    """Serve one process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    app = create_app(os.environ["DESKGRAPH_DATABASE_URL"])
    uvicorn.run(app, port=parser.parse_args().port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
