"""The application over the world, and what no request may do to it, whatever it is."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from starlette.applications import Starlette

from deskgraph.settings import Settings
from models import DELETED_ATTACHMENTS, Attachment, Comment, Company, Ticket, TicketEvent, table_of
from tests.fuzz.requests import Asked, raw
from tests.support.app_client import open_app
from tests.support.named_rows import CONTENT, SECRET, named_rows
from tests.support.rows import key
from tests.support.stored import Rows, stored_rows
from tests.support.world import World


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Judge:
    """Sends requests as a server hands them on, bytes and all, and judges what they did.

    The world is put back after each request that changed it.
    """

    app: Starlette
    world: World
    rows: Rows

    def __init__(self, settings: Settings) -> None:
        # How often each status was answered: noise alone would only be refused.
        self.seen: Counter[int] = Counter()
        self._runner = asyncio.Runner()
        self._opening = open_app(settings)

    def __enter__(self) -> "Judge":
        self._runner.run(self._open())
        return self

    def __exit__(self, *_error: object) -> None:
        self._runner.run(self._opening.__aexit__(None, None, None))
        self._runner.close()

    async def _open(self) -> None:
        self.app, _client, self.world = await self._opening.__aenter__()
        await self._put_back()
        self.rows = await stored_rows(self.world.database)

    def ask(self, asked: Asked) -> None:
        """Send a request, and hold what it did against what requests may do."""
        self._runner.run(self._ask(asked))

    async def _ask(self, asked: Asked) -> None:
        answer = await send(self.app, asked, self.world)
        self.seen[answer.status] += 1
        after, files = await stored_rows(self.world.database), self._files()
        kept = files.items() & _FILES.items()
        try:
            judge(asked, answer, self.rows, after)
            # A deleted row keeps its file, as long as the deletion may be undone.
            tables = (table_of(Attachment), DELETED_ATTACHMENTS)
            named = {row["key"] for table in tables for row in _by_id(table, after).values()}
            assert set(files) == named, (set(files), named)
            assert {name for name, _ in kept} == _FILES.keys() & named, "a file has other content"
        finally:
            if after != self.rows or files != _FILES:
                await self._put_back()

    async def _put_back(self) -> None:
        """Go back to the common rows; Centara is inactive, so one customer is always refused."""
        self.world.changed = True
        await self.world.reset()
        await self.world.change(Company, key("centara"), is_active=False)

    def _files(self) -> dict[str, bytes]:
        return {name: (self.world.media / name).read_bytes() for name in self.world.files()}


_FILES = {row.key: CONTENT for row in named_rows() if isinstance(row, Attachment)}


async def send(app: Starlette, asked: Asked, world: World) -> Answer:
    """Call an application as a server does."""
    login = world.headers(asked.who).items()
    headers = [(b"host", b"desk.test"), *asked.headers]
    headers += [(name.lower().encode(), value.encode()) for name, value in login]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": raw(asked.path).decode("utf-8", "replace"),
        "raw_path": raw(asked.path),
        "root_path": "",
        "query_string": asked.query,
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    # In two pieces, so that what is split across them is put together again.
    half = len(asked.body) // 2
    pieces = [asked.body[:half], asked.body[half:]]
    start: dict[str, Any] = {}
    body = bytearray()

    async def receive() -> dict[str, Any]:
        if not pieces:
            # The client is there until it has its answer.
            await asyncio.Event().wait()
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def take(message: Any) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, take)
    shown = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], shown, bytes(body))


def judge(asked: Asked, answer: Answer, before: Rows, after: Rows) -> None:
    """Say what no request may do, whatever it is."""
    assert 200 <= answer.status < 500, (answer.status, answer.body[:500])
    if answer.headers.get("content-type") == "application/json" and asked.method != "HEAD":
        json.loads(answer.body)
    if asked.who not in ("admin", "keith"):
        assert SECRET.encode() not in answer.body
    if answer.status >= 300 or asked.reads:
        assert after == before, "a request that was refused, or that reads, changed something"
        return
    _judge_events(before, after)


def _by_id(table: Table, rows: Rows) -> dict[Any, Mapping[str, Any]]:
    """Return the rows of a table by their ids."""
    named = [dict(zip(table.columns.keys(), row, strict=True)) for row in rows[table.name]]
    return {row["id"]: row for row in named}


def _judge_events(before: Rows, after: Rows) -> None:
    """Rows of a ticket and its events change together."""
    log = table_of(TicketEvent)
    past, events = _by_id(log, before), _by_id(log, after)
    told = {event["ticket_id"] for id_, event in events.items() if id_ not in past}
    changed = set()
    for model, name in ((Ticket, "id"), (Comment, "ticket_id"), (Attachment, "ticket_id")):
        old, now = _by_id(table_of(model), before), _by_id(table_of(model), after)
        for id_ in {*old, *now}:
            if _kept(old.get(id_)) != _kept(now.get(id_)):
                changed.add((now.get(id_) or old[id_])[name])
    assert told == changed, (told, changed)
    assert past.keys() <= events.keys()


def _kept(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what of a row its events tell of: not when it was saved."""
    if row is None:
        return None
    return {name: value for name, value in row.items() if name != "updated_at"}
