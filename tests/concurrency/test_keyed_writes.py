"""Writes with a key beside others: they wait for a bounded time, and end wholly or not at all."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import asyncpg
import httpx
import pytest

from deskgraph.database.urls import dsn_of
from resolvers.errors import Contended
from resolvers.write_statements import KEY, Transaction
from tests.concurrency.holding import LOCK_TICKET, Held
from tests.support.app_client import open_app
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

KEYED = {"Idempotency-Key": "one"}
REPLAYED = "Idempotency-Replayed"
BOTH = """mutation($first: ID!, $second: ID!) {
  first: updateTicket(input: {id: $first, priority: LOW}) { ticket { priority } }
  second: updateTicket(input: {id: $second, priority: LOW}) { ticket { priority } }
}"""
ONE = """mutation($first: ID!) {
  updateTicket(input: {id: $first, priority: LOW}) @idempotent(key: "one") { ticket { priority } }
}"""


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[RestClient]:
    statements: list[str] = []
    given = settings_for(database_url, tmp_path / "media")
    async with open_app(given, statements.append) as (app, client, world):
        await world.reset()
        yield RestClient(app, client, world, statements)


def impatient(desk: RestClient) -> None:
    # The desk of a running server is not to be changed by anybody else.
    object.__setattr__(desk.services, "idempotency_wait_seconds", 0.05)


async def graphql(
    desk: RestClient, query: str, *tickets: str, headers: dict[str, str] = KEYED
) -> httpx.Response:
    variables = dict(zip(("first", "second"), map(str, map(key, tickets)), strict=False))
    body = {"query": query, "variables": variables}
    return await desk.post("/graphql", json=body, headers=dict(headers))


@asynccontextmanager
async def first_still_runs(desk: RestClient) -> AsyncIterator[None]:
    """Hold a key as a request does that another process has begun."""
    if desk.database.is_sqlite:
        path = str(desk.database.url.database)
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            writer.execute("BEGIN IMMEDIATE")
            yield
        return
    other = await asyncpg.connect(dsn_of(desk.database.url))
    await other.execute("BEGIN")
    insert = "INSERT INTO idempotency_keys VALUES ($1, 'one', 'f', '', now())"
    await other.execute(insert, key("keith"))
    yield
    await other.close()


async def test_a_request_waits_for_the_first_one_and_is_then_told_to_come_again(
    desk: RestClient,
) -> None:
    impatient(desk)
    before = await desk.everything()
    async with first_still_runs(desk):
        write = await desk.post("tickets/", json=desk.minimal(), headers=dict(KEYED))
        refusal = await desk.post("tickets/", json={"subject": ""}, headers=dict(KEYED))
        for found in (write, refusal):
            assert (found.status_code, found.headers["Retry-After"]) == (409, "1")
            assert found.json()["detail"].startswith("A request with this idempotency key is still")
        operation = await graphql(desk, BOTH, "offline", "volume")
        assert (operation.status_code, operation.headers["Retry-After"]) == (409, "1")
        [error] = operation.json()["errors"]
        assert error["extensions"]["code"] == "IDEMPOTENCY_KEY_IN_USE"
        field = (await graphql(desk, ONE, "offline", headers={})).json()
        [error] = field["errors"]
        assert error["extensions"] == {
            "code": "IDEMPOTENCY_KEY_IN_USE",
            "retryAfter": 1,
            "requestId": ANY,
        }
    assert await desk.everything() == before
    done = await desk.post("tickets/", json=desk.minimal(), headers=dict(KEYED))
    assert (done.status_code, REPLAYED in done.headers) == (201, False)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_an_operation_that_would_wait_for_one_that_waits_for_it_gives_up(
    desk: RestClient,
) -> None:
    before = await desk.everything()
    # A write that holds a ticket wants the log of events next, which the first mutation has.
    async with Held(desk.world, "volume"):
        found = await graphql(desk, BOTH, "offline", "volume")
    answer = found.json()
    assert answer["data"] is None
    assert [one["extensions"] for one in answer["errors"]] == [
        {"code": "UNAVAILABLE", "retryAfter": 1, "requestId": found.headers["X-Request-Id"]}
    ]
    assert found.headers["Retry-After"] == "1"
    assert await desk.everything() == before
    done = (await graphql(desk, BOTH, "offline", "volume")).json()["data"]
    assert [one["ticket"]["priority"] for one in done.values()] == ["LOW", "LOW"]


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_of_two_writes_that_wait_for_each_other_one_is_to_be_sent_again(
    desk: RestClient,
) -> None:
    database = desk.database
    both = asyncio.Barrier(2)

    async def lock(transaction: Transaction, *names: str) -> None:
        for name in names:
            await transaction.fetch_row(LOCK_TICKET, {KEY: key(name)})
            if name == names[0]:
                await both.wait()

    async def write(*names: str) -> None:
        async with database.write() as transaction:
            await lock(transaction, *names)

    done = await asyncio.gather(
        write("offline", "volume"), write("volume", "offline"), return_exceptions=True
    )
    assert sorted(map(str, done)) == [
        "None",
        "Others are writing the same just now. Nothing was changed, try again later.",
    ]
    assert any(isinstance(one, Contended) for one in done)


async def test_operations_that_want_two_tickets_in_another_order_are_all_done(
    desk: RestClient,
) -> None:
    async def until_done(number: int, *tickets: str) -> None:
        while True:
            answer = await graphql(desk, BOTH, *tickets, headers={"Idempotency-Key": f"k{number}"})
            errors = answer.json().get("errors", [])
            if not errors:
                return
            assert {one["extensions"]["code"] for one in errors} == {"UNAVAILABLE"}

    async def plain(ticket: str, subject: str) -> None:
        path = f"tickets/{key(ticket)}/"
        assert (await desk.patch(path, json={"subject": subject})).status_code == 200

    pairs = [("offline", "volume"), ("volume", "offline")]
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(until_done(n, *pairs[n % 2]) for n in range(6)),
            *(plain(pairs[n % 2][0], f"By {n}") for n in range(6)),
        )
    events = (await desk.everything())["ticket_events"]
    assert len((await desk.everything())["idempotency_keys"]) == 6
    # Each ticket gets its priority once, and three subjects.
    assert len(events) == 2 + 6


# The name of the task whose statements count.
BROKEN_OFF = "broken off"


class Cancelling(list[str]):
    """Statements, at one of which the task is cancelled that runs it."""

    def __init__(self) -> None:
        super().__init__()
        self.at: int | None = None

    def __repr__(self) -> str:
        return f"{len(self)} statements"

    def __call__(self, sql: str) -> None:
        task = asyncio.current_task() if self._is_running() else None
        if task is None or task.get_name() != BROKEN_OFF:
            return
        self.append(sql)
        if len(self) == self.at:
            task.cancel()

    @staticmethod
    def _is_running() -> bool:
        # asyncpg tells of reads when it likes.
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True


@pytest.fixture
async def fragile(
    database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[RestClient, Cancelling]]:
    statements = Cancelling()
    given = settings_for(database_url, tmp_path / "media")
    async with open_app(given, statements) as (app, client, world):
        await world.reset()
        yield RestClient(app, client, world, statements), statements


def writes() -> list[tuple[str, str, dict[str, Any]]]:
    """Return tables, paths, and writes that each add one row to the table."""
    file = {"file": ("notes.txt", b"content")}
    form = {"data": {"ticket": str(key("volume"))}, "files": file}
    mutation = 'mutation { createTicket(input: {subject: "S", description: "D", companyId: "%s"}) {'
    query = f"{mutation % key('hilton')} ticket {{ id }} errors {{ code }} }} }}"
    return [
        ("tickets", "tickets/", {"json": RestClient.minimal()}),
        ("attachments", "ticket-attachments/", form),
        ("tickets", "/graphql", {"json": {"query": query}}),
    ]


@pytest.mark.parametrize(("table", "path", "sent"), writes(), ids=["create", "upload", "mutation"])
async def test_a_request_that_is_cancelled_at_any_statement_is_done_wholly_or_not_at_all(
    fragile: tuple[RestClient, Cancelling], table: str, path: str, sent: dict[str, Any]
) -> None:
    desk, statements = fragile
    rows = len((await desk.everything())[table])

    async def send(name: str) -> httpx.Response:
        return await desk.post(path, headers={"Idempotency-Key": name}, **sent)

    await send("warm")
    statements.clear()
    await asyncio.create_task(send("counted"), name=BROKEN_OFF)
    for number in range(1, len(statements) + 1):
        statements.clear()
        statements.at = number
        with suppress(asyncio.CancelledError):
            await asyncio.create_task(send(f"key-{number}"), name=BROKEN_OFF)
        statements.at = None
        after = await desk.everything()
        known = {row[1] for row in after["idempotency_keys"]}
        assert len(after[table]) == rows + len(known), statements
        found = await send(f"key-{number}")
        assert found.status_code in (200, 201), found.text
        assert (REPLAYED in found.headers) == (f"key-{number}" in known)
        after = await desk.everything()
        assert len(after[table]) == rows + number + 2
        # Column 2 of an attachment is its file.
        assert {row[2] for row in after["attachments"]} <= set(desk.world.files())
