"""How many tickets there are, so that no list has to count its rows.

Triggers keep these tables with every change of a ticket, in its transaction and whatever makes it
(the migration 0010). ``resolvers.query.lists.counts`` reads them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

from models.base import choice_column
from models.choices import Team, TicketCategory, TicketPriority, TicketStatus
from models.types import Choice, UtcDateTime, Uuid36

# The id of the scope that has all tickets.
ALL_ID = UUID(int=0)


class CountScope(StrEnum):
    """Whose tickets a count has; ``scope_id`` beside it says which company, user or contact it is.

    The last three tell them apart by their status only: a few rows have all tickets.
    """

    ALL = "all"
    COMPANY = "company"
    ASSIGNEE = "assignee"
    ALL_STATUS = "all_status"
    COMPANY_STATUS = "company_status"
    CONTACT_STATUS = "contact_status"


class TicketCount(SQLModel, table=True):
    """How many tickets of a scope have the same values in all of these columns; never none.

    ``assigned_team`` is empty for no team, since a key has no nulls.
    """

    __tablename__ = "ticket_counts"
    __table_args__ = {"sqlite_with_rowid": False}

    scope: CountScope = Field(primary_key=True, sa_type=Choice(CountScope, 20))
    scope_id: UUID = Field(primary_key=True, sa_type=Uuid36)
    status: str = Field(primary_key=True, max_length=20)
    priority: str = Field(primary_key=True, max_length=10)
    category: str = Field(primary_key=True, max_length=20)
    assigned_team: str = Field(primary_key=True, max_length=20)
    is_assigned: bool = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)


class TicketDueCount(SQLModel, table=True):
    """How many open tickets of a scope and a team are due on the same day (UTC); never none."""

    __tablename__ = "ticket_due_counts"
    __table_args__ = {"sqlite_with_rowid": False}

    scope: CountScope = Field(primary_key=True, sa_type=Choice(CountScope, 20))
    scope_id: UUID = Field(primary_key=True, sa_type=Uuid36)
    assigned_team: str = Field(primary_key=True, max_length=20)
    # Its first moment.
    due_day: datetime = Field(primary_key=True, sa_type=UtcDateTime)
    amount: int = Field(sa_type=BigInteger)


class TicketCountChange(SQLModel, table=True):
    """How many tickets with these values came (or, below zero, went) and are not counted yet.

    Writers on PostgreSQL append here, so that none waits for a row that another has changed.
    Servers add the changes to the counts after their commits. SQLite has one writer, and no rows.
    """

    __tablename__ = "ticket_count_changes"

    id: int | None = Field(
        default=None,
        sa_column=Column(
            BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
    )
    company_id: UUID = Field(sa_type=Uuid36)
    contact_id: UUID | None = Field(default=None, sa_type=Uuid36)
    assigned_to_id: UUID | None = Field(default=None, sa_type=Uuid36)
    status: TicketStatus = choice_column(TicketStatus, 20)
    priority: TicketPriority = choice_column(TicketPriority, 10)
    category: TicketCategory = choice_column(TicketCategory, 20)
    assigned_team: Team | None = choice_column(Team, 20, None)
    # Of open tickets only.
    due_day: datetime | None = Field(default=None, sa_type=UtcDateTime)
    amount: int = Field(sa_type=BigInteger)
