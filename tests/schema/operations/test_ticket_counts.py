"""Counts that are added up are those of the rows, whatever has changed them and for each viewer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from deskgraph.database.ticket_counts.recount import wrong_counts
from models import (
    DayCounter,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketEvent,
    TicketPriority,
    TicketStatus,
    table_of,
)
from resolvers.commands.tickets import assign_ticket, create_ticket, delete_ticket, update_ticket
from resolvers.context import Context
from resolvers.viewer import Viewer
from tests.schema.awkward_rows import AllRows, load
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import ticket

pytestmark = pytest.mark.anyio

EXAMPLES = settings(proofs.examples(3, 100), phases=[Phase.generate], report_multiple_bugs=False)
tickets = table_of(Ticket)
# It holds for every ticket, and no count tells: under it the rows are counted.
ALWAYS = {"createdAt": {"gte": "0001-01-02T00:00:00Z"}}
STATS = """total byStatus { count } byPriority { count } byCategory { count } byTeam { count }
    myOpenTickets unassigned overdue"""
QUERY = f"""query($filter: TicketFilter, $plain: TicketFilter) {{
    counted: ticketStats(filter: $filter) {{ {STATS} }}
    plain: ticketStats(filter: $plain) {{ {STATS} }}
    some: ticketStats(filter: $filter) {{ __typename overdue myOpenTickets }}
    tickets(filter: $filter) {{ totalCount }}
    companies(first: 50) {{ nodes {{
        counted: tickets(filter: $filter) {{ totalCount }}
        plain: tickets(filter: $plain) {{ totalCount }}
    }} }}
    contacts(first: 50) {{ nodes {{
        counted: tickets(filter: $filter) {{ totalCount }}
        plain: tickets(filter: $plain) {{ totalCount }}
    }} }}
    users(first: 50) {{ nodes {{
        counted: assignedTickets(filter: $filter) {{ totalCount }}
        plain: assignedTickets(filter: $plain) {{ totalCount }}
    }} }}
}}"""


def _comparators(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    some = st.lists(values, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"eq": values}),
        st.fixed_dictionaries({"in": some}),
        st.fixed_dictionaries({"notIn": some}),
    )


def _choices(choices: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([choice.name for choice in choices])


# Companies, contacts and users by number, as the ids are those of a database.
_numbers = st.integers(0, 5)
_or_null = st.fixed_dictionaries({"isNull": st.booleans()})
CONDITIONS = st.one_of(
    st.fixed_dictionaries({"status": _comparators(_choices(TicketStatus))}),
    st.fixed_dictionaries({"priority": _comparators(_choices(TicketPriority))}),
    st.fixed_dictionaries(
        {
            "priority": st.dictionaries(
                st.sampled_from(["gte", "lte"]), _choices(TicketPriority), max_size=2
            )
        }
    ),
    st.fixed_dictionaries({"category": _comparators(_choices(TicketCategory))}),
    st.fixed_dictionaries({"assignedTeam": _comparators(_choices(Team)) | _or_null}),
    st.fixed_dictionaries({"company": _comparators(_numbers)}),
    st.fixed_dictionaries({"contact": _comparators(_numbers) | _or_null}),
    st.fixed_dictionaries({"assignedTo": _comparators(_numbers) | _or_null}),
    st.dictionaries(
        st.sampled_from(["open", "unassigned", "mine", "overdue"]), st.booleans(), max_size=2
    ),
)
FILTERS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
        st.builds(lambda one, other: {**one, **other}, inner, inner),
    ),
    max_leaves=5,
)


@dataclass(frozen=True)
class Desk:
    """The application and the rows that it began with."""

    gql: GraphQLClient
    rows: AllRows


@pytest.fixture
async def desk(full: GraphQLClient) -> Desk:
    # The awkward rows have some of the day's numbers, and of the log's.
    async with full.database.engine.begin() as connection:
        await connection.execute(sa.delete(table_of(TicketEvent)))
    await full.add(DayCounter(day=f"{NOON:%Y%m%d}", value=5000))
    return Desk(full, await load(full.database))


def with_ids(rows: AllRows, given: Any, field: str = "") -> Any:
    """Return a filter with ids for its numbers."""
    if isinstance(given, Mapping):
        references = ("company", "contact", "assignedTo")
        return {
            name: with_ids(rows, value, name if name in references else field)
            for name, value in given.items()
        }
    if isinstance(given, list):
        return [with_ids(rows, value, field) for value in given]
    if isinstance(given, bool) or not isinstance(given, int):
        return given
    of: dict[str, list[Any]] = {"company": [*rows.companies], "contact": [*rows.contacts]}
    found = of.get(field, rows.users)
    return str(found[given % len(found)].id)


def some_values(rows: AllRows, random: Random) -> dict[str, Any]:
    """Return values of what is counted, most of them."""
    contact = random.choice([None, *rows.contacts])
    assignee = random.choice([None, *rows.users])
    values = {
        "status": random.choice(list(TicketStatus)),
        "priority": random.choice(list(TicketPriority)),
        "category": random.choice(list(TicketCategory)),
        "assigned_team": random.choice([None, *Team]),
        "company_id": random.choice(rows.companies).id,
        "contact_id": contact.id if contact else None,
        "assigned_to_id": assignee.id if assignee else None,
        "due_date": random.choice(
            [None, *(NOON + timedelta(hours=hours) for hours in (-60, -13, -1, 0, 1, 30))]
        ),
    }
    return {name: value for name, value in values.items() if random.random() < 0.8}


async def change_by_sql(desk: Desk, random: Random) -> None:
    """Change tickets in ways that no resolver does: several at once, all columns, back again."""
    values = some_values(desk.rows, random) or {"subject": "Another"}
    some = tickets.c.id.in_(row.id for row in desk.rows.tickets if random.random() < 0.3)
    async with desk.gql.database.engine.begin() as connection:
        match random.randrange(5):
            case 0:
                await connection.execute(sa.delete(tickets).where(some))
            case 1:
                new = [
                    ticket(str(uuid4()), company_id=desk.rows.companies[0].id).model_dump() | values
                    for _ in range(random.randint(1, 4))
                ]
                await connection.execute(sa.insert(tickets), new)
            case 2:
                savepoint = await connection.begin_nested()
                await connection.execute(sa.update(tickets).where(some).values(values))
                await savepoint.rollback()
            case _:
                await connection.execute(sa.update(tickets).where(some).values(values))


async def change_by_resolvers(desk: Desk, random: Random) -> None:
    """Change a ticket as an API does."""
    staff = next(user for user in desk.rows.users if user.role is Role.ADMIN)
    context = Context(desk.gql.services, Viewer(staff.id, Role.ADMIN, None), "graphql", "")
    company = random.choice(desk.rows.companies).id
    async with desk.gql.database.engine.connect() as connection:
        ids = list(await connection.scalars(sa.select(tickets.c.id).order_by(tickets.c.id)))
    if not ids or random.random() < 0.3:
        given = {"subject": "S", "description": "D", "company": company}
        await create_ticket(context, given | {"priority": "urgent", "category": "billing"})
        return
    one = random.choice(ids)
    match random.randrange(4):
        case 0:
            await delete_ticket(context, one)
        case 1:
            assignee = random.choice([None, staff.id])
            await assign_ticket(context, one, assignee)
        case 2:
            await update_ticket(context, one, {"company": company})
        case _:
            status = random.choice(list(TicketStatus)).value
            await update_ticket(context, one, {"status": status, "subject": "Another"})


@pytest.mark.proof(small=True)
@EXAMPLES
@given(seed=st.integers(0, 2**32), filters=st.lists(FILTERS, min_size=4, max_size=4, unique_by=str))
async def test_counts_are_those_of_the_rows(
    desk: Desk, seed: int, filters: list[dict[str, Any]]
) -> None:
    random = Random(seed)
    for _ in range(random.randint(1, 8)):
        change = random.choice([change_by_sql, change_by_resolvers])
        await change(desk, random)

    assert await wrong_counts(desk.gql.database) == []
    customer = next(user for user in desk.rows.users if user.role is Role.CUSTOMER)
    staff = next(user for user in desk.rows.users if user.role is Role.TECH)
    for viewer in (staff, customer):
        for where in ({}, *(with_ids(desk.rows, one) for one in filters)):
            variables = {"filter": where, "plain": {"and": [where, ALWAYS]}}
            data = await desk.gql.ask(QUERY, variables, viewer.id)
            assert data["counted"] == data["plain"], where
            assert data["tickets"]["totalCount"] == data["plain"]["total"], where
            for name in ("overdue", "myOpenTickets"):
                assert data["some"][name] == data["plain"][name], where
            for name in ("companies", "contacts", "users"):
                for node in data[name]["nodes"]:
                    assert node["counted"] == node["plain"], (name, where)


async def test_statistics_that_count_nothing(gql: GraphQLClient) -> None:
    data = await gql.ask("{ ticketStats { __typename } }")
    assert data == {"ticketStats": {"__typename": "TicketStats"}}
