"""A read is one statement for each root field, however many rows there are and however deep."""

import pytest

from tests.support import proofs
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import attachment, comment, company, contact, event, key, ticket

pytestmark = pytest.mark.anyio

PEOPLE = "{ nodes { id company { name tickets { nodes { subject } } } } totalCount }"
TICKETS = """
    { edges { cursor node {
        subject isOverdue commentsCount company { name contacts { nodes { name } } }
        contact { name } assignedTo { fullName assignedTickets { totalCount } }
        comments { nodes { text author { fullName } } totalCount pageInfo { hasNextPage } }
        attachments { name downloadUrl uploadedBy { username } } viewerCan { update }
        viewerCannotReasons { action code message }
    } } pageInfo { endCursor hasNextPage hasPreviousPage } totalCount }
"""
READS = {
    "tickets": f"tickets(first: 50) {TICKETS}",
    "comments": (
        "comments(first: 50) { nodes { text viewerCan { delete }"
        " ticket { subject company { name } } } }"
    ),
    "users": f"users(first: 50) {PEOPLE}",
    "companies": "companies(first: 49) { nodes { contacts { nodes { tickets { totalCount } } } } }",
    "contacts": f"contacts(first: 50) {PEOPLE}",
    "ticket": 'ticket(ticketNumber: "T-0") { company { tickets { nodes { subject } } } }',
    "viewer": "viewer { assignedTickets { nodes { comments { nodes { text } } } } }",
    "node": f'node(id: "{key("T-0")}") {{ ... on Ticket {{ comments {{ nodes {{ text }} }} }} }}',
    "nodes": f'nodes(ids: ["{key("T-0")}", "{key("keith")}"]) {{ id ... on Company {{ name }} }}',
    "ticketEvents": (
        "ticketEvents(first: 50) { edges { cursor node { cursor changes { field from to }"
        " ticket { subject history { nodes { actor { fullName } } totalCount } }"
        " comment { text } } } }"
    ),
    "search": (
        'search(query: "t-", first: 50) { edges { cursor snippets { field parts { text } } node {'
        " ... on Ticket { comments { nodes { text author { fullName } } totalCount } } } }"
        " pageInfo { hasNextPage hasPreviousPage endCursor } }"
    ),
    "ticketStats": "ticketStats { total byStatus { count } overdue }",
}


async def fill(gql: GraphQLClient, count: int) -> None:
    """Add so many rows of each kind."""
    for start in range(count):
        person = contact(f"p{start}")
        made = ticket(f"T-{start}", contact_id=person.id, assigned_to_id=key("keith"))
        said = comment(f"c{start}", "T-0", author_id=key("keith"))
        file = attachment(f"f{start}", "T-0", uploaded_by_id=key("admin"))
        told = event(f"e{start}", "T-0", comment_id=key("c0"), actor_id=key("keith"))
        await gql.add(company(f"company{start}"), person, made, said, file, told)


@proofs.pairs("count", [1, 10, 100], small=[("sqlite", 1), ("sqlite", 100), ("postgres", 10)])
async def test_each_root_field_is_one_statement(gql: GraphQLClient, count: int) -> None:
    await fill(gql, count)
    await gql.ask("{ viewer { id } }")
    for name, read in READS.items():
        gql.statements.clear()
        data = await gql.ask(f"{{ {read} }}")
        assert len(gql.statements) == 1, name
        assert data[name], name
    gql.statements.clear()
    await gql.ask(f"{{ {' '.join(READS.values())} }}")
    assert len(gql.statements) == len(READS)


async def test_who_asks_is_looked_up_once_in_a_while(gql: GraphQLClient) -> None:
    for _ in range(2):
        gql.statements.clear()
        await gql.ask("{ tickets { totalCount } }")
    assert len(gql.statements) == 1
    gql.clock.move(seconds=10)
    gql.statements.clear()
    await gql.ask("{ tickets { totalCount } }")
    assert len(gql.statements) == 2


async def test_other_values_of_the_variables_take_the_same_plan(gql: GraphQLClient) -> None:
    await fill(gql, 3)
    query = """
        query($first: Int, $search: String, $status: TicketStatus, $ids: [ID!], $tag: String) {
          tickets(first: $first, filter: {
            search: $search, status: {eq: $status}, company: {in: $ids}, tags: {has: $tag}
          }) { nodes { id comments(first: $first) { totalCount } } }
        }
    """
    first = {"first": 1, "search": "one", "status": "NEW", "ids": [], "tag": "a"}
    await gql.ask(query, first)
    plans = len(gql.services.plans)
    ids = [str(key("hilton"))] * 50
    other = {"first": 1, "search": "T-100", "status": "CLOSED", "ids": ids, "tag": "b'--"}
    await gql.ask(query, other)
    assert len(gql.services.plans) == plans
    # A null is as if it had not been given, which is another structure.
    await gql.ask(query, other | {"status": None})
    assert len(gql.services.plans) == plans + 1


async def test_each_request_has_the_sizes_of_its_own_variables(gql: GraphQLClient) -> None:
    await fill(gql, 3)
    query = """
        query($first: Int = 2, $last: Int, $other: Int) {
          tickets(first: $first, last: $last) {
            nodes { id comments(first: $other) { totalCount } }
            pageInfo { hasNextPage }
          }
        }
    """
    for _ in range(2):
        for sent, found in (({}, 2), ({"first": 1}, 1), ({"first": 3}, 3), ({"first": None}, 3)):
            answer = await gql.ask(query, sent)
            assert len(answer["tickets"]["nodes"]) == found
        backward = await gql.ask(query, {"first": None, "last": 1})
        assert len(backward["tickets"]["nodes"]) == 1
        assert backward["tickets"]["nodes"] == answer["tickets"]["nodes"][-1:]
        await gql.refused(query, {"first": 1, "other": -1})
        assert await gql.ask(query, {"first": 1, "other": 1}) == await gql.ask(query, {"first": 1})


async def test_literals_in_other_documents_take_plans_of_their_own(gql: GraphQLClient) -> None:
    await gql.ask("{ tickets(first: 1) { totalCount } }")
    plans = len(gql.services.plans)
    for _ in range(3):
        await gql.ask("{ tickets(first: 2) { nodes { id } } }")
    assert len(gql.services.plans) == plans + 1


async def test_a_viewer_of_another_kind_never_gets_the_plan_of_another(gql: GraphQLClient) -> None:
    await gql.add(
        ticket("T-1"),
        ticket("T-2", company_id=key("centara")),
        comment("public", "T-1"),
        comment("internal", "T-1", is_internal=True),
    )
    query = "{ tickets { totalCount nodes { comments { nodes { text } } } } }"
    for _ in range(2):
        data = await gql.ask(query, None, "keith")
        assert data["tickets"]["totalCount"] == 2
        assert "internal" in str(data)
        data = await gql.ask(query, None, "carla")
        assert data["tickets"]["totalCount"] == 1
        assert "internal" not in str(data)
