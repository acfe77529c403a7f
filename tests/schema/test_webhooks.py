"""Webhooks as Admins manage them; secrets are shown once and nowhere else."""

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from models import (
    TicketEventType,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
)
from server.webhooks.deliverer import Deliverer
from tests.schema.conftest import Opens
from tests.schema.face import Face
from tests.schema.rows import NOW, company, event, key, ticket, user

pytestmark = pytest.mark.anyio

URL = "https://hooks.example/desk"
FIELDS = """
  id url eventTypes filter includeInternal enabled disabledReason failingSince
  createdBy { username } createdAt updatedAt deliveries { totalCount }
"""
ERRORS = "errors { code field message }"
CREATE = f"""mutation($input: CreateWebhookInput!) {{
  createWebhook(input: $input) {{ secret webhook {{ {FIELDS} }} {ERRORS} }} }}"""
UPDATE = f"""mutation($input: UpdateWebhookInput!) {{
  updateWebhook(input: $input) {{ webhook {{ {FIELDS} }} {ERRORS} }} }}"""
DELETE = f"""mutation($input: DeleteWebhookInput!) {{
  deleteWebhook(input: $input) {{ deletedWebhookId {ERRORS} }} }}"""
ROTATE = f"""mutation($input: RotateWebhookSecretInput!) {{
  rotateWebhookSecret(input: $input) {{ secret webhook {{ id updatedAt }} {ERRORS} }} }}"""
PING = f"""mutation($input: PingWebhookInput!) {{
  pingWebhook(input: $input) {{ delivery {{ id type state request webhook {{ id }} event {{ id }} }}
  {ERRORS} }} }}"""
REDELIVER = f"""mutation($input: RedeliverInput!) {{
  redeliver(input: $input) {{ delivery {{ id state nextAttemptAt attemptCount }} {ERRORS} }} }}"""
FILTER = {
    "and": [{"priority": {"gte": "HIGH"}}, {"not": {"assignedTeam": {"isNull": True}}}],
    "or": [{"company": {"in": [str(key("acme"))]}}, {"open": True}],
    "status": {"in": ["NEW", "IN_PROGRESS"], "notIn": ["CLOSED"]},
    "assignedTeam": {"in": ["TECH"]},
    "createdAt": {"gte": "2025-11-19T10:30:00.000000Z"},
    "dueDate": {"isNull": False},
    "tags": {"hasAny": ["a", "b"]},
    "search": "wifi",
}


@pytest.fixture
async def face(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Face]:
    """Give the application with people, and with a deliverer that does nothing."""

    async def nothing(_deliverer: Deliverer) -> None:
        pass

    monkeypatch.setattr(Deliverer, "start", nothing)
    async with opens() as opened:
        from models import Role

        await opened.add(company("acme"), user("agent"), user("boss", Role.ADMIN))
        yield opened


async def do(face: Face, mutation: str, viewer: str = "boss", **given: Any) -> Any:
    data = await face.ask(mutation, {"input": given}, viewer)
    return next(iter(data.values()))


async def create(face: Face, **given: Any) -> Any:
    payload = await do(face, CREATE, url=URL, **given)
    assert payload["errors"] == []
    return payload


async def refusal(face: Face, mutation: str, **given: Any) -> Any:
    payload = await do(face, mutation, **given)
    [error] = payload["errors"]
    assert not [value for name, value in payload.items() if value and name != "errors"]
    return error


async def stored(face: Face, *rows: SQLModel) -> None:
    async with face.database.transaction() as session:
        session.add_all(rows)


def delivery(name: str, webhook: str, **more: Any) -> WebhookDelivery:
    values: dict[str, Any] = {
        "id": key(name),
        "webhook_id": webhook,
        "event_id": key("e"),
        "seq": 1,
        "type": "ticket.created",
        "message_id": f"message {name}",
        "body": '{"type":"ticket.created"}',
        "created_at": NOW,
    }
    return WebhookDelivery(**values | more)


async def test_a_webhook_is_created_with_all_there_is_to_say(face: Face) -> None:
    payload = await create(
        face,
        eventTypes=["DELETED", "CREATED", "DELETED"],
        filter=FILTER,
        includeInternal=True,
        enabled=False,
    )
    assert payload["secret"].startswith("whsec_")
    assert payload["webhook"] == {
        "id": payload["webhook"]["id"],
        "url": URL,
        "eventTypes": ["CREATED", "DELETED"],
        "filter": FILTER,
        "includeInternal": True,
        "enabled": False,
        "disabledReason": None,
        "failingSince": None,
        "createdBy": {"username": "boss"},
        "createdAt": "2025-11-19T12:00:00Z",
        "updatedAt": "2025-11-19T12:00:00Z",
        "deliveries": {"totalCount": 0},
    }


async def test_what_is_not_said_is_everything_but_internal_events(face: Face) -> None:
    several: list[dict[str, Any]] = [
        {},
        {"eventTypes": [], "filter": {}},
        {"eventTypes": None, "filter": None},
    ]
    for given in several:
        webhook = (await create(face, **given))["webhook"]
        assert (webhook["eventTypes"], webhook["filter"]) == ([], None)
        assert (webhook["includeInternal"], webhook["enabled"]) == (False, True)


async def test_a_filter_that_was_read_can_be_written(face: Face) -> None:
    webhook = (await create(face, filter=FILTER))["webhook"]
    other = (await create(face, filter=webhook["filter"]))["webhook"]
    assert other["filter"] == webhook["filter"]


async def test_a_webhook_is_changed_field_by_field(face: Face) -> None:
    webhook = (await create(face, filter=FILTER, eventTypes=["CREATED"]))["webhook"]
    face.clock.move(hours=1)
    changed = await do(face, UPDATE, id=webhook["id"], url=f"{URL}/2")
    assert changed["webhook"] == {
        **webhook,
        "url": f"{URL}/2",
        "updatedAt": "2025-11-19T13:00:00Z",
    }
    changed = await do(
        face, UPDATE, id=webhook["id"], filter=None, eventTypes=None, includeInternal=True
    )
    assert changed["webhook"]["filter"] is None
    assert changed["webhook"]["eventTypes"] == []
    assert changed["webhook"]["includeInternal"] is True


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"url": "http://hooks.example/"}, "url", "Must begin with https://."),
        ({"url": "https://a:b@hooks.example/"}, "url", "May not contain a user name"),
        ({"url": "https://10.1.2.3/"}, "url", "10.1.2.3 is in a private network"),
        ({"url": "nonsense"}, "url", "Must be an address such as"),
        ({"url": " "}, "url", "May not be blank."),
        ({"url": "https://hooks.example/" + "x" * 2000}, "url", "at most 2000 characters"),
        ({"filter": {"mine": True}}, "filter", "`mine` does not fit here"),
        ({"filter": {"and": [{"not": {"mine": False}}]}}, "filter", "`mine` does not fit here"),
        ({"filter": {"company": {"eq": "no id"}}}, "filter", "'no id' is not an id."),
        ({"enabled": None}, "enabled", "May not be null."),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_changes(
    face: Face, given: dict[str, Any], field: str, said: str
) -> None:
    webhook = (await create(face))["webhook"]
    face.clock.move(hours=1)
    for mutation, more in ((CREATE, {"url": URL}), (UPDATE, {"id": webhook["id"]})):
        error = await refusal(face, mutation, **more | given)
        assert (error["code"], error["field"]) == ("INVALID", [field])
        assert said in error["message"]
    found = await face.ask(f"{{ webhooks {{ nodes {{ {FIELDS} }} }} }}", None, "boss")
    assert found["webhooks"]["nodes"] == [webhook]


async def test_a_filter_is_bounded_as_those_of_lists_are(face: Face) -> None:
    many = {"or": [{"open": True}] * 101}
    error = await face.refused(CREATE, {"input": {"url": URL, "filter": many}}, "boss")
    assert "at most 100 conditions" in error["message"]


async def test_private_addresses_are_for_desks_that_allow_them(opens: Opens) -> None:
    from models import Role

    async with opens(webhook_private_addresses="allow") as face:
        await face.add(user("boss", Role.ADMIN))
        payload = await do(face, CREATE, url="http://127.0.0.1:1/", enabled=False)
        assert payload["errors"] == []


async def test_a_secret_is_shown_once_and_stored_nowhere(
    face: Face, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    payload = await create(face)
    rotated = await do(face, ROTATE, id=payload["webhook"]["id"])
    secrets = {payload["secret"], rotated["secret"]}
    assert len(secrets) == 2
    async with face.database.engine.connect() as connection:
        row = (await connection.execute(text("SELECT * FROM webhooks"))).one()
    whole = await face.ask(f"{{ webhooks {{ nodes {{ {FIELDS} }} }} }}", None, "boss")
    for secret in secrets:
        for place in (str(row), str(whole), caplog.text, str(face.statements)):
            assert secret not in place
            assert secret.removeprefix("whsec_") not in place
    shown = {name for name in face.app.state.desk.__dict__ if "secret" in name}
    assert shown == set()


async def test_secrets_differ_by_webhook_and_need_the_key(face: Face) -> None:
    first, second = await create(face), await create(face)
    assert first["secret"] != second["secret"]


async def test_how_long_an_old_secret_signs_is_bounded(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    for hours in (-1, 169):
        error = await refusal(face, ROTATE, id=webhook, oldSecretHours=hours)
        assert (error["code"], error["field"]) == ("INVALID", ["oldSecretHours"])
    async with face.database.transaction() as session:
        row = await session.get(Webhook, webhook)
        assert row is not None
        assert row.old_salts == []


async def test_rotations_keep_what_still_signs(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]

    async def ends() -> list[str]:
        async with face.database.transaction() as session:
            row = await session.get(Webhook, webhook)
            assert row is not None
            return [old["until"][11:16] for old in row.old_salts]

    await do(face, ROTATE, id=webhook, oldSecretHours=1)
    await do(face, ROTATE, id=webhook, oldSecretHours=2)
    assert await ends() == ["14:00", "13:00"]
    face.clock.move(hours=1)
    await do(face, ROTATE, id=webhook, oldSecretHours=5)
    assert await ends() == ["18:00", "14:00"]
    await do(face, ROTATE, id=webhook, oldSecretHours=0)
    assert await ends() == []


async def test_a_ping_is_a_delivery_about_no_event(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    ping = (await do(face, PING, id=webhook))["delivery"]
    assert ping == {
        "id": ping["id"],
        "type": "webhook.ping",
        "state": "PENDING",
        "request": '{"type":"webhook.ping","timestamp":"2025-11-19T12:00:00.000000Z",'
        f'"data":{{"webhook":"{webhook}"}}}}',
        "webhook": {"id": webhook},
        "event": None,
    }


async def test_deliveries_show_request_answer_time_and_attempt(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    await face.add(ticket("T-1"), event("e", "T-1", type=TicketEventType.CREATED))
    await stored(
        face,
        delivery("d", webhook, ticket_id=key("T-1"), attempt_count=2, finished_at=NOW),
    )
    attempts: list[dict[str, Any]] = [
        {"status": 500, "answer": 'no\n"way"', "duration_ms": 12},
        {"error": "The host name leads nowhere.", "duration_ms": 3},
    ]
    await stored(
        face,
        *(
            WebhookAttempt(
                delivery_id=key("d"), number=i + 1, url=URL, at=NOW + timedelta(seconds=i), **one
            )
            for i, one in enumerate(attempts)
        ),
    )
    query = """query($id: ID!) { webhook(id: $id) { deliveries { nodes {
      __typename id type messageId eventId ticketId request state attemptCount nextAttemptAt
      createdAt finishedAt webhook { id } event { type ticket { ticketNumber } }
      attempts { number url at durationMs status answer error }
    } } } }"""
    face.statements.clear()
    data = await face.ask(query, {"id": webhook}, "boss")
    assert len([one for one in face.statements if "webhook" in one]) == 1
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


async def test_deliveries_come_in_pages_newest_first_and_by_state(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    other = (await create(face))["webhook"]["id"]
    states = [*WebhookDeliveryState] * 2
    await stored(
        face,
        *(
            delivery(f"d{i}", webhook, created_at=NOW + timedelta(seconds=i), state=state)
            for i, state in enumerate(states)
        ),
        delivery("not mine", other),
    )
    query = """query($id: ID!, $after: String, $state: WebhookDeliveryState) { webhook(id: $id) {
      deliveries(first: 4, after: $after, state: $state) {
        nodes { id } totalCount pageInfo { endCursor hasNextPage } } } }"""

    async def page(**given: Any) -> Any:
        data = await face.ask(query, {"id": webhook, **given}, "boss")
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


async def test_webhooks_are_one_statement_however_many(face: Face) -> None:
    for _ in range(5):
        await create(face)
    query = (
        "{ webhooks(first: 3) { totalCount nodes { id deliveries { nodes { attempts { status } } }"
        " } } }"
    )
    await face.ask(query, None, "boss")
    face.statements.clear()
    data = await face.ask(query, None, "boss")
    assert len(face.statements) == 1
    assert (data["webhooks"]["totalCount"], len(data["webhooks"]["nodes"])) == (5, 3)


async def test_redelivery_makes_it_due_now(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    later = NOW + timedelta(hours=3)
    await stored(
        face,
        delivery("done", webhook, state=WebhookDeliveryState.DELIVERED, finished_at=NOW),
        delivery("aside", webhook, state=WebhookDeliveryState.SET_ASIDE, finished_at=NOW, tries=9),
        delivery("later", webhook, next_attempt_at=later, tries=3),
        delivery("sending", webhook, next_attempt_at=later, claim="somebody"),
        delivery("behind", webhook),
    )
    due = {}
    for name in ("done", "aside", "later", "sending", "behind"):
        shown = (await do(face, REDELIVER, id=str(key(name))))["delivery"]
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


async def test_what_is_deleted_is_gone_with_its_deliveries(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    await stored(face, delivery("d", webhook))
    assert (await do(face, DELETE, id=webhook))["deletedWebhookId"] == webhook
    for mutation in (DELETE, UPDATE, ROTATE, PING):
        error = await refusal(face, mutation, id=webhook)
        assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such webhook.")
    error = await refusal(face, REDELIVER, id=str(key("d")))
    assert (error["code"], error["message"]) == ("NOT_FOUND", "There is no such delivery.")
    assert (await refusal(face, UPDATE, id="no id"))["code"] == "NOT_FOUND"
    query = "query($id: ID!) { webhook(id: $id) { id } node(id: $id) { id } }"
    found = await face.ask(query, {"id": webhook}, "boss")
    assert found == {"webhook": None, "node": None}


async def test_node_fetches_webhooks_and_deliveries(face: Face) -> None:
    webhook = (await create(face))["webhook"]["id"]
    await stored(face, delivery("d", webhook))
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    data = await face.ask(query, {"ids": [webhook, str(key("d"))]}, "boss")
    assert [node["__typename"] for node in data["nodes"]] == ["Webhook", "WebhookDelivery"]
    data = await face.ask(query, {"ids": [webhook, str(key("d"))]}, "agent")
    assert data["nodes"] == [None, None]
