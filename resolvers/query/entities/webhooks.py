"""The catalog's part about webhooks; it has no secrets and no salts."""

from dataclasses import replace

from sqlalchemy import func
from sqlalchemy.types import Integer

from models import Webhook, WebhookAttempt, WebhookDelivery, table_of
from models.types import UtcDateTime
from resolvers.query.expressions import column, columns
from resolvers.query.field_types import (
    MAX_PAGE_BYTES,
    Entity,
    FieldKind,
    Order,
    Scalar,
    ToMany,
    ToOne,
)
from resolvers.query.sql.elements import Plain

_CREATED = {"created_at": Order("created_at", UtcDateTime)}
_NEWEST = (("created_at", True),)
_BY_NUMBER = (("number", False),)

WEBHOOK = Entity(
    "Webhook",
    table_of(Webhook),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.TEXT, "url"),
        **columns(FieldKind.TEXT, "disabled_reason", nullable=True),
        **columns(FieldKind.BOOL, "include_internal", "enabled"),
        **columns(FieldKind.TIME, "created_at", "updated_at"),
        **columns(FieldKind.TIME, "failing_since", nullable=True),
        **columns(FieldKind.JSON, "filter"),
        # Stored as values, shown as names.
        "event_types": Scalar(
            FieldKind.JSON, lambda _build, row, _slot: func.upper(Plain(row.event_types))
        ),
        "created_by": ToOne("User", "created_by_id", anyone=True),
        "deliveries": ToMany("WebhookDelivery", "webhook_id", _NEWEST),
    },
    _CREATED,
    _NEWEST,
)

DELIVERY = Entity(
    "WebhookDelivery",
    table_of(WebhookDelivery),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.UUID, "event_id", "ticket_id", nullable=True),
        **columns(FieldKind.TEXT, "type", "message_id"),
        **columns(FieldKind.CHOICE, "state"),
        **columns(FieldKind.NUMBER, "attempt_count"),
        **columns(FieldKind.TIME, "created_at"),
        **columns(FieldKind.TIME, "next_attempt_at", "finished_at", nullable=True),
        "request": replace(column(FieldKind.TEXT, "body"), long=True),
        "webhook": ToOne("Webhook", "webhook_id"),
        "event": ToOne("TicketEvent", "event_id"),
        "attempts": ToMany("WebhookAttempt", "delivery_id", _BY_NUMBER, connection=False),
    },
    _CREATED,
    _NEWEST,
    MAX_PAGE_BYTES,
)

ATTEMPT = Entity(
    "WebhookAttempt",
    table_of(WebhookAttempt),
    {
        **columns(FieldKind.NUMBER, "number", "duration_ms"),
        **columns(FieldKind.NUMBER, "status", nullable=True),
        **columns(FieldKind.TEXT, "url"),
        **columns(FieldKind.TEXT, "answer", "error", nullable=True),
        **columns(FieldKind.TIME, "at"),
    },
    {"number": Order("number", Integer)},
    _BY_NUMBER,
)
