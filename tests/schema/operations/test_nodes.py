"""Single objects: by id, by number, or the viewer; what one may not see does not exist."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import SQLModel

from models import Role
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import attachment, comment, contact, event, key, ticket, user

pytestmark = pytest.mark.anyio

NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Ticket { subject } } }"
NODE = "query($id: ID!) { node(id: $id) { __typename id } }"
TYPES = {
    "T-1": "Ticket",
    "public": "Comment",
    "file": "Attachment",
    "hilton": "Company",
    "carol": "Contact",
    "keith": "User",
}


@pytest.fixture
async def some(gql: GraphQLClient) -> GraphQLClient:
    """Give one object of each type, and the same of another company."""
    await gql.add(
        contact("carol"),
        ticket("T-1"),
        comment("public", "T-1"),
        comment("note", "T-1", is_internal=True),
        attachment("file", "T-1"),
        contact("theirs", company_id=key("centara")),
        ticket("T-2", company_id=key("centara")),
        comment("elsewhere", "T-2"),
        attachment("secret", "T-2"),
        user("rival", Role.CUSTOMER, company_id=key("centara")),
        user("colleague", Role.CUSTOMER, company_id=key("hilton")),
    )
    return gql


async def test_node_fetches_any_object_by_its_id(some: GraphQLClient) -> None:
    for name, typename in TYPES.items():
        data = await some.ask(NODE, {"id": str(key(name))})
        assert data["node"] == {"__typename": typename, "id": str(key(name))}


async def test_types_that_customers_never_see_are_asked_for_with_any_id(
    some: GraphQLClient,
) -> None:
    delivery = "... on WebhookDelivery { id webhook { id failingSince } event { id type } }"
    asked = f"query($id: ID!) {{ node(id: $id) {{ __typename id {delivery} }} }}"
    for name, typename in TYPES.items():
        data = await some.ask(asked, {"id": str(key(name))}, "carla")
        seen = None if name == "keith" else {"__typename": typename, "id": str(key(name))}
        assert data["node"] == seen


async def test_nodes_keep_order_gaps_and_repetitions(some: GraphQLClient) -> None:
    names = ["keith", "nobody", "T-1", "hilton", "T-1", "nobody"]
    data = await some.ask(NODES, {"ids": [*(str(key(name)) for name in names), "no id", ""]})
    types = [node and node["__typename"] for node in data["nodes"]]
    assert types == ["User", None, "Ticket", "Company", "Ticket", None, None, None]
    assert (await some.ask(NODES, {"ids": []}))["nodes"] == []


async def test_at_most_100_nodes_at_once(some: GraphQLClient) -> None:
    ids = [str(key("T-1"))] * 101
    assert len((await some.ask(NODES, {"ids": ids[:100]}))["nodes"]) == 100
    error = await some.refused(NODES, {"ids": ids})
    assert error["message"] == "`ids` takes at most 100 ids."


async def test_what_a_customer_may_not_see_does_not_exist(some: GraphQLClient) -> None:
    unknown = await some.post(NODE, {"id": str(key("nobody"))}, "carla")
    for name in ("T-2", "elsewhere", "secret", "centara", "theirs", "rival", "note"):
        known = {"id": str(key(name))}
        assert (await some.ask(NODE, known))["node"] is not None
        hidden = await some.post(NODE, known, "carla")
        assert hidden.json() == unknown.json() == {"data": {"node": None}}, name


async def test_a_customer_sees_colleagues_but_no_staff_by_id(some: GraphQLClient) -> None:
    for name, seen in {"carla": True, "colleague": True, "keith": False, "admin": False}.items():
        data = await some.ask(NODE, {"id": str(key(name))}, "carla")
        assert (data["node"] is not None) is seen, name


SHOWN = "__typename id username fullName role email phone department isActive company { name }"
LEADING: dict[str, tuple[str, str, Callable[[UUID], SQLModel]]] = {
    "ticket": ("tickets", "assignedTo", lambda who: ticket("T-9", assigned_to_id=who)),
    "created": ("tickets", "createdBy", lambda who: ticket("T-9", created_by_id=who)),
    "comment": ("comments", "author", lambda who: comment("c-9", "T-1", author_id=who)),
    "event": ("ticketEvents", "actor", lambda who: event("e-9", "T-1", actor_id=who)),
}


@pytest.mark.parametrize("how", LEADING)
async def test_a_customer_fetches_whom_they_are_shown_with_what_is_shown(
    some: GraphQLClient, how: str
) -> None:
    root, field, leading = LEADING[how]
    await some.add(leading(key("keith")))
    shown = await some.ask(f"{{ {root} {{ nodes {{ {field} {{ {SHOWN} }} }} }} }}", None, "carla")
    (user,) = [n[field] for n in shown[root]["nodes"] if n[field]]
    assert (user["username"], user["email"], user["phone"]) == ("keith", None, None)
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on User {{ {SHOWN} }} }} }}"
    some.statements.clear()
    assert (await some.ask(query, {"id": user["id"]}, "carla"))["node"] == user
    assert len(some.statements) == 1
    # Whom nothing leads to is nobody still, and so is everybody in the list of users.
    assert (await some.ask(query, {"id": str(key("admin"))}, "carla"))["node"] is None
    listed = (await some.ask("{ users { nodes { username } } }", None, "carla"))["users"]
    assert "keith" not in {node["username"] for node in listed["nodes"]}


async def test_an_uploader_is_fetched_and_what_is_hidden_leads_to_nobody(
    some: GraphQLClient,
) -> None:
    await some.add(
        comment("hidden", "T-1", author_id=key("admin"), is_internal=True),
        event("quiet", "T-1", actor_id=key("admin"), is_internal=True),
        event("afar", "T-2", actor_id=key("admin"), company_id=key("centara")),
        comment("beyond", "T-2", author_id=key("admin")),
        ticket("T-3", company_id=key("centara"), assigned_to_id=key("admin")),
        attachment("theirs too", "T-2", uploaded_by_id=key("admin")),
    )
    admin = {"id": str(key("admin"))}
    assert (await some.ask(NODE, admin, "carla"))["node"] is None
    await some.add(attachment("ours", "T-1", uploaded_by_id=key("admin")))
    assert (await some.ask(NODE, admin, "carla"))["node"] is not None


async def test_a_ticket_by_id_or_by_number(some: GraphQLClient) -> None:
    query = "query($id: ID, $number: String) { ticket(id: $id, ticketNumber: $number) { id } }"
    id_ = str(key("T-1"))
    spellings = [id_, id_.upper(), UUID(id_).hex, f"{{{id_}}}", f"urn:uuid:{id_}"]
    for spelling in spellings:
        assert (await some.ask(query, {"id": spelling}))["ticket"] == {"id": id_}
    assert (await some.ask(query, {"number": "T-1", "id": None}))["ticket"] == {"id": id_}
    unknown: list[dict[str, Any]] = [
        *({"id": wrong} for wrong in ("", "x", "1", str(key("keith")), str(UUID(int=0)), "\0")),
        *({"number": wrong} for wrong in ("", "t-1", "T-1 ", "T-1\0", "%", "T-9")),
    ]
    for given in unknown:
        assert (await some.ask(query, given))["ticket"] is None, given
    for wrong in ({}, {"id": id_, "number": "T-1"}, {"id": None, "number": None}):
        error = await some.refused(query, wrong)
        assert error["message"] == "Give exactly one of `id` and `ticketNumber`."


async def test_the_viewer_is_who_asks_and_null_for_nobody(some: GraphQLClient) -> None:
    query = "{ viewer { username email } }"
    for name in ("keith", "admin", "carla"):
        assert (await some.ask(query, None, name))["viewer"]["username"] == name
    assert (await some.ask(query, None, None))["viewer"] is None


READS = [
    "tickets { totalCount }",
    "comments { totalCount }",
    "users { totalCount }",
    "companies { totalCount }",
    "contacts { totalCount }",
    'ticket(ticketNumber: "T-1") { id }',
    'node(id: "x") { id }',
    "nodes(ids: []) { id }",
    "ticketStats { total }",
]


async def test_everything_but_the_viewer_needs_a_login(some: GraphQLClient) -> None:
    for read in READS:
        error = await some.refused(f"{{ {read} }}", None, None)
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert error["path"] == [read.split("(")[0].split(" ")[0]]
