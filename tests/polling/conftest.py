"""Both APIs as clients poll them: they send the tag of what they have."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.app_client import open_app
from tests.support.fixtures import KeepOpen
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.settings import settings_for

# Tables whose rows clients read; the event log and the mark of the data tell of them.
_READ = re.compile(r"\b(tickets|comments|attachments|users|companies|contacts|ticket_counts)\b")
GRAPHQL = {
    "list": "{ tickets(first: 5) { nodes { id subject isOverdue company { name } "
    "assignedTo { fullName } comments(first: 5) { nodes { text author { fullName } } } "
    "attachments { name } } pageInfo { endCursor } totalCount } }",
    "stats": "{ ticketStats { total overdue unassigned byStatus { status count } } }",
    "feed": "{ ticketEvents(first: 50) { nodes { type ticketNumber } } }",
    "people": "{ users { nodes { fullName role } } companies { nodes { name } } "
    "contacts { nodes { name } } }",
}
REST = (
    "tickets/",
    "tickets/stats/",
    f"tickets/{key('offline')}/",
    "ticket-comments/",
    "ticket-events/",
    "users/",
    "companies/",
    "contacts/",
)
# What is polled: the name of a document, or a path of REST.
POLLED = (*GRAPHQL, *REST)


class Poller(RestClient):
    """Asks for the same things again and again, as the people of the world."""

    async def ask(self, who: str, what: str, tag: str | None = None) -> httpx.Response:
        """Ask for a path of REST, or a document or the name of one; with the tag of an answer."""
        headers = {} if not tag else {"If-None-Match": tag}
        if what not in GRAPHQL and "{" not in what:
            return await self.get(what, who, headers=headers)
        query = {"query": GRAPHQL.get(what, what), "variables": json.dumps({})}
        headers |= self.world.headers(who)
        return await self.client.get("/graphql", params=query, headers=headers)

    async def whole(self, who: str, what: str) -> tuple[str, bytes]:
        """Return the tag and the bytes of an answer; no tag of what is gone."""
        found = await self.ask(who, what)
        assert found.status_code in (200, 404), (what, found.text)
        return found.headers.get("etag", ""), found.content

    async def is_confirmed(self, who: str, what: str, tag: str) -> bool:
        """Whether the answer of a tag is confirmed by one statement that reads no row of it."""
        # Whose token it is is looked up every few seconds, for any request.
        await self.get("", who)
        self.statements.clear()
        found = await self.ask(who, what, tag)
        if found.status_code != 304:
            return False
        assert (found.content, found.headers["etag"]) == (b"", tag)
        (statement,) = self.statements
        return _READ.search(statement) is None


@asynccontextmanager
async def opened(url: str, media: Path, **settings: Any) -> AsyncIterator[Poller]:
    """Open the application on a migrated database."""
    statements: list[str] = []
    given = settings_for(url, media, **settings)
    async with open_app(given, statements.append) as (app, client, world):
        world.eventful = True
        yield Poller(app, client, world, statements)


@pytest.fixture
async def poller(
    keep_open: KeepOpen, kept_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Poller:
    """Give a client of a desk as every test finds it."""

    def opening(url: str) -> AbstractAsyncContextManager[Poller]:
        return opened(url, tmp_path_factory.mktemp("media"))

    found: Poller = await keep_open(kept_url, opening)
    await found.world.reset()
    return found


Opens = Callable[..., AbstractAsyncContextManager[Poller]]


@pytest.fixture
def opens(anyio_backend: str, database_url: str, tmp_path: Path) -> Opens:
    """Give a function that opens a desk with these settings."""

    @asynccontextmanager
    async def open_desk(**settings: Any) -> AsyncIterator[Poller]:
        async with opened(database_url, tmp_path / "media", **settings) as found:
            await found.world.reset()
            yield found

    return open_desk
