"""What a client asked for stops in the database when the client goes away."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from sqlmodel import select

from models import Attachment, Comment, Ticket, TicketEvent
from tests.live.conftest import Live
from tests.live.slow import (
    COMMENTS,
    SAY,
    SlowPostgres,
    SlowSqlite,
    graphql,
    is_not,
    slow,
    stored,
    until,
    usable,
)
from tests.support.rows import key

pytestmark = pytest.mark.anyio


async def hang_up(
    planted: SlowSqlite | SlowPostgres, request: Coroutine[Any, Any, httpx.Response]
) -> None:
    """Close the connection of a request while its statement runs, and see the statement stop."""
    planted.forget()
    asked = asyncio.create_task(request)
    await until(planted.runs)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await until(lambda: is_not(planted.runs()))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing of this is worth a line in the log."""
    yield
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert loud == []


@pytest.mark.parametrize("api", ["graphql", "rest"])
async def test_a_read_stops(live: Live, api: str) -> None:
    async with slow(live, "comments") as planted:
        # More often than there are connections: each of them is given back.
        for _ in range(10):
            await hang_up(
                planted,
                graphql(live, COMMENTS) if api == "graphql" else live.rest("GET", "tickets/"),
            )
        await usable(live)


@pytest.mark.parametrize("how", ["complete", "close"])
async def test_an_operation_of_a_socket_stops(live: Live, how: str) -> None:
    async with slow(live, "comments") as planted:
        async with live.socket() as socket:
            await socket.subscribe(COMMENTS)
            await until(planted.runs)
            if how == "complete":
                await socket.send(type="complete", id="1")
            else:
                await socket.connection.close()
            await until(lambda: is_not(planted.runs()))
            if how == "complete":
                await socket.subscribe("{ viewer { username } }", id="2")
                assert (await socket.receive())["payload"]["data"]["viewer"]["username"] == "keith"
        await usable(live)


async def test_a_write_stops_and_leaves_nothing(live: Live) -> None:
    [before] = await stored(live, Comment)
    async with slow(live, "comments", write=True) as planted:
        for _ in range(5):
            await hang_up(planted, graphql(live, SAY, ticket=str(key("offline"))))
        await usable(live)
    # The root before it was done by then; of the slow one there is no trace.
    async with live.world.services.database.transaction() as session:
        ticket = await session.get_one(Ticket, key("offline"))
        types = (await session.exec(select(TicketEvent.type))).all()
    assert (ticket.subject, ticket.first_response_at) == ("Renamed", None)
    assert types == ["updated"]
    assert await stored(live, Comment) == [before]

    said = await graphql(live, SAY, ticket=str(key("offline")))
    assert said.json()["data"]["addComment"] == {"errors": []}
    assert await stored(live, Comment) == [before + 1]


async def test_an_upload_leaves_neither_row_nor_file(live: Live) -> None:
    folder = live.world.media

    def files() -> set[str]:
        return {path.name for path in folder.rglob("*") if path.is_file()}

    before, rows = files(), await stored(live, Attachment, TicketEvent)
    headers = {"Authorization": live.token("keith")}
    async with slow(live, "attachments", write=True) as planted:
        await hang_up(
            planted,
            live.client.post(
                "/api/v1/ticket-attachments/",
                data={"ticket": str(key("offline"))},
                files={"file": ("never.txt", b"kept by nobody")},
                headers=headers,
            ),
        )

    async def gone() -> bool:
        return files() == before

    await until(gone)
    assert await stored(live, Attachment, TicketEvent) == rows
