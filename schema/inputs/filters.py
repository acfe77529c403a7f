"""The filters and orders of lists. All given parts must hold; a null is as if not given."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.types.descriptions import argument, field
from schema.types.enums import (
    OrderDirection,
    Role,
    Team,
    TicketCategory,
    TicketEventType,
    TicketOrderField,
    TicketPriority,
    TicketStatus,
)
from schema.types.scalars import DateTime

_EQ = "The value is equal to this one."
_IN = "The value is one of these, at most 100."
_NOT_IN = "The value is none of these, at most 100, or there is no value."
_GTE = "The ticket is as urgent as this, or more."
_LTE = "The ticket is as urgent as this, or less."


@strawberry.input(description="Conditions on a status; those that are given must all hold.")
class TicketStatusComparator:
    """All given operators must hold."""

    eq: TicketStatus | None = argument(_EQ)
    in_: list[TicketStatus] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketStatus] | None = argument(_NOT_IN)


@strawberry.input(
    description="Conditions on a priority, where greater is more urgent; all must hold."
)
class TicketPriorityComparator:
    """All given operators must hold."""

    eq: TicketPriority | None = argument(_EQ)
    in_: list[TicketPriority] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketPriority] | None = argument(_NOT_IN)
    gte: TicketPriority | None = argument(_GTE)
    lte: TicketPriority | None = argument(_LTE)


@strawberry.input(description="Conditions on a category; those that are given must all hold.")
class TicketCategoryComparator:
    """All given operators must hold."""

    eq: TicketCategory | None = argument(_EQ)
    in_: list[TicketCategory] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketCategory] | None = argument(_NOT_IN)


@strawberry.input(
    description="Conditions on the assigned team; those that are given must all hold."
)
class TeamComparator:
    """All given operators must hold."""

    eq: Team | None = argument(_EQ)
    in_: list[Team] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[Team] | None = argument(_NOT_IN)
    is_null: bool | None = argument("True for no team, false for any.")


@strawberry.input(description="Conditions on a role; those that are given must all hold.")
class RoleComparator:
    """All given operators must hold."""

    eq: Role | None = argument(_EQ)
    in_: list[Role] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[Role] | None = argument(_NOT_IN)


@strawberry.input(description="Conditions on the id of a related object; all must hold.")
class IdComparator:
    """All given operators must hold."""

    eq: ID | None = argument(_EQ)
    in_: list[ID] | None = strawberry.field(name="in", description=_IN, default=strawberry.UNSET)
    not_in: list[ID] | None = argument(_NOT_IN)
    is_null: bool | None = argument("True for no such object, false for any.")


@strawberry.input(description="Conditions on a time; those that are given must all hold.")
class DateTimeComparator:
    """All given operators must hold."""

    gt: DateTime | None = argument("The time is later than this.")
    gte: DateTime | None = argument("The time is this one or later.")
    lt: DateTime | None = argument("The time is earlier than this.")
    lte: DateTime | None = argument("The time is this one or earlier.")
    is_null: bool | None = argument("True for no time at all, false for any.")


@strawberry.input(
    description="Conditions on the tags of a ticket; those that are given must all hold."
)
class TagsComparator:
    """All given operators must hold."""

    has: str | None = argument("The ticket has this tag.")
    has_any: list[str] | None = argument("The ticket has at least one of these tags, at most 100.")
    has_all: list[str] | None = argument("The ticket has all of these tags, at most 100.")


@strawberry.input(
    description="Chooses tickets, for lists, statistics and events alike; all parts must hold."
)
class TicketFilter:
    """All given parts must hold."""

    and_: list["TicketFilter"] | None = strawberry.field(
        name="and",
        description="All of these filters hold; those without conditions are left out.",
        default=strawberry.UNSET,
    )
    or_: list["TicketFilter"] | None = strawberry.field(
        name="or",
        description="At least one of these filters holds; those without conditions are left out.",
        default=strawberry.UNSET,
    )
    not_: Annotated["TicketFilter", strawberry.lazy("schema.inputs.filters")] | None = (
        strawberry.field(
            name="not",
            description="This filter does not hold; one without conditions is left out.",
            default=strawberry.UNSET,
        )
    )
    status: TicketStatusComparator | None = argument("By where it stands in the workflow.")
    priority: TicketPriorityComparator | None = argument("By how urgent it is.")
    category: TicketCategoryComparator | None = argument("By what kind of request it is.")
    company: IdComparator | None = argument("By the company that needs help.")
    contact: IdComparator | None = argument("By the person it is about.")
    assigned_to: IdComparator | None = argument("By the user who is responsible.")
    created_by: IdComparator | None = argument("By the user who created it.")
    assigned_team: TeamComparator | None = argument("By the team that is responsible.")
    created_at: DateTimeComparator | None = argument("By the time at which it came in.")
    updated_at: DateTimeComparator | None = argument("By the time it was last changed.")
    due_date: DateTimeComparator | None = argument("By the time at which it ought to be resolved.")
    resolved_at: DateTimeComparator | None = argument("By the time at which it was first resolved.")
    tags: TagsComparator | None = argument("By the tags that it has.")
    search: str | None = argument(
        "Each of these words occurs in number, subject, description or company name, in upper or "
        'lower case; "quotes" keep a phrase together.'
    )
    open: bool | None = argument(
        "True for what is neither resolved nor closed, false for the rest."
    )
    unassigned: bool | None = argument("True for what nobody is assigned to, false for the rest.")
    mine: bool | None = argument("True for what is assigned to the viewer, false for the rest.")
    overdue: bool | None = argument(
        "True for what is open and past its due date, false for the rest."
    )


@strawberry.input(description="Sorts tickets; ties are broken by the next order, then by the id.")
class TicketOrder:
    """One field of an order."""

    field: TicketOrderField = field("What the tickets are sorted by.")
    direction: OrderDirection = strawberry.field(
        description="Which way to sort; the smallest, earliest or least urgent first if absent.",
        default=OrderDirection.ASC,
    )


@strawberry.input(description="Chooses comments and internal notes; all parts must hold.")
class CommentFilter:
    """All given parts must hold."""

    ticket: IdComparator | None = argument("By the ticket that they belong to.")
    author: IdComparator | None = argument("By the user who wrote them.")
    is_internal: bool | None = argument("True for internal notes, false for public comments.")
    created_at: DateTimeComparator | None = argument("By the time at which they were written.")


@strawberry.input(description="Chooses users by what is known of them; all parts must hold.")
class UserFilter:
    """All given parts must hold."""

    role: RoleComparator | None = argument("By what they are to the desk.")
    company: IdComparator | None = argument("By their company, which only customers have.")
    is_active: bool | None = argument("True for those who can log in, false for the rest.")
    search: str | None = argument(
        "Each of these words occurs in username, names or an email address that is shown."
    )


@strawberry.input(description="Chooses contacts of all companies; all parts must hold.")
class ContactFilter:
    """All given parts must hold."""

    company: IdComparator | None = argument("By the company that they work for.")
    is_primary: bool | None = argument(
        "True for primary contacts of their companies, false for the rest."
    )
    is_active: bool | None = argument(
        "True for those in use, false for those that were deactivated."
    )
    search: str | None = argument(
        "Each of these words occurs in name, email, phone, title or company."
    )


@strawberry.input(description="Conditions on the type of an event; all must hold.")
class TicketEventTypeComparator:
    """All given operators must hold."""

    eq: TicketEventType | None = argument(_EQ)
    in_: list[TicketEventType] | None = strawberry.field(
        name="in", description=_IN, default=strawberry.UNSET
    )
    not_in: list[TicketEventType] | None = argument(_NOT_IN)


@strawberry.input(description="Chooses events of the log; all parts must hold.")
class TicketEventFilter:
    """All given parts must hold."""

    type: TicketEventTypeComparator | None = argument("By what happened to the ticket.")
    ticket: IdComparator | None = argument("By the id of the ticket, also of one that is deleted.")
    tickets: TicketFilter | None = argument(
        "Events of the tickets that this chooses as they are now, and every DELETED."
    )
    actor: IdComparator | None = argument("By the user who did it.")
    at: DateTimeComparator | None = argument("By the time at which it happened.")
    is_internal: bool | None = argument("True for what customers never see, false for the rest.")
