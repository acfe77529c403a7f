"""Taking events from the log: each becomes a delivery once, whichever process takes it."""

import logging
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.webhooks.overview import WebhookStatus
from deskgraph.webhooks.payload import Event, body_of, read_events, type_of
from models import Webhook, WebhookDelivery, WebhookDeliveryState
from models.types import time_text
from resolvers.errors import BadInput
from resolvers.query.filters.parse import parse
from resolvers.query.filters.stored import understood
from resolvers.query.shapes import Args
from resolvers.services import Services

logger = logging.getLogger("deskgraph.webhooks")

# How many events are taken at once.
BATCH = 100
# How many deliveries a webhook may have waiting; what happens beyond that waits in the log.
MAX_WAITING = 1000
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Enqueued:
    """How many events became deliveries, and whether there may be more."""

    count: int = 0
    more: bool = False


async def enqueue(services: Services, seen: WebhookStatus, latest: int) -> Enqueued:
    """Take the next events for a webhook, up to ``latest``.

    They are read before the transaction, which then changes nothing where another process, or an
    Admin, has been faster.
    """
    try:
        wanted = _next(seen)
    except BadInput as error:
        await _disable(services, seen.id, f"Its filter can no longer be used: {error}")
        return Enqueued()
    events, more = await read_events(services, wanted)
    end = events[-1]["sequence"] if more else max([latest, *(e["sequence"] for e in events)])
    async with services.database.transaction() as session:
        webhook = await session.get(Webhook, seen.id, with_for_update=True)
        if webhook is None or not webhook.enabled or webhook.cursor != seen.cursor:
            return Enqueued()
        if time_text(webhook.updated_at) != seen.updated_at:
            return Enqueued(more=True)
        await _deliver(services, session, webhook.id, events)
        webhook.cursor = end
    return Enqueued(len(events), more)


async def _disable(services: Services, webhook_id: UUID, reason: str) -> None:
    """Disable a webhook whose filter was stored when filters had other limits."""
    async with services.database.transaction() as session:
        webhook = await session.get(Webhook, webhook_id, with_for_update=True)
        if webhook is not None and webhook.enabled:
            webhook.enabled, webhook.disabled_reason = False, reason
            webhook.updated_at = services.clock()
    logger.warning("webhook %s is disabled: %s", webhook_id, reason)


def _next(seen: WebhookStatus) -> Args:
    wanted: dict[str, object] = {}
    if seen.event_types:
        wanted["type"] = {"in": seen.event_types}
    if not seen.include_internal:
        wanted["is_internal"] = False
    if seen.filter:
        # As the feed has it: of the ticket as it is now, and every deletion passes.
        wanted["tickets"] = understood(seen.filter)
    values: dict[str, object] = {"after_0": seen.cursor, "after_1": _LAST_ID}
    where = parse(wanted, values)
    return Args(where, after=True, limit=BATCH, values=values)


async def _deliver(
    services: Services, session: AsyncSession, webhook_id: UUID, events: list[Event]
) -> None:
    """Add a delivery for each event; only the first of a ticket is due, the others wait for it."""
    tickets = {UUID(event["ticket"]) for event in events}
    busy = select(WebhookDelivery.ticket_id).where(
        col(WebhookDelivery.webhook_id) == webhook_id,
        col(WebhookDelivery.state) == WebhookDeliveryState.PENDING,
        col(WebhookDelivery.ticket_id).in_(tickets),
    )
    waiting = set((await session.exec(busy)).all()) if tickets else set()
    now = services.clock()
    for event in events:
        ticket_id = UUID(event["ticket"])
        session.add(
            WebhookDelivery(
                webhook_id=webhook_id,
                event_id=UUID(event["id"]),
                seq=event["sequence"],
                ticket_id=ticket_id,
                type=type_of(event),
                # No full stop: the signature puts them between id, time and body.
                message_id=f"{event['id']}_{webhook_id}",
                body=body_of(event),
                next_attempt_at=None if ticket_id in waiting else now,
                created_at=now,
            )
        )
        waiting.add(ticket_id)
