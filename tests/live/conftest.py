"""The application behind a real server, and clients that follow it over both transports."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from deskgraph.app import create_app
from tests.support.clock import NOON, Clock
from tests.support.limits import UNBOUNDED
from tests.support.processes.launcher import DEADLINE_SECONDS
from tests.support.processes.local_server import serving
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.world import World

FOLLOW = "subscription($after: String) { ticketEvents(after: $after) { cursor type ticketNumber } }"
# Accepted for half an hour.
OLD_KEY = "the key of the server before the current one"
PROTOCOL = Subprotocol("graphql-transport-ws")


@dataclass
class Socket:
    """A connection of the graphql-transport-ws protocol."""

    connection: ClientConnection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        text = await self.connection.recv()
        assert isinstance(text, str)
        message: dict[str, Any] = json.loads(text)
        return message

    async def subscribe(self, query: str = FOLLOW, id: str = "1", **variables: Any) -> None:
        await self.send(type="subscribe", id=id, payload={"query": query, "variables": variables})

    async def next(self, id: str = "1") -> Any:
        """Return the data of the next event."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert message["id"] == id
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]["ticketEvents"]

    async def messages_until_closed(self) -> list[dict[str, Any]]:
        """Return what the server still sends before it closes the connection."""
        messages = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(await self.receive())
        return messages

    async def ended(self) -> tuple[int, str]:
        """Return how the server closes the connection, whatever comes before."""
        await self.messages_until_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@dataclass
class Stream:
    """An answer of server-sent events."""

    response: httpx.Response
    frames: AsyncIterator[dict[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.frames = self._frames()

    async def _frames(self) -> AsyncIterator[dict[str, str]]:
        frame: dict[str, str] = {}
        async for line in self.response.aiter_lines():
            if not line:
                yield frame
                frame = {}
                continue
            name, _, value = line.partition(": ")
            frame[name] = value

    async def frame(self) -> dict[str, str]:
        return await anext(self.frames)

    async def next(self) -> Any:
        """Return the data of the next event."""
        frame = await self.frame()
        assert frame["event"] == "next", frame
        payload = json.loads(frame["data"])
        assert "errors" not in payload, payload
        return payload["data"]["ticketEvents"]


@dataclass
class Live:
    """A running server with its world."""

    base: str
    world: World
    client: httpx.AsyncClient
    statements: list[str]
    app: Starlette

    def token(self, who: str) -> str:
        return self.world.token(who)

    @asynccontextmanager
    async def socket(
        self, who: str | None = "keith", *, init: bool = True, **options: Any
    ) -> AsyncIterator[Socket]:
        """Open a connection, and have it acknowledged."""
        url = self.base.replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[PROTOCOL], **options) as connection:
            opened = Socket(connection)
            if init:
                payload = {} if who is None else {"Authorization": self.token(who)}
                await opened.send(type="connection_init", payload=payload)
                assert (await opened.receive())["type"] == "connection_ack"
            yield opened

    @asynccontextmanager
    async def stream(
        self, who: str | None = "keith", query: str = FOLLOW, /, **more: Any
    ) -> AsyncIterator[Stream]:
        """Ask for a stream."""
        headers = {"Accept": "text/event-stream", **more.pop("headers", {})}
        if who is not None:
            headers["Authorization"] = self.token(who)
        body = {"query": query, "variables": more}
        async with self.client.stream("POST", "/graphql", json=body, headers=headers) as response:
            yield Stream(response)

    async def rest(self, method: str, path: str, who: str = "keith", **body: Any) -> httpx.Response:
        headers = {"Authorization": self.token(who)}
        return await self.client.request(
            method, f"/api/v1/{path}", headers=headers, json=body or None
        )

    async def rename(self, name: str, subject: str) -> None:
        """Let something happen to a ticket."""
        response = await self.rest("PATCH", f"tickets/{key(name)}/", subject=subject)
        assert response.status_code == 200, response.text

    async def settled(self, subscribers: int) -> None:
        """Wait until so many follow the log."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.world.services.broker.subscriber_count != subscribers:  # noqa: ASYNC110
                await asyncio.sleep(0)


@pytest.fixture
async def live(
    anyio_backend: str, database_url: str, tmp_path: Path, statements: list[str]
) -> AsyncIterator[Live]:
    """Give a server that runs in this process."""
    until = NOON + timedelta(minutes=30)
    old_key = {"secret_key_old": OLD_KEY, "secret_key_old_until": until}
    more = {"cors_origins": "http://good.example", **old_key, "compression": "on", **UNBOUNDED}
    settings = settings_for(database_url, tmp_path / "media", **more)
    app = create_app(settings, clock=Clock(), observer=statements.append)
    world = World(app.state.services, settings)
    # Its log goes where all others go, so that tests can read it.
    options = {"log_config": None, "log_level": "warning", "ws_max_size": 2**20}
    async with (
        serving(app, **options) as running,
        # Reading the trusted certificates, for HTTPS, takes tens of ms.
        httpx.AsyncClient(base_url=running.base, timeout=DEADLINE_SECONDS, verify=False) as client,
    ):
        await world.reset()
        yield Live(running.base, world, client, statements, app)
