"""What there is to do: one read for all webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import SelectBase, and_, exists, func, literal_column, or_, select

from models import TicketEvent, Webhook, WebhookDelivery, WebhookDeliveryState, table_of
from resolvers.query.filters.stored import StoredFilter
from resolvers.query.sql.elements import (
    SQL,
    ExactTime,
    JsonAgain,
    JsonArrayAgg,
    JsonBool,
    JsonNumber,
    JsonObject,
    JsonOrNull,
    JsonWord,
    JsonWordOrNull,
    Plain,
)
from resolvers.query.statements import fetch_row
from resolvers.services import Services

_events = table_of(TicketEvent)
_webhooks = table_of(Webhook)
_deliveries = table_of(WebhookDelivery)


@dataclass(frozen=True)
class WebhookStatus:
    """A webhook that there may be something to do for."""

    id: UUID
    enabled: bool
    cursor: int
    event_types: list[str]
    filter: StoredFilter | None
    include_internal: bool
    failing: bool
    updated_at: str
    waiting: int
    due: datetime | None


async def overview(services: Services) -> tuple[int, list[WebhookStatus]]:
    """Return the ``seq`` of the last event, and the webhooks that are enabled or have a ping."""
    row = await fetch_row(services, "webhooks", _statement, {})
    return row[0], [_seen(one) for one in orjson.loads(row[1])]


def _seen(given: dict[str, Any]) -> WebhookStatus:
    """Return a webhook as ``_statement`` has it in JSON."""
    due = given.pop("due")
    key = UUID(given.pop("id"))
    return WebhookStatus(**given, id=key, due=None if due is None else datetime.fromisoformat(due))


def _statement() -> SelectBase:
    webhook, of = _webhooks.c, _deliveries.c
    state: SQL = literal_column(f"'{WebhookDeliveryState.PENDING.value}'")
    pending = and_(of.webhook_id == webhook.id, of.state == state)
    # Pings, which are about no event, are sent in any case.
    sendable = and_(pending, or_(webhook.enabled, of.seq.is_(None)))
    due = select(func.min(of.next_attempt_at)).where(sendable).correlate(_webhooks)
    waiting = select(func.count()).select_from(_deliveries).where(pending).correlate(_webhooks)
    ping = exists(select(1).where(pending, of.seq.is_(None)).correlate(_webhooks))
    shown = JsonObject(
        [
            ("id", JsonWord(Plain(webhook.id))),
            ("enabled", JsonBool(webhook.enabled)),
            ("cursor", JsonNumber(webhook.cursor)),
            ("event_types", JsonAgain(webhook.event_types)),
            ("filter", JsonOrNull(JsonAgain(webhook.filter))),
            ("include_internal", JsonBool(webhook.include_internal)),
            ("failing", JsonBool(webhook.failing_since.is_not(None))),
            ("updated_at", JsonWord(ExactTime(webhook.updated_at))),
            ("waiting", JsonNumber(waiting.scalar_subquery())),
            ("due", JsonWordOrNull(ExactTime(due.scalar_subquery()))),
        ]
    )
    found = select(JsonArrayAgg(shown)).select_from(_webhooks).where(or_(webhook.enabled, ping))
    last = select(func.coalesce(func.max(_events.c.seq), literal_column("0")))
    return select(last.scalar_subquery().label("last"), found.scalar_subquery().label("webhooks"))
