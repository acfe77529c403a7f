"""Webhooks: created, changed and looked after by Admins. For others there are none.

What is sent, when and how is in ``deskgraph/webhooks``. Everything about one webhook and its
deliveries is changed under the lock of the webhook's row, which is always taken first.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import (
    TicketEvent,
    TicketEventType,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    new_id,
)
from models.types import time_text
from resolvers import access
from resolvers.commands import validation
from resolvers.commands.validation import FieldRule, FieldRules, Problems
from resolvers.commands.webhook_filters import filter_problem
from resolvers.commands.webhook_urls import url_problem
from resolvers.context import Context
from resolvers.errors import NotFound, Problem
from resolvers.services import Services

RULES: FieldRules = {
    "url": FieldRule(str, max_length=2000, required=True),
    "include_internal": FieldRule(bool),
    "enabled": FieldRule(bool),
}
PING = "webhook.ping"
# How long old secrets may go on signing, in hours, and how many of them.
MAX_ROTATION_HOURS = 168
MAX_OLD_SECRETS = 3


async def create_webhook(context: Context, values: Mapping[str, object]) -> tuple[UUID, str]:
    """Create a webhook for what happens from now on; returns its id and its secret.

    Raises ``Forbidden``, ``Invalid``, and ``BadInput`` for a filter that is too large.
    """
    viewer = context.require_viewer()
    access.require_admin(viewer, "create webhooks")
    cleaned = _clean(context.services, values, partial=False)
    now = context.services.clock()
    async with context.services.database.transaction() as session:
        last = (await session.exec(select(func.max(TicketEvent.seq)))).one()
        webhook = Webhook(
            **cleaned,
            cursor=last or 0,
            salt=_new_salt(),
            created_by_id=viewer.id,
            created_at=now,
            updated_at=now,
        )
        session.add(webhook)
    context.services.after_commit(context.services.webhooks_changed.set)
    return webhook.id, context.services.signer.webhook_secret(webhook.id, webhook.salt)


async def update_webhook(context: Context, webhook_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a webhook; the same values are no change.

    One that is enabled again goes on where it stopped.
    """
    _require(context)
    cleaned = _clean(context.services, changes, partial=True)
    async with context.services.database.transaction() as session:
        webhook = await _locked(session, webhook_id)
        if all(getattr(webhook, name) == value for name, value in cleaned.items()):
            return
        begins = cleaned.get("enabled", False) and not webhook.enabled
        for name, value in cleaned.items():
            setattr(webhook, name, value)
        webhook.updated_at = context.services.clock()
        if begins:
            webhook.disabled_reason = webhook.failing_since = None
            await _begin_again(session, webhook, webhook.updated_at)
    context.services.after_commit(context.services.webhooks_changed.set)


async def delete_webhook(context: Context, webhook_id: UUID) -> None:
    """Delete a webhook with its deliveries, also those that were still to be made."""
    _require(context)
    async with context.services.database.transaction() as session:
        await session.delete(await _locked(session, webhook_id))


async def rotate_webhook_secret(context: Context, webhook_id: UUID, old_hours: int) -> str:
    """Give a webhook a new secret and return it; old ones go on signing for as many hours.

    With 0 they end at once, and so do those of earlier rotations.
    """
    _require(context)
    if not 0 <= old_hours <= MAX_ROTATION_HOURS:
        validation.raise_problems(
            {"old_secret_hours": [Problem("hours", {"max": MAX_ROTATION_HOURS})]}
        )
    now = context.services.clock()
    async with context.services.database.transaction() as session:
        webhook = await _locked(session, webhook_id)
        ends = time_text(now + timedelta(hours=old_hours))
        kept = [old for old in webhook.old_salts if old["until"] > time_text(now)]
        olds = [{"salt": webhook.salt, "until": ends}, *kept][:MAX_OLD_SECRETS]
        webhook.old_salts = olds if old_hours else []
        webhook.salt = _new_salt()
        webhook.updated_at = now
    return context.services.signer.webhook_secret(webhook.id, webhook.salt)


async def ping_webhook(context: Context, webhook_id: UUID) -> UUID:
    """Have a ping sent once, also by a webhook that is disabled; returns the delivery's id."""
    _require(context)
    now, key = context.services.clock(), new_id()
    data = {"webhook": str(webhook_id)}
    body = {"type": PING, "timestamp": time_text(now), "data": data}
    async with context.services.database.transaction() as session:
        webhook = await _locked(session, webhook_id)
        delivery = WebhookDelivery(
            id=key,
            webhook_id=webhook.id,
            type=PING,
            message_id=f"ping_{key}",
            body=json.dumps(body, separators=(",", ":")),
            next_attempt_at=now,
            created_at=now,
        )
        session.add(delivery)
    context.services.after_commit(context.services.webhooks_changed.set)
    return key


async def redeliver(context: Context, delivery_id: UUID) -> None:
    """Send a delivery again, and try for another day; at once, whatever its ticket's others do.

    One that waits for its next attempt is tried now. Nothing changes for one that is being sent, or
    that waits for an earlier one of its ticket.
    """
    _require(context, "Delivery")
    async with context.services.database.transaction() as session:
        of = select(WebhookDelivery.webhook_id).where(WebhookDelivery.id == delivery_id)
        webhook_id = (await session.exec(of)).first()
        if (
            webhook_id is None
            or await session.get(Webhook, webhook_id, with_for_update=True) is None
        ):
            raise NotFound("Delivery")
        found = await session.get(WebhookDelivery, delivery_id, with_for_update=True)
        if found is None:
            raise NotFound("Delivery")
        pending = found.state is WebhookDeliveryState.PENDING
        if pending and (found.next_attempt_at is None or found.claim is not None):
            return
        found.state, found.finished_at = WebhookDeliveryState.PENDING, None
        found.next_attempt_at, found.tries = context.services.clock(), 0
    context.services.after_commit(context.services.webhooks_changed.set)


def _require(context: Context, kind: str = "Webhook") -> None:
    if not access.can_see_webhooks(context.require_viewer()):
        raise NotFound(kind)


async def _locked(session: AsyncSession, webhook_id: UUID) -> Webhook:
    webhook = await session.get(Webhook, webhook_id, with_for_update=True)
    if webhook is None:
        raise NotFound("Webhook")
    return webhook


async def _begin_again(session: AsyncSession, webhook: Webhook, now: datetime) -> None:
    """Give what is still to be delivered another day, from now on."""
    pending = (
        col(WebhookDelivery.webhook_id) == webhook.id,
        col(WebhookDelivery.state) == WebhookDeliveryState.PENDING,
        col(WebhookDelivery.next_attempt_at).is_not(None),
        col(WebhookDelivery.claim).is_(None),
    )
    await session.exec(update(WebhookDelivery).where(*pending).values(next_attempt_at=now, tries=0))


def _new_salt() -> str:
    return secrets.token_hex(16)


def _clean(
    services: Services, values: Mapping[str, object], *, partial: bool
) -> validation.Cleaned:
    cleaned, problems = validation.clean(RULES, values, partial=partial)
    if "url" in cleaned:
        _add(problems, "url", url_problem(cleaned["url"], private=services.private_webhooks))
    if "event_types" in values:
        # As the input types of GraphQL have checked it.
        types: Any = values["event_types"]
        cleaned["event_types"] = _types(types or ())
    if "filter" in values:
        # As the input types of GraphQL have checked it.
        given: Any = values["filter"]
        cleaned["filter"] = given or None
        _add(problems, "filter", filter_problem(given or {}))
        # Each of its texts has no limit of its own.
        if len(json.dumps(given, ensure_ascii=False).encode()) > services.max_text_bytes:
            _add(problems, "filter", Problem("max_bytes", {"max": services.max_text_bytes}))
    validation.raise_problems(problems)
    return cleaned


def _types(given: Sequence[TicketEventType]) -> list[str]:
    """Return event types as they are stored: each once, in their order."""
    return [kind.value for kind in TicketEventType if kind in given]


def _add(problems: Problems, name: str, problem: Problem | None) -> None:
    if problem is not None:
        problems[name] = [problem]
