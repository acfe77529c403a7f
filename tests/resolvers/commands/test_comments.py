"""Comments: first responses, internal notes, versions, and who may change whose."""

import asyncio
from typing import Any

import pytest

from models import Comment, Ticket
from resolvers.commands import comments
from resolvers.errors import Conflict, Forbidden, Invalid, NotFound
from tests.support.clock import NOON
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def add(world: World, ticket: str, who: str = "keith", **values: Any) -> Comment:
    given = {"text": "We look into it", **values}
    return await world.get(
        Comment, await comments.add_comment(world.context(who), key(ticket), given)
    )


_WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def change(world: World, name: str, who: str = "keith", **changes: Any) -> Comment:
    await comments.update_comment(world.context(who), key(name), changes)
    return await world.get(Comment, key(name))


async def first_response(world: World, ticket: str) -> object:
    return (await world.get(Ticket, key(ticket))).first_response_at


async def test_a_comment_has_its_author_and_the_time(world: World) -> None:
    comment = await add(world, "volume", text=" Hello ")

    assert (comment.ticket_id, comment.author_id) == (key("volume"), key("keith"))
    assert (comment.text, comment.is_internal, comment.version) == ("Hello", False, 1)
    assert comment.created_at == comment.updated_at == NOON


async def test_the_first_public_comment_stamps_the_first_response(world: World) -> None:
    await add(world, "volume", is_internal=True)
    assert await first_response(world, "volume") is None

    world.clock.move(minutes=5)
    await add(world, "volume")
    stamped = world.clock.now
    world.clock.move(minutes=5)
    await add(world, "volume")

    assert await first_response(world, "volume") == stamped


async def test_a_note_that_becomes_public_stamps_the_first_response(world: World) -> None:
    await change(world, "internal", text="Still between us")
    assert await first_response(world, "offline") is None

    await change(world, "internal", is_internal=False)

    assert await first_response(world, "offline") == NOON


async def test_the_ticket_may_be_among_the_values(world: World) -> None:
    given = {"ticket": key("volume"), "text": "Hello"}
    comment_id = await comments.create_comment(world.context("keith"), given)

    assert (await world.get(Comment, comment_id)).ticket_id == key("volume")
    assert await first_response(world, "volume") == NOON


async def test_all_that_is_wrong_with_a_comment_is_told_at_once(world: World) -> None:
    before = await world.dump()
    found = []
    for values in (
        {},
        {"ticket": key("nothing"), "text": " ", "is_internal": "perhaps"},
        {"ticket": None, "text": None},
    ):
        with pytest.raises(Invalid) as refused:
            await comments.create_comment(world.context("keith"), values)
        found.append({name: p[0].code for name, p in refused.value.problems.items()})

    assert found == [
        {"ticket": "required", "text": "required"},
        {"ticket": "does_not_exist", "text": "blank", "is_internal": "incorrect_type"},
        {"ticket": "null", "text": "null"},
    ]
    assert await world.dump() == before


async def test_a_comment_stays_with_its_ticket(world: World) -> None:
    before = await world.dump()
    with pytest.raises(Invalid) as refused:
        await change(world, "public", ticket=key("volume"), text="")

    codes = {name: p[0].code for name, p in refused.value.problems.items()}
    assert codes == {"ticket": "stays_with_ticket", "text": "blank"}
    assert await world.dump() == before
    assert (await change(world, "public", ticket=key("offline"), text="New")).text == "New"


async def test_versions_count_changes_and_refuse_stale_writers(world: World) -> None:
    assert (await change(world, "public", text="A")).version == 2
    assert (await change(world, "public", text="A")).version == 2
    before = await world.dump()

    for stale in (0, 1, 3):
        with pytest.raises(Conflict) as refused:
            await comments.update_comment(
                world.context("keith"), key("public"), {"text": "B"}, stale
            )
        assert (refused.value.expected, refused.value.actual) == (stale, 2)

    assert await world.dump() == before
    await comments.update_comment(world.context("keith"), key("public"), {"text": "B"}, 2)
    assert (await world.get(Comment, key("public"))).version == 3


async def test_customers_write_no_internal_notes(world: World) -> None:
    before = await world.dump()

    for attempt in (
        add(world, "volume", "carla", is_internal=True),
        change(world, "own", "carla", is_internal=True),
    ):
        with pytest.raises(Forbidden, match="internal"):
            await attempt

    assert await world.dump() == before


async def test_customers_change_and_delete_their_own_comments_only(world: World) -> None:
    assert (await change(world, "own", "carla", text="Louder")).text == "Louder"
    before = await world.dump()

    for who, name in (("carla", "public"), ("colin", "own")):
        with pytest.raises(Forbidden, match="their own"):
            await change(world, name, who, text="Mine now")
        with pytest.raises(Forbidden, match="their own"):
            await comments.delete_comment(world.context(who), key(name))

    assert await world.dump() == before
    await comments.delete_comment(world.context("carla"), key("own"))
    with pytest.raises(NotFound):
        await comments.delete_comment(world.context("carla"), key("own"))


async def test_a_customers_comment_that_became_internal_is_gone_for_them(world: World) -> None:
    await change(world, "own", "keith", is_internal=True)

    with pytest.raises(NotFound):
        await change(world, "own", "carla", text="Where is it?")
    with pytest.raises(NotFound):
        await comments.delete_comment(world.context("carla"), key("own"))


async def test_what_became_internal_meanwhile_is_gone_already(world: World) -> None:
    """The comment is looked at again once its ticket is locked."""
    if world.database.is_sqlite:
        pytest.skip("SQLite has one writer: nothing happens meanwhile")
    async with world.database.transaction() as session:
        comment = await session.get_one(Comment, key("own"))
        await session.get_one(Ticket, comment.ticket_id, with_for_update=True)
        comment.is_internal = True
        await session.flush()
        changing = asyncio.ensure_future(change(world, "own", "carla", text="Mine?"))
        async with asyncio.timeout(60):
            while not (await world.database.fetch_row(_WAITING, []))[0]:
                assert not changing.done()
    with pytest.raises(NotFound):
        await changing
    assert (await world.get(Comment, key("own"))).text == "Text of own"
