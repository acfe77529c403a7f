"""The application over a small world that is put back after each request that changed it."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlmodel import SQLModel
from starlette.applications import Starlette

from deskgraph.app import create_app
from deskgraph.settings import Settings
from models import Attachment, Comment, Ticket
from resolvers.auth.tokens import Tokens
from resolvers.services import Services
from tests.fuzz.requests import Asked, raw
from tests.rest_compat.conftest import fill, key
from tests.support.clock import Clock

TABLES = SQLModel.metadata.sorted_tables
SECRET = b"Between us"
Rows = dict[str, dict[Any, Mapping[str, Any]]]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


class World:
    """An open application; requests go to it as a server hands them on, bytes and all."""

    def __init__(self, settings: Settings, clock: Clock, media: Path) -> None:
        self.app: Starlette = create_app(settings, clock=clock)
        self.services: Services = self.app.state.services
        self._engine: AsyncEngine = self.services.database.engine
        self._media = media
        # How often each status was answered: noise alone would only be refused.
        self.seen: Counter[int] = Counter()
        self._runner = asyncio.Runner()
        self._lifespan = self.app.router.lifespan_context(self.app)

    def __enter__(self) -> "World":
        self._runner.run(self._open())
        return self

    def __exit__(self, *_error: object) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _open(self) -> None:
        await self._lifespan.__aenter__()
        await fill(self.services)
        self._media.mkdir(exist_ok=True)
        photo = Attachment(
            id=key("photo"),
            ticket_id=key("offline"),
            key="photo",
            name="photo.png",
            size=5,
            content_type="image/png",
            sha256="0" * 64,
            created_at=self.services.clock(),
            updated_at=self.services.clock(),
        )
        async with self.services.database.transaction() as session:
            session.add(photo)
            # As every ticket that was closed here; else its next write would stamp it.
            bill = await session.get(Ticket, key("bill"))
            assert bill is not None
            bill.closed_at = bill.created_at
        (self._media / "photo").write_bytes(b"photo")
        self.rows = await self._rows()
        self.files = self._files()

    async def _close(self) -> None:
        await self._lifespan.__aexit__(None, None, None)

    def ask(self, asked: Asked) -> None:
        """Send a request, and hold what it did against what requests may do."""
        self._runner.run(self._ask(asked))

    async def _ask(self, asked: Asked) -> None:
        answer = await send(self.app, asked, self.services.tokens)
        self.seen[answer.status] += 1
        after, files = await self._rows(), self._files()
        try:
            judge(asked, answer, self.rows, after)
            named = {row["key"] for row in after["attachments"].values()}
            assert set(files) == named, (set(files), named)
        finally:
            if after != self.rows or files != self.files:
                await self._put_back(files)

    async def unchanged(self) -> bool:
        """Whether the world is as it was, for requests that went another way."""
        return await self._rows() == self.rows and self._files() == self.files

    async def _rows(self) -> Rows:
        found: Rows = {}
        async with self._engine.begin() as connection:
            for table in TABLES:
                rows = (await connection.execute(select(table))).mappings()
                found[table.name] = {
                    tuple(row[column.name] for column in table.primary_key): dict(row)
                    for row in rows
                }
        return found

    def _files(self) -> dict[str, bytes]:
        paths = (path for path in self._media.rglob("*") if path.is_file())
        return {str(path.relative_to(self._media)): path.read_bytes() for path in paths}

    async def _put_back(self, files: dict[str, bytes]) -> None:
        async with self._engine.begin() as connection:
            for table in reversed(TABLES):
                await connection.execute(delete(table))
            for table in TABLES:
                plain = [column.name for column in table.columns if column.computed is None]
                rows = [
                    {name: row[name] for name in plain} for row in self.rows[table.name].values()
                ]
                if rows:
                    await connection.execute(table.insert(), rows)
        for name in set(files) - set(self.files):
            (self._media / name).unlink()
        for name, content in self.files.items():
            (self._media / name).write_bytes(content)
        for user in self.rows["users"].values():
            self.services.viewers.forget(user["id"])


async def send(app: Starlette, asked: Asked, tokens: Tokens) -> Answer:
    """Call an application as a server does."""
    headers = [(b"host", b"desk.test"), *asked.headers]
    if asked.who is not None:
        headers.append((b"authorization", b"Bearer " + tokens.access(key(asked.who)).encode()))
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
    if asked.who not in ("norbert", "keith"):
        assert SECRET not in answer.body
    if answer.status >= 300 or asked.reads:
        assert after == before, "a request that was refused, or that reads, changed something"
        return
    _judge_events(before, after)


def _judge_events(before: Rows, after: Rows) -> None:
    """Rows of a ticket and its events change together."""
    new = [row for key, row in after["ticket_events"].items() if key not in before["ticket_events"]]
    told = {event["ticket_id"] for event in new}
    changed = set()
    for model, name in ((Ticket, "id"), (Comment, "ticket_id"), (Attachment, "ticket_id")):
        table = str(model.__tablename__)
        old, now = before[table], after[table]
        for key_ in {*old, *now}:
            if _kept(old.get(key_)) != _kept(now.get(key_)):
                changed.add((now.get(key_) or old[key_])[name])
    assert told == changed, (told, changed)
    assert all(key_ in after["ticket_events"] for key_ in before["ticket_events"])


def _kept(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what of a row its events tell of: not when it was saved."""
    if row is None:
        return None
    return {name: value for name, value in row.items() if name != "updated_at"}
