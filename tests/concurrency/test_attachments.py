"""Those who rename or delete a file go by what the ticket and the file are when it is done."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import update
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Attachment, Ticket, table_of
from resolvers.commands import attachments
from resolvers.errors import NotFound
from tests.support.named_rows import CONTENT
from tests.support.rows import file_key, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_tickets = table_of(Ticket)
_attachments = table_of(Attachment)


def rename(own_world: World) -> Awaitable[None]:
    return attachments.update_attachment(
        own_world.context("carla"), key("scan"), {"name": "mine.txt"}
    )


def delete(own_world: World) -> Awaitable[None]:
    return attachments.delete_attachment(own_world.context("carla", undo_hours=0), key("scan"))


async def meanwhile(
    own_world: World,
    write: Callable[[World], Awaitable[None]],
    change: Callable[[AsyncSession], Awaitable[object]],
) -> BaseException | None:
    """Begin a write while another transaction has changed something, and is then committed."""
    async with own_world.database.transaction() as session:
        await change(session)
        await session.flush()
        writing = asyncio.ensure_future(write(own_world))
        async with asyncio.timeout(60):
            while not writing.done():
                if own_world.database.is_sqlite:
                    # It waits for the only connection.
                    await asyncio.sleep(0)
                    break
                if (await own_world.database.fetch_row(_WAITING, []))[0]:
                    break
    async with asyncio.timeout(60):
        return (await asyncio.gather(writing, return_exceptions=True))[0]


@pytest.mark.parametrize("write", [rename, delete])
async def test_a_ticket_that_moves_away_takes_its_files_along(
    own_world: World, write: Callable[[World], Awaitable[None]]
) -> None:
    async def move(session: AsyncSession) -> None:
        away = update(_tickets).where(_tickets.c.id == key("volume"))
        await session.exec(away.values(company_id=key("centara")))

    failed = await meanwhile(own_world, write, move)

    assert isinstance(failed, NotFound)
    assert (await own_world.get(Attachment, key("scan"))).name == "scan.txt"
    assert file_key("scan") in own_world.files()
    assert await own_world.events(key("volume")) == []


@pytest.mark.parametrize("write", [rename, delete])
async def test_a_file_that_goes_away_is_not_there(
    own_world: World, write: Callable[[World], Awaitable[None]]
) -> None:
    async def remove(session: AsyncSession) -> None:
        await session.delete(await session.get_one(Attachment, key("scan")))

    assert isinstance(await meanwhile(own_world, write, remove), NotFound)
    assert await own_world.events(key("volume")) == []


async def test_a_file_that_an_import_has_replaced_is_the_one_that_is_deleted(
    own_world: World,
) -> None:
    new = file_key("scan").replace("unguessable", "other")
    path = own_world.media / new
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)

    async def replace(session: AsyncSession) -> None:
        found = update(_attachments).where(_attachments.c.id == key("scan"))
        await session.exec(found.values(key=new))

    assert await meanwhile(own_world, delete, replace) is None
    assert new not in own_world.files()


async def test_a_rename_tells_what_the_name_was_when_it_was_done(own_world: World) -> None:
    async def other(session: AsyncSession) -> None:
        found = update(_attachments).where(_attachments.c.id == key("scan"))
        await session.exec(found.values(name="theirs.txt"))

    assert await meanwhile(own_world, rename, other) is None
    [event] = await own_world.events(key("volume"))
    assert event.changes == [{"field": "name", "from": "theirs.txt", "to": "mine.txt"}]
