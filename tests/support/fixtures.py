"""Fixtures over a database: settings, the clock, and the world that tests share or have alone.

``tests/conftest.py`` loads this module as a plugin.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deskgraph.settings import Settings
from tests.support.caches import forget_caches
from tests.support.clock import Clock
from tests.support.settings import settings_for
from tests.support.world import World, open_world


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


@pytest.fixture
def cold_caches() -> None:
    """Let the test prepare everything itself, where it counts how often that happens."""
    forget_caches()


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
