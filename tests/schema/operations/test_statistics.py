"""Statistics are counts over the very tickets that the viewer would be shown."""

from collections import Counter
from typing import Any

import pytest

from models import Role, Team, TicketCategory, TicketPriority, TicketStatus, User
from tests.schema.awkward_rows import load
from tests.schema.reference import Reference
from tests.schema.reference_filters import FINISHED, matches
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient

pytestmark = pytest.mark.anyio

QUERY = """query($filter: TicketFilter) { ticketStats(filter: $filter) {
    total byStatus { status count } byPriority { priority count } byCategory { count category }
    byTeam { team count } myOpenTickets unassigned overdue
    __typename more: byTeam { __typename count }
} }"""
FILTERS: list[Any] = [
    None,
    {"open": True},
    {"status": {"in": ["CLOSED", "NEW"]}, "priority": {"gte": "HIGH"}},
    {"tags": {"hasAny": ["vip", "a"]}},
    {"search": "broke nothing at all"},
    {"or": [{"overdue": True}, {"mine": True}]},
    {"not": {"assignedTeam": {"eq": "TECH"}}},
    {"status": {"in": []}},
]


def counted(reference: Reference, given: Any) -> dict[str, Any]:
    """Count the visible tickets that a filter lets through."""
    rows = [
        row
        for row in reference.all_rows.tickets
        if reference.sees(row) and matches(reference, given or {}, row)
    ]
    groups = {
        "byStatus": ("status", "status", TicketStatus),
        "byPriority": ("priority", "priority", TicketPriority),
        "byCategory": ("category", "category", TicketCategory),
        "byTeam": ("team", "assigned_team", Team),
    }
    found: dict[str, Any] = {"total": len(rows)}
    for name, (key, column, choices) in groups.items():
        counts = Counter(getattr(row, column) for row in rows)
        found[name] = [{key: choice.name, "count": counts[choice]} for choice in choices]
    is_open = [row for row in rows if row.status not in FINISHED]
    found["myOpenTickets"] = sum(row.assigned_to_id == reference.viewer.id for row in is_open)
    found["unassigned"] = sum(row.assigned_to_id is None for row in rows)
    found["overdue"] = sum(row.due_date is not None and row.due_date < NOON for row in is_open)
    return found


def some_viewers(users: list[User]) -> list[User]:
    """Return a member of staff, and the customers of some companies."""
    customers = {user.company_id: user for user in users if user.role is Role.CUSTOMER}
    return [next(user for user in users if user.role is Role.TECH), *customers.values()]


async def test_they_are_the_counts_of_what_the_viewer_sees(full: GraphQLClient) -> None:
    all_rows = await load(full.database)
    for viewer in some_viewers(all_rows.users):
        reference = Reference(all_rows, viewer, NOON, full.services.signer, "")
        for given in FILTERS:
            stats = (await full.ask(QUERY, {"filter": given}, viewer.id))["ticketStats"]
            assert stats.pop("__typename") == "TicketStats"
            more = stats.pop("more")
            expected = counted(reference, given)
            assert stats == expected, (viewer.username, given)
            team_counts = [team["count"] for team in expected["byTeam"]]
            assert more == [{"__typename": "TeamCount", "count": count} for count in team_counts]


async def test_they_agree_with_the_list_under_the_same_filter(full: GraphQLClient) -> None:
    query = """query($filter: TicketFilter) {
        ticketStats(filter: $filter) { total } tickets(filter: $filter) { totalCount }
    }"""
    all_rows = await load(full.database)
    for viewer in some_viewers(all_rows.users):
        for given in FILTERS:
            data = await full.ask(query, {"filter": given}, viewer.id)
            assert data["ticketStats"]["total"] == data["tickets"]["totalCount"]


async def test_on_an_empty_desk_everything_is_zero(gql: GraphQLClient) -> None:
    stats = (await gql.ask(QUERY))["ticketStats"]
    assert stats["total"] == stats["overdue"] == stats["unassigned"] == 0
    assert stats["byStatus"][0] == {"status": "NEW", "count": 0}
    assert len(stats["byCategory"]) == len(TicketCategory)
