"""Everybody asks for everything: who sees and may do what is the table, and nothing else.

What a viewer may not see answers as an id that no row has. A refused write changes nothing.
"""

import re
from typing import Any

import pytest

from tests.support.clock import NOON
from tests.support.named_rows import SECRET
from tests.support.rows import key
from tests.viewers.asking import UNKNOWN, ApiClients, hidden, may_see, names_in, top
from tests.viewers.paths import IDLE, PATHS
from tests.viewers.table import (
    FOLLOWED,
    MAY_SEE,
    READS,
    SCHEMA,
    STRANGER,
    VIEWERS,
    WRITES,
    Path,
    Read,
    Write,
    seen,
)

pytestmark = pytest.mark.anyio


def columns(row: Read | Write | Path) -> list[tuple[str | None, Any]]:
    return list(zip(VIEWERS, row.cells, strict=True))


def assert_no_trace(who: str | None, text: str) -> None:
    """Whatever was asked: nothing in an answer is of somebody else's, and no note of staff's."""
    assert names_in(text) <= MAY_SEE[who], who
    if who not in ("admin", "keith"):
        assert SECRET not in text, who


def masked(text: str) -> str:
    """Return an answer without the ids that it repeats from the question, and its own."""
    text = re.sub(r"'requestId': '\w+'", "…", text)
    for name in MAY_SEE["admin"]:
        text = text.replace(str(key(name)), "…")
    return text.replace(str(UNKNOWN), "…")


def codes(answer: dict[str, Any]) -> str:
    """Return how an operation ended."""
    if "errors" in answer:
        [error] = answer["errors"]
        return str(error["extensions"]["code"])
    errors = answer["data"]["answer"]["errors"]
    return " ".join(sorted({error["code"] for error in errors})) or "ok"


@pytest.mark.parametrize("row", READS, ids=lambda row: row.call.replace('"', ""))
async def test_a_query_shows_what_its_row_says(gql_clients: ApiClients, row: Read) -> None:
    for who, cell in columns(row):
        answer = await gql_clients.read(who, row)

        assert_no_trace(who, str(answer))
        if cell == STRANGER:
            assert codes(answer) == STRANGER
            assert answer["data"] in (None, {"answer": None})
            continue
        assert "errors" not in answer, who
        shown = top(answer["data"]["answer"])
        assert shown == (cell if isinstance(cell, int) else set(cell.split())), who
        if hidden(who, row.call):
            assert await gql_clients.read(who, row, may_see(who)) == answer, who


async def test_customers_find_nothing_by_what_only_staff_may_read(gql_clients: ApiClients) -> None:
    row = Read('companies(search: "ourselves")', seen("hilton centara", "", ""))
    for who, cell in columns(row)[:4]:
        answer = await gql_clients.read(who, row)
        assert top(answer["data"]["answer"]) == set(cell.split()), who


# Each of their tickets has errors of its own: ``tests/resolvers/commands/test_batches.py``.
BATCHES = {"createTickets", "updateTickets", "deleteTickets", "undoTickets"}


@pytest.mark.parametrize(
    "row", WRITES, ids=lambda row: "-".join([row.field, *map(str, row.given.values())])
)
async def test_a_mutation_ends_as_its_row_says(gql_clients: ApiClients, row: Write) -> None:
    before = await gql_clients.world.dump()
    for who, cell in columns(row):
        if cell == "ok":
            continue
        answer = await gql_clients.write(who, row)
        assert codes(answer) == ("ok" if cell == "nothing" else cell), who
        assert_no_trace(who, str(answer))
        if cell not in ("nothing", STRANGER):
            payload = answer["data"]["answer"]
            assert [name for name, value in payload.items() if value] == ["errors"], who
        if hidden(who, row.given):
            unknown = await gql_clients.write(who, row, may_see(who))
            assert masked(str(unknown)) == masked(str(answer)), who
    assert await gql_clients.world.dump() == before

    for who in (who for who, cell in columns(row) if cell == "ok"):
        await gql_clients.world.reset()
        answer = await gql_clients.write(who, row)
        assert codes(answer) == "ok", who
        assert_no_trace(who, str(answer))


@pytest.mark.parametrize(
    "row", PATHS, ids=lambda row: f"{row.method} {row.path} {','.join(row.body)}".strip()
)
async def test_a_path_answers_as_its_row_says(gql_clients: ApiClients, row: Path) -> None:
    before = await gql_clients.world.dump()
    changing = [] if row.method == "GET" or row.path == IDLE else [200, 201, 204]
    for who, cell in columns(row):
        if cell in changing:
            continue
        response = await gql_clients.rest(who, row)
        if isinstance(cell, str) or cell < 100:
            assert response.status_code == 200, (who, response.text)
            expected = cell if isinstance(cell, int) else set(cell.split())
            assert top(response.json()) == expected, who
        else:
            assert response.status_code == cell, (who, response.text)
        if response.status_code < 400:
            assert_no_trace(who, response.text)
        elif hidden(who, row.path, row.body):
            unknown = await gql_clients.rest(who, row, may_see(who))
            assert unknown.status_code == response.status_code, who
            assert masked(unknown.text) == masked(response.text), who
    assert await gql_clients.world.dump() == before

    for who, cell in columns(row):
        if cell in changing:
            await gql_clients.world.reset()
            response = await gql_clients.rest(who, row)
            assert response.status_code == cell, (who, response.text)
            assert_no_trace(who, response.text)


def test_every_root_field_has_a_row() -> None:
    """A new field fails here until the table says who sees what of it."""
    rows = {
        "Query": {row.field for row in READS},
        "Mutation": {row.field for row in WRITES} | BATCHES,
        "Subscription": {row.field for row in FOLLOWED},
    }
    for name, asked in rows.items():
        root = SCHEMA.get_type(name)
        assert set(getattr(root, "fields", {})) == asked, name


def test_every_kind_of_node_has_a_row() -> None:
    kinds = {type_.name for type_ in SCHEMA.get_implementations(SCHEMA.type_map["Node"]).objects}  # type: ignore[arg-type]
    assert kinds == {
        *("Ticket", "Comment", "Attachment", "TicketEvent", "Company", "Contact", "User"),
        *("Webhook", "WebhookDelivery", "BulkJob", "BulkJobError"),
    }


async def test_every_method_of_every_path_has_a_row(gql_clients: ApiClients) -> None:
    found = set()
    for route in gql_clients.app.routes:
        path = getattr(route, "path", "")
        if not path.startswith(("/api/v1/", "/media/")) or "rest:path" in path:
            continue
        if path == "/api/v1/docs/" or (not path.endswith("/") and not path.startswith("/media/")):
            continue
        url = path.replace("{id}", str(UNKNOWN)).replace("{key:path}", "nothing")
        response = await gql_clients.client.options(url, headers=gql_clients.headers("admin"))
        methods = set(response.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"}
        found |= {f"{method} {path}" for method in methods}

    def shape(row: Path) -> str:
        path = row.path if row.path.startswith("/") else f"/api/v1/{row.path}"
        parts = path.split("?")[0].split("/")
        shaped = "/".join("{id}" if part.startswith("<") else part for part in parts)
        return f"{row.method} {'/media/{key:path}' if '/media/' in path else shaped}"

    assert found == {shape(row) for row in PATHS}


STAFFS_OWN = [
    Write("addComment", {"ticketId": "<offline>", "text": SECRET, "isInternal": True}, ()),
    Write("updateComment", {"id": "<internal>", "text": f"{SECRET}, again"}, ()),
    Write("deleteComment", {"id": "<note>"}, ()),
]


@pytest.mark.proof
async def test_customers_cannot_tell_what_staff_write_among_themselves(
    gql_clients: ApiClients,
) -> None:
    """No count, time, order or statistic of any answer differs by an internal note."""
    paths = [row for row in PATHS if row.method == "GET" and "/me" not in row.path]

    async def all_answers() -> list[str]:
        asked = [await gql_clients.read("carla", row) for row in READS]
        fetched = [await gql_clients.rest("carla", row) for row in paths]
        return [*map(str, asked), *(response.text for response in fetched)]

    before = await all_answers()
    for row in STAFFS_OWN:
        gql_clients.world.clock.move(seconds=1)
        assert codes(await gql_clients.write("keith", row)) == "ok"
    gql_clients.world.clock.now = NOON

    assert await all_answers() == before
