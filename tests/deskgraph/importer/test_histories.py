"""What an import does to the history that is here: who may read it, numbers, and long texts."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks import old_desk
from deskgraph.app import create_services
from deskgraph.database.database import Database
from deskgraph.importer.source import open_source
from deskgraph.settings import load_settings
from models import Role, Ticket
from resolvers.commands import tickets
from resolvers.context import Context
from resolvers.events.excerpts import MAX_CHARACTERS
from resolvers.events.log import lock_log
from resolvers.viewer import Viewer
from tests.deskgraph.conftest import Ended
from tests.deskgraph.importer.conftest import OldDesk, counts, everything, row
from tests.support.clock import NOON
from tests.support.rows import key

Bring = Callable[..., Ended]
Hold = Callable[[AsyncSession], Awaitable[None]]
LONG = "0123456789abcdef" * 200_000

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def told(services: str, **wanted: object) -> list[tuple[str, Any, bool]]:
    """Return the type, company and visibility of the events that are about something."""
    return [
        (event["type"].value, event["company_id"], event["is_internal"])
        for event in everything(services)["ticket_events"]
        if all(event[name] == value for name, value in wanted.items())
    ]


def test_the_history_of_a_ticket_that_moved_goes_with_it(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    old.add(old_desk.COMPANIES_TABLE, old_desk.company(key("centara"), "Centara"))
    bring()
    bill = told(services, ticket_id=key("bill"))
    old.set(old_desk.TICKETS, "offline", company_id=key("centara"), contact_id=None)
    # A comment of the same run is told to the new company.
    old.add(old_desk.COMMENTS, old_desk.comment(key("new"), key("offline"), text="New"))

    bring()

    offline = told(services, ticket_id=key("offline"))
    assert [kind for kind, *_ in offline] == [
        *("created", "comment_added", "comment_added", "attachment_added", "updated"),
        "comment_added",
    ]
    assert {company for _, company, _ in offline} == {key("centara")}
    assert told(services, ticket_id=key("bill")) == bill


def test_the_history_of_a_comment_that_became_internal_is_hidden(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    old.add(old_desk.COMMENTS, old_desk.comment(key("other"), key("offline")))
    bring()
    old.set(old_desk.COMMENTS, "hello", is_internal=True)
    # To another ticket as well.
    old.set(old_desk.COMMENTS, "nobody", is_internal=True, ticket_id=key("offline"))
    old.set(old_desk.COMMENTS, "note", is_internal=False, text="Among all")
    old.set(old_desk.COMMENTS, "other", text="Changed")

    bring()

    def of(name: str) -> list[tuple[str, bool]]:
        return [(kind, hidden) for kind, _, hidden in told(services, comment_id=key(name))]

    assert of("hello") == [("comment_added", True), ("comment_edited", True)]
    assert of("nobody") == [
        ("comment_added", True),
        ("comment_deleted", True),
        ("comment_added", True),
    ]
    # One that became public is told without its past.
    assert of("note") == [
        ("comment_added", True),
        ("comment_edited", True),
        ("comment_added", False),
    ]
    assert of("other") == [("comment_added", False), ("comment_edited", False)]


def test_a_day_that_went_on_here_is_not_set_back(services: str, old: OldDesk, bring: Bring) -> None:
    old.add_small_desk()
    bring()

    async def create() -> UUID:
        opened, database = create_services(load_settings(), clock=lambda: NOON)
        await database.open()
        context = Context(opened, Viewer(key("nina"), Role.ADMIN, None), "rest")
        given = {"subject": "S", "description": "D", "company": key("hilton")}
        made: UUID = await tickets.create_ticket(context, given)
        await database.close()
        return made

    def number() -> str:
        made = asyncio.run(create())
        [found] = [one for one in everything(services)["tickets"] if one["id"] == made]
        return str(found["ticket_number"])

    # The old system has given out 9 of this day.
    assert number() == "T-20251119-0010"
    old.set(old_desk.TICKETS, "bill", subject="Changed")
    bring()
    assert number() == "T-20251119-0011"
    # It goes on over there as well, and further than here.
    old.add(old_desk.TICKETS, old_desk.ticket(key("next"), "T-20251119-0040", key("hilton")))
    bring()
    assert number() == "T-20251119-0041"


@pytest.mark.proof
def test_longer_texts_than_can_be_written_here_are_taken(
    services: str, old: OldDesk, bring: Bring
) -> None:
    old.add_small_desk()
    old.set(old_desk.TICKETS, "offline", description=LONG)
    old.set(old_desk.COMMENTS, "hello", text=LONG)
    bring()
    assert row(services, "tickets", "offline")["description"] == LONG
    assert row(services, "comments", "hello")["text"] == LONG
    old.set(old_desk.TICKETS, "offline", description=f"{LONG}.")
    old.set(old_desk.COMMENTS, "hello", text="Short")

    bring()

    assert row(services, "tickets", "offline")["description"] == f"{LONG}."
    changes = [event["changes"] for event in everything(services)["ticket_events"]]
    described, said = (entry for entries in changes for entry in entries if "to_length" in entry)
    assert (described["to"], described["from"]) == (f"{LONG[-100:]}.", LONG[-100:])
    assert described["excerpt_start"] == len(LONG) - 100
    assert (said["from"], said["to"]) == (LONG[:MAX_CHARACTERS], "Short")
    assert (said["from_length"], said["to_length"]) == (len(LONG), 5)


def test_an_import_reads_one_snapshot(old: OldDesk) -> None:
    if old.url.startswith("sqlite"):
        # So that the old system can write meanwhile.
        with closing(sqlite3.connect(old.url.removeprefix("sqlite:///"))) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    old.add_small_desk()

    async def read() -> list[int]:
        async with open_source(old.url) as source:
            found = [await source.count("auth_user")]
            late = old_desk.person(key("late"), "late", "Tech", password="none")
            await asyncio.to_thread(old.add, old_desk.USERS, late)
            found.append(await source.count("auth_user"))
            batches = source.batches("auth_user", ("id",), ("id",), 10)
            found += [len(batch) async for batch in batches]
        async with open_source(old.url) as source:
            return [*found, await source.count("auth_user")]

    assert asyncio.run(read()) == [2, 2, 2, 3]


async def import_meanwhile(services: str, bring: Bring, waits: str, hold: Hold) -> Ended:
    """Import beside a transaction, which ends when ``waits`` counts somebody who waits for it."""
    database = Database(services)
    await database.open()
    async with database.transaction() as session:
        await hold(session)
        importing = asyncio.create_task(asyncio.to_thread(bring))
        async with asyncio.timeout(60):
            while not (await database.fetch_row(waits, []))[0]:
                assert not importing.done()
                await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        ended = await importing
    await database.close()
    return ended


def test_a_change_that_is_under_way_here_is_not_overwritten(
    services: str, old: OldDesk, bring: Bring, backend: str
) -> None:
    if backend == "sqlite":
        pytest.skip("it has one writer")
    old.add_small_desk()
    bring()
    old.set(old_desk.TICKETS, "offline", subject="Theirs")
    waits = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    async def write(session: AsyncSession) -> None:
        ticket = await session.get(Ticket, key("offline"), with_for_update=True)
        assert ticket is not None
        ticket.subject = "Ours"
        await session.flush()

    ended = asyncio.run(import_meanwhile(services, bring, waits, write))
    assert counts(ended)["tickets"] == (2, 0, 1, 1)
    assert row(services, "tickets", "offline")["subject"] == "Ours"


def test_an_import_appends_to_the_log_in_its_turn(
    services: str, old: OldDesk, bring: Bring, backend: str
) -> None:
    if backend == "sqlite":
        pytest.skip("it has one writer")
    old.add_small_desk()
    waits = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )

    async def append(session: AsyncSession) -> None:
        """As a write does that has appended and is not committed."""
        await lock_log("postgresql", session.exec)

    asyncio.run(import_meanwhile(services, bring, waits, append))
    assert len(everything(services)["ticket_events"]) == 6
