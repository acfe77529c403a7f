"""The baseline of writes: each transaction with as little code around it as possible.

Bare Starlette on uvicorn, one worker, a constant for a token, prepared statements. What is stored,
what is answered, and what holds after a crash is the same as with our server.
"""

import argparse
import asyncio
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.writes import sql
from deskgraph.cli.serving import BACKLOG
from deskgraph.database.pragmas import SQLITE_PRAGMAS
from deskgraph.database.writers import WRITE_CONNECTIONS
from models.base import new_id
from models.search import SEPARATOR, normalize_search
from models.types import time_text

CONNECTIONS = 8
assert CONNECTIONS >= WRITE_CONNECTIONS

# Yields statements with their values, is sent their first rows, and returns the row's id.
Work = Generator[tuple[str, tuple[object, ...]], Any, UUID]


class Refused(Exception):
    """A row that is written about does not exist."""


@dataclass(frozen=True)
class Reads:
    """The statements that read back what was written."""

    rest_ticket: str
    rest_comment: str
    created: str
    comment: str
    changed: str


class Desk(Protocol):
    """One kind of database."""

    reads: Reads
    lock: str
    event: str

    def time(self, value: datetime) -> object: ...  # noqa: D102
    def key(self, value: UUID) -> object: ...  # noqa: D102
    async def open(self) -> None: ...  # noqa: D102
    async def write(self, work: Work, read: str) -> str: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Postgres:
    """An asyncpg pool, which keeps the statements prepared."""

    reads = Reads(
        sql.REST_TICKET_PG,
        sql.REST_COMMENT_PG,
        sql.GRAPHQL_CREATED_PG,
        sql.GRAPHQL_COMMENT_PG,
        sql.GRAPHQL_CHANGED_PG,
    )
    lock = f"{sql.LOCK} FOR UPDATE"
    event = sql.INSERT_EVENT_PG

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: Any = None

    def time(self, value: datetime) -> object:
        """Return a time as it is stored."""
        return value

    def key(self, value: UUID) -> object:
        """Return an id as it is stored."""
        return value

    async def open(self) -> None:
        """Connect."""
        settings = {"timezone": "UTC", "jit": "off", "random_page_cost": "1.1"}
        self._pool = await asyncpg.create_pool(
            self._url, min_size=CONNECTIONS, max_size=CONNECTIONS,
            server_settings=settings, reset=_keep,
        )  # fmt: skip

    async def write(self, work: Work, read: str) -> str:
        """Run a transaction, and then read."""
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                row = None
                try:
                    while True:
                        statement, values = work.send(row)
                        row = await connection.fetchrow(statement, *values)
                except StopIteration as done:
                    key = done.value
            return str(await connection.fetchval(read, key))

    async def close(self) -> None:
        """Disconnect."""
        await self._pool.close()


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is."""


class Sqlite:
    """One connection of the standard library's module, in one thread."""

    reads = Reads(
        sql.REST_TICKET_SQLITE,
        sql.REST_COMMENT_SQLITE,
        sql.GRAPHQL_CREATED_SQLITE,
        sql.GRAPHQL_COMMENT_SQLITE,
        sql.GRAPHQL_CHANGED_SQLITE,
    )
    lock = sql.LOCK
    event = sql.INSERT_EVENT

    def __init__(self, url: str) -> None:
        self._path = url.removeprefix("sqlite:///")
        self._thread = ThreadPoolExecutor(1)
        self._connection: sqlite3.Connection

    def time(self, value: datetime) -> object:
        """Return a time as it is stored."""
        return time_text(value)

    def key(self, value: UUID) -> object:
        """Return an id as it is stored."""
        return str(value)

    async def open(self) -> None:
        """Open the file as our server does."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._open)

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in SQLITE_PRAGMAS:
            self._connection.execute(pragma)

    async def write(self, work: Work, read: str) -> str:
        """Run a transaction, and then read."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, work, read)

    def _write(self, work: Work, read: str) -> str:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        row = None
        try:
            while True:
                statement, values = work.send(row)
                row = run(statement, values).fetchone()
                if row is not None:
                    row = dict(zip(_names(statement), row, strict=True))
        except StopIteration as done:
            key = done.value
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")
        return str(run(read, (str(key),)).fetchone()[0])

    async def close(self) -> None:
        """Close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()


def _names(statement: str) -> list[str]:
    if statement.startswith("SELECT "):
        return statement.removeprefix("SELECT ").partition(" FROM ")[0].split(", ")
    return [statement.rpartition(" RETURNING ")[2]]


class Writes:
    """The three transactions, for one user."""

    def __init__(self, desk: Desk, viewer: UUID) -> None:
        self._desk = desk
        self._viewer = desk.key(viewer)

    def create(self, given: dict[str, str], via: str) -> Work:
        """Create a ticket."""
        key, now = new_id(), datetime.now(UTC)
        at, stored = self._desk.time(now), self._desk.key(key)
        company = self._desk.key(UUID(given["company"]))
        if (yield sql.COMPANY, (company,)) is None:
            raise Refused
        day = f"{now:%Y%m%d}"
        number = f"T-{day}-{(yield sql.COUNT, (day,))['value']:04}"
        subject, description = given["subject"].strip(), given["description"].strip()
        fields = (number, subject, description)
        yield (
            sql.INSERT_TICKET,
            (
                *(stored, *fields, "new", given["priority"].lower(), "general", company, None),
                *(self._viewer, "", 1, at, at, _searched(*fields)),
            ),
        )
        yield self._event("created", stored, company, number, None, "[]", via, at)
        return key

    def comment(self, ticket: UUID, text: str, via: str) -> Work:
        """Comment on a ticket."""
        key, at = new_id(), self._desk.time(datetime.now(UTC))
        stored = self._desk.key(key)
        row = yield self._desk.lock, (self._desk.key(ticket),)
        if row is None:
            raise Refused
        text = text.strip()
        values = (stored, row["id"], self._viewer, text, False, 1, at, at, _searched(text))
        yield sql.INSERT_COMMENT, values
        if row["first_response_at"] is None:
            yield sql.ANSWERED, (row["id"], at)
        told = row["id"], row["company_id"], row["ticket_number"]
        yield self._event("comment_added", *told, stored, "[]", via, at)
        return key

    def change(self, ticket: UUID, subject: str, via: str) -> Work:
        """Change the subject of a ticket."""
        at = self._desk.time(datetime.now(UTC))
        row = yield self._desk.lock, (self._desk.key(ticket),)
        if row is None:
            raise Refused
        if row["subject"] != subject:
            searched = _searched(row["ticket_number"], subject, row["description"])
            yield sql.CHANGE, (row["id"], subject, searched, at)
            entry = {"field": "subject", "from": row["subject"], "to": subject}
            told = row["id"], row["company_id"], row["ticket_number"]
            changes = orjson.dumps([entry]).decode()
            yield self._event("updated", *told, None, changes, via, at)
        return ticket

    def _event(
        self,
        type_: str,
        ticket: object,
        company: object,
        number: object,
        comment: object,
        changes: str,
        via: str,
        at: object,
    ) -> tuple[str, tuple[object, ...]]:
        about = (self._desk.key(new_id()), type_, ticket, company, number, comment)
        return self._desk.event, (*about, self._viewer, via, False, changes, at)


def _searched(*texts: str) -> str:
    return SEPARATOR.join(normalize_search(text) for text in texts)


class App:
    """The handlers of requests."""

    def __init__(self, desk: Desk, token: str, viewer: UUID) -> None:
        self._desk = desk
        self._expected = f"Bearer {token}"
        self._writes = Writes(desk, viewer)

    async def _given(self, request: Request) -> Any:
        if request.headers.get("authorization") != self._expected:
            raise HTTPException(401)
        return orjson.loads(await request.body())

    async def graphql(self, request: Request) -> Response:
        """Answer one of the three mutations."""
        body = await self._given(request)
        given, reads = body["variables"]["input"], self._desk.reads
        if body["query"].startswith("mutation Create"):
            work = self._writes.create({**given, "company": given["companyId"]}, "graphql")
            return _made("createTicket", "ticket", await self._desk.write(work, reads.created))
        if body["query"].startswith("mutation Comment"):
            work = self._writes.comment(UUID(given["ticketId"]), given["text"], "graphql")
            return _made("addComment", "comment", await self._desk.write(work, reads.comment))
        work = self._writes.change(UUID(given["id"]), given["subject"], "graphql")
        return _made("updateTicket", "ticket", await self._desk.write(work, reads.changed))

    async def create(self, request: Request) -> Response:
        """Create a ticket."""
        work = self._writes.create(await self._given(request), "rest")
        return _tagged((await self._desk.write(work, self._desk.reads.rest_ticket))[1:-1], 201)

    async def comment(self, request: Request) -> Response:
        """Comment on a ticket."""
        given = await self._given(request)
        work = self._writes.comment(UUID(given["ticket"]), given["text"], "rest")
        return _tagged(await self._desk.write(work, self._desk.reads.rest_comment), 201)

    async def change(self, request: Request) -> Response:
        """Change the subject of a ticket."""
        given = await self._given(request)
        work = self._writes.change(UUID(request.path_params["id"]), given["subject"], "rest")
        return _tagged((await self._desk.write(work, self._desk.reads.rest_ticket))[1:-1], 200)


def create_app(desk: Desk, token: str, viewer: UUID) -> Starlette:
    """Return the application."""
    app = App(desk, token, viewer)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await desk.open()
        yield
        await desk.close()

    routes = [
        Route("/graphql", app.graphql, methods=["POST"]),
        Route("/api/v1/tickets/", app.create, methods=["POST"]),
        Route("/api/v1/ticket-comments/", app.comment, methods=["POST"]),
        Route("/api/v1/tickets/{id}/", app.change, methods=["PATCH"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _made(mutation: str, name: str, text: str) -> Response:
    payload = {name: orjson.Fragment(text), "errors": []}
    found = orjson.dumps({"data": {mutation: payload}})
    return Response(found, media_type="application/json")


def _tagged(text: str, status: int) -> Response:
    tag = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Response(text, status, {"ETag": f'"{tag}"'}, media_type="application/json")


def main() -> None:
    """Serve on a port; database, token and user are in the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    url, token = os.environ["DESKGRAPH_DATABASE_URL"], os.environ["BASELINE_TOKEN"]
    desk: Desk = Sqlite(url) if url.startswith("sqlite") else Postgres(url)
    uvicorn.run(
        create_app(desk, token, UUID(os.environ["BASELINE_USER"])),
        host="127.0.0.1",
        port=parser.parse_args().port,
        backlog=BACKLOG,
        access_log=False,
        server_header=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
