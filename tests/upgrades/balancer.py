"""A round-robin client over several servers, which follows what their ``/readyz`` says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

POLL_SECONDS = 0.05


@dataclass
class Backend:
    """A server: whether it is ready, and what is under way there."""

    base: str
    ready: bool = False
    running: int = 0


@dataclass
class Balancer:
    """Sends each request to the next ready server, over a connection of its own.

    As proxies do it, a server that is no longer ready gets no new requests.
    """

    client: httpx.AsyncClient
    backends: list[Backend] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    # By kind of request, and by server.
    answered: Counter[str] = field(default_factory=Counter)
    turn: int = 0

    def add(self, base: str) -> Backend:
        """Begin to look whether a server is ready."""
        backend = Backend(base)
        self.backends.append(backend)
        return backend

    async def until_ready(self, backend: Backend) -> None:
        """Wait until a server is ready."""
        while not backend.ready:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    async def retire(self, base: str) -> None:
        """Wait until a server is not ready, send it nothing more, and wait for what is under way.

        Its workers become not ready one by one, so that it may seem to be ready again meanwhile.
        """
        (backend,) = (one for one in self.backends if one.base == base)
        while backend.ready:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        self.backends.remove(backend)
        while backend.running:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    def next(self) -> Backend:
        """Return the server whose turn it is."""
        ready = [backend for backend in self.backends if backend.ready]
        assert ready, "no server is ready"
        self.turn += 1
        return ready[self.turn % len(ready)]

    async def send(self, kind: str, method: str, path: str, **options: Any) -> Any:
        """Send a request, and return its JSON; whatever is no success is a failure."""
        backend = self.next()
        backend.running += 1
        try:
            response = await self.client.request(method, backend.base + path, **options)
            body = response.json()
            if response.status_code not in (200, 201) or "errors" in body:
                self.failed.append(f"{kind}: {response.status_code} {response.text[:300]}")
        except httpx.HTTPError as error:
            self.failed.append(f"{kind}: {error!r}")
            body = None
        finally:
            backend.running -= 1
        self.answered[kind] += 1
        self.answered[backend.base] += 1
        return body

    async def poll(self) -> None:
        """Look again and again which servers are ready."""
        while True:
            await asyncio.gather(*map(self._look, list(self.backends)))
            await asyncio.sleep(POLL_SECONDS)

    async def _look(self, backend: Backend) -> None:
        try:
            response = await self.client.get(f"{backend.base}/readyz")
            backend.ready = response.status_code == 200
        except httpx.HTTPError:
            backend.ready = False


@asynccontextmanager
async def balancing() -> AsyncIterator[Balancer]:
    """Give a balancer that knows no server yet."""
    fresh = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=60, limits=fresh, verify=False) as client:
        balancer = Balancer(client)
        polling = asyncio.create_task(balancer.poll())
        try:
            yield balancer
        finally:
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
