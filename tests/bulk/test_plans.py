"""Writes of many tickets find their rows by indexes, so they take no longer on a large desk."""

import json
import re
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.bulk.conftest import Desk
from tests.support.rows import comment, key

pytestmark = pytest.mark.anyio

# More than a page of each table, so that an index is worth it.
TICKETS = 400
# Tables that grow with the desk.
LARGE = (
    "tickets",
    "comments",
    "attachments",
    "ticket_events",
    "deleted_tickets",
    "deleted_comments",
    "deleted_attachments",
    "bulk_job_batches",
)
_SCAN = re.compile(r"SCAN (\w+)\b(?! VIRTUAL)")
_PLANNED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
_NUMBERED = re.compile(r"\$(\d+)")


async def all_writes(desk: Desk) -> None:
    """Send each kind of write of many tickets, by ids and by a filter."""
    ids = [str(key(f"t{number}")) for number in range(1, 5)]
    some: dict[str, Any] = {"assignedTo": {"in": [str(key("tina"))]}}
    changes = {"priority": "URGENT", "assignedTeam": "TECH", "assignedToId": str(key("tina"))}
    more = {"addTags": ["new"], "removeTags": ["old"], "comment": {"text": "Since noon?"}}
    new = {"subject": "No music", "description": "None", "companyId": str(key("hilton"))}
    await sent(desk, "updateTickets", ids=ids, changes=changes, **more)
    await sent(desk, "updateTickets", filter=some, expectedCount=4, changes={"subject": "New"})
    await sent(desk, "createTickets", inputs=[new] * 3)
    await sent(desk, "deleteTickets", ids=ids[:2])
    for name, given in (
        ("startBulkUpdate", {"filter": some, "expectedCount": 2, "changes": {"status": "PENDING"}}),
        ("startBulkDelete", {"ids": ids[2:]}),
    ):
        job = await desk.finish(name, **given)
        assert (await desk.finish("undoBulkJob", id=job["id"]))["changedCount"] == 2


async def sent(desk: Desk, name: str, **given: Any) -> None:
    """Send a mutation that changes something."""
    kind = name[0].upper() + name[1:] + "Input"
    query = f"""mutation($input: {kind}!) {{
        {name}(input: $input) {{ changedCount results {{ ticket {{ id }} errors {{ code }} }} }}
    }}"""
    payload = (await desk.gql.ask(query, {"input": given}))[name]
    assert payload["changedCount"] == len(payload["results"]) > 0


async def scanned(desk: Desk, sql: str) -> set[str]:
    """Return the tables that a statement would read from their beginning to their end."""
    if desk.gql.database.is_sqlite:
        with closing(sqlite3.connect(str(desk.gql.database.url.database))) as connection:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
            return {found[1] for row in rows if (found := _SCAN.match(row[3]))}
    count = max((int(number) for number in _NUMBERED.findall(sql)), default=0)
    values = f"({', '.join(['NULL'] * count)})" if count else ""
    async with desk.gql.database.engine.begin() as connection:
        # Whatever the values, and however few rows there are.
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        await connection.exec_driver_sql(f"PREPARE looked_at AS {sql}")
        row = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at{values}")
        plan = json.dumps(row.scalar_one())
        await connection.exec_driver_sql("DEALLOCATE looked_at")
    nodes = re.findall(r'"Node Type": "Seq Scan".*?"Relation Name": "(\w+)"', plan)
    return set(nodes)


async def test_no_table_that_grows_is_read_from_end_to_end(desk: Desk) -> None:
    keys = await desk.add_tickets(TICKETS, tags="old")
    await desk.gql.add(*(comment(f"c{number}", f"t{number}") for number in range(1, len(keys) + 1)))
    async with desk.gql.database.engine.begin() as connection:
        await connection.exec_driver_sql("ANALYZE")
    desk.gql.statements.clear()
    await all_writes(desk)
    statements = {sql for sql in desk.gql.statements if sql.startswith(_PLANNED)}
    assert len(statements) > 20
    found = {sql: await scanned(desk, sql) & set(LARGE) for sql in sorted(statements)}
    assert {sql: tables for sql, tables in found.items() if tables} == {}
