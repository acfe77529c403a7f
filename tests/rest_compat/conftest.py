"""REST alone over the world, and clients that ask as its people."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from starlette.applications import Starlette

from deskgraph.app import create_services
from deskgraph.settings import Settings
from models import Company
from rest_compat import rest_routes
from tests.support.app_client import client_of
from tests.support.clock import Clock
from tests.support.fixtures import KeepOpen
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.world import World


@asynccontextmanager
async def open_api(settings: Settings, clock: Clock) -> AsyncIterator[RestClient]:
    """Open REST over a migrated database."""
    statements: list[str] = []
    services, database = create_services(settings, clock=clock, observer=statements.append)
    await database.open()
    app = Starlette(routes=rest_routes(services, settings.public_url))
    async with client_of(app) as client:
        yield RestClient(app, client, World(services, settings), statements)
    await database.close()


async def with_rows(api: RestClient) -> RestClient:
    """Make the rows that each test starts with."""
    if api.world.changed:
        await api.world.reset()
        await api.world.change(Company, key("centara"), is_active=False)
        api.world.changed = False
    api.world.forget()
    api.statements.clear()
    return api


@pytest.fixture
async def api(
    keep_open: KeepOpen, kept_url: str, tmp_path_factory: pytest.TempPathFactory
) -> RestClient:
    """Give a client of REST; of the two companies, Centara is inactive here."""

    def opening(url: str) -> AbstractAsyncContextManager[RestClient]:
        return open_api(settings_for(url, tmp_path_factory.mktemp("media")), Clock())

    return await with_rows(await keep_open(kept_url, opening))


@pytest.fixture
async def own_api(
    anyio_backend: str, settings: Settings, clock: Clock
) -> AsyncIterator[RestClient]:
    """Give a client of REST with the settings and the clock of a test."""
    async with open_api(settings, clock) as api:
        yield await with_rows(api)
