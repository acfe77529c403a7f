"""The baseline: the measured reads with as little code around them as possible.

Bare Starlette on uvicorn, one worker with the settings of our own server, a connection pool,
prepared statements, finished JSON from the database, and a constant for a token.
"""

import argparse
import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import baseline_sql
from deskgraph.cli.serving import BACKLOG
from deskgraph.database.postgres.reader import READ_CONNECTIONS
from deskgraph.database.pragmas import SQLITE_PRAGMAS


class Reads(Protocol):
    """The two statements on one kind of database."""

    nested: str
    page: str

    async def open(self) -> None: ...  # noqa: D102
    async def row(self, sql: str) -> Any: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Postgres:
    """An asyncpg pool, which keeps the statements prepared."""

    nested, page = baseline_sql.NESTED_PG, baseline_sql.LIST_PG

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None

    async def open(self) -> None:
        """Connect. The cost of a random page is that of an SSD, so small tables use an index."""
        settings = {"timezone": "UTC", "jit": "off", "random_page_cost": "1.1"}
        self._pool = await asyncpg.create_pool(
            self._url, min_size=READ_CONNECTIONS, max_size=READ_CONNECTIONS,
            server_settings=settings, reset=_keep,
        )  # fmt: skip

    async def row(self, sql: str) -> Any:
        """Run a statement."""
        async with self._pool.acquire() as connection:
            return await connection.fetchrow(sql)

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is: reads change nothing about it."""


class Sqlite:
    """One connection of the standard library's module, in one thread."""

    nested, page = baseline_sql.NESTED_SQLITE, baseline_sql.LIST_SQLITE

    def __init__(self, url: str) -> None:
        self._path = url.removeprefix("sqlite:///")
        self._thread = ThreadPoolExecutor(1)
        self._connection: sqlite3.Connection

    async def open(self) -> None:
        """Open the file as our server does."""
        self._connection = await self._run(
            lambda: sqlite3.connect(self._path, isolation_level=None)
        )
        for pragma in SQLITE_PRAGMAS:
            await self._run(lambda pragma=pragma: self._connection.execute(pragma))

    async def row(self, sql: str) -> Any:
        """Run a statement."""
        return await self._run(lambda: self._connection.execute(sql).fetchone())

    async def close(self) -> None:
        """Close the file."""
        await self._run(self._connection.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[..., Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def create_app(reads: Reads, token: str) -> Starlette:
    """Return the application."""
    expected = f"Bearer {token}"

    async def nested(request: Request) -> Response:
        if request.headers.get("authorization") != expected:
            return Response(status_code=401)
        limit = int(orjson.loads(await request.body())["variables"]["first"])
        (text,) = await reads.row(reads.nested.replace(":limit", str(limit)))
        return _json({"data": {"tickets": orjson.Fragment(text)}})

    async def page(request: Request) -> Response:
        if request.headers.get("authorization") != expected:
            return Response(status_code=401)
        size = int(request.query_params["page_size"])
        number = int(request.query_params.get("page", "1"))
        sql = reads.page.replace(":limit", str(size)).replace(":offset", str((number - 1) * size))
        count, text = await reads.row(sql)
        path = f"http://{request.headers['host']}/api/v1/tickets/"
        following = f"{path}?page={number + 1}&page_size={size}" if number * size < count else None
        previous = f"{path}?page={number - 1}&page_size={size}" if number > 1 else None
        results = orjson.Fragment(text)
        return _json({"count": count, "next": following, "previous": previous, "results": results})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await reads.open()
        yield
        await reads.close()

    routes = [Route("/graphql", nested, methods=["POST"]), Route("/api/v1/tickets/", page)]
    return Starlette(routes=routes, lifespan=lifespan)


def _json(value: object) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")


def main() -> None:
    """Serve on a port; database and token are in the environment, where no one else reads them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    url, token = os.environ["DESKGRAPH_DATABASE_URL"], os.environ["BASELINE_TOKEN"]
    reads: Reads = Sqlite(url) if url.startswith("sqlite") else Postgres(url)
    uvicorn.run(
        create_app(reads, token),
        host="127.0.0.1",
        port=parser.parse_args().port,
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
