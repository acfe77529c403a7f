"""The types of ticket statistics."""

import strawberry

from schema.choices import Team, TicketCategory, TicketPriority, TicketStatus
from schema.words import said

_COUNT = "How many tickets."


@strawberry.type(description="How many tickets have a status.")
class StatusCount:
    """One group of the statistics."""

    status: TicketStatus = said("The status.")
    count: int = said(_COUNT)


@strawberry.type(description="How many tickets have a priority.")
class PriorityCount:
    """One group of the statistics."""

    priority: TicketPriority = said("The priority.")
    count: int = said(_COUNT)


@strawberry.type(description="How many tickets have a category.")
class CategoryCount:
    """One group of the statistics."""

    category: TicketCategory = said("The category.")
    count: int = said(_COUNT)


@strawberry.type(description="How many tickets a team has.")
class TeamCount:
    """One group of the statistics."""

    team: Team = said("The team.")
    count: int = said(_COUNT)


@strawberry.type(description="Counts over all tickets that a filter chooses.")
class TicketStats:
    """Every choice appears in its group, also with a count of 0."""

    total: int = said("All of them.")
    by_status: list[StatusCount] = said("By status, in the order of the workflow.")
    by_priority: list[PriorityCount] = said("By priority, least urgent first.")
    by_category: list[CategoryCount] = said("By category.")
    by_team: list[TeamCount] = said("By team; tickets without a team are in none.")
    my_open_tickets: int = said("Assigned to the viewer, neither resolved nor closed.")
    unassigned: int = said("Assigned to nobody.")
    overdue: int = said("Past their due date, neither resolved nor closed.")
