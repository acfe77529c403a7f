"""From selections to shapes: whatever the limits allow works, also where they are set high."""

from collections.abc import AsyncIterator

import pytest

from models import Role
from tests.schema.conftest import Opens
from tests.support import proofs
from tests.support.graphql_client import GraphQLClient
from tests.support.limits import MAX_DEPTH, UNBOUNDED
from tests.support.rows import attachment, comment, company, key, ticket, user

pytestmark = pytest.mark.anyio

DEEP_FILTER = '{not: {or: [{and: [{not: {tags: {has: "a"}}}, {search: "é b"}]}, {mine: true}]}}'
PAGE = "first: 2, orderBy: [{field: PRIORITY}, {field: STATUS, direction: DESC}]"
INFO = "pageInfo { endCursor hasNextPage hasPreviousPage } totalCount"
WIDE = " ".join(f"a{i}: subject" for i in range(40))

# One turn from a ticket to a ticket again, and how many objects it nests.
TURNS = {
    "files": ("attachments {{ downloadUrl ticket {{ {inner} }} }}", 2),
    "comments": ("comments(last: 2) {{ nodes {{ ticket {{ {inner} }} }} {info} }}", 3),
    "edges": (
        "company {{ tickets({page}, filter: {filter}) "
        "{{ edges {{ cursor node {{ {inner} }} }} {info} }} }}",
        4,
    ),
}


def nested(turn: str, levels: int, leaf: str) -> str:
    """Return a selection on a ticket that nests this many objects below it."""
    template, step = TURNS[turn]
    if levels < step:
        return leaf if levels == 0 else f"{leaf} {'viewerCan { update }' if levels == 1 else ''}"
    inner = nested(turn, levels - step, leaf)
    return f"{leaf} " + template.format(inner=inner, page=PAGE, filter=DEEP_FILTER, info=INFO)


@pytest.fixture
async def loop(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give a ticket that everything leads back to, and limits as high as they go."""
    async with opens(**UNBOUNDED) as gql:
        await gql.add(
            company("hilton"),
            user("keith"),
            user("carla", Role.CUSTOMER, company_id=company("hilton").id),
        )
        await gql.add(ticket("T-1"), comment("c", "T-1"), attachment("f", "T-1"))
        yield gql


@pytest.mark.proof(small=True)
@pytest.mark.parametrize(
    ("leaf", "viewer"), [("id", "keith"), (WIDE, "carla")], ids=["narrow", "wide"]
)
@pytest.mark.parametrize("turn", TURNS)
async def test_every_depth_that_is_allowed_works(
    loop: GraphQLClient, turn: str, leaf: str, viewer: str
) -> None:
    step = TURNS[turn][1]
    # The ticket and the leaf are fields, too.
    depths = range(0, MAX_DEPTH - 1, step)
    for levels in depths if proofs.LONG else (0, depths[len(depths) // 2], depths[-1]):
        inner = nested(turn, levels, leaf)
        data = await loop.ask(f'{{ ticket(ticketNumber: "T-1") {{ {inner} }} }}', None, viewer)
        word = "downloadUrl" if turn == "files" else turn
        assert str(data).count(word) == levels // step
        if levels < MAX_DEPTH / 2:
            query = f'{{ nodes(ids: ["{key("T-1")}"]) {{ ... on Ticket {{ {inner} }} }} }}'
            assert (await loop.ask(query, None, viewer))["nodes"] == [data["ticket"]]
            query = f"{{ tickets(last: 1) {{ edges {{ node {{ {inner} }} }} }} }}"
            data = await loop.ask(query, None, viewer)
            assert str(data["tickets"]["edges"][0]["node"]).count(word) == levels // step


async def test_a_filter_of_some_depth_fits_into_a_list_of_some_depth(loop: GraphQLClient) -> None:
    query = """query($filter: TicketFilter, $ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket {
        company { tickets(filter: $filter) { edges { cursor node { WHO } } totalCount } }
    } } }"""
    inner: object = {"tags": {"hasAny": ["a", "b"]}, "search": "é"}
    for levels in range(6):
        for who in ("id", "assignedTo { id }", "assignedTo { company { id } }"):
            variables = {"filter": inner, "ids": [str(key("T-1"))]}
            await loop.ask(query.replace("WHO", who), variables, "carla")
        inner = {"or": [{"and": [], "mine": levels % 2 == 0}, inner]}


async def test_hundreds_of_root_fields_work(loop: GraphQLClient) -> None:
    fields = " ".join(f'a{i}: ticket(ticketNumber: "T-1") {{ id }}' for i in range(300))
    data = await loop.ask(f"{{ {fields} }}")
    assert len(data) == 300
    assert len({ticket["id"] for ticket in data.values()}) == 1


async def test_hundreds_of_fields_of_one_object_work(loop: GraphQLClient) -> None:
    fields = " ".join(f"a{i}: subject b{i}: isOverdue c{i}: tags" for i in range(300))
    data = await loop.ask(f'{{ ticket(ticketNumber: "T-1") {{ {fields} }} }}')
    assert list(data["ticket"])[:4] == ["a0", "b0", "c0", "a1"]
    assert len(data["ticket"]) == 900


async def test_a_hundred_lists_inside_one_object_work(loop: GraphQLClient) -> None:
    lists = " ".join(
        f"a{i}: comments(first: {i + 1}) {{ edges {{ cursor node {{ author {{ id }} text }} }} }}"
        for i in range(100)
    )
    data = await loop.ask(f'{{ ticket(ticketNumber: "T-1") {{ {lists} }} }}')
    assert len({str(edges) for edges in data["ticket"].values()}) == 1


async def test_keys_merge_from_fragments_and_keep_their_first_place(loop: GraphQLClient) -> None:
    query = """
        query($yes: Boolean!, $no: Boolean!) {
          ticket(ticketNumber: "T-1") {
            company { name }
            ...More @include(if: $yes)
            ... on Node { id same: __typename }
            ... @skip(if: $yes) { version }
            status @include(if: $no)
          }
        }
        fragment More on Ticket { subject company { id } ... on Comment { text } }
    """.replace("... on Comment { text }", "")
    data = await loop.ask(query, {"yes": True, "no": False})
    assert list(data["ticket"]) == ["company", "subject", "id", "same"]
    assert list(data["ticket"]["company"]) == ["name", "id"]
    data = await loop.ask(query, {"yes": False, "no": True})
    assert list(data["ticket"]) == ["company", "id", "same", "version", "status"]


async def test_a_directive_variable_behind_another_one_still_counts(loop: GraphQLClient) -> None:
    query = """
        query($outer: Boolean!, $inner: Boolean!) {
          ticket(ticketNumber: "T-1") {
            id
            company @include(if: $outer) { id name @include(if: $inner) }
          }
        }
    """
    for outer, inner in ((False, False), (False, True), (True, False), (True, True)):
        data = await loop.ask(query, {"outer": outer, "inner": inner})
        company = data["ticket"].get("company", {})
        assert list(company) == (["id", "name"] if inner else ["id"]) * outer


async def test_an_object_of_which_nothing_is_left_is_an_empty_one(loop: GraphQLClient) -> None:
    no = "@skip(if: true)"
    query = f"""{{
        tickets {{
            nodes {{ id {no} }} edges {{ node {{ id {no} }} }} pageInfo {{ endCursor {no} }}
        }}
        none: tickets {{ totalCount {no} }}
        ticket(ticketNumber: "T-1") {{
            company {{ id {no} }} viewerCan {{ update {no} }} attachments {{ id {no} }}
            comments {{ edges {{ cursor {no} }} }}
        }}
        viewer {{ id {no} }}
        ticketStats {{ byTeam {{ count {no} }} }}
        nodes(ids: ["{key("T-1")}"]) {{ id {no} }}
    }}"""
    assert await loop.ask(query) == {
        "tickets": {"nodes": [{}], "edges": [{"node": {}}], "pageInfo": {}},
        "none": {},
        "ticket": {
            "company": {},
            "viewerCan": {},
            "attachments": [{}],
            "comments": {"edges": [{}]},
        },
        "viewer": {},
        "ticketStats": {"byTeam": [{}] * 5},
        "nodes": [{}],
    }
