"""The application in this process, and a client of it: what clients of both APIs have in common."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

import httpx
from sqlmodel import SQLModel
from starlette.applications import Starlette

from deskgraph.app import create_app
from deskgraph.database.database import Database
from deskgraph.settings import Settings
from resolvers.services import Services
from tests.support.clock import Clock
from tests.support.stored import Rows, stored_rows
from tests.support.world import World

# httpx tries to import it for each request, and a search for what is not installed takes long.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment]


class AppClient:
    """An application, a client of it, and the statements that it has run.

    No dataclass, which Hypothesis would print as a whole.
    """

    def __init__(
        self,
        app: Starlette,
        client: httpx.AsyncClient,
        world: World,
        statements: list[str] | None = None,
    ) -> None:
        self.app = app
        self.client = client
        self.world = world
        self.statements = [] if statements is None else statements

    @property
    def services(self) -> Services:
        return self.world.services

    @property
    def database(self) -> Database:
        return self.world.database

    @property
    def clock(self) -> Clock:
        return self.world.clock

    async def add(self, *rows: SQLModel) -> None:
        """Insert rows as they are."""
        await self.world.add(*rows)

    async def everything(self) -> Rows:
        """Return all rows of all tables, to see that a refused write changed none."""
        return await stored_rows(self.database)


def client_of(app: Starlette) -> httpx.AsyncClient:
    """Return a client of an application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk.test")


@asynccontextmanager
async def open_app(
    settings: Settings, observer: Callable[[str], None] | None = None, **more: Any
) -> AsyncIterator[tuple[Starlette, httpx.AsyncClient, World]]:
    """Open the whole application on a migrated database; its rows stay as they are.

    ``more`` are further arguments of ``create_app``.
    """
    app = create_app(settings, clock=Clock(), observer=observer, **more)
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield app, client, World(app.state.services, settings)
