"""What waits in the database: deliveries of webhooks, and bulk jobs."""

from typing import NamedTuple

from sqlalchemy import Integer, ScalarSelect, SelectBase, cast, func, select

from models import Webhook, WebhookDelivery, WebhookDeliveryState, table_of
from models.types import UtcDateTime
from resolvers.bulk.jobs import JOBS, is_open
from resolvers.query.statements import fetch_row
from resolvers.services import Services

_deliveries = table_of(WebhookDelivery)
_webhooks = table_of(Webhook)


class Backlog(NamedTuple):
    """How many deliveries wait, and bulk jobs have not ended, with seconds.

    These are the age of the oldest delivery, and since when none of the jobs was started or had a
    batch done: one may wait for another of its user.
    """

    deliveries: int
    delivery_seconds: float
    jobs: int
    job_seconds: float


async def backlog(services: Services) -> Backlog:
    """Return what waits now."""
    row = await fetch_row(services, "backlog", _statement, {})
    dialect, now = services.database.dialect, services.clock()

    def age(value: object) -> float:
        since = UtcDateTime().process_result_value(value, dialect)
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    return Backlog(row[0], age(row[1]), row[2], age(row[3]))


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
    return select(whole, func.min(each.c.oldest), *_jobs())


def _jobs() -> tuple[ScalarSelect[int], ScalarSelect[object]]:
    count = select(func.count()).select_from(JOBS).where(is_open(JOBS))
    last = func.max(func.coalesce(JOBS.c.turn_at, JOBS.c.created_at))
    return count.scalar_subquery(), select(last).where(is_open(JOBS)).scalar_subquery()
