"""What was deleted is there again, or gone with its files when the time is over."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from deskgraph.database.ticket_counts.recount import wrong_counts
from deskgraph.retention import purge as purging
from deskgraph.retention.purge import Purged, Retention, purge
from deskgraph.storage.file_store import FileStore
from deskgraph.storage.orphan_cleanup import clean_up_orphans
from models import Attachment, Comment, Company, Contact, Ticket, User
from resolvers.commands import attachments, comments, tickets
from resolvers.commands.undo.undo import undo
from resolvers.context import Context
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.files.downloads import open_attachment
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.units.dry_run import dry_run
from tests.support.named_rows import CONTENT
from tests.support.rows import file_key, key, ticket
from tests.support.world import World

pytestmark = pytest.mark.anyio

KEPT = ("undo_records", "deleted_tickets", "deleted_comments", "deleted_attachments")
RETENTION = Retention(undo=timedelta(hours=24))


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "PAUSE_SECONDS", 0)


def without(dump: dict[str, list[Any]], *left_out: str) -> dict[str, list[Any]]:
    return {name: rows for name, rows in dump.items() if name not in left_out}


async def delete(context: Context, what: str, name: str) -> None:
    if what == "ticket":
        await tickets.delete_ticket(context, key(name))
    elif what == "comment":
        await comments.delete_comment(context, key(name))
    else:
        await attachments.delete_attachment(context, key(name))


async def last(world: World) -> UUID:
    return (await world.events())[-1].id


async def refusal(world: World, event: UUID, who: str = "keith") -> UndoRefusalReason:
    before = await world.dump()
    with pytest.raises(UndoRefused) as error:
        await undo(world.context(who), event)
    assert await world.dump() == before
    return error.value.reason


DELETED = [
    ("ticket", "offline", Ticket),
    ("comment", "public", Comment),
    ("comment", "internal", Comment),
    ("attachment", "photo", Attachment),
]
AGAIN = {"ticket": "created", "comment": "comment_added", "attachment": "attachment_added"}


@pytest.mark.parametrize(("what", "name", "model"), DELETED, ids=[one[1] for one in DELETED])
async def test_what_was_deleted_is_invisible_and_then_there_again(
    world: World, what: str, name: str, model: Any
) -> None:
    before = await world.dump()
    row = (await world.get(model, key(name))).model_dump()
    await delete(world.context("keith"), what, name)

    deleted = await last(world)
    during = await world.dump()
    assert during["files"] == before["files"]
    assert str(key(name)) not in str(without(during, *KEPT, "ticket_events"))
    assert await wrong_counts(world.database) == []
    if name in ("offline", "photo"):
        with pytest.raises(NotFound):
            await open_attachment(world.context("keith"), file_key("photo"))

    world.clock.move(hours=1)
    undone = await undo(world.context("keith"), deleted)

    assert undone.ticket_id == key("offline")
    again = (await world.get(model, key(name))).model_dump()
    if "version" in row:
        row["version"] += 1
    assert again == row
    after = await world.dump()
    same = ("ticket_events", f"{what}s")
    assert without(after, *same) == without(before, *same)
    assert len(after[f"{what}s"]) == len(before[f"{what}s"])
    event = (await world.events())[-1]
    assert event.type == AGAIN[what]
    assert event.changes[-1] == {"field": "deleted", "from": True, "to": False}
    assert (event.version, event.is_internal) == (row.get("version"), name == "internal")
    assert await wrong_counts(world.database) == []
    file = await open_attachment(world.context("keith"), file_key("photo"))
    assert b"".join([chunk async for chunk in await file.read()]) == CONTENT

    # It may be deleted, and restored, again.
    assert await refusal(world, deleted) is UndoRefusalReason.RESTORED
    assert await refusal(world, event.id) is UndoRefusalReason.CREATED
    await delete(world.context("keith"), what, name)
    await undo(world.context("keith"), await last(world))
    assert (await world.get(model, key(name))).id == key(name)


async def test_a_ticket_comes_back_with_what_it_had_then(world: World) -> None:
    keith = world.context("keith")
    await comments.delete_comment(keith, key("public"))
    comment = await last(world)
    await tickets.update_ticket(keith, key("offline"), {"priority": "low"})
    change = await last(world)
    await tickets.delete_ticket(keith, key("offline"))
    deleted = await last(world)

    for event in (comment, change):
        assert await refusal(world, event) is UndoRefusalReason.DELETED
    await undo(keith, deleted)
    async with world.database.transaction() as session:
        assert await session.get(Comment, key("public")) is None
    await undo(keith, comment)
    assert (await world.get(Comment, key("public"))).text == "Text of public"
    await undo(keith, change)
    assert (await world.get(Ticket, key("offline"))).priority == "high"


@pytest.mark.parametrize(("what", "name", "model"), DELETED, ids=[one[1] for one in DELETED])
async def test_what_cannot_be_undone_any_more_is_gone_with_its_files(
    world: World, what: str, name: str, model: Any
) -> None:
    await delete(world.context("keith"), what, name)
    event = await last(world)
    now = world.clock.now
    files = world.services.files

    assert await purge(world.database, files, RETENTION, now + timedelta(hours=24)) == Purged()
    assert file_key("photo") in world.files()
    world.clock.move(hours=24, seconds=1)
    assert await purge(world.database, files, RETENTION, world.clock.now) == Purged(undo=1)

    left = await world.dump()
    assert [left[table] for table in KEPT] == [[]] * len(KEPT)
    assert (file_key("photo") in world.files()) is (what == "comment")
    assert await refusal(world, event) is UndoRefusalReason.TOO_OLD
    assert await purge(world.database, files, RETENTION, world.clock.now) == Purged()


async def test_what_was_purged_early_is_not_kept(world: World) -> None:
    await tickets.delete_ticket(world.context("keith"), key("offline"))
    files, later = world.services.files, world.clock.now + timedelta(seconds=1)
    await purge(world.database, files, Retention(undo=timedelta()), later)
    assert await refusal(world, await last(world)) is UndoRefusalReason.NOT_KEPT


async def test_nothing_is_kept_where_undo_is_off(world: World) -> None:
    off = world.context("keith", undo_hours=0)
    for what, name, _ in DELETED[1:]:
        await delete(off, what, name)
    assert file_key("photo") not in world.files()
    await tickets.delete_ticket(off, key("volume"))
    assert file_key("scan") not in world.files()
    left = await world.dump()
    assert [left[table] for table in KEPT] == [[]] * len(KEPT)
    for event in await world.events():
        with pytest.raises(UndoRefused):
            await undo(off, event.id)
        assert await refusal(world, event.id) is UndoRefusalReason.NOT_KEPT


async def test_kept_files_are_no_orphans(world: World) -> None:
    await tickets.delete_ticket(world.context("keith"), key("offline"))
    files = world.services.files
    assert isinstance(files, FileStore)
    soon = world.clock.now + timedelta(days=9999)
    found = clean_up_orphans(world.database, files, before=soon, remove=True)
    assert [one async for one in found] == []
    (world.media / file_key("photo")).unlink()
    found = clean_up_orphans(world.database, files, before=soon)
    assert [one.kind async for one in found] == ["missing"]


async def test_a_dry_run_deletes_and_restores_nothing(world: World) -> None:
    before = await world.dump()
    async with dry_run(world.context("keith")) as tried:
        await tickets.delete_ticket(tried, key("offline"))
    assert await world.dump() == before
    await tickets.delete_ticket(world.context("keith"), key("offline"))
    event, deleted = await last(world), await world.dump()
    async with dry_run(world.context("keith")) as tried:
        await undo(tried, event)
        assert tried.event_ids is not None
        assert len(tried.event_ids) == 1
    assert await world.dump() == deleted
    await undo(world.context("keith"), event)


async def test_two_undos_at_the_same_time(world: World) -> None:
    keith, admin = world.context("keith"), world.context("admin")
    await tickets.update_ticket(keith, key("volume"), {"priority": "low"})
    change = await last(world)
    for what, name, _ in DELETED[1:]:
        await delete(keith, what, name)
    kept = [one.id for one in (await world.events())[-3:]]
    for event in (change, *kept):
        await _once(undo(keith, event), undo(admin, event))
    await tickets.delete_ticket(keith, key("offline"))
    event = await last(world)
    await _once(undo(keith, event), undo(admin, event))
    assert await wrong_counts(world.database) == []


async def _once(*undos: Any) -> None:
    done = await asyncio.gather(*undos, return_exceptions=True)
    lost = [one for one in done if isinstance(one, BaseException)]
    assert len(lost) == 1
    assert isinstance(lost[0], Conflict) or (
        isinstance(lost[0], UndoRefused) and lost[0].reason is UndoRefusalReason.RESTORED
    )


async def test_an_undo_and_the_purge_at_the_same_time(world: World) -> None:
    await tickets.delete_ticket(world.context("keith"), key("offline"))
    event, later = await last(world), world.clock.now + timedelta(days=2)
    files = world.services.files
    done = await asyncio.gather(
        undo(world.context("keith"), event),
        purge(world.database, files, RETENTION, later),
        return_exceptions=True,
    )
    if isinstance(done[0], UndoRefused):
        assert file_key("photo") not in world.files()
    else:
        assert (await world.get(Attachment, key("photo"))).ticket_id == key("offline")
        assert file_key("photo") in world.files()


async def test_what_is_referred_to_may_be_gone(world: World) -> None:
    keith = world.context("keith")
    await tickets.delete_ticket(keith, key("bill"))
    event = await last(world)
    async with world.database.transaction() as session:
        for model, name in ((Contact, "jane"), (User, "olga")):
            await session.delete(await session.get_one(model, key(name)))

    await undo(keith, event)

    row = await world.get(Ticket, key("bill"))
    assert (row.contact_id, row.created_by_id, row.company_id) == (None, None, key("centara"))
    assert (await world.get(Comment, key("theirs"))).author_id is None
    assert (await world.get(Attachment, key("receipt"))).uploaded_by_id is None


async def test_the_company_may_be_gone(world: World) -> None:
    await tickets.delete_ticket(world.context("keith"), key("bill"))
    event = await last(world)
    async with world.database.transaction() as session:
        for model, name in ((Contact, "jane"), (User, "olga"), (Company, "centara")):
            await session.delete(await session.get_one(model, key(name)))
            await session.flush()
    before = await world.dump()
    with pytest.raises(Invalid) as error:
        await undo(world.context("keith"), event)
    assert list(error.value.problems) == ["company"]
    assert await world.dump() == before


async def test_a_number_that_is_taken_again(world: World) -> None:
    await tickets.delete_ticket(world.context("keith"), key("bill"))
    event = await last(world)
    await world.add(ticket("other", 3))
    assert await refusal(world, event) is UndoRefusalReason.RESTORED


async def test_who_may_restore(world: World) -> None:
    await comments.delete_comment(world.context("carla"), key("own"))
    comment = await last(world)
    await attachments.delete_attachment(world.context("carla"), key("scan"))
    file = await last(world)
    for event in (comment, file):
        assert await refusal(world, event, "colin") is UndoRefusalReason.FORBIDDEN
        with pytest.raises(NotFound):
            await undo(world.context("olga"), event)
        await undo(world.context("carla"), event)
    await comments.delete_comment(world.context("keith"), key("internal"))
    with pytest.raises(NotFound):
        await undo(world.context("carla"), await last(world))
    await tickets.delete_ticket(world.context("keith"), key("volume"))
    assert await refusal(world, await last(world), "carla") is UndoRefusalReason.FORBIDDEN


async def test_what_customers_may_undo(world: World) -> None:
    keith, carla = world.context("keith"), world.context("carla")
    await tickets.update_ticket(keith, key("volume"), {"subject": "By staff"})
    subject = await last(world)
    await tickets.update_ticket(keith, key("volume"), {"tags": "a", "priority": "low"})
    priority = await last(world)
    await tickets.update_ticket(keith, key("offline"), {"subject": "Not hers"})
    other = await last(world)
    for event in (priority, other):
        assert await refusal(world, event, "carla") is UndoRefusalReason.FORBIDDEN
    await undo(carla, subject)
    assert (await world.get(Ticket, key("volume"))).subject == "Subject of volume"
    with pytest.raises(NotFound):
        await undo(world.context("olga"), subject)


async def test_a_customer_learns_nothing_of_a_contact_elsewhere(world: World) -> None:
    keith = world.context("keith")
    await world.change(Ticket, key("volume"), contact_id=key("jane"))
    await tickets.update_ticket(keith, key("volume"), {"contact": None})
    event = await last(world)
    assert await refusal(world, event, "carla") is UndoRefusalReason.FORBIDDEN
