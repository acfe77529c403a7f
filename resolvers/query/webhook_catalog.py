"""The catalogue's part about webhooks; secrets and salts are in none of it."""

from dataclasses import replace

from sqlalchemy import func
from sqlalchemy.types import Integer

from models import Webhook, WebhookAttempt, WebhookDelivery
from models.types import UtcDateTime
from resolvers.query.expressions import column, columns
from resolvers.query.field_types import MAX_PAGE_BYTES, Entity, Kind, Many, One, Order, Scalar
from resolvers.query.sql.elements import Plain

_CREATED = {"created_at": Order("created_at", UtcDateTime)}
_NEWEST = (("created_at", True),)
_BY_NUMBER = (("number", False),)

WEBHOOK = Entity(
    "Webhook",
    Webhook.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id"),
        **columns(Kind.TEXT, "url"),
        **columns(Kind.TEXT, "disabled_reason", nullable=True),
        **columns(Kind.BOOL, "include_internal", "enabled"),
        **columns(Kind.TIME, "created_at", "updated_at"),
        **columns(Kind.TIME, "failing_since", nullable=True),
        **columns(Kind.JSON, "filter"),
        # Stored as values, shown as names.
        "event_types": Scalar(
            Kind.JSON, lambda _build, row, _slot: func.upper(Plain(row.event_types))
        ),
        "created_by": One("User", "created_by_id", anyone=True),
        "deliveries": Many("WebhookDelivery", "webhook_id", _NEWEST),
    },
    _CREATED,
    _NEWEST,
)

DELIVERY = Entity(
    "WebhookDelivery",
    WebhookDelivery.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id"),
        **columns(Kind.UUID, "event_id", "ticket_id", nullable=True),
        **columns(Kind.TEXT, "type", "message_id"),
        **columns(Kind.CHOICE, "state"),
        **columns(Kind.NUMBER, "attempt_count"),
        **columns(Kind.TIME, "created_at"),
        **columns(Kind.TIME, "next_attempt_at", "finished_at", nullable=True),
        "request": replace(column(Kind.TEXT, "body"), long=True),
        "webhook": One("Webhook", "webhook_id"),
        "event": One("TicketEvent", "event_id"),
        "attempts": Many("WebhookAttempt", "delivery_id", _BY_NUMBER, connection=False),
    },
    _CREATED,
    _NEWEST,
    MAX_PAGE_BYTES,
)

ATTEMPT = Entity(
    "WebhookAttempt",
    WebhookAttempt.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.NUMBER, "number", "duration_ms"),
        **columns(Kind.NUMBER, "status", nullable=True),
        **columns(Kind.TEXT, "url"),
        **columns(Kind.TEXT, "answer", "error", nullable=True),
        **columns(Kind.TIME, "at"),
    },
    {"number": Order("number", Integer)},
    _BY_NUMBER,
)
