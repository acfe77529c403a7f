"""The counts of tickets, compared with the tickets and made again.

Triggers keep them right with every change that a database makes. What is not one leaves them wrong,
such as a restored copy of some of the tables, or a change while triggers were switched off.
"""
# ruff: noqa: S608 - nothing in these texts comes from outside

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.database.database import Database
from models import ALL_ID, FINISHED_STATUSES, CountScope, renewal

_REFERENCES = {
    CountScope.ALL: f"'{ALL_ID}'",
    CountScope.ALL_STATUS: f"'{ALL_ID}'",
    CountScope.COMPANY: "company_id",
    CountScope.ASSIGNEE: "assigned_to_id",
    CountScope.COMPANY_STATUS: "company_id",
    CountScope.CONTACT_STATUS: "contact_id",
}
_STATUS_ONLY = (CountScope.ALL_STATUS, CountScope.COMPANY_STATUS, CountScope.CONTACT_STATUS)
_OF_ALL = (CountScope.ALL, CountScope.ALL_STATUS)
_DUE_SCOPES = (CountScope.ALL, CountScope.COMPANY, CountScope.ASSIGNEE)
_OPEN = f"status NOT IN ({', '.join(repr(status.value) for status in FINISHED_STATUSES)})"
_TABLES = {
    "ticket_counts": "scope, scope_id, status, priority, category, assigned_team, is_assigned",
    "ticket_due_counts": "scope, scope_id, assigned_team, due_day",
}


@dataclass(frozen=True)
class WrongCount:
    """A count that is not the number of its tickets; ``values`` are what these have in common."""

    values: Sequence[object]
    kept: int
    tickets: int


async def wrong_counts(database: Database) -> list[WrongCount]:
    """Return the counts that are wrong; each table is compared as of one moment."""
    found = []
    async with database.engine.connect() as connection:
        for table, keys in _TABLES.items():
            kept = f"SELECT {keys}, amount FROM {table}"
            if not database.is_sqlite:
                kept += f" UNION ALL {_rows(connection, table, of_changes=True)}"
            differences = (
                f"SELECT {keys}, sum(kept), sum(tickets) FROM ("
                f"SELECT {keys}, amount AS kept, 0 AS tickets FROM ({kept}) AS kept "
                f"UNION ALL SELECT {keys}, 0, amount "
                f"FROM ({_rows(connection, table, of_changes=False)}) AS found"
                f") AS both_of_them GROUP BY {keys} HAVING sum(kept) <> sum(tickets) "
                f"ORDER BY {keys}"
            )
            for *values, kept_, tickets in await connection.execute(text(differences)):
                found.append(WrongCount(values, int(kept_), int(tickets)))
    return found


async def rebuild_counts(database: Database) -> None:
    """Count all tickets again, in one transaction: writers of tickets wait, readers do not."""
    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("LOCK TABLE tickets IN SHARE ROW EXCLUSIVE MODE"))
        for table in ("ticket_count_changes", *_TABLES):
            await connection.execute(text(f"DELETE FROM {table}"))
        for table, keys in _TABLES.items():
            rows = _rows(connection, table, of_changes=False)
            await connection.execute(
                text(
                    f"INSERT INTO {table} ({keys}, amount) SELECT {keys}, sum(amount) "
                    f"FROM ({rows}) AS found GROUP BY {keys} ORDER BY {keys}"
                )
            )
        await connection.execute(renewal())


def counts_of_new(after: int) -> Iterator[str]:
    """Yield what adds the tickets after a row of SQLite to the counts, as its trigger would."""
    tickets = f"(SELECT * FROM tickets WHERE rowid > {after}) AS tickets"
    for table, keys in _TABLES.items():
        rows = " UNION ALL ".join(_selects(table, of_changes=False, sqlite=True, tickets=tickets))
        yield (
            f"INSERT INTO {table} ({keys}, amount) SELECT {keys}, sum(amount) "
            f"FROM ({rows}) AS found GROUP BY {keys} "
            f"ON CONFLICT ({keys}) DO UPDATE SET amount = amount + excluded.amount"
        )


def _rows(connection: AsyncConnection, table: str, *, of_changes: bool) -> str:
    """Return the select of what tickets, or changes, add to the counts of a table."""
    sqlite = connection.dialect.name == "sqlite"
    return " UNION ALL ".join(_selects(table, of_changes=of_changes, sqlite=sqlite))


def _selects(
    table: str, *, of_changes: bool, sqlite: bool, tickets: str = "tickets"
) -> Iterator[str]:
    selects = _counted if table == "ticket_counts" else _due
    return selects(of_changes, sqlite, tickets)


def _counted(of_changes: bool, sqlite: bool, tickets: str) -> Iterator[str]:
    whole = "status, priority, category, coalesce(assigned_team, '') AS assigned_team, "
    whole += "assigned_to_id IS NOT NULL AS is_assigned"
    status = "status, '' AS priority, '' AS category, '' AS assigned_team, false AS is_assigned"
    source = "amount FROM ticket_count_changes" if of_changes else f"1 AS amount FROM {tickets}"
    for scope in CountScope:
        values = status if scope in _STATUS_ONLY else whole
        yield f"SELECT {_scope(scope, sqlite)}, {values}, {source} WHERE {_exists(scope)}"


def _due(of_changes: bool, sqlite: bool, tickets: str) -> Iterator[str]:
    day = "substr(due_date, 1, 10) || 'T00:00:00.000000Z'"
    if not sqlite:
        day = "date_trunc('day', due_date, 'UTC')"
    source = f"{day} AS due_day, 1 AS amount FROM {tickets} WHERE due_date IS NOT NULL AND {_OPEN}"
    if of_changes:
        source = "due_day, amount FROM ticket_count_changes WHERE due_day IS NOT NULL"
    for scope in _DUE_SCOPES:
        team = "coalesce(assigned_team, '') AS assigned_team"
        yield f"SELECT {_scope(scope, sqlite)}, {team}, {source} AND {_exists(scope)}"


def _scope(scope: CountScope, sqlite: bool) -> str:
    typed = "" if sqlite or scope not in _OF_ALL else "::uuid"
    return f"'{scope.value}' AS scope, {_REFERENCES[scope]}{typed} AS scope_id"


def _exists(scope: CountScope) -> str:
    return "true" if scope in _OF_ALL else f"{_REFERENCES[scope]} IS NOT NULL"
