"""The event log: everything that changed a ticket, in the order of the commits."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Column, Index, Integer
from sqlmodel import Field, SQLModel

from models.base import choice_check, choice_column, new_id, time_column
from models.choices import TicketEventType, Via
from models.types import Uuid36


class TicketEvent(SQLModel, table=True):
    """One change of one ticket.

    Rows are added, and only the oldest ones are ever removed (``PurgedEvents``). What they tell
    never changes. ``company_id`` and
    ``is_internal`` say who may read of it: they follow the ticket to another company, and a
    comment that becomes internal.

    No foreign keys: events outlive what they tell of, and a key would make writers wait for each
    other's row locks while they hold the lock that orders ``seq``.

    ``version`` is the one that the change made: of the comment that it changed, or else of the
    ticket. All events of one write have the same. There is none where nothing with a version was
    changed, and for what an import or an earlier release wrote.
    """

    __tablename__ = "ticket_events"
    __table_args__ = (
        choice_check("type", TicketEventType),
        Index(None, "ticket_id", "seq"),
        Index(None, "company_id", "seq"),
        # Without AUTOINCREMENT SQLite may give a number again after the last row is deleted.
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    id: UUID = Field(default_factory=new_id, sa_type=Uuid36, unique=True)
    type: TicketEventType = choice_column(TicketEventType, 20)
    ticket_id: UUID = Field(sa_type=Uuid36)
    company_id: UUID = Field(sa_type=Uuid36)
    ticket_number: str = Field(max_length=50)
    comment_id: UUID | None = Field(default=None, sa_type=Uuid36)
    attachment_id: UUID | None = Field(default=None, sa_type=Uuid36)
    actor_id: UUID | None = Field(default=None, sa_type=Uuid36)
    via: Via = choice_column(Via, 20)
    is_internal: bool = False
    changes: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    version: int | None = None
    at: datetime = time_column()


class PurgedEvents(SQLModel, table=True):
    """How much of the log was removed: no row, or one with the ``seq`` of the last removed event.

    It is written in the transaction that removes them. The newest event is never removed.
    """

    __tablename__ = "purged_events"

    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
