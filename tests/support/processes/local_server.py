"""Real servers in this process: in the event loop of a test, or in a thread.

They listen on a free port, and leave the signals of the process to pytest.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from tests.support.processes.launcher import DEADLINE_SECONDS


class LocalServer(uvicorn.Server):
    """A server that tells when it has started, or when it could not."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event | threading.Event) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            self.ready.set()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@dataclass(frozen=True)
class Running:
    """A running server and where it listens."""

    server: uvicorn.Server
    port: int

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(app: Any, **config: Any) -> AsyncIterator[Running]:
    """Serve an application in this event loop, with the options of ``uvicorn.Config``."""
    ready = asyncio.Event()
    server = LocalServer(uvicorn.Config(app, **config), ready)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = asyncio.create_task(server.serve([listening]))
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await ready.wait()
            assert server.started
            yield Running(server, listening.getsockname()[1])
        finally:
            server.should_exit = True
            await running


@contextmanager
def serving_in_a_thread(app: Any, **config: Any) -> Iterator[Running]:
    """Serve an application in a thread, with the options of ``uvicorn.Config``."""
    ready = threading.Event()
    server = LocalServer(uvicorn.Config(app, **config), ready)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            assert ready.wait(DEADLINE_SECONDS)
            assert server.started
            yield Running(server, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
