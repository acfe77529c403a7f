"""The filters and orders of lists. All given parts must hold; a null is as if not given."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.choices import (
    OrderDirection,
    Role,
    Team,
    TicketCategory,
    TicketEventType,
    TicketOrderField,
    TicketPriority,
    TicketStatus,
)
from schema.scalars import DateTime
from schema.words import said, told

_EQ = "Equal to this."
_IN = "One of these, at most 100."
_NOT_IN = "None of these, at most 100; includes those that have no value."
_GTE = "This or more urgent."
_LTE = "This or less urgent."


@strawberry.input(description="Compares the status.")
class TicketStatusComparator:
    """All given operators must hold."""

    eq: TicketStatus | None = told(_EQ)
    in_: list[TicketStatus] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketStatus] | None = told(_NOT_IN)


@strawberry.input(description="Compares the priority; greater is more urgent.")
class TicketPriorityComparator:
    """All given operators must hold."""

    eq: TicketPriority | None = told(_EQ)
    in_: list[TicketPriority] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketPriority] | None = told(_NOT_IN)
    gte: TicketPriority | None = told(_GTE)
    lte: TicketPriority | None = told(_LTE)


@strawberry.input(description="Compares the category.")
class TicketCategoryComparator:
    """All given operators must hold."""

    eq: TicketCategory | None = told(_EQ)
    in_: list[TicketCategory] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketCategory] | None = told(_NOT_IN)


@strawberry.input(description="Compares the assigned team.")
class TeamComparator:
    """All given operators must hold."""

    eq: Team | None = told(_EQ)
    in_: list[Team] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[Team] | None = told(_NOT_IN)
    is_null: bool | None = told("Whether there is no team.")


@strawberry.input(description="Compares the role.")
class RoleComparator:
    """All given operators must hold."""

    eq: Role | None = told(_EQ)
    in_: list[Role] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[Role] | None = told(_NOT_IN)


@strawberry.input(description="Compares the id of a related object.")
class IdComparator:
    """All given operators must hold."""

    eq: ID | None = told(_EQ)
    in_: list[ID] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[ID] | None = told(_NOT_IN)
    is_null: bool | None = told("Whether there is no such object.")


@strawberry.input(description="Compares a time.")
class DateTimeComparator:
    """All given operators must hold."""

    gt: DateTime | None = told("Later than this.")
    gte: DateTime | None = told("This or later.")
    lt: DateTime | None = told("Earlier than this.")
    lte: DateTime | None = told("This or earlier.")
    is_null: bool | None = told("Whether there is no time.")


@strawberry.input(description="Looks for tags.")
class TagsComparator:
    """All given operators must hold."""

    has: str | None = told("Has this tag.")
    has_any: list[str] | None = told("Has at least one of these tags, at most 100.")
    has_all: list[str] | None = told("Has all of these tags, at most 100.")


@strawberry.input(description="Chooses tickets, for lists and statistics alike.")
class TicketFilter:
    """All given parts must hold."""

    and_: list["TicketFilter"] | None = strawberry.field(
        name="and", description="All of these hold; true for none.", default=strawberry.UNSET
    )
    or_: list["TicketFilter"] | None = strawberry.field(
        name="or", description="One of these holds; false for none.", default=strawberry.UNSET
    )
    not_: Annotated["TicketFilter", strawberry.lazy("schema.filters")] | None = strawberry.field(
        name="not", description="This does not hold.", default=strawberry.UNSET
    )
    status: TicketStatusComparator | None = told("By status.")
    priority: TicketPriorityComparator | None = told("By priority.")
    category: TicketCategoryComparator | None = told("By category.")
    company: IdComparator | None = told("By company.")
    contact: IdComparator | None = told("By contact.")
    assigned_to: IdComparator | None = told("By the user it is assigned to.")
    created_by: IdComparator | None = told("By the user who created it.")
    assigned_team: TeamComparator | None = told("By team.")
    created_at: DateTimeComparator | None = told("By the time it was created.")
    updated_at: DateTimeComparator | None = told("By the time it was last changed.")
    due_date: DateTimeComparator | None = told("By the time it is due.")
    resolved_at: DateTimeComparator | None = told("By the time it was resolved.")
    tags: TagsComparator | None = told("By tags.")
    search: str | None = told(
        "Each of these words occurs in number, subject, description or company name, whatever "
        'the case; "quotes" keep a phrase together.'
    )
    open: bool | None = told("Whether it is neither resolved nor closed.")
    unassigned: bool | None = told("Whether nobody is assigned.")
    mine: bool | None = told("Whether it is assigned to the viewer.")
    overdue: bool | None = told("Whether it is past its due date and neither resolved nor closed.")


@strawberry.input(description="Sorts tickets; ties are broken by the next order, then by the id.")
class TicketOrder:
    """One field of an order."""

    field: TicketOrderField = said("What to sort by.")
    direction: OrderDirection = strawberry.field(
        description="Which way.", default=OrderDirection.ASC
    )


@strawberry.input(description="Chooses comments.")
class CommentFilter:
    """All given parts must hold."""

    ticket: IdComparator | None = told("By ticket.")
    author: IdComparator | None = told("By author.")
    is_internal: bool | None = told("Whether it is an internal note.")
    created_at: DateTimeComparator | None = told("By the time it was written.")


@strawberry.input(description="Chooses users.")
class UserFilter:
    """All given parts must hold."""

    role: RoleComparator | None = told("By role.")
    company: IdComparator | None = told("By the company of customers.")
    is_active: bool | None = told("Whether they can log in.")
    search: str | None = told("Each of these words occurs in username, email or names.")


@strawberry.input(description="Chooses contacts.")
class ContactFilter:
    """All given parts must hold."""

    company: IdComparator | None = told("By company.")
    is_primary: bool | None = told("Whether it is the primary contact of its company.")
    is_active: bool | None = told("Whether it is in use.")
    search: str | None = told("Each of these words occurs in name, email, phone, title or company.")


@strawberry.input(description="Compares the type of an event.")
class TicketEventTypeComparator:
    """All given operators must hold."""

    eq: TicketEventType | None = told(_EQ)
    in_: list[TicketEventType] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketEventType] | None = told(_NOT_IN)


@strawberry.input(description="Chooses events.")
class TicketEventFilter:
    """All given parts must hold."""

    type: TicketEventTypeComparator | None = told("By what happened.")
    ticket: IdComparator | None = told("By ticket, also one that is deleted.")
    tickets: TicketFilter | None = told(
        "Events of the tickets that this chooses as they are now, and every DELETED."
    )
    actor: IdComparator | None = told("By who did it.")
    at: DateTimeComparator | None = told("By when it happened.")
    is_internal: bool | None = told("Whether it is about what customers never see.")
