"""Random writes over both APIs, sent again until they are answered: each is done once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.concurrency.test_keyed_writes import BROKEN_OFF, Cancelling
from tests.support import proofs
from tests.support.app_client import open_app
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

REPLAYED = "Idempotency-Replayed"
COMMENT = (
    "addComment(input: {ticketId: $ticket, text: $%s}) %s { comment { text } errors { code } }"
)
ONE = f"mutation($ticket: ID!, $a: String!) {{ {COMMENT % ('a', '')} }}"
TWO = (
    "mutation($ticket: ID!, $a: String!, $b: String!) {"
    f" a: {COMMENT % ('a', '%s')} b: {COMMENT % ('b', '%s')} }}"
)
WAYS = ("rest", "header", "two", "directives")
# Which way, on which ticket, and at which statement each try but the last is broken off.
WRITES = st.lists(
    st.tuples(
        st.sampled_from(WAYS),
        st.sampled_from(("offline", "volume")),
        st.lists(st.integers(1, 14), max_size=3),
    ),
    min_size=1,
    max_size=5,
)


@pytest.fixture
async def desk(
    anyio_backend: str, database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[RestClient, Cancelling]]:
    statements = Cancelling()
    settings = settings_for(database_url, tmp_path / "media")
    async with open_app(settings, statements) as (app, client, world):
        yield RestClient(app, client, world, statements), statements


async def send(desk: RestClient, way: str, ticket: str, name: str) -> httpx.Response:
    header = {"Idempotency-Key": name}
    if way == "rest":
        path = f"tickets/{key(ticket)}/add_comment/"
        return await desk.post(path, json={"text": f"{name} a"}, headers=header)
    query = ONE if way == "header" else TWO % ("", "")
    if way == "directives":
        query = TWO % tuple(f'@idempotent(key: "{name} {one}")' for one in "ab")
        header = {}
    variables = {"ticket": str(key(ticket)), "a": f"{name} a", "b": f"{name} b"}
    if way == "header":
        del variables["b"]
    body = {"query": query, "variables": variables}
    return await desk.post("/graphql", json=body, headers=header)


def texts_of(way: str, name: str) -> list[str]:
    return [f"{name} {one}" for one in ("ab" if way in ("two", "directives") else "a")]


@proofs.on("sqlite")
@proofs.examples(small=8, long=100)
@given(writes=WRITES)
async def test_each_acknowledged_write_is_there_once(
    desk: tuple[RestClient, Cancelling], writes: Sequence[tuple[str, str, list[int]]]
) -> None:
    client, statements = desk
    await client.world.reset()

    async def write(number: int, way: str, ticket: str, breaks: list[int]) -> None:
        name = f"write {number}"
        for at in breaks:
            statements.clear()
            statements.at = at
            with suppress(asyncio.CancelledError):
                await asyncio.create_task(send(client, way, ticket, name), name=BROKEN_OFF)
            statements.at = None
        answers = [await send(client, way, ticket, name) for _ in range(2)]
        for answer in answers:
            assert answer.status_code in (200, 201), answer.text
            # REST answers with the comments from before.
            assert way == "rest" or all(text in answer.text for text in texts_of(way, name))
        assert answers[0].content == answers[1].content
        assert (REPLAYED in answers[1].headers) == (way != "directives")

    for number, (way, ticket, breaks) in enumerate(writes):
        await write(number, way, ticket, breaks)
    rows: list[tuple[Any, ...]] = (await client.everything())["comments"]
    # Column 3 of a comment is its text.
    found = sorted(row[3] for row in rows if row[3].startswith("write "))
    wanted = [
        text for number, (way, *_) in enumerate(writes) for text in texts_of(way, f"write {number}")
    ]
    assert found == sorted(wanted)
