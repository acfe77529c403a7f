"""The feed and histories: what they tell, in which order, and where they go on."""

from typing import Any

import pytest

from models import TicketEventType
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, event, key, ticket

pytestmark = pytest.mark.anyio

FEED = """
query($after: String, $first: Int, $filter: TicketEventFilter) {
  ticketEvents(after: $after, first: $first, filter: $filter) {
    nodes { type ticketNumber cursor } pageInfo { endCursor hasNextPage }
  }
}
"""
CREATE = """
mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }
"""

UPDATE = """
mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id } } }
"""


@pytest.fixture
async def told(gql: GraphQLClient) -> GraphQLClient:
    """Give three tickets with seven events."""
    await gql.add(
        *(ticket(f"T-{i}") for i in range(3)),
        comment("c", "T-0"),
        *(event(f"e{i}", f"T-{i % 3}", seq=i + 1) for i in range(6)),
        event("gone", "T-9", seq=7, type=TicketEventType.DELETED),
    )
    return gql


async def feed(gql: GraphQLClient, viewer: str = "keith", **given: Any) -> Any:
    return (await gql.ask(FEED, given, viewer))["ticketEvents"]


def numbers(page: Any) -> list[str]:
    return [node["ticketNumber"] for node in page["nodes"]]


async def test_a_write_of_an_api_is_told_as_what_it_was(gql: GraphQLClient) -> None:
    given = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    made = (await gql.ask(CREATE, {"input": given}))["createTicket"]["ticket"]["id"]
    change = (
        "mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id } } }"
    )
    await gql.ask(change, {"input": {"id": made, "status": "IN_PROGRESS", "subject": "T"}})

    query = """
    { ticketEvents { nodes {
      __typename type via isInternal at actor { username } ticketId ticket { subject }
      commentId comment { text } attachmentId attachment { name } changes { field from to }
    } } }
    """
    nodes = (await gql.ask(query))["ticketEvents"]["nodes"]
    same = {
        "__typename": "TicketEvent",
        "via": "GRAPHQL",
        "isInternal": False,
        "at": "2025-11-19T12:00:00Z",
        "actor": {"username": "keith"},
        "ticketId": made,
        "ticket": {"subject": "T"},
        "commentId": None,
        "comment": None,
        "attachmentId": None,
        "attachment": None,
    }
    assert nodes == [
        {**same, "type": "CREATED", "changes": []},
        {
            **same,
            "type": "STATUS_CHANGED",
            "changes": [{"field": "status", "from": "new", "to": "in_progress"}],
        },
        {**same, "type": "UPDATED", "changes": [{"field": "subject", "from": "S", "to": "T"}]},
    ]


async def test_changes_are_texts_or_nothing(gql: GraphQLClient) -> None:
    entries = [
        {"field": "is_internal", "from": True, "to": False},
        {"field": "subject", "from": 'a "quoted"\n\\ text', "to": "null"},
        {"field": "contact", "from": None, "to": str(key("nobody"))},
    ]
    await gql.add(ticket("T-1"), event("e", "T-1", changes=entries))
    found = await gql.ask("{ ticketEvents { nodes { changes { f: field to from } } } }")
    assert found["ticketEvents"]["nodes"][0]["changes"] == [
        {"f": "is_internal", "to": "false", "from": "true"},
        {"f": "subject", "to": "null", "from": 'a "quoted"\n\\ text'},
        {"f": "contact", "to": str(key("nobody")), "from": None},
    ]


async def test_pages_of_the_feed_follow_each_other_without_gap_or_repetition(
    told: GraphQLClient,
) -> None:
    found, after = [], ""
    while True:
        page = await feed(told, first=2, after=after)
        found += numbers(page)
        assert page["pageInfo"]["endCursor"] == page["nodes"][-1]["cursor"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert found == ["T-0", "T-1", "T-2", "T-0", "T-1", "T-2", "T-9"]
    assert await feed(told, after=after) == {
        "nodes": [],
        "pageInfo": {"endCursor": None, "hasNextPage": False},
    }
    await told.add(event("new", "T-1", seq=8))
    assert numbers(await feed(told, after=after)) == ["T-1"]


async def test_a_deleted_ticket_leaves_its_id_and_number(told: GraphQLClient) -> None:
    query = """
    { ticketEvents(filter: {type: {eq: DELETED}}) {
      nodes { ticket { id } ticketId ticketNumber }
    } }
    """
    [node] = (await told.ask(query))["ticketEvents"]["nodes"]
    assert node == {"ticket": None, "ticketId": str(key("T-9")), "ticketNumber": "T-9"}


async def test_a_filter_of_tickets_goes_by_what_they_are_now_and_lets_deletions_pass(
    told: GraphQLClient,
) -> None:
    wanted = {"tickets": {"or": [{"search": "T-1"}, {"search": "T-9"}]}}
    assert numbers(await feed(told, filter=wanted)) == ["T-1", "T-1", "T-9"]
    both = {"tickets": {"search": "T-1"}, "type": {"notIn": ["DELETED"]}}
    assert numbers(await feed(told, filter=both)) == ["T-1", "T-1"]
    assert numbers(await feed(told, filter={"ticket": {"eq": str(key("T-9"))}})) == ["T-9"]


async def test_a_history_is_read_either_way(told: GraphQLClient) -> None:
    async def seqs(arguments: str) -> list[str]:
        query = f'{{ ticket(ticketNumber: "T-0") {{ history{arguments} {{ nodes {{ id }} }} }} }}'
        nodes = (await told.ask(query))["ticket"]["history"]["nodes"]
        names = {str(key(f"e{i}")): f"e{i}" for i in range(7)}
        return [names[node["id"]] for node in nodes]

    assert await seqs("") == ["e0", "e3"]
    assert await seqs("(direction: ASC)") == ["e0", "e3"]
    assert await seqs("(direction: DESC)") == ["e3", "e0"]
    assert await seqs("(direction: DESC, first: 1)") == ["e3"]
    assert await seqs("(last: 1)") == ["e3"]


async def test_a_cursor_of_a_history_in_the_feeds_order_is_one_of_the_feed(
    told: GraphQLClient,
) -> None:
    query = """
    query($direction: OrderDirection!) { ticket(ticketNumber: "T-0") {
      history(direction: $direction, first: 1) { pageInfo { endCursor } nodes { cursor } }
    } }
    """
    page = (await told.ask(query, {"direction": "ASC"}))["ticket"]["history"]
    assert page["pageInfo"]["endCursor"] == page["nodes"][0]["cursor"]
    following = await feed(told, after=page["pageInfo"]["endCursor"], first=1)
    assert numbers(following) == ["T-1"]

    page = (await told.ask(query, {"direction": "DESC"}))["ticket"]["history"]
    error = await told.refused(FEED, {"after": page["pageInfo"]["endCursor"]})
    assert error["extensions"]["code"] == "BAD_CURSOR"
    # Each event knows its own place in the feed, whatever the order it was read in.
    following = await feed(told, after=page["nodes"][0]["cursor"], first=1)
    assert numbers(following) == ["T-1"]


@pytest.mark.parametrize("of", ["tickets", "companies"])
async def test_a_cursor_of_another_list_is_refused(told: GraphQLClient, of: str) -> None:
    other = (await told.ask(f"{{ {of} {{ pageInfo {{ endCursor }} }} }}"))[of]
    for cursor in (other["pageInfo"]["endCursor"], "nonsense", "WyJUaWNrZXRFdmVudDpzZXEiXQ"):
        error = await told.refused(FEED, {"after": cursor})
        assert error["extensions"]["code"] == "BAD_CURSOR"


async def test_the_history_of_a_ticket_goes_with_it_to_another_company(
    gql: GraphQLClient,
) -> None:
    await gql.add(ticket("T-1", company_id=key("centara")))
    note = "mutation($input: AddCommentInput!) { addComment(input: $input) { comment { id } } }"
    await gql.ask(note, {"input": {"ticketId": str(key("T-1")), "text": "Hello"}})
    assert numbers(await feed(gql, "carla")) == []

    await gql.ask(UPDATE, {"input": {"id": str(key("T-1")), "companyId": str(key("hilton"))}})
    query = "{ ticketEvents { nodes { type changes { field from to } } } }"
    nodes = (await gql.ask(query, None, "carla"))["ticketEvents"]["nodes"]
    # Whose it was is none of their business.
    moved = {"field": "company", "from": None, "to": str(key("hilton"))}
    assert nodes == [
        {"type": "COMMENT_ADDED", "changes": []},
        {"type": "UPDATED", "changes": [moved]},
    ]
    nodes = (await gql.ask(query))["ticketEvents"]["nodes"]
    assert nodes[1]["changes"] == [{**moved, "from": str(key("centara"))}]

    await gql.ask(UPDATE, {"input": {"id": str(key("T-1")), "companyId": str(key("centara"))}})
    assert numbers(await feed(gql, "carla")) == []
    assert len(numbers(await feed(gql))) == 3


async def test_a_comment_turned_internal_leaves_no_trace_in_customers_history(
    gql: GraphQLClient,
) -> None:
    await gql.add(ticket("T-1"))
    add, edit, delete = (
        f"mutation($input: {name.capitalize()}CommentInput!) "
        f"{{ {name}Comment(input: $input) {wanted} }}"
        for name, wanted in (
            ("add", "{ comment { id } }"),
            ("update", "{ comment { id } }"),
            ("delete", "{ errors { message } }"),
        )
    )
    given = {"ticketId": str(key("T-1")), "text": "Hello"}
    made = (await gql.ask(add, {"input": given}))["addComment"]["comment"]["id"]
    query = """
    { ticket(ticketNumber: "T-1") { history { totalCount nodes { type changes { field } } } } }
    """

    async def seen() -> list[str]:
        history = (await gql.ask(query, None, "carla"))["ticket"]["history"]
        assert history["totalCount"] == len(history["nodes"])
        return [node["type"] for node in history["nodes"]]

    await gql.ask(edit, {"input": {"id": made, "text": "Hi"}})
    assert await seen() == ["COMMENT_ADDED", "COMMENT_EDITED"]
    await gql.ask(edit, {"input": {"id": made, "isInternal": True}})
    assert await seen() == []
    # Published again: a new comment, without what it was.
    await gql.ask(edit, {"input": {"id": made, "isInternal": False, "text": "Hey"}})
    assert await seen() == ["COMMENT_ADDED"]
    await gql.ask(edit, {"input": {"id": made, "isInternal": True}})
    await gql.ask(delete, {"input": {"id": made}})
    assert await seen() == []
    history = (await gql.ask(query))["ticket"]["history"]
    assert history["totalCount"] == 7
