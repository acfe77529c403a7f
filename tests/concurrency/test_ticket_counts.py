"""Counts stay exact while many write, at every moment, whatever is killed or undone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from deskgraph.database.database import Database
from deskgraph.database.ticket_counts.recount import rebuild_counts, wrong_counts
from models import (
    Team,
    Ticket,
    TicketCategory,
    TicketCount,
    TicketCountChange,
    TicketPriority,
    TicketStatus,
    table_of,
)
from resolvers.query.execute import GRAPHQL, Query, QueryRoot, plan_for, run
from resolvers.query.shapes import Args, Field, Shape
from tests.support import proofs
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import program
from tests.support.rows import company, key, ticket
from tests.support.world import World

pytestmark = pytest.mark.anyio

WRITERS, WRITES = (8, 400) if proofs.LONG else (4, 50)
TICKETS = 40
tickets, changes = table_of(Ticket), table_of(TicketCountChange)
counts = table_of(TicketCount)
TOTAL = Query(
    QueryRoot.CONNECTION,
    "Ticket",
    (("Ticket", Shape((Field("total", "total_count"),))),),
    GRAPHQL,
)
FOLD = sa.text("SELECT fold_ticket_count_changes(1)")
# Changes tickets without end, each in a transaction of its own, until it is killed.
PROGRAM = """
import asyncio, sys
from random import Random
from deskgraph.database.database import Database
from tests.concurrency.test_ticket_counts import change

async def main():
    database, random = Database(sys.argv[1]), Random(int(sys.argv[2]))
    for number in range(10**9):
        await change(database, random)
        if number == 150:
            print("written", flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def database(own_world: World) -> Database:
    await own_world.add(
        company("bigger"), *(ticket(f"counted {number}") for number in range(TICKETS))
    )
    return own_world.database


async def change(database: Database, random: Random) -> None:
    """Change some of the tickets' counted values."""
    some = tickets.c.id.in_(key(f"counted {random.randrange(TICKETS)}") for _ in range(1))
    values: dict[str, Any] = {
        "status": random.choice(list(TicketStatus)),
        "priority": random.choice(list(TicketPriority)),
        "category": random.choice(list(TicketCategory)),
        "assigned_team": random.choice([None, *Team]),
        "company_id": key(random.choice(["hilton", "bigger"])),
        "assigned_to_id": random.choice([None, key("keith")]),
    }
    async with database.engine.begin() as connection:
        await connection.execute(sa.update(tickets).where(some).values(values))
        if random.random() < 0.1:
            await connection.rollback()


@asynccontextmanager
async def watched(world: World) -> AsyncIterator[list[str]]:
    """Read the total all the time; give what was read."""
    found: list[str] = []

    async def watch() -> None:
        args = (Args(),)
        context = world.context("keith")
        plan = await plan_for(context, TOTAL, args)
        while True:
            found.append((await run(context, plan, args))[0])

    watching = asyncio.create_task(watch())
    try:
        yield found
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def fold(database: Database) -> None:
    """Add up all changes, as a server does after its commits."""
    if not database.is_sqlite:
        async with database.engine.begin() as connection:
            await connection.execute(FOLD)


async def number_of(database: Database, table: sa.Table) -> int:
    async with database.engine.connect() as connection:
        return await connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.mark.proof(small=True)
async def test_a_reader_never_sees_a_wrong_total(own_world: World, database: Database) -> None:
    total = await number_of(database, tickets)

    async def write(seed: int) -> None:
        random = Random(seed)
        for _ in range(WRITES):
            await change(database, random)

    async def add_up() -> None:
        while not database.is_sqlite:
            await fold(database)

    async with watched(own_world) as found:
        adding = asyncio.create_task(add_up())
        await asyncio.gather(*map(write, range(WRITERS)))
        adding.cancel()
        with suppress(asyncio.CancelledError):
            await adding
        assert found

    assert set(found) == {f'{{"total":{total}}}'}
    assert await wrong_counts(database) == []


@pytest.mark.usefixtures("_on_postgres")
async def test_changes_are_added_up_after_the_commits_of_a_server(database: Database) -> None:
    random = Random(5)
    for number in range(100):
        async with database.transaction() as session:
            await session.exec(another(random, number))

    # Each change of a status takes one away and adds one.
    async with asyncio.timeout(60):
        # Nothing tells when it is done.
        while await number_of(database, changes) >= 100:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await wrong_counts(database) == []


@pytest.mark.usefixtures("_on_postgres")
async def test_a_few_changes_wait_and_many_are_added_up_by_their_writer(
    database: Database,
) -> None:
    for status in [TicketStatus.CLOSED, TicketStatus.NEW] * 2:
        async with database.engine.begin() as connection:
            await connection.execute(sa.update(tickets).values(status=status))
    assert await number_of(database, changes) > 100
    assert await wrong_counts(database) == []

    async with database.engine.begin() as connection:
        for status in [TicketStatus.CLOSED, TicketStatus.NEW] * 30:
            await connection.execute(sa.update(tickets).values(status=status))

    assert await number_of(database, changes) == 0
    assert await wrong_counts(database) == []


@proofs.on("postgres")
async def test_counts_are_right_after_writers_are_killed(
    own_world: World, database: Database, database_url: str, tmp_path: Any
) -> None:
    command = ["-c", PROGRAM, database_url]
    environment = child_environment()
    with (
        program([*command, "1"], tmp_path / "one.log", environment=environment) as one,
        program([*command, "2"], tmp_path / "two.log", environment=environment) as other,
    ):
        for running in (one, other):
            assert running.line() == "written\n"
            os.kill(running.process.pid, signal.SIGKILL)

    assert await wrong_counts(database) == []


async def test_counts_are_made_again_while_others_write(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(sa.delete(counts).where(counts.c.scope == "all"))
        await connection.execute(sa.delete(changes))
    assert await wrong_counts(database) != []

    random = Random(3)
    await asyncio.gather(rebuild_counts(database), *(change(database, random) for _ in range(30)))

    assert await wrong_counts(database) == []


@pytest.fixture
def _on_postgres(backend: str) -> None:
    if backend == "sqlite":
        pytest.skip("SQLite has one writer, and no such statements")


@pytest.mark.usefixtures("_on_postgres")
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
async def test_changes_of_an_older_snapshot_are_stored_and_counted(
    database: Database, level: str
) -> None:
    statement = sa.update(tickets).where(tickets.c.id == key("counted 1"))
    async with database.engine.connect() as one:
        await one.execution_options(isolation_level=level)
        await one.execute(sa.select(tickets.c.id).limit(1))
        random = Random(4)
        for number in range(150):
            async with database.engine.begin() as other:
                await other.execute(another(random, number))
            if number % 50 == 0:
                await fold(database)
        async with one.begin_nested():
            for status in [TicketStatus.CLOSED, TicketStatus.NEW] * 60:
                await one.execute(statement.values(status=status))
        await one.execute(FOLD)
        await one.commit()

    assert await wrong_counts(database) == []


def another(random: Random, number: int) -> sa.Update:
    """Return what changes the status of one of the tickets that are not the first two."""
    other = tickets.c.id == key(f"counted {2 + number % (TICKETS - 2)}")
    return sa.update(tickets).where(other).values(status=random.choice(list(TicketStatus)))


@pytest.mark.usefixtures("_on_postgres")
async def test_no_writer_waits_for_the_one_that_adds_up(database: Database) -> None:
    async with database.engine.connect() as one:
        # Some changes are added up, and not committed.
        for status in [TicketStatus.CLOSED, TicketStatus.NEW] * 2:
            await one.execute(sa.update(tickets).values(status=status))
        await one.execute(FOLD)
        for status in [TicketStatus.CLOSED, TicketStatus.NEW] * 60:
            async with database.engine.begin() as other:
                await other.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
                await other.execute(
                    sa.insert(tickets).values(
                        ticket(str(uuid4())).model_dump() | {"status": status}
                    )
                )
                await other.execute(FOLD)
        await one.commit()

    assert await wrong_counts(database) == []


@pytest.mark.usefixtures("_on_postgres")
async def test_a_truncated_table_has_no_tickets(database: Database) -> None:
    async with database.engine.begin() as connection:
        for status in [TicketStatus.CLOSED, TicketStatus.NEW]:
            await connection.execute(sa.update(tickets).values(status=status))
            await connection.execute(sa.update(tickets).values(priority=TicketPriority.LOW))
        await connection.execute(sa.text("TRUNCATE tickets CASCADE"))

    assert await wrong_counts(database) == []
    assert await number_of(database, counts) == await number_of(database, changes) == 0


@pytest.mark.usefixtures("_on_postgres")
async def test_a_hostile_search_path_leads_no_trigger_astray(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(sa.text("CREATE TEMP TABLE ticket_count_changes (id int)"))
        await connection.execute(sa.text("SET LOCAL search_path = pg_temp, public"))
        await connection.execute(sa.text("UPDATE public.tickets SET status = 'closed'"))
        await connection.commit()
        await connection.execute(sa.text("DROP TABLE pg_temp.ticket_count_changes"))
        await connection.commit()

    assert await wrong_counts(database) == []
