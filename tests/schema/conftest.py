"""The application on each database, empty or with the rows of a small desk."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from models import Role
from tests.schema.awkward_rows import make_awkward_rows
from tests.support.app_client import open_app
from tests.support.fixtures import KeepOpen
from tests.support.graphql_client import GraphQLClient
from tests.support.limits import UNBOUNDED
from tests.support.rows import company, user
from tests.support.settings import settings_for

Opens = Callable[..., AbstractAsyncContextManager[GraphQLClient]]


@pytest.fixture
def opens(anyio_backend: str, database_url: str, tmp_path: Path, statements: list[str]) -> Opens:
    """Give a function that starts an application with these settings."""

    @asynccontextmanager
    async def open_gql(**settings: Any) -> AsyncIterator[GraphQLClient]:
        more = {"max_upload_mb": 25, **settings}
        given = settings_for(database_url, tmp_path / "media", **more)
        async with open_app(given, statements.append) as (app, client, world):
            yield GraphQLClient(app, client, world, statements)

    return open_gql


@pytest.fixture
async def shared_gql(
    keep_open: KeepOpen, kept_url: str, tmp_path_factory: pytest.TempPathFactory
) -> GraphQLClient:
    """Give an application that stays open for a module, with whatever its last test left."""

    @asynccontextmanager
    async def opening(url: str) -> AsyncIterator[GraphQLClient]:
        statements: list[str] = []
        given = settings_for(url, tmp_path_factory.mktemp("media"), max_upload_mb=25)
        async with open_app(given, statements.append) as (app, client, world):
            yield GraphQLClient(app, client, world, statements)

    found: GraphQLClient = await keep_open(kept_url, opening)
    return found


@pytest.fixture
async def empty(shared_gql: GraphQLClient) -> GraphQLClient:
    """Give the application on a database without rows."""
    await shared_gql.world.clear()
    shared_gql.statements.clear()
    return shared_gql


def few_rows() -> list[SQLModel]:
    return [
        company("hilton"),
        company("centara"),
        user("keith"),
        user("admin", Role.ADMIN),
        user("carla", Role.CUSTOMER, company_id=company("hilton").id),
    ]


@pytest.fixture
async def gql(shared_gql: GraphQLClient) -> GraphQLClient:
    """Give the application with two companies and three users of the world, and nothing else."""
    await shared_gql.world.clear(*few_rows())
    shared_gql.statements.clear()
    return shared_gql


@pytest.fixture
async def own_gql(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give an application with the same rows that no other test has used."""
    async with opens() as gql:
        await gql.add(*few_rows())
        yield gql


@pytest.fixture
async def full(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application with many awkward rows, and limits for documents made at random."""
    async with opens(**UNBOUNDED) as gql:
        await gql.add(*make_awkward_rows().all())
        yield gql
