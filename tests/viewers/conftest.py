"""The whole application, open for all tests of a module, and people who ask it."""

from collections.abc import AsyncIterator

import pytest

from tests.support.app_client import open_app
from tests.support.limits import UNBOUNDED
from tests.support.settings import settings_for
from tests.viewers.asking import ApiClients


@pytest.fixture(scope="module")
async def shared_gql_clients(
    anyio_backend: str,
    shared_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    undelivered: None,
) -> AsyncIterator[ApiClients]:
    """Give both APIs, which stay open: their schema and statements are made once."""
    settings = settings_for(shared_url, tmp_path_factory.mktemp("media"), **UNBOUNDED)
    async with open_app(settings) as (app, client, world):
        world.eventful = True
        yield ApiClients(app, client, world)


@pytest.fixture
async def gql_clients(shared_gql_clients: ApiClients) -> ApiClients:
    """Give both APIs of a desk as every test finds it."""
    await shared_gql_clients.world.reset()
    return shared_gql_clients
