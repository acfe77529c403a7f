"""Webhooks: where events are sent to, each event for each of them, and each attempt to send it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index
from sqlmodel import Field, SQLModel

from models.base import choice_check, choice_column, id_column, reference, time_column
from models.choices import WebhookDeliveryState
from models.types import Uuid36


class Webhook(SQLModel, table=True):
    """An address that events are sent to.

    ``cursor`` is the ``seq`` of the last event that was looked at for it. Its secrets are not
    stored: they follow from the key of the server and a salt (``Signer.webhook_secret``).
    ``old_salts`` are those of secrets that still sign, each with the time at which it ends.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index(None, "created_at", "id"),)

    id: UUID = id_column()
    url: str = Field(max_length=2000)
    # Both as they are shown: a list of event types, empty for all of them, and a TicketFilter.
    event_types: list[str] = Field(default_factory=list, sa_type=JSON)
    filter: dict[str, object] | None = Field(default=None, sa_type=JSON)
    include_internal: bool = False
    enabled: bool = True
    disabled_reason: str | None = Field(default=None, max_length=200)
    failing_since: datetime | None = time_column(nullable=True)
    cursor: int = Field(sa_type=BigInteger)
    salt: str = Field(max_length=64)
    old_salts: list[dict[str, str]] = Field(default_factory=list, sa_type=JSON)
    created_by_id: UUID | None = reference("users.id", nullable=True)
    created_at: datetime = time_column()
    updated_at: datetime = time_column()


class WebhookDelivery(SQLModel, table=True):
    """One event for one webhook, or a ping, which is about no event.

    While it is pending, ``next_attempt_at`` is when it is due; none means that it waits for an
    earlier delivery of its ticket. The sender puts the due time off and leaves its ``claim``,
    so that another one tries again if that was the last thing it did.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        choice_check("state", WebhookDeliveryState),
        Index(None, "webhook_id", "state", "next_attempt_at"),
        Index(None, "webhook_id", "ticket_id", "state", "seq"),
        Index(None, "webhook_id", "created_at", "id"),
        Index(None, "finished_at"),
    )

    id: UUID = id_column()
    webhook_id: UUID = reference("webhooks.id", cascade=True)
    event_id: UUID | None = Field(default=None, sa_type=Uuid36)
    seq: int | None = Field(default=None, sa_type=BigInteger)
    ticket_id: UUID | None = Field(default=None, sa_type=Uuid36)
    type: str = Field(max_length=40)
    message_id: str = Field(max_length=80)
    body: str
    state: WebhookDeliveryState = choice_column(
        WebhookDeliveryState, 20, WebhookDeliveryState.PENDING
    )
    # All attempts, and those since it was last given a day to arrive.
    attempt_count: int = 0
    tries: int = 0
    next_attempt_at: datetime | None = time_column(nullable=True)
    claim: str | None = Field(default=None, max_length=32)
    created_at: datetime = time_column()
    finished_at: datetime | None = time_column(nullable=True)


class WebhookAttempt(SQLModel, table=True):
    """One request, and what came of it: a status with the beginning of the answer, or an error."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index(None, "delivery_id", "number", unique=True),)

    id: UUID = id_column()
    delivery_id: UUID = reference("webhook_deliveries.id", cascade=True)
    number: int
    url: str = Field(max_length=2000)
    at: datetime = time_column()
    duration_ms: int
    status: int | None = None
    answer: str | None = None
    error: str | None = Field(default=None, max_length=300)
