"""Paging by cursors: every row once, in every order, while rows come and go."""

import base64
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlmodel import delete

from models import Ticket, TicketPriority, TicketStatus
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket

pytestmark = pytest.mark.anyio

PAGE = "nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount"
QUERY = f"""
    query($first: Int, $after: String, $last: Int, $before: String, $order: [TicketOrder!]) {{
      tickets(first: $first, after: $after, last: $last, before: $before, orderBy: $order)
      {{ {PAGE} }}
    }}
"""
FIELDS = ("CREATED_AT", "UPDATED_AT", "DUE_DATE", "PRIORITY", "STATUS", "TICKET_NUMBER")
ORDERS: list[list[dict[str, str]]] = [
    *([{"field": field, "direction": way}] for field in FIELDS for way in ("ASC", "DESC")),
    [{"field": "PRIORITY", "direction": "DESC"}, {"field": "DUE_DATE"}],
    [{"field": "STATUS"}, {"field": "PRIORITY"}, {"field": "CREATED_AT", "direction": "DESC"}],
    [{"field": "DUE_DATE", "direction": "DESC"}, {"field": "STATUS"}, {"field": "UPDATED_AT"}],
]


def some_tickets(count: int = 23) -> list[Ticket]:
    """Return tickets with many ties and missing due dates."""
    random = Random(3)
    return [
        ticket(
            f"T-{i:03}",
            created_at=NOON + timedelta(seconds=random.randint(0, 3)),
            updated_at=NOON + timedelta(microseconds=random.randint(0, 3)),
            due_date=random.choice([None, NOON, NOON + timedelta(days=1)]),
            priority=random.choice(list(TicketPriority)),
            status=random.choice(list(TicketStatus)),
        )
        for i in range(count)
    ]


def ids(page: dict[str, Any]) -> list[str]:
    return [node["id"] for node in page["nodes"]]


async def page_of(gql: GraphQLClient, **variables: Any) -> dict[str, Any]:
    data = await gql.ask(QUERY, variables)
    page: dict[str, Any] = data["tickets"]
    return page


async def test_paging_visits_every_row_once_both_ways_in_every_order(gql: GraphQLClient) -> None:
    await gql.add(*some_tickets())
    for order in ORDERS:
        whole = ids(await page_of(gql, first=100, order=order))
        assert len(set(whole)) == 23
        forwards: list[str] = []
        after = None
        while True:
            page = await page_of(gql, first=5, after=after, order=order)
            forwards += ids(page)
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        backwards: list[str] = []
        before = None
        while True:
            page = await page_of(gql, last=7, before=before, order=order)
            backwards = ids(page) + backwards
            before = page["pageInfo"]["startCursor"]
            if not page["pageInfo"]["hasPreviousPage"]:
                break
        assert forwards == backwards == whole, order


async def test_the_order_is_the_one_that_was_asked_for(gql: GraphQLClient) -> None:
    rows = some_tickets()
    await gql.add(*rows)
    page = await page_of(gql, first=100, order=ORDERS[-3])
    ranks = list(TicketPriority)
    expected = sorted(
        rows,
        key=lambda row: (
            -ranks.index(row.priority),
            row.due_date is None,
            row.due_date or NOON,
            row.id,
        ),
    )
    assert ids(page) == [str(row.id) for row in expected]


async def test_no_due_date_is_last_going_up_and_first_going_down(gql: GraphQLClient) -> None:
    await gql.add(ticket("none"), ticket("due", due_date=NOON))
    up = await page_of(gql, order=[{"field": "DUE_DATE"}])
    down = await page_of(gql, order=[{"field": "DUE_DATE", "direction": "DESC"}])
    assert ids(up) == ids(down)[::-1] == [str(key("due")), str(key("none"))]


async def test_a_page_stays_where_it_is_while_rows_come_and_go(gql: GraphQLClient) -> None:
    rows = [ticket(f"T-{i}", created_at=NOON + timedelta(hours=i)) for i in range(9)]
    await gql.add(*rows)
    first = await page_of(gql, first=3)
    assert ids(first) == [str(row.id) for row in rows[8:5:-1]]
    async with gql.database.transaction() as session:
        # Among them the very row that the cursor stands on.
        await session.exec(delete(Ticket).where(Ticket.id.in_([rows[6].id, rows[4].id])))  # type: ignore[attr-defined]
    await gql.add(ticket("T-new", created_at=NOON + timedelta(hours=20)))
    second = await page_of(gql, first=3, after=first["pageInfo"]["endCursor"])
    assert ids(second) == [str(rows[i].id) for i in (5, 3, 2)]
    assert second["pageInfo"]["hasPreviousPage"]


WINDOWS: list[tuple[dict[str, int], bool, bool]] = [
    ({"first": 2}, False, True),
    ({"first": 5}, False, False),
    ({"first": 2, "after": 0}, True, True),
    ({"first": 4, "after": 0}, True, False),
    ({"last": 2}, True, False),
    ({"last": 5}, False, False),
    ({"last": 2, "before": 4}, True, True),
    ({"last": 4, "before": 4}, False, True),
    ({"last": 1, "after": 0, "before": 4}, True, True),
    ({"first": 3, "after": 0, "before": 4}, True, False),
    ({"first": 2, "after": 4}, True, False),
    ({}, False, False),
]


async def test_page_info_in_every_position(gql: GraphQLClient) -> None:
    await gql.add(*(ticket(f"T-{i}", created_at=NOON - timedelta(hours=i)) for i in range(5)))
    whole = await gql.ask("{ tickets { edges { cursor node { id } } } }")
    cursors = [edge["cursor"] for edge in whole["tickets"]["edges"]]
    all_ids = [edge["node"]["id"] for edge in whole["tickets"]["edges"]]
    for window, previous, following in WINDOWS:
        given: dict[str, Any] = {**window}
        given |= {name: cursors[window[name]] for name in ("after", "before") if name in window}
        page = await page_of(gql, **given)
        info = page["pageInfo"]
        assert (info["hasPreviousPage"], info["hasNextPage"]) == (previous, following), window
        assert page["totalCount"] == 5
        shown = [cursors[all_ids.index(id_)] for id_ in ids(page)] or [None]
        assert (info["startCursor"], info["endCursor"]) == (shown[0], shown[-1]), window


async def test_an_empty_list_has_an_empty_page(gql: GraphQLClient) -> None:
    empty = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    for window in ({}, {"first": 1}, {"last": 100}):
        page = await page_of(gql, **window)
        assert page == {"nodes": [], "pageInfo": empty, "totalCount": 0}


@pytest.mark.parametrize("name", ["first", "last"])
async def test_a_page_has_0_to_100_rows(gql: GraphQLClient, name: str) -> None:
    for wrong in (101, -1, 2**31 - 1, -(2**31)):
        error = await gql.refused(QUERY, {name: wrong})
        assert error["message"] == f"`{name}` must be between 0 and 100."
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    await page_of(gql, **{name: 100})


async def test_a_page_of_no_rows_tells_what_lies_around_it(gql: GraphQLClient) -> None:
    rows = [ticket(f"T-{i}", created_at=NOON + timedelta(hours=i)) for i in range(3)]
    await gql.add(*rows, company("empty"))
    cursors = [edge["cursor"] for edge in await edges_of(gql)]
    cases: list[tuple[dict[str, Any], bool, bool]] = [
        ({"first": 0}, True, False),
        ({"last": 0}, False, True),
        ({"first": 0, "after": cursors[0]}, True, True),
        ({"first": 0, "after": cursors[2]}, False, True),
        ({"last": 0, "before": cursors[2]}, True, True),
        ({"last": 0, "before": cursors[0]}, True, False),
    ]
    for window, following, previous in cases:
        info: dict[str, Any] = {"hasNextPage": following, "hasPreviousPage": previous}
        info |= {"startCursor": None, "endCursor": None}
        assert await page_of(gql, **window) == {"nodes": [], "pageInfo": info, "totalCount": 3}
    nested = "{ companies(last: 1) { nodes { tickets(first: 0) { totalCount nodes { id } } } } }"
    (first,) = (await gql.ask(nested))["companies"]["nodes"]
    assert first["tickets"] == {"totalCount": 3, "nodes": []}


async def test_an_empty_cursor_is_the_beginning_or_the_end(gql: GraphQLClient) -> None:
    await gql.add(*some_tickets(5), comment("said", "T-000"), contact("carol"))
    for window in ({"first": 2}, {"last": 2}, {"first": 2, "order": ORDERS[6]}):
        page = await page_of(gql, **window)
        assert await page_of(gql, after="", before="", **window) == page
    for root in ("comments", "users", "companies", "contacts", "ticketEvents"):
        data = await gql.ask(
            f'{{ a: {root}(first: 3) {{ {PAGE} }} b: {root}(first: 3, after: "") {{ {PAGE} }}'
            f' c: {root}(last: 3) {{ {PAGE} }} d: {root}(last: 3, before: "") {{ {PAGE} }} }}'
        )
        assert (data["a"], data["c"]) == (data["b"], data["d"])


async def edges_of(gql: GraphQLClient) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = (await gql.ask("{ tickets { edges { cursor } } }"))["tickets"][
        "edges"
    ]
    return edges


async def test_first_and_last_together_are_refused(gql: GraphQLClient) -> None:
    error = await gql.refused(QUERY, {"first": 1, "last": 1})
    assert error["message"] == "Give either `first` or `last`, not both."


async def test_bad_cursors_are_refused_without_a_word_of_python(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"), comment("c", "T-1"))
    data = await gql.ask(
        "{ tickets { edges { cursor } } comments { edges { cursor } }"
        " other: tickets(orderBy: {field: PRIORITY}) { edges { cursor } } }"
    )
    cursor = data["tickets"]["edges"][0]["cursor"]
    altered = cursor[:-1] + ("A" if cursor[-1] != "A" else "Q")
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    flipped = [raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1 :] for i in (0, 5, 30, len(raw) - 1)]
    bad = [
        *(" ", "x", "=", "====", "garbage", "null", "[]", "é", "東京", "\0"),
        *(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in (b"[]", b"\xff" * 40)),
        *(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in flipped),
        *(altered, cursor[1:], cursor[:-4], cursor + cursor, "A" * 1_000_000),
        data["comments"]["edges"][0]["cursor"],
        data["other"]["edges"][0]["cursor"],
    ]
    for one in bad:
        for name in ("after", "before"):
            error = await gql.refused(QUERY, {name: one})
            assert error["extensions"]["code"] == "BAD_CURSOR", one[:50]
            assert error["message"].startswith("The cursor ")
    assert len((await page_of(gql, after=cursor))["nodes"]) == 0


async def test_a_nested_list_takes_cursors_of_its_own(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"), *(comment(f"c{i}", "T-1") for i in range(3)))
    query = """query($after: String) { tickets { nodes {
        comments(first: 2, after: $after) { edges { cursor node { text } } totalCount }
    } } }"""
    page = (await gql.ask(query))["tickets"]["nodes"][0]["comments"]
    after = page["edges"][-1]["cursor"]
    rest = (await gql.ask(query, {"after": after}))["tickets"]["nodes"][0]["comments"]
    texts = {edge["node"]["text"] for edge in page["edges"] + rest["edges"]}
    assert texts == {"c0", "c1", "c2"}
    assert page["totalCount"] == rest["totalCount"] == 3
