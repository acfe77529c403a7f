"""Deliveries as Admins see them: request, answer, time and attempt."""

from datetime import timedelta
from typing import Any

import pytest

from models import (
    TicketEventType,
    WebhookAttempt,
    WebhookDeliveryState,
)
from tests.schema.webhook_calls import (
    DELETE,
    PING,
    REDELIVER,
    ROTATE,
    UPDATE,
    URL,
    create,
    delivery,
    do,
    refusal,
)
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import event, key, ticket

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("undelivered")]


async def test_a_ping_is_a_delivery_about_no_event(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    ping = (await do(gql, PING, id=webhook))["delivery"]
    assert ping == {
        "id": ping["id"],
        "type": "webhook.ping",
        "state": "PENDING",
        "request": '{"type":"webhook.ping","timestamp":"2025-11-19T12:00:00.000000Z",'
        f'"data":{{"webhook":"{webhook}"}}}}',
        "webhook": {"id": webhook},
        "event": None,
    }


async def test_deliveries_show_request_answer_time_and_attempt(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    await gql.add(ticket("T-1"), event("e", "T-1", type=TicketEventType.CREATED))
    await gql.add(
        delivery("d", webhook, ticket_id=key("T-1"), attempt_count=2, finished_at=NOON),
    )
    attempts: list[dict[str, Any]] = [
        {"status": 500, "answer": 'no\n"way"', "duration_ms": 12},
        {"error": "The host name leads nowhere.", "duration_ms": 3},
    ]
    await gql.add(
        *(
            WebhookAttempt(
                delivery_id=key("d"), number=i + 1, url=URL, at=NOON + timedelta(seconds=i), **one
            )
            for i, one in enumerate(attempts)
        ),
    )
    query = """query($id: ID!) { webhook(id: $id) { deliveries { nodes {
      __typename id type messageId eventId ticketId request state attemptCount nextAttemptAt
      createdAt finishedAt webhook { id } event { type ticket { ticketNumber } }
      attempts { number url at durationMs status answer error }
    } } } }"""
    gql.statements.clear()
    data = await gql.ask(query, {"id": webhook}, "admin")
    assert len([one for one in gql.statements if "webhook" in one]) == 1
    assert data["webhook"]["deliveries"]["nodes"] == [
        {
            "__typename": "WebhookDelivery",
            "id": str(key("d")),
            "type": "ticket.created",
            "messageId": "message d",
            "eventId": str(key("e")),
            "ticketId": str(key("T-1")),
            "request": '{"type":"ticket.created"}',
            "state": "PENDING",
            "attemptCount": 2,
            "nextAttemptAt": None,
            "createdAt": "2025-11-19T12:00:00Z",
            "finishedAt": "2025-11-19T12:00:00Z",
            "webhook": {"id": webhook},
            "event": {"type": "CREATED", "ticket": {"ticketNumber": "T-1"}},
            "attempts": [
                {
                    "number": 1,
                    "url": URL,
                    "at": "2025-11-19T12:00:00Z",
                    "durationMs": 12,
                    "status": 500,
                    "answer": 'no\n"way"',
                    "error": None,
                },
                {
                    "number": 2,
                    "url": URL,
                    "at": "2025-11-19T12:00:01Z",
                    "durationMs": 3,
                    "status": None,
                    "answer": None,
                    "error": "The host name leads nowhere.",
                },
            ],
        }
    ]


async def test_deliveries_come_in_pages_newest_first_and_by_state(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    other = (await create(gql))["webhook"]["id"]
    states = [*WebhookDeliveryState] * 2
    await gql.add(
        *(
            delivery(f"d{i}", webhook, created_at=NOON + timedelta(seconds=i), state=state)
            for i, state in enumerate(states)
        ),
        delivery("not mine", other),
    )
    query = """query($id: ID!, $after: String, $state: WebhookDeliveryState) { webhook(id: $id) {
      deliveries(first: 4, after: $after, state: $state) {
        nodes { id } totalCount pageInfo { endCursor hasNextPage } } } }"""

    async def page(**given: Any) -> Any:
        data = await gql.ask(query, {"id": webhook, **given}, "admin")
        return data["webhook"]["deliveries"]

    first = await page()
    second = await page(after=first["pageInfo"]["endCursor"])
    found = [node["id"] for node in first["nodes"] + second["nodes"]]
    assert found == [str(key(f"d{i}")) for i in range(5, -1, -1)]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (6, True)
    assert second["pageInfo"]["hasNextPage"] is False
    aside = await page(state="SET_ASIDE")
    assert [node["id"] for node in aside["nodes"]] == [str(key("d5")), str(key("d2"))]
    assert aside["totalCount"] == 2


async def test_webhooks_are_one_statement_however_many(gql: GraphQLClient) -> None:
    for _ in range(5):
        await create(gql)
    query = (
        "{ webhooks(first: 3) { totalCount nodes { id deliveries { nodes { attempts { status } } }"
        " } } }"
    )
    await gql.ask(query, None, "admin")
    gql.statements.clear()
    data = await gql.ask(query, None, "admin")
    assert len(gql.statements) == 1
    assert (data["webhooks"]["totalCount"], len(data["webhooks"]["nodes"])) == (5, 3)


async def test_redelivery_makes_it_due_now(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    later = NOON + timedelta(hours=3)
    await gql.add(
        delivery("done", webhook, state=WebhookDeliveryState.DELIVERED, finished_at=NOON),
        delivery("aside", webhook, state=WebhookDeliveryState.SET_ASIDE, finished_at=NOON, tries=9),
        delivery("later", webhook, next_attempt_at=later, tries=3),
        delivery("sending", webhook, next_attempt_at=later, claim="somebody"),
        delivery("behind", webhook),
    )
    due = {}
    for name in ("done", "aside", "later", "sending", "behind"):
        shown = (await do(gql, REDELIVER, id=str(key(name))))["delivery"]
        assert shown["state"] == "PENDING"
        due[name] = shown["nextAttemptAt"]
    now = "2025-11-19T12:00:00Z"
    assert due == {
        "done": now,
        "aside": now,
        "later": now,
        "sending": "2025-11-19T15:00:00Z",
        "behind": None,
    }


async def test_what_is_deleted_is_gone_with_its_deliveries(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    await gql.add(delivery("d", webhook))
    assert (await do(gql, DELETE, id=webhook))["deletedWebhookId"] == webhook
    for mutation in (DELETE, UPDATE, ROTATE, PING):
        error = await refusal(gql, mutation, id=webhook)
        assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such webhook.")
    error = await refusal(gql, REDELIVER, id=str(key("d")))
    assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such delivery.")
    assert (await refusal(gql, UPDATE, id="no id"))["code"] == "NOT_FOUND"
    query = "query($id: ID!) { webhook(id: $id) { id } node(id: $id) { id } }"
    found = await gql.ask(query, {"id": webhook}, "admin")
    assert found == {"webhook": None, "node": None}


async def test_node_fetches_webhooks_and_deliveries(gql: GraphQLClient) -> None:
    webhook = (await create(gql))["webhook"]["id"]
    await gql.add(delivery("d", webhook))
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    data = await gql.ask(query, {"ids": [webhook, str(key("d"))]}, "admin")
    assert [node["__typename"] for node in data["nodes"]] == ["Webhook", "WebhookDelivery"]
    data = await gql.ask(query, {"ids": [webhook, str(key("d"))]}, "keith")
    assert data["nodes"] == [None, None]
