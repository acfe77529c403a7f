"""A client that is behind gets every event, whatever happens meanwhile and at whatever moment."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from deskgraph.database.event_signal import EventSignal
from resolvers.commands import comments, tickets
from resolvers.events import broker, subscription
from resolvers.query.event_log import MAX_FOLLOWED
from resolvers.query.plans import Plan
from schema import create_schema
from schema.execution.context import GraphContext
from tests.support.rows import key
from tests.support.world import World, open_world

pytestmark = pytest.mark.anyio

# Longer than anything here takes; what is never noticed fails after it.
DEADLINE = 20.0
FOLLOW = """subscription($types: [TicketEventType!]) {
  ticketEvents(after: "", types: $types) {
    comment { text } ticket { subject } changes { to }
  }
}"""


class SilentBell(EventSignal):
    """Rings only when it is rung, and is waited for as long as it takes."""

    def __init__(self) -> None:
        super().__init__(patience=3 * DEADLINE)

    async def _listen(self) -> None:
        await asyncio.Event().wait()


@pytest.fixture
async def silent_world(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Give a desk whose bell rings by hand."""
    async with open_world(sqlite_url, tmp_path / "media") as opened:
        await opened.reset()
        event_signal = SilentBell()
        opened.services = replace(opened.services, event_signal=event_signal)
        yield opened
        await opened.services.broker.close()
        await event_signal.close()


@asynccontextmanager
async def following_as(
    silent_world: World, who: str, query: str = FOLLOW, **variables: Any
) -> AsyncIterator[Callable[[], Awaitable[Any]]]:
    """Give a function that takes the next event."""
    context = GraphContext(silent_world.services, "http://desk.test", "1", None)
    context.token = silent_world.services.tokens.access(key(who))
    await context.identify()
    results: AsyncGenerator[Any, None] = await create_schema().stream(query, variables, context)

    async def take() -> Any:
        async with asyncio.timeout(DEADLINE):
            result = await anext(results)
        assert result.errors is None
        return result.data["ticketEvents"]

    try:
        yield lambda: _json(take())
    finally:
        await results.aclose()


async def _json(taken: Awaitable[Any]) -> Any:
    return orjson.loads(orjson.dumps(await taken))


async def last(silent_world: World) -> int:
    return int((await silent_world.database.fetch_row("SELECT max(seq) FROM ticket_events", ()))[0])


async def noticed(silent_world: World) -> None:
    """Wait until the end of the log has been read, and everybody told."""
    end = await last(silent_world)
    async with asyncio.timeout(DEADLINE):
        while silent_world.services.broker.head < end:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)


async def rename(silent_world: World, name: str, subject: str) -> None:
    await tickets.update_ticket(silent_world.context("keith"), key(name), {"subject": subject})


async def another_companys(silent_world: World) -> None:
    await rename(silent_world, "bill", "Not theirs")


async def a_note(silent_world: World) -> None:
    given = {"text": "Between us", "is_internal": True}
    await comments.add_comment(silent_world.context("keith"), key("offline"), given)


async def another_type(silent_world: World) -> None:
    await comments.add_comment(
        silent_world.context("keith"), key("offline"), {"text": "Not wanted"}
    )


@pytest.mark.parametrize("happens", [another_companys, a_note, another_type])
@pytest.mark.parametrize("taken", [1, MAX_FOLLOWED, MAX_FOLLOWED + 1])
async def test_what_does_not_concern_who_is_behind_takes_nothing_from_them(
    silent_world: World, happens: Callable[[World], Awaitable[None]], taken: int
) -> None:
    written = [f"Number {number}" for number in range(MAX_FOLLOWED + 10)]
    for subject in written:
        await rename(silent_world, "offline", subject)
    async with following_as(silent_world, "carla", types=["UPDATED"]) as take:
        found = [(await take())["changes"][0]["to"] for _ in range(taken)]
        await happens(silent_world)
        silent_world.services.event_signal.notify()  # type: ignore[attr-defined]
        await noticed(silent_world)
        found += [(await take())["changes"][0]["to"] for _ in range(len(written) - taken)]
        assert found == written


async def test_what_was_read_a_moment_ago_is_read_again_before_it_is_sent(
    silent_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is taken later than this is stale.
    monkeypatch.setattr(subscription, "FRESH_SECONDS", 0.0)
    context = silent_world.context("keith")
    made = [
        await comments.add_comment(context, key("offline"), {"text": f"{number}"})
        for number in range(5)
    ]
    await rename(silent_world, "volume", "Moved away")
    async with following_as(silent_world, "carla") as take:
        assert (await take())["comment"] == {"text": "0"}
        await comments.update_comment(context, made[1], {"is_internal": True})
        assert (await take())["comment"] == {"text": "2"}
        await rename(silent_world, "offline", "As it is now")
        event = await take()
        assert (event["comment"], event["ticket"]) == ({"text": "3"}, {"subject": "As it is now"})
        await tickets.update_ticket(
            silent_world.context("admin"), key("volume"), {"company": key("centara")}
        )
        assert (await take())["comment"] == {"text": "4"}
        # Neither the ticket that moved nor the event of its move is theirs any more.
        silent_world.services.event_signal.notify()  # type: ignore[attr-defined]
        assert (await take())["changes"] == [{"to": "As it is now"}]


@pytest.mark.parametrize("count", [broker.WINDOW - 1, broker.WINDOW, 2 * broker.WINDOW, 1101])
async def test_the_end_of_the_log_is_reached_however_much_was_appended_at_once(
    silent_world: World, count: int
) -> None:
    subscriber = await silent_world.services.broker.join(silent_world.services, None, None)
    await rename(silent_world, "offline", "First")
    async with silent_world.database.engine.begin() as connection:
        names = [
            row[1]
            for row in await connection.execute(text("PRAGMA table_info(ticket_events)"))
            if row[1] not in ("id", "seq")
        ]
        columns = ", ".join(names)
        await connection.execute(
            text(
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "
                f"INSERT INTO ticket_events (id, {columns}) "
                "SELECT printf('00000000-0000-4000-8000-%012d', n.i), "
                f"{columns} FROM ticket_events, n"
            ),
            {"count": count},
        )
    silent_world.services.event_signal.notify()  # type: ignore[attr-defined]
    await noticed(silent_world)
    assert (
        silent_world.services.broker.head == subscriber.position + count
        or subscriber.woken.is_set()
    )
    silent_world.services.broker.leave(subscriber)


@pytest.mark.parametrize("statement", ["happened", "max("])
async def test_what_is_appended_while_the_log_is_read_is_noticed(
    silent_world: World, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    fetch, appended = silent_world.database.fetch_row, asyncio.Event()

    async def append_after(sql: str, values: Any) -> Any:
        row = await fetch(sql, values)
        if statement in sql and not appended.is_set():
            appended.set()
            await rename(silent_world, "offline", "While it was read")
            silent_world.services.event_signal.notify()  # type: ignore[attr-defined]
        return row

    monkeypatch.setattr(silent_world.database, "fetch_row", append_after)
    subscriber = await silent_world.services.broker.join(silent_world.services, None, None)
    async with asyncio.timeout(DEADLINE):
        await appended.wait()
        await subscriber.woken.wait()
    assert silent_world.services.broker.head == await last(silent_world)
    silent_world.services.broker.leave(subscriber)


async def test_reads_are_shared_for_a_moment_only(
    silent_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, asked = silent_world.database.fetch_row, []

    async def counting(sql: str, values: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, values)

    monkeypatch.setattr(silent_world.database, "fetch_row", counting)
    monkeypatch.setattr(broker, "SHARED_SECONDS", 0.0)
    plan = Plan("SELECT 0, '[]'", (), {}, {})
    services = silent_world.services
    read = services.broker.read
    await asyncio.gather(read(services, plan, {}), read(services, plan, {}))
    assert len(asked) == 1
    await asyncio.sleep(0)
    await read(services, plan, {})
    assert len(asked) == 2


TALKATIVE = """subscription {
  ticketEvents(after: "") { changes { to } ticket { comments(first: 100) { nodes { text } } } }
}"""


@pytest.fixture
async def talkative(silent_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a ticket with five comments of 1000 bytes each, and a limit of 20,000."""
    monkeypatch.setitem(silent_world.services.__dict__, "max_answer_bytes", 20_000)
    context = silent_world.context("keith")
    for _ in range(5):
        await comments.add_comment(context, key("offline"), {"text": "x" * 1000})
    return silent_world


async def test_events_that_are_too_large_together_come_one_after_the_other(
    talkative: World,
) -> None:
    subjects = [f"Number {number}" for number in range(9)]
    for subject in subjects:
        await rename(talkative, "offline", subject)
    found: list[Any] = []
    async with following_as(talkative, "keith", TALKATIVE) as take:
        while found[-1:] != subjects[-1:]:
            event = await take()
            if event["changes"]:
                found.append(event["changes"][0]["to"])
    assert found == subjects


async def test_an_event_that_is_too_large_is_an_error(talkative: World) -> None:
    context = talkative.context("keith")
    for _ in range(15):
        await comments.add_comment(context, key("offline"), {"text": "x" * 1000})
    async with following_as(talkative, "keith", TALKATIVE) as take:
        with pytest.raises(AssertionError, match="more than 20000 bytes: ask for fewer"):
            await take()
