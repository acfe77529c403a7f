"""The whole application, open for all tests of a module, and people who ask it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from deskgraph.app import create_app
from deskgraph.webhooks.deliverer import Deliverer
from tests.support.clock import Clock
from tests.viewers.asking import Faces
from tests.viewers.world import World, settings_for


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of a migrated database, once for each kind of database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    template: Path = request.getfixturevalue("sqlite_template")
    return f"sqlite:///{shutil.copy(template, tmp_path_factory.mktemp('shared') / 'desk.db')}"


@pytest.fixture(scope="module")
def undelivered() -> Iterator[None]:
    """Let nothing be sent to the addresses of webhooks."""

    async def nothing(_deliverer: Deliverer) -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deliverer, "start", nothing)
        yield


@pytest.fixture(scope="module")
async def shared_gql_clients(
    anyio_backend: str,
    shared_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    undelivered: None,
) -> AsyncIterator[Faces]:
    """Give both faces, which stay open: their schema and statements are made once."""
    clock, media = Clock(), tmp_path_factory.mktemp("media")
    settings = settings_for(shared_url, media)
    app = create_app(settings, clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://desk.test"
        ) as client,
    ):
        services = app.state.services
        yield Faces(
            app, client, World(services, services.database, clock, settings, media, eventful=True)
        )


@pytest.fixture
async def gql_clients(shared_gql_clients: Faces) -> Faces:
    """Give both faces of a desk as every test finds it."""
    await shared_gql_clients.world.reset()
    return shared_gql_clients
