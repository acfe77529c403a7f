"""The types of ticket statistics."""

import strawberry

from schema.types.descriptions import field
from schema.types.enums import Team, TicketCategory, TicketPriority, TicketStatus

_COUNT = "How many tickets have it; 0 where none does."


@strawberry.type(description="How many tickets have a status.")
class StatusCount:
    """One group of the statistics."""

    status: TicketStatus = field("The place in the workflow that is counted.")
    count: int = field(_COUNT)


@strawberry.type(description="How many tickets have a priority.")
class PriorityCount:
    """One group of the statistics."""

    priority: TicketPriority = field("The urgency that is counted.")
    count: int = field(_COUNT)


@strawberry.type(description="How many tickets have a category.")
class CategoryCount:
    """One group of the statistics."""

    category: TicketCategory = field("The kind of request that is counted.")
    count: int = field(_COUNT)


@strawberry.type(description="How many tickets a team has.")
class TeamCount:
    """One group of the statistics."""

    team: Team = field("The responsible team whose tickets are counted.")
    count: int = field(_COUNT)


@strawberry.type(description="Counts over all tickets that a filter chooses.")
class TicketStats:
    """Every choice appears in its group, also with a count of 0."""

    total: int = field("How many tickets there are in all.")
    by_status: list[StatusCount] = field("How many of each status, in the order of the workflow.")
    by_priority: list[PriorityCount] = field("How many of each priority, least urgent first.")
    by_category: list[CategoryCount] = field("How many of each kind of request.")
    by_team: list[TeamCount] = field("How many of each team; tickets without a team are in none.")
    my_open_tickets: int = field(
        "How many are assigned to the viewer, neither resolved nor closed."
    )
    unassigned: int = field("How many are assigned to nobody.")
    overdue: int = field("How many are past their due date, neither resolved nor closed.")
