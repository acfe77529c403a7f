"""A page is found by an index, however deep it lies: no sort of all rows, no scan to its place."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext
from resolvers.query.filters.ast import Compare
from resolvers.query.lists.source import ListSource
from resolvers.query.plans import compile_statement
from resolvers.query.shapes import Args
from resolvers.viewer import ViewerKind
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key, ticket

pytestmark = pytest.mark.anyio

ORDERS = ("created_at", "updated_at", "due_date", "priority", "status", "ticket_number")


@pytest.fixture
async def many(gql: GraphQLClient) -> GraphQLClient:
    """Give enough tickets that an index is worth it, and a database that knows how many."""
    await gql.add(*(ticket(f"T-{i:04}", created_at=NOON - timedelta(hours=i)) for i in range(1000)))
    async with gql.database.engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE")
    return gql


async def explained(gql: GraphQLClient, args: Args, position: dict[str, object]) -> str:
    """Return how the database finds the rows of a page of tickets."""
    dialect = gql.database.dialect
    build = CompileContext(dialect.name, ViewerKind.STAFF, True, False, [args], deep=False)
    source = ListSource(build, ENTITIES["Ticket"], args, "", args.order)
    plan = compile_statement(source.rows(source.limit()), dialect)
    values = plan.values(position)
    if gql.database.is_sqlite:
        with closing(sqlite3.connect(str(gql.database.url.database))) as connection:
            explained = connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", values)
            return "\n".join(str(row[3]) for row in explained)
    # On a connection for reads, whose settings decide as well.
    row = await gql.database.fetch_row(f"EXPLAIN (FORMAT JSON) {plan.sql}", values)
    return json.dumps(json.loads(row[0]), indent=1)


async def test_the_first_page_of_any_order_is_read_from_its_index(many: GraphQLClient) -> None:
    for field in ORDERS:
        for down in (True, False):
            plan = await explained(many, Args(order=((field, down),), limit=20), {})
            assert "Index Scan" in plan or "USING INDEX" in plan, field
            # Numbers are unique: to put the ids behind each of them in order costs nothing.
            assert '"Node Type": "Sort"' not in plan, field
            assert "TEMP B-TREE FOR ORDER BY" not in plan, field


@pytest.mark.parametrize("name", ["after", "before"])
async def test_a_deep_page_starts_at_its_place_in_the_index(many: GraphQLClient, name: str) -> None:
    args = Args(order=(("created_at", True),), limit=20, **{name: True})  # type: ignore[arg-type]
    position = {f"{name}_0": "2025-11-01T00:00:00.000000Z", f"{name}_1": key("T-0500")}
    plan = await explained(many, args, position)
    if many.database.is_sqlite:
        assert "SEARCH" in plan
        assert "created_at" in plan
        assert "SCAN" not in plan
    else:
        assert '"Index Cond": "(ROW(created_at, id)' in plan
        assert "Filter" not in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


async def test_the_rows_of_one_company_are_read_from_its_index(many: GraphQLClient) -> None:
    args = Args(
        where=(Compare("company", "eq", "w_company_eq"),), order=(("created_at", True),), limit=20
    )
    # A company that few tickets are of.
    plan = await explained(many, args, {"w_company_eq": key("centara")})
    assert "ix_tickets_company_id_created_at_id" in plan
    assert "Seq Scan" not in plan
