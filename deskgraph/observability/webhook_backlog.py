"""How many deliveries of webhooks wait, and for how long."""

from sqlalchemy import Integer, SelectBase, cast, func, select

from models import Webhook, WebhookDelivery, WebhookDeliveryState, table_of
from models.types import UtcDateTime
from resolvers.query.statements import fetch_row
from resolvers.services import Services

_deliveries = table_of(WebhookDelivery)
_webhooks = table_of(Webhook)


async def backlog(services: Services) -> tuple[int, float]:
    """Return how many deliveries wait, and the age of the oldest of them in seconds."""
    row = await fetch_row(services, "webhook backlog", _statement, {})
    oldest = UtcDateTime().process_result_value(row[1], services.database.dialect)
    now = services.clock()
    return row[0], 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())


def _statement() -> SelectBase:
    """Look for each webhook, which an index helps with: of its deliveries most are finished."""
    of = _deliveries.c
    mine = (of.webhook_id == _webhooks.c.id, of.state == WebhookDeliveryState.PENDING)
    waiting = select(func.count()).select_from(_deliveries).where(*mine).correlate(_webhooks)
    oldest = select(func.min(of.created_at)).where(*mine).correlate(_webhooks)
    each = select(
        waiting.scalar_subquery().label("waiting"), oldest.scalar_subquery().label("oldest")
    ).subquery()
    # An integer: a sum of counts is a decimal on PostgreSQL.
    whole = cast(func.coalesce(func.sum(each.c.waiting), 0), Integer)
    return select(whole, func.min(each.c.oldest))
