"""REST alone over the world, and clients that ask as its people."""

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from deskgraph.app import create_services
from deskgraph.settings import Settings
from models import Company
from rest_compat import rest_routes
from tests.support.app_client import client_of
from tests.support.clock import Clock
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.world import World


@pytest.fixture
async def api(
    anyio_backend: str, settings: Settings, clock: Clock, statements: list[str]
) -> AsyncIterator[RestClient]:
    """Give a client of REST; of the two companies, Centara is inactive here."""
    services, database = create_services(settings, clock=clock, observer=statements.append)
    await database.open()
    world = World(services, settings)
    await world.reset()
    await world.change(Company, key("centara"), is_active=False)
    app = Starlette(routes=rest_routes(services, settings.public_url))
    async with client_of(app) as client:
        yield RestClient(app, client, world, statements)
    await database.close()
