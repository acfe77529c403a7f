"""Tickets with their comments and attachments, and the counter behind their numbers."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from models.base import (
    choice_check,
    choice_column,
    id_column,
    reference,
    time_column,
)
from models.choices import FINISHED_STATUSES, Team, TicketCategory, TicketPriority, TicketStatus
from models.search import search_column, searchable, trigram_index
from models.types import UtcDateTime

NEVER = "9999-12-31T23:59:59.999999Z"
# As reads word it (``resolvers.query.expressions.finished``): SQLite compares the words.
_OPEN = text(f"NOT (status IN {tuple(status.value for status in FINISHED_STATUSES)})")


def _rank(column: str, choices: type[StrEnum]) -> Any:
    """Declare a generated column with a choice's place in its order: orders can use its index."""
    cases = " ".join(f"WHEN '{choice.value}' THEN {i}" for i, choice in enumerate(choices))
    sql = f"CASE {column} {cases} END"
    return Field(
        default=None,
        sa_column=Column(SmallInteger, Computed(sql, persisted=True), nullable=False),
        exclude=True,
    )


@searchable
class Ticket(SQLModel, table=True):
    """A request for help. The three ``*_rank`` columns are computed by the database for orders."""

    __tablename__ = "tickets"
    __table_args__ = (
        choice_check("status", TicketStatus),
        choice_check("priority", TicketPriority),
        choice_check("category", TicketCategory),
        choice_check("assigned_team", Team),
        Index(None, "created_at", "id"),
        Index(None, "updated_at", "id"),
        Index(None, "due_rank", "id"),
        Index(None, "priority_rank", "id"),
        Index(None, "status_rank", "id"),
        Index(None, "status", "created_at", "id"),
        Index(None, "priority", "created_at", "id"),
        Index(None, "category", "created_at", "id"),
        Index(None, "company_id", "created_at", "id"),
        Index(None, "contact_id", "created_at", "id"),
        Index(None, "assigned_to_id", "created_at", "id"),
        Index(None, "assigned_team", "created_at", "id"),
        Index(None, "created_by_id", "created_at", "id"),
        Index(None, "resolved_at"),
        # It tells how many are overdue under a filter by its columns.
        Index(
            "ix_tickets_open_due_date",
            *("due_date", "company_id", "assigned_team", "assigned_to_id"),
            *("status", "priority", "category"),
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        trigram_index("search_text"),
    )

    id: UUID = id_column()
    ticket_number: str = Field(max_length=50, unique=True)
    subject: str = Field(max_length=200)
    description: str
    status: TicketStatus = choice_column(TicketStatus, 20, TicketStatus.NEW)
    priority: TicketPriority = choice_column(TicketPriority, 10, TicketPriority.MEDIUM)
    category: TicketCategory = choice_column(TicketCategory, 20, TicketCategory.GENERAL)
    company_id: UUID = reference("companies.id")
    contact_id: UUID | None = reference("contacts.id", nullable=True)
    assigned_to_id: UUID | None = reference("users.id", nullable=True)
    assigned_team: Team | None = choice_column(Team, 20, None)
    created_by_id: UUID | None = reference("users.id", nullable=True)
    first_response_at: datetime | None = time_column(nullable=True)
    resolved_at: datetime | None = time_column(nullable=True)
    closed_at: datetime | None = time_column(nullable=True)
    due_date: datetime | None = time_column(nullable=True)
    tags: str = Field(default="", max_length=500)
    version: int = 1
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    status_rank: int = _rank("status", TicketStatus)
    priority_rank: int = _rank("priority", TicketPriority)
    # No due date sorts as the latest one: last when ascending, first when descending.
    due_rank: datetime = Field(
        default=None,
        sa_column=Column(
            UtcDateTime,
            Computed(f"coalesce(due_date, '{NEVER}')", persisted=True),
            nullable=False,
        ),
        exclude=True,
    )
    search_text: str = search_column("ticket_number", "subject", "description")


@searchable
class Comment(SQLModel, table=True):
    """Something said about a ticket: to the customer, or as an internal note among staff."""

    __tablename__ = "comments"
    __table_args__ = (
        # The last column lets the counts of public comments and notes do without the rows.
        Index(None, "ticket_id", "created_at", "id", "is_internal"),
        Index(None, "author_id"),
        Index(None, "created_at", "id"),
        trigram_index("search_text"),
    )

    id: UUID = id_column()
    ticket_id: UUID = reference("tickets.id", cascade=True)
    author_id: UUID | None = reference("users.id", nullable=True)
    text: str
    is_internal: bool = False
    version: int = 1
    created_at: datetime = time_column()
    updated_at: datetime = time_column()
    search_text: str = search_column("text")


class Attachment(SQLModel, table=True):
    """A file of a ticket; its bytes are in the file store under ``key``."""

    __tablename__ = "attachments"
    __table_args__ = (
        Index(None, "ticket_id", "created_at", "id"),
        Index(None, "uploaded_by_id"),
        Index(None, "created_at", "id"),
    )

    id: UUID = id_column()
    ticket_id: UUID = reference("tickets.id", cascade=True)
    key: str = Field(max_length=300, unique=True)
    name: str = Field(max_length=200)
    size: int = Field(sa_type=BigInteger)
    content_type: str = Field(max_length=100)
    sha256: str = Field(max_length=64)
    uploaded_by_id: UUID | None = reference("users.id", nullable=True)
    created_at: datetime = time_column()
    updated_at: datetime = time_column()


class DayCounter(SQLModel, table=True):
    """How many ticket numbers a day (UTC, ``YYYYMMDD``) has given out."""

    __tablename__ = "day_counters"

    day: str = Field(primary_key=True, max_length=8)
    value: int
