"""Deliveries that are due: each is claimed by one process, and finished by the one that did.

A claim puts the due time off. A process that dies loses its claims by then, and another process
tries again: so a delivery is made at least once.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from deskgraph.webhooks.retry_policy import FAILING_PERIOD, Jitter, next_delay
from deskgraph.webhooks.sender import AttemptResult
from models import Webhook, WebhookAttempt, WebhookDelivery, WebhookDeliveryState
from models.types import time_text
from resolvers.services import Services

# How long a claim holds: much longer than a request may take, so that none is made twice at once.
LEASE = timedelta(seconds=60)
GONE = 410

_of = WebhookDelivery
logger = logging.getLogger("deskgraph.webhooks")


@dataclass(frozen=True)
class Claimed:
    """A delivery to be made now."""

    id: UUID
    webhook_id: UUID
    claim: str
    url: str
    secrets: tuple[str, ...]
    message_id: str
    body: bytes


async def claim(services: Services, webhook_id: UUID, most: int) -> list[Claimed]:
    """Claim deliveries of a webhook that are due, the longest due first."""
    now = services.clock()
    async with services.database.transaction() as session:
        webhook = await session.get(Webhook, webhook_id)
        if webhook is None:
            return []
        due = [
            col(_of.webhook_id) == webhook_id,
            col(_of.state) == WebhookDeliveryState.PENDING,
            col(_of.next_attempt_at) <= now,
        ]
        if not webhook.enabled:
            due.append(col(_of.seq).is_(None))
        wanted = select(_of).where(*due).order_by(col(_of.next_attempt_at), col(_of.id))
        found = (await session.exec(wanted.limit(most).with_for_update(skip_locked=True))).all()
        for one in found:
            one.claim, one.next_attempt_at = secrets.token_hex(8), now + LEASE
        signing = _secrets(services, webhook, now)
        return [
            Claimed(
                one.id,
                webhook_id,
                str(one.claim),
                webhook.url,
                signing,
                one.message_id,
                one.body.encode(),
            )
            for one in found
        ]


def _secrets(services: Services, webhook: Webhook, now: datetime) -> tuple[str, ...]:
    """Return the secrets that sign: the current one, and old ones that have not ended.

    Each of them once more under the server's old key, while that is accepted.
    """
    old = [each["salt"] for each in webhook.old_salts if each["until"] > time_text(now)]
    salts = [webhook.salt, *old]
    signer = services.signer
    return tuple(secret for salt in salts for secret in signer.webhook_secrets(webhook.id, salt))


async def finish(
    services: Services, claimed: Claimed, at: datetime, outcome: AttemptResult, jitter: Jitter
) -> str | None:
    """Record an attempt, and say what comes next; returns why it disabled the webhook, if it did.

    Nothing is recorded where the delivery is gone, or is somebody else's by now.
    """
    now = services.clock()
    async with services.database.transaction() as session:
        webhook = await session.get(Webhook, claimed.webhook_id, with_for_update=True)
        if webhook is None:
            return None
        found = await _claimed(session, claimed)
        if found is None:
            return None
        found.claim = None
        found.attempt_count += 1
        found.tries += 1
        session.add(_attempt(found, claimed, at, outcome))
        reason = _decide(webhook, found, outcome, now, jitter)
        if reason is not None:
            webhook.enabled, webhook.disabled_reason, webhook.updated_at = False, reason, now
        await session.flush()
        if found.finished_at is not None and found.ticket_id is not None:
            await _release_next(session, found, now)
        tries = found.attempt_count if found.state is WebhookDeliveryState.SET_ASIDE else None
    if tries is not None:
        about = (claimed.id, claimed.webhook_id, tries)
        logger.warning("delivery %s of webhook %s has failed, attempts: %s", *about)
    return reason


def _attempt(
    found: WebhookDelivery, claimed: Claimed, at: datetime, outcome: AttemptResult
) -> WebhookAttempt:
    return WebhookAttempt(
        delivery_id=found.id,
        number=found.attempt_count,
        url=claimed.url,
        at=at,
        duration_ms=outcome.duration_ms,
        status=outcome.status,
        answer=outcome.answer,
        error=outcome.error,
    )


async def _claimed(session: AsyncSession, claimed: Claimed) -> WebhookDelivery | None:
    mine = select(_of).where(_of.id == claimed.id, _of.claim == claimed.claim)
    return (await session.exec(mine.with_for_update())).first()


def _decide(
    webhook: Webhook, found: WebhookDelivery, outcome: AttemptResult, now: datetime, jitter: Jitter
) -> str | None:
    """Set what comes next for a delivery; returns why its webhook is to be disabled, if it is."""
    if outcome.arrived:
        webhook.failing_since = None
        _end(found, WebhookDeliveryState.DELIVERED, now)
        return None
    ping = found.seq is None
    delay = None if ping else next_delay(found.tries, jitter, outcome.retry_after)
    if not ping and webhook.failing_since is None:
        webhook.failing_since = now
    if outcome.status == GONE:
        _end(found, WebhookDeliveryState.SET_ASIDE, now)
        return "The receiver answered 410 Gone."
    if delay is not None:
        found.next_attempt_at = now + delay
        return None
    _end(found, WebhookDeliveryState.SET_ASIDE, now)
    if webhook.failing_since is not None and now - webhook.failing_since >= FAILING_PERIOD:
        return f"Every attempt failed for {FAILING_PERIOD.days} days."
    return None


def _end(found: WebhookDelivery, state: WebhookDeliveryState, now: datetime) -> None:
    found.state, found.finished_at, found.next_attempt_at = state, now, None


async def _release_next(session: AsyncSession, done: WebhookDelivery, now: datetime) -> None:
    """Let the next delivery of a ticket be due, unless another one of it still is."""
    waiting = (
        col(_of.webhook_id) == done.webhook_id,
        col(_of.ticket_id) == done.ticket_id,
        col(_of.state) == WebhookDeliveryState.PENDING,
    )
    counted = select(func.count(col(_of.next_attempt_at)), func.min(_of.seq)).where(*waiting)
    due, first = (await session.exec(counted)).one()
    if first is not None and not due:
        following = update(_of).where(*waiting, col(_of.seq) == first)
        await session.exec(following.values(next_attempt_at=now))


async def release(services: Services, claimed: Claimed) -> None:
    """Give a claim back, unfinished: the delivery is due again at once."""
    mine = (col(_of.id) == claimed.id, col(_of.claim) == claimed.claim)
    async with services.database.transaction() as session:
        given_back = update(_of).where(*mine)
        await session.exec(given_back.values(claim=None, next_attempt_at=services.clock()))
