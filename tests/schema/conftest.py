"""The application on each database, empty or with the rows of a small desk."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from models import Role
from tests.schema.awkward_rows import make_awkward_rows
from tests.support.app_client import open_app
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
async def empty(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application on a database without rows."""
    async with opens() as gql:
        yield gql


@pytest.fixture
async def gql(empty: GraphQLClient) -> GraphQLClient:
    """Give the application with two companies and three users of the world, and nothing else."""
    await empty.add(
        company("hilton"),
        company("centara"),
        user("keith"),
        user("admin", Role.ADMIN),
        user("carla", Role.CUSTOMER, company_id=company("hilton").id),
    )
    return empty


@pytest.fixture
async def full(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application with many awkward rows, and limits for documents made at random."""
    async with opens(**UNBOUNDED) as gql:
        await gql.add(*make_awkward_rows().all())
        yield gql
