"""A desk whose bulk jobs are moved by hand: no batch is done before a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from deskgraph.bulk.runner import BulkRunner
from models import BulkJob, BulkJobBatch, BulkJobError, Role, Ticket
from tests.support.app_client import open_app
from tests.support.fixtures import KeepOpen
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import company, ticket, user
from tests.support.settings import settings_for

JOB = """
    id kind state reason totalCount doneCount changedCount failedCount
    createdBy { username } createdAt startedAt finishedAt undoOf { id }
"""


@dataclass
class Desk:
    """The application, and the runner of one process."""

    gql: GraphQLClient
    runner: BulkRunner

    async def start(self, name: str, viewer: str = "keith", **given: Any) -> Any:
        """Send ``startBulkUpdate`` and the like; returns the payload."""
        kind = name[0].upper() + name[1:] + "Input"
        query = f"""mutation($input: {kind}!) {{
            {name}(input: $input) {{ job {{ {JOB} }} errors {{ code message field }} }}
        }}"""
        return (await self.gql.ask(query, {"input": given}, viewer))[name]

    async def started(self, name: str, viewer: str = "keith", **given: Any) -> str:
        """Start a job; returns its id."""
        found = await self.start(name, viewer, **given)
        assert found["errors"] == []
        return str(found["job"]["id"])

    async def refused(self, name: str, viewer: str = "keith", **given: Any) -> Any:
        """Send what no job may come of; returns the errors."""
        before = await self.gql.everything()
        found = await self.start(name, viewer, **given)
        assert await self.gql.everything() == before
        assert found["job"] is None
        assert found["errors"]
        return found["errors"]

    async def job(self, job_id: str, viewer: str = "keith", more: str = "") -> Any:
        query = f"query($id: ID!) {{ bulkJob(id: $id) {{ {JOB} {more} }} }}"
        return (await self.gql.ask(query, {"id": job_id}, viewer))["bulkJob"]

    async def errors(self, job_id: str, page: str = "first: 100") -> list[Any]:
        more = f"""errors({page}) {{
            nodes {{ position ticketId ticket {{ id }} errors {{ code message field }} }}
        }}"""
        found: list[Any] = (await self.job(job_id, more=more))["errors"]["nodes"]
        return found

    async def work(self, runner: BulkRunner | None = None) -> int:
        """Do all batches there are; returns how many."""
        count = 0
        while await (runner or self.runner).step():
            count += 1
        return count

    async def finish(self, name: str, viewer: str = "keith", **given: Any) -> Any:
        """Start a job, do it, and return it."""
        key = await self.started(name, viewer, **given)
        await self.work()
        return await self.job(key, viewer)

    async def tickets(self) -> list[Ticket]:
        async with self.gql.database.transaction() as session:
            wanted = select(Ticket).order_by(col(Ticket.ticket_number))
            return list((await session.exec(wanted)).all())

    async def rows(self, model: type[BulkJob | BulkJobBatch | BulkJobError]) -> list[Any]:
        async with self.gql.database.transaction() as session:
            return list((await session.exec(select(model))).all())

    async def add_tickets(self, count: int, **values: Any) -> list[UUID]:
        rows = [ticket(f"t{number}", number, **values) for number in range(1, count + 1)]
        await self.gql.add(*rows)
        return [row.id for row in rows]


@pytest.fixture
async def desk(
    keep_open: KeepOpen, kept_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Desk:
    """Give the desk as every test finds it, with people and companies and no tickets."""

    @asynccontextmanager
    async def opening(url: str) -> AsyncIterator[GraphQLClient]:
        statements: list[str] = []
        given = settings_for(url, tmp_path_factory.mktemp("media"))
        async with open_app(given, statements.append) as (app, client, world):
            yield GraphQLClient(app, client, world, statements)

    gql: GraphQLClient = await keep_open(kept_url, opening)
    await gql.world.clear(
        company("hilton"),
        company("centara"),
        user("keith"),
        user("tina"),
        user("admin", Role.ADMIN),
        user("carla", Role.CUSTOMER, company_id=company("hilton").id),
    )
    return Desk(gql, BulkRunner(gql.services))
