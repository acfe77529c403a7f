"""The baseline of writes: each transaction with as little code around it as possible.

Bare Starlette on uvicorn, one worker, a constant for a token, prepared statements. What is stored,
what is answered, and what holds after a crash is the same as with our server.
"""

import argparse
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.writes.desks import Desk, Postgres, Sqlite
from benchmarks.writes.transactions import Writes
from deskgraph.cli.serving import BACKLOG


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
