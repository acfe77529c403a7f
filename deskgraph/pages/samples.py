"""The rows of the demo that the examples of GraphiQL name."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from deskgraph.database.database import Database
from models import FINISHED_STATUSES, Ticket, User, table_of

# How many tickets the examples of many tickets at once have.
TICKETS = 3

_users, _tickets = table_of(User), table_of(Ticket)


async def samples_of(database: Database, username: str) -> dict[str, Any]:
    """Return the company of a user and its newest open tickets; empty where there is none."""
    found = select(_users.c.company_id).where(_users.c.username == username)
    async with database.engine.connect() as connection:
        company_id: UUID | None = await connection.scalar(found)
        if company_id is None:
            return {}
        wanted = (
            select(_tickets.c.id, _tickets.c.version)
            .where(_tickets.c.company_id == company_id)
            .where(_tickets.c.status.not_in(FINISHED_STATUSES))
            .order_by(_tickets.c.created_at.desc(), _tickets.c.id)
            .limit(TICKETS)
        )
        rows = (await connection.execute(wanted)).all()
    tickets = [{"id": str(row.id), "version": row.version} for row in rows]
    return {"companyId": str(company_id), "tickets": tickets}
