"""Fixtures over a database: settings, the clock, the world, and the application over it.

``tests/conftest.py`` loads this module as a plugin.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from deskgraph.app import create_app
from deskgraph.bulk.runner import BulkRunner
from deskgraph.settings import Settings
from deskgraph.webhooks.deliverer import Deliverer
from tests.support.app_client import client_of, open_app
from tests.support.clock import Clock
from tests.support.settings import settings_for
from tests.support.world import World, open_world

OpenDesk = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
MakeClient = Callable[..., httpx.AsyncClient]
Opening = Callable[[str], AbstractAsyncContextManager[Any]]
# Returns what is opened, of the type that each caller opens.
KeepOpen = Callable[[str, Opening], Awaitable[Any]]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, as the server does."""
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test may move."""
    return Clock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Give the settings of a desk that belongs to one test."""
    return settings_for(database_url, tmp_path / "media")


@pytest.fixture(scope="module")
async def shared_world(
    anyio_backend: str, shared_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Give a world that stays open for a module; its statements are compiled once."""
    async with open_world(shared_url, tmp_path_factory.mktemp("media")) as opened:
        yield opened


@pytest.fixture
async def world(shared_world: World) -> World:
    """Give the shared world as every test finds it."""
    await shared_world.reset()
    return shared_world


@pytest.fixture
async def own_world(anyio_backend: str, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Give a world that belongs to one test, where other processes or programs work on it, too."""
    async with open_world(database_url, tmp_path / "media") as opened:
        await opened.reset()
        yield opened


@pytest.fixture(scope="module")
async def keep_open(anyio_backend: str, undelivered: None) -> AsyncIterator[KeepOpen]:
    """Give a function that opens an application on a database, once for a module.

    Its statements are compiled once, and its connections stay open.
    """
    opened: dict[str, Any] = {}
    async with AsyncExitStack() as stack:

        async def open_once(url: str, opening: Opening) -> Any:
            if url not in opened:
                opened[url] = await stack.enter_async_context(opening(url))
            return opened[url]

        yield open_once


@pytest.fixture
def open_desk(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> OpenDesk:
    """Give a function that opens the application over the world on SQLite, for a technician."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        url = settings.pop("database_url", sqlite_url)
        given = settings_for(url, tmp_path / "media", **settings)
        async with open_app(given) as (_app, client, world):
            await world.reset()
            client.headers.update(world.headers("keith"))
            yield client

    return opened


@pytest.fixture
def make_client(sqlite_url: str, tmp_path: Path) -> MakeClient:
    """Give a function that makes a client of an application whose database is not opened."""

    def made(**settings: Any) -> httpx.AsyncClient:
        given = settings_for(sqlite_url, tmp_path, **settings)
        return client_of(create_app(given))

    return made


@pytest.fixture(scope="module")
def undelivered() -> Iterator[None]:
    """Let no application send anything to webhooks, or work on bulk jobs, by itself."""

    async def nothing(_self: Deliverer | BulkRunner) -> None:
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Deliverer, "start", nothing)
        patch.setattr(BulkRunner, "start", nothing)
        yield
