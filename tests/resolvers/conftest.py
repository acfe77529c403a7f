"""One open desk for all tests of a module, with the same rows at the start of each test."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.viewers.world import World, open_world


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of a migrated database, once for each kind of database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    template: Path = request.getfixturevalue("sqlite_template")
    return f"sqlite:///{shutil.copy(template, tmp_path_factory.mktemp('shared') / 'desk.db')}"


@pytest.fixture(scope="module")
async def shared_world(
    anyio_backend: str, shared_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Give a desk that stays open; its statements are compiled once."""
    async with open_world(shared_url, tmp_path_factory.mktemp("media")) as world:
        yield world


@pytest.fixture
async def world(shared_world: World) -> World:
    """Give the desk as every test finds it."""
    await shared_world.reset()
    return shared_world
