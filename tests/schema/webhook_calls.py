"""What tests of webhooks ask, over the application with a deliverer that does nothing."""

from typing import Any

from models import WebhookDelivery
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key

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
    "or": [{"company": {"in": [str(key("hilton"))]}}, {"open": True}],
    "status": {"in": ["NEW", "IN_PROGRESS"], "notIn": ["CLOSED"]},
    "assignedTeam": {"in": ["TECH"]},
    "createdAt": {"gte": "2025-11-19T10:30:00.000000Z"},
    "dueDate": {"isNull": False},
    "tags": {"hasAny": ["a", "b"]},
    "search": "wifi",
}


async def do(gql: GraphQLClient, mutation: str, viewer: str = "admin", **given: Any) -> Any:
    data = await gql.ask(mutation, {"input": given}, viewer)
    return next(iter(data.values()))


async def create(gql: GraphQLClient, **given: Any) -> Any:
    payload = await do(gql, CREATE, url=URL, **given)
    assert payload["errors"] == []
    return payload


async def refusal(gql: GraphQLClient, mutation: str, **given: Any) -> Any:
    payload = await do(gql, mutation, **given)
    [error] = payload["errors"]
    assert not [value for name, value in payload.items() if value and name != "errors"]
    return error


def delivery(name: str, webhook: str, **more: Any) -> WebhookDelivery:
    values: dict[str, Any] = {
        "id": key(name),
        "webhook_id": webhook,
        "event_id": key("e"),
        "seq": 1,
        "type": "ticket.created",
        "message_id": f"message {name}",
        "body": '{"type":"ticket.created"}',
        "created_at": NOON,
    }
    return WebhookDelivery(**values | more)
