"""Pages of events are bounded by bytes as well, and lead on as all pages do."""

from itertools import chain
from typing import Any

import pytest
from sqlmodel import SQLModel

from models import Webhook, WebhookDelivery, WebhookDeliveryState
from resolvers.query.field_types import MAX_PAGE_BYTES
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, event, key, ticket

pytestmark = pytest.mark.anyio

LONG = 300_000
COUNT = 20
# What a page may have: one event may go beyond the limit.
MAX_COUNT = MAX_PAGE_BYTES + 3 * LONG
LONG_CHANGE = [{"field": "description", "from": "x" * (LONG // 2), "to": "y" * (LONG // 2)}]
PAGE = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
FEED = "query($after: String, $before: String, $first: Int, $last: Int) { page: ticketEvents("
FEED += f"after: $after, before: $before, first: $first, last: $last) {{ NODES {PAGE} }} }}"
HISTORY = FEED.replace("page:", 'ticket(ticketNumber: "T-1") { page:').replace(
    "ticketEvents", "history"
)
HISTORY += " }"


@pytest.fixture
async def long(gql: GraphQLClient) -> GraphQLClient:
    """Give events with long changes, of a ticket and a comment with long texts."""
    changed = {"changes": LONG_CHANGE, "comment_id": key("c")}
    await gql.add(
        ticket("T-1", description="d" * LONG),
        comment("c", "T-1", text="t" * LONG),
        *(event(f"e{i}", "T-1", seq=i + 1, **changed) for i in range(COUNT)),
    )
    return gql


async def walk(gql: GraphQLClient, query: str, **window: Any) -> list[list[str]]:
    """Return the ids of all pages of a list, read in one direction."""
    backwards = "last" in window
    more, cursor = ("hasPreviousPage", "startCursor") if backwards else ("hasNextPage", "endCursor")
    place = "before" if backwards else "after"
    pages: list[list[str]] = []
    position = None
    while True:
        response = await gql.post(query, {**window, place: position})
        assert len(response.content) < MAX_COUNT
        page = response.json()["data"]
        page = page.get("ticket", page)["page"]
        nodes = page.get("nodes") or [edge["node"] for edge in page["edges"]]
        pages.append([node["id"] for node in nodes])
        behind = "hasNextPage" if backwards else "hasPreviousPage"
        assert page["pageInfo"][behind] is (len(pages) > 1)
        position = page["pageInfo"][cursor]
        if not page["pageInfo"][more]:
            return pages


IDS = [str(key(f"e{i}")) for i in range(COUNT)]


@pytest.mark.parametrize("query", [FEED, HISTORY], ids=["feed", "history"])
async def test_pages_are_bounded_by_bytes_without_gap_or_repetition(
    long: GraphQLClient, query: str
) -> None:
    for nodes in (
        "nodes { id changes { field from to } }",
        "edges { node { id ticket { description } } }",
        "nodes { id comment { text } }",
        "nodes { id comment { ticket { description } } }",
    ):
        asked = query.replace("NODES", nodes)
        forwards = await walk(long, asked, first=100)
        assert list(chain(*forwards)) == IDS
        # Seven texts of 300,000 bytes begin within the limit.
        assert [len(page) for page in forwards] == [7, 7, 6]
    backwards = await walk(long, asked, last=100)
    assert list(chain(*reversed(backwards))) == IDS
    assert [len(page) for page in backwards] == [7, 7, 6]
    assert [len(page) for page in await walk(long, asked, first=4)] == [4] * 5


async def test_what_is_not_asked_for_does_not_count(long: GraphQLClient) -> None:
    nodes = "nodes { id type ticket { subject } comment { isInternal } }"
    assert await walk(long, FEED.replace("NODES", nodes), first=100) == [IDS]


async def test_a_text_counts_as_often_as_it_is_asked_for(long: GraphQLClient) -> None:
    nodes = "nodes { id a: ticket { description } b: ticket { c: description d: description } }"
    pages = await walk(long, FEED.replace("NODES", nodes), first=100)
    assert [len(page) for page in pages] == [3] * 6 + [2]


async def test_the_first_event_of_a_page_comes_whatever_its_size(gql: GraphQLClient) -> None:
    huge = [{"field": "description", "from": "x", "to": "x" * (MAX_PAGE_BYTES + 1)}]
    await gql.add(*(event(f"e{i}", "T-1", seq=i + 1, changes=huge) for i in range(3)))
    query = FEED.replace("NODES", "nodes { id changes { field to } }")
    for position, found in ((None, 0), ("e0", 1)):
        after = None
        if position:
            first = await gql.ask(query, {"first": 1})
            after = first["page"]["pageInfo"]["endCursor"]
        page = (await gql.ask(query, {"first": 100, "after": after}))["page"]
        assert [node["id"] for node in page["nodes"]] == [str(key(f"e{found}"))]
        assert page["pageInfo"]["hasNextPage"]


async def test_a_page_that_is_full_with_the_last_event_has_no_next_one(gql: GraphQLClient) -> None:
    half = [{"field": "description", "from": "", "to": "x" * (MAX_PAGE_BYTES // 2)}]
    await gql.add(*(event(f"e{i}", "T-1", seq=i + 1, changes=half) for i in range(2)))
    query = FEED.replace("NODES", "nodes { id changes { field to } }")
    page = (await gql.ask(query, {"first": 100}))["page"]
    assert len(page["nodes"]) == 2
    assert not page["pageInfo"]["hasNextPage"]


async def test_a_bounded_page_is_one_statement(long: GraphQLClient) -> None:
    query = FEED.replace("NODES", "nodes { id changes { to } ticket { description } }")
    await long.ask(query, {"first": 100})
    long.statements.clear()
    await long.ask(query, {"first": 100})
    assert len(long.statements) == 1


async def test_deliveries_are_bounded_as_well(gql: GraphQLClient) -> None:
    rows: list[SQLModel] = [
        Webhook(
            id=key("hook"), url="https://hooks.example/", cursor=2**62, salt="s", enabled=False,
            created_at=NOON, updated_at=NOON,
        )
    ]  # fmt: skip
    rows += [
        WebhookDelivery(
            id=key(f"d{i:02}"), webhook_id=key("hook"), type="ticket.updated", message_id=f"m{i}",
            body="x" * LONG, created_at=NOON, finished_at=NOON,
            state=WebhookDeliveryState.DELIVERED,
        )
        for i in range(COUNT)
    ]  # fmt: skip
    async with gql.database.transaction() as session:
        session.add(rows[0])
        await session.flush()
        session.add_all(rows[1:])
    query = "query($after: String) { webhooks { nodes { deliveries(first: 100, after: $after) {"
    query += f" nodes {{ id request }} {PAGE} }} }} }} }}"
    found: list[str] = []
    sizes = []
    after = None
    while True:
        answer = await gql.ask(query, {"after": after}, "admin")
        [hook] = answer["webhooks"]["nodes"]
        page = hook["deliveries"]
        found += [node["id"] for node in page["nodes"]]
        sizes.append(len(page["nodes"]))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [7, 7, 6]
    assert sorted(found) == sorted(str(key(f"d{i:02}")) for i in range(COUNT))


async def test_lengths_of_excerpts_are_numbers(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1", description="a" * 5000))
    change = (
        "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id } } }"
    )
    given = {"id": str(key("T-1")), "description": "a" * 5000 + "b", "subject": "New"}
    await gql.ask(change, {"input": given})
    query = "{ ticketEvents { nodes { changes { field to excerptStart fromLength toLength } } } }"
    [node] = (await gql.ask(query))["ticketEvents"]["nodes"]
    nothing = {"excerptStart": None, "fromLength": None, "toLength": None}
    assert node["changes"] == [
        {"field": "subject", "to": "New", **nothing},
        {
            "field": "description",
            "to": "a" * 100 + "b",
            "excerptStart": 4900,
            "fromLength": 5000,
            "toLength": 5001,
        },
    ]
