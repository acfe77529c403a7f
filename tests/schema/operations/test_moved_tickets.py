"""A ticket that moves to another company names nobody of the old one to the people of the new."""

import json

import pytest

from models import Role
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import attachment, contact, key, ticket, user

pytestmark = pytest.mark.anyio

NUMBERED = '(ticketNumber: "T-1")'
TICKET = f"""{{ ticket{NUMBERED} {{
    subject createdBy {{ username }} contact {{ name }} company {{ name }}
    comments {{ nodes {{ text author {{ username }} ticket {{ createdBy {{ id }} }} }} }}
    attachments {{ name uploadedBy {{ username }} }}
    history {{ nodes {{ type actor {{ username }} changes {{ field from to }} }} }}
}} ticketEvents {{ nodes {{ actor {{ id fullName }} comment {{ author {{ id }} }} }} }} }}"""


async def test_the_new_company_is_shown_nobody_of_the_old_one(gql: GraphQLClient) -> None:
    await gql.add(
        user("olga", Role.CUSTOMER, company_id=key("centara"), first_name="Olga"),
        contact("jane", company_id=key("centara")),
        ticket("T-1", company_id=key("centara"), created_by_id=key("olga"), contact_id=key("jane")),
        attachment("scan", "T-1", uploaded_by_id=key("olga")),
    )
    say = (
        'mutation($id: ID!) { addComment(input: {ticketId: $id, text: "Help"}) { comment { id } } }'
    )
    await gql.ask(say, {"id": str(key("T-1"))}, "olga")
    await gql.ask(say, {"id": str(key("T-1"))}, "keith")
    move = """mutation($id: ID!, $to: ID!) { updateTicket(input: {id: $id, companyId: $to}) {
        errors { message } ticket { contact { id } createdBy { username } } } }"""
    moved = await gql.ask(move, {"id": str(key("T-1")), "to": str(key("hilton"))})
    # To staff nothing is hidden.
    assert moved["updateTicket"]["ticket"] == {"contact": None, "createdBy": {"username": "olga"}}

    shown = await gql.ask(TICKET, viewer="carla")
    rest = [
        (await gql.client.get(f"/api/v1/{path}", headers=gql.headers("carla"))).json()
        for path in (f"tickets/{key('T-1')}/", "tickets/", "ticket-comments/",
                     "ticket-attachments/", "ticket-events/")
    ]  # fmt: skip

    one = shown["ticket"]
    assert (one["createdBy"], one["contact"]) == (None, None)
    authors = [comment["author"] for comment in one["comments"]["nodes"]]
    assert authors == [None, {"username": "keith"}]
    assert one["attachments"] == [{"name": "scan", "uploadedBy": None}]
    told = [event["changes"] for event in one["history"]["nodes"]][-1]
    assert {entry["field"]: entry["from"] for entry in told} == {"company": None, "contact": None}
    everything = json.dumps([shown, rest])
    for name in ("olga", "Olga", "jane", *map(str, map(key, ("olga", "jane", "centara")))):
        assert name not in everything
    first, *_ = rest[0]["comments"]
    assert "author_name" not in first
    assert first["author"] is None

    # Where the viewer's own colleagues and staff were at it, they are named.
    await gql.ask(say, {"id": str(key("T-1"))}, "carla")
    authors = (await gql.ask(TICKET, viewer="carla"))["ticket"]["comments"]["nodes"]
    assert authors[-1]["author"] == {"username": "carla"}
