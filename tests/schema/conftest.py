"""The application on each database, empty or with the rows of a small desk."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskgraph.settings import Settings
from models import Role
from tests.schema.client import SECRET, GraphQLClient, make_app
from tests.schema.rows import company, make_world, user
from tests.support.clock import Clock
from tests.support.limits import UNBOUNDED

Opens = Callable[..., AbstractAsyncContextManager[GraphQLClient]]


@pytest.fixture
def opens(anyio_backend: str, database_url: str, tmp_path: Path, statements: list[str]) -> Opens:
    """Give a function that starts an application with these settings."""

    @asynccontextmanager
    async def open_gql(**settings: Any) -> AsyncIterator[GraphQLClient]:
        files = f"file://{tmp_path / 'media'}"
        given = {"database_url": database_url, "files_url": files, "secret_key": SECRET}
        given["rate_limit"] = "off"
        clock = Clock()
        made = Settings(**given | {"_env_file": None} | settings)
        app = make_app(made, clock, statements.append)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client,
        ):
            yield GraphQLClient(app, client, clock, statements)

    return open_gql


@pytest.fixture
async def empty(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application on a database without rows."""
    async with opens() as gql:
        yield gql


@pytest.fixture
async def gql(empty: GraphQLClient) -> GraphQLClient:
    """Give the application with a company ``acme`` and the users agent, boss and customer."""
    await empty.add(
        company("acme"),
        company("other"),
        user("agent"),
        user("boss", Role.ADMIN),
        user("customer", Role.CUSTOMER, company_id=company("acme").id),
    )
    return empty


@pytest.fixture
async def full(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application with many awkward rows, and limits for documents made at random."""
    async with opens(**UNBOUNDED) as gql:
        await gql.add(*make_world().all())
        yield gql
