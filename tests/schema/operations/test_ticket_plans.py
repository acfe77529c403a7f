"""Lists and statistics of tickets do not read the tickets that they only count or skip."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from deskgraph.database.database import Database
from models import TicketStatus
from tests.schema.conftest import few_rows
from tests.support.app_client import open_app
from tests.support.fixtures import KeepOpen
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import ticket
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

COUNTED = [
    "{ tickets { totalCount } }",
    "{ tickets(filter: {open: true, priority: {in: [URGENT]}}) { totalCount } }",
    "{ tickets(filter: {not: {or: [{assignedTeam: {isNull: true}}, {unassigned: true}]}}) "
    "{ totalCount } }",
    "{ tickets(filter: {mine: true, priority: {gte: HIGH}}) { totalCount } }",
    "{ companies { nodes { tickets(filter: {category: {eq: BILLING}}) { totalCount } } } }",
    "{ contacts { nodes { tickets(filter: {open: true}) { totalCount } } } }",
    "{ users { nodes { assignedTickets(filter: {open: true}) { totalCount } } } }",
    "{ ticketStats(filter: {assignedTeam: {eq: TECH}}) "
    "{ total byStatus { count } byTeam { count } unassigned myOpenTickets } }",
]


@pytest.fixture
async def desk(
    keep_open: KeepOpen, kept_url: str, tmp_path_factory: pytest.TempPathFactory
) -> GraphQLClient:
    """Give a desk with so many tickets that an index is worth it; no test changes its rows."""

    @asynccontextmanager
    async def opening(url: str) -> AsyncIterator[GraphQLClient]:
        statements: list[str] = []
        given = settings_for(url, tmp_path_factory.mktemp("media"))
        async with open_app(given, statements.append) as (app, client, world):
            gql = GraphQLClient(app, client, world, statements)
            await world.clear(*few_rows())
            await _fill(gql)
            yield gql

    found: GraphQLClient = await keep_open(kept_url, opening)
    found.statements.clear()
    return found


async def _fill(gql: GraphQLClient) -> None:
    # An index of the status is worth it where few have one.
    statuses = (TicketStatus.NEW, *[TicketStatus.IN_PROGRESS] * 9)
    await gql.add(
        *(ticket(f"T{number}", number, status=statuses[number % 10]) for number in range(300))
    )
    async with gql.database.engine.begin() as connection:
        await connection.execute(sa.text("ANALYZE"))
    if not gql.database.is_sqlite:
        async with gql.database.engine.connect() as connection:
            auto = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await auto.execute(sa.text("VACUUM tickets"))


async def plan_of(database: Database, statement: str) -> str:
    """Return how the database runs a read, whatever its values are."""
    async with database.engine.connect() as connection:
        if database.is_sqlite:
            # Functions of the server's readers are not known here, and make no difference.
            values = (None,) * statement.count("?")
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            return "\n".join(str(row.detail) for row in rows)
        number = max(map(int, re.findall(r"\$(\d+)", statement)), default=0)
        values_ = ", ".join(["NULL"] * number)
        for setting in (
            "plan_cache_mode = force_generic_plan",
            "enable_seqscan = off",
            "enable_bitmapscan = off",
            # A table of a few rows would be sorted, whatever its statistics are just now.
            "enable_sort = off",
        ):
            await connection.exec_driver_sql(f"SET LOCAL {setting}")
        await connection.exec_driver_sql(f"PREPARE one AS {statement}")
        called = f"one({values_})" if number else "one"
        rows = await connection.exec_driver_sql(f"EXPLAIN EXECUTE {called}")
        found = "\n".join(row[0] for row in rows)
        await connection.exec_driver_sql("DEALLOCATE one")
        return found


@pytest.mark.parametrize("query", COUNTED)
@pytest.mark.parametrize("viewer", ["keith", "carla"])
async def test_a_count_reads_no_ticket(desk: GraphQLClient, query: str, viewer: str) -> None:
    if viewer == "carla" and ("mine" in query or "contacts" in query or "users" in query):
        pytest.skip("These are few, and are counted by an index")
    query = query.replace("myOpenTickets", "" if viewer == "carla" else "myOpenTickets")
    await desk.ask(query, viewer=viewer)

    (statement,) = (one for one in desk.statements if "ticket_counts" in one)
    assert not re.search(r"(FROM|JOIN) tickets\b", statement)


@pytest.mark.parametrize("viewer", ["keith", "carla"])
async def test_overdue_tickets_are_read_of_today_only(desk: GraphQLClient, viewer: str) -> None:
    await desk.ask("{ ticketStats { total overdue } }", viewer=viewer)

    (statement,) = (one for one in desk.statements if "ticket_due_counts" in one)
    plan = await plan_of(desk.database, statement)
    index = "ix_tickets_open_due_date"
    assert plan.count("ix_tickets") == 1
    assert f"COVERING INDEX {index} (due_date>? AND due_date<?" in plan or (
        f"Index Only Scan using {index}" in plan and "due_date >= $" in plan
    )


async def test_other_overdue_tickets_are_counted_by_the_index(desk: GraphQLClient) -> None:
    await desk.ask("{ tickets(filter: {overdue: true, priority: {eq: URGENT}}) { totalCount } }")

    plan = await plan_of(desk.database, desk.statements[-1])
    index = "ix_tickets_open_due_date"
    assert f"COVERING INDEX {index}" in plan or f"Index Only Scan using {index}" in plan


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("", "ix_tickets_created_at_id"),
        ("&status=new", "ix_tickets_status_created_at_id"),
        ("&assigned_team=Tech", "ix_tickets_assigned_team_created_at_id"),
        ("&ordering=created_at", "ix_tickets_created_at_id"),
    ],
)
async def test_rows_before_an_offset_are_skipped_by_an_index(
    desk: GraphQLClient, query: str, index: str
) -> None:
    answer = await desk.client.get(
        f"/api/v1/tickets/?limit=2&offset=5{query}", headers=desk.headers("keith")
    )
    assert answer.status_code == 200

    statement = next(one for one in desk.statements if "OFFSET" in one and "tickets" in one)
    plan = await plan_of(desk.database, statement)
    only = rf"Index Only Scan (Backward )?using {index}"
    assert f"COVERING INDEX {index}" in plan or re.search(only, plan), plan


async def test_a_page_after_an_offset_is_the_one_of_the_whole_list(desk: GraphQLClient) -> None:
    headers = desk.headers("keith")

    async def ids(query: str) -> list[Any]:
        answer = await desk.client.get(f"/api/v1/tickets/?{query}", headers=headers)
        return [row["id"] for row in answer.json()["results"]]

    for order in ("", "&ordering=priority", "&ordering=-status,created_at", "&search=T1"):
        whole = await ids(f"limit=400{order}")
        assert await ids(f"limit=7&offset=31{order}") == whole[31:38]
        assert await ids(f"page_size=9&page=3{order}") == whole[18:27]
