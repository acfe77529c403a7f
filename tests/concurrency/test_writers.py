"""Writers who want the same rows at once: one wins, or all do, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models import Comment, Ticket
from resolvers.commands import attachments, comments, tickets
from resolvers.commands.conflicts import ConflictResolution, Merged
from resolvers.errors import Conflict, NotFound
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MERGE = ConflictResolution.MERGE


async def test_of_writers_with_the_same_version_exactly_one_wins(own_world: World) -> None:
    context = own_world.context("keith")
    done = await asyncio.gather(
        *(
            tickets.update_ticket(context, key("offline"), {"subject": f"By {n}"}, 1)
            for n in range(8)
        ),
        return_exceptions=True,
    )

    winners = [n for n, result in enumerate(done) if result is None]
    assert len(winners) == 1
    losers = [result for result in done if isinstance(result, Conflict)]
    assert [(one.expected, one.actual, one.changed) for one in losers] == [(1, 2, ("subject",))] * 7
    assert {one.fields[0].theirs for one in losers} == {f"By {winners[0]}"}
    ticket = await own_world.get(Ticket, key("offline"))
    assert (ticket.subject, ticket.version) == (f"By {winners[0]}", 2)
    assert len(await own_world.events()) == 1


async def test_the_same_holds_for_comments(own_world: World) -> None:
    context = own_world.context("keith")
    done = await asyncio.gather(
        *(
            comments.update_comment(context, key("public"), {"text": f"By {n}"}, 1)
            for n in range(8)
        ),
        return_exceptions=True,
    )

    assert done.count(None) == 1
    assert (await own_world.get(Comment, key("public"))).version == 2


async def test_without_a_version_every_change_counts(own_world: World) -> None:
    context = own_world.context("keith")
    await asyncio.gather(
        *(tickets.update_ticket(context, key("offline"), {"subject": f"By {n}"}) for n in range(8))
    )
    assert (await own_world.get(Ticket, key("offline"))).version == 9
    assert len(await own_world.events(key("offline"))) == 8


async def content() -> AsyncIterator[bytes]:
    yield b"content"


async def test_whatever_is_done_to_a_ticket_while_it_is_deleted_is_done_or_not_found(
    own_world: World,
) -> None:
    context, name = own_world.context("keith", undo_hours=0), key("offline")
    done = await asyncio.gather(
        *(comments.add_comment(context, name, {"text": f"{n}"}) for n in range(6)),
        *(comments.update_comment(context, key("public"), {"text": f"{n}"}) for n in range(3)),
        comments.delete_comment(context, key("internal")),
        attachments.add_attachment(context, name, "a", content()),
        attachments.delete_attachment(context, key("photo")),
        tickets.delete_ticket(context, name),
        tickets.delete_ticket(context, name),
        tickets.assign_ticket(context, name, None),
        tickets.update_ticket(context, name, {"status": "closed"}),
        *(comments.add_comment(context, name, {"text": f"{n}"}) for n in range(6)),
        return_exceptions=True,
    )

    failed = [result for result in done if isinstance(result, BaseException)]
    assert [error for error in failed if not isinstance(error, NotFound)] == []
    after = await own_world.dump()
    assert key("offline") not in {row[0] for row in after["tickets"]}
    assert not [
        stored for stored in own_world.files() if "scan" not in stored and "rece" not in stored
    ]
    # Whatever was done was done before the ticket was deleted, and is told in that order.
    told = [event.type.value for event in await own_world.events(name)]
    assert told.count("deleted") == 1
    assert told[-1] == "deleted"
    succeeded = len(done) - len(failed)
    assert len(told) >= succeeded - 1


async def test_writers_of_different_fields_are_all_merged(own_world: World) -> None:
    """All have seen the first version, and none waits for another's answer."""
    context = own_world.context("keith")
    changes: list[dict[str, object]] = [
        {"subject": "By 1"},
        {"description": "By 2"},
        {"priority": "low"},
        {"tags": "by-4"},
        {"due_date": None},
        {"status": "pending"},
    ]
    done = await asyncio.gather(
        *(
            tickets.update_ticket(context, key("offline"), one, 1, on_conflict=MERGE)
            for one in changes
        )
    )

    # The first one of them had nothing to be merged with.
    assert sorted(0 if one is None else one.actual for one in done) == [0, 2, 3, 4, 5, 6]
    ticket = await own_world.get(Ticket, key("offline"))
    assert ticket.version == 7
    for one in changes:
        assert {name: getattr(ticket, name) for name in one} == one


async def test_of_writers_of_the_same_field_one_is_merged(own_world: World) -> None:
    context = own_world.context("keith")
    await tickets.update_ticket(context, key("offline"), {"priority": "low"})
    done = await asyncio.gather(
        *(
            tickets.update_ticket(
                context, key("offline"), {"subject": f"By {n}"}, 1, on_conflict=MERGE
            )
            for n in range(6)
        ),
        return_exceptions=True,
    )

    (winner,) = [n for n, one in enumerate(done) if isinstance(one, Merged)]
    losers = [one for one in done if isinstance(one, Conflict)]
    assert len(losers) == 5
    assert {one.fields[0].theirs for one in losers} == {f"By {winner}"}
    ticket = await own_world.get(Ticket, key("offline"))
    assert (ticket.subject, ticket.priority, ticket.version) == (f"By {winner}", "low", 3)
