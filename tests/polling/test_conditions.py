"""Requests with ``If-None-Match``: what they cost, and what they are answered with."""

import asyncio

import pytest
import sqlalchemy as sa

from models import BulkJob, Company, Contact, User, table_of
from resolvers.errors import Unavailable
from resolvers.query.revalidation.known_answers import DataState, KnownAnswer, KnownAnswers
from resolvers.query.revalidation.shared_reads import SharedReads
from tests.polling.conftest import POLLED, Opens, Poller
from tests.support.clock import NOON, Clock
from tests.support.rows import key

pytestmark = pytest.mark.anyio

DETAIL = f"tickets/{key('offline')}/"
# Nobody is shown these, and a login writes them.
UNSEEN = {"password", "last_login", "tokens_not_before"}


async def test_nothing_is_read_of_what_has_not_changed(poller: Poller) -> None:
    for who in ("keith", "carla"):
        for what in POLLED:
            tag, _ = await poller.whole(who, what)
            for _ in range(2):
                assert await poller.is_confirmed(who, what, tag), (who, what)
            # A read tells the state by the way: it is one statement for a root field as ever.
            poller.statements.clear()
            await poller.whole(who, what)
            assert len(poller.statements) == (3 if what == "people" else 1), what


async def test_details_that_writes_name_have_strong_tags(poller: Poller) -> None:
    strong = {DETAIL, f"ticket-comments/{key('public')}/"}
    for what in (*POLLED, *strong):
        tag, _ = await poller.whole("keith", what)
        assert tag.startswith('"' if what in strong else 'W/"'), what


async def test_lists_of_tags_and_head(poller: Poller) -> None:
    for what in ("tickets/", DETAIL):
        tag, whole = await poller.whole("keith", what)
        weak = tag.removeprefix("W/")
        for given in (tag, weak, f"W/{weak}", f'"x", {tag}', "*"):
            assert (await poller.ask("keith", what, given)).status_code == 304, given
        for given in ('"x"', weak.strip('"'), f"{tag[:-2]}x"):
            assert (await poller.ask("keith", what, given)).content == whole, given
        head = await poller.call("HEAD", what, "keith", headers={"If-None-Match": tag})
        assert (head.status_code, head.content, head.headers["etag"]) == (304, b"", tag)
        assert head.headers["cache-control"] == "private, no-cache"
        assert "content-type" not in head.headers


async def test_what_is_unknown_here_is_read_and_compared(opens: Opens) -> None:
    """As after a restart, or at another process: the tag is that of the same answer."""
    async with opens() as first, opens() as second:
        for what in ("list", "tickets/", DETAIL):
            tag, _ = await first.whole("keith", what)
            second.statements.clear()
            assert (await second.ask("keith", what, tag)).status_code == 304
            assert any("tickets" in statement for statement in second.statements)
            assert await second.is_confirmed("keith", what, tag)
            await second.patch(DETAIL, "keith", json={"subject": f"Changed for {what}"})
            assert (await first.ask("keith", what, tag)).status_code == 200


async def test_a_tag_of_somebody_else_confirms_only_the_same(poller: Poller) -> None:
    tag, theirs = await poller.whole("keith", "tickets/")
    found = await poller.ask("carla", "tickets/", tag)
    assert (found.status_code, found.content != theirs) == (200, True)
    assert (await poller.get("tickets/", None, headers={"If-None-Match": tag})).status_code == 401
    other = await poller.get("tickets/?page_size=1", headers={"If-None-Match": tag})
    assert other.status_code == 200


async def test_what_differs_each_time_is_never_confirmed(opens: Opens) -> None:
    async with opens(rate_limit=2000) as poller:
        what = "{ tickets { totalCount } rateLimit { available } }"
        tag, _ = await poller.whole("keith", what)
        assert (await poller.ask("keith", what, tag)).status_code == 200


async def test_webhooks_are_read_each_time(poller: Poller) -> None:
    what = "{ webhooks { nodes { url deliveries { nodes { state } } } } }"
    tag, _ = await poller.whole("admin", what)
    poller.statements.clear()
    assert (await poller.ask("admin", what, tag)).status_code == 304
    assert any("webhooks" in statement for statement in poller.statements)
    async with poller.database.engine.begin() as connection:
        await connection.execute(sa.text("UPDATE webhook_deliveries SET state = 'pending'"))
    assert (await poller.ask("admin", what, tag)).status_code == 200


async def test_a_bulk_job_is_read_each_time_however_it_is_found(poller: Poller) -> None:
    # The world of these tests has it.
    job = key("tidied")
    for count, what in enumerate(
        (
            f'{{ bulkJob(id: "{job}") {{ doneCount }} }}',
            f'{{ node(id: "{job}") {{ id ... on BulkJob {{ doneCount }} }} }}',
            f'{{ nodes(ids: ["{job}"]) {{ ... on BulkJob {{ doneCount }} }} }}',
            "{ bulkJobs { nodes { doneCount } } }",
        ),
        1,
    ):
        tag, _ = await poller.whole("keith", what)
        assert (await poller.ask("keith", what, tag)).status_code == 304
        # No event tells of a batch in which all tickets were refused.
        await poller.world.change(BulkJob, job, done_count=100 + count)
        assert (await poller.ask("keith", what, tag)).status_code == 200, what


async def test_a_confirmation_costs_a_point(opens: Opens) -> None:
    async with opens(rate_limit=2000) as poller:
        rates = poller.services.rates
        assert rates is not None
        user = f"user:{key('keith')}"
        for what in ("list", "tickets/"):
            tag, _ = await poller.whole("keith", what)
            before = (await rates.draw(user, 0)).available
            assert (await poller.ask("keith", what, tag)).status_code == 304
            assert before - (await rates.draw(user, 0)).available == 1
        await rates.draw(user, (await rates.draw(user, 0)).available)
        assert (await poller.ask("keith", "tickets/", tag)).status_code == 429
        answer = (await poller.ask("keith", "list", tag)).json()
        assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"


async def test_who_asks_at_the_same_time_shares_the_statement(poller: Poller) -> None:
    tags = {who: (await poller.whole(who, "tickets/"))[0] for who in ("keith", "admin")}
    poller.statements.clear()
    asked = [poller.ask(who, "tickets/", tags[who]) for who in ("keith", "admin") * 5]
    assert {found.status_code for found in await asyncio.gather(*asked)} == {304}
    assert len(poller.statements) <= 3


async def test_every_column_that_is_shown_renews_the_mark(poller: Poller) -> None:
    async def mark() -> str:
        async with poller.database.engine.connect() as connection:
            found = await connection.scalar(sa.text("SELECT token FROM data_revision"))
        return str(found)

    for model in (User, Company, Contact):
        table = table_of(model)
        for column in table.columns:
            before = await mark()
            async with poller.database.engine.begin() as connection:
                same = table.update().values({column.name: column})
                await connection.execute(same)
            assert (await mark() == before) == (column.name in UNSEEN), column


async def test_shared_reads_begin_after_those_who_share_them() -> None:
    reads: SharedReads[int] = SharedReads()
    begun: list[asyncio.Event] = []

    async def read() -> int:
        begun.append(asyncio.Event())
        number = len(begun)
        await begun[-1].wait()
        if number == 3:
            raise Unavailable("database")
        return number

    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    first = asyncio.create_task(reads.get("a", read))
    await settle()
    later = [asyncio.create_task(reads.get("a", read)) for _ in range(2)]
    await settle()
    assert len(begun) == 1
    later[1].cancel()
    begun[0].set()
    await settle()
    begun[1].set()
    assert (await first, await later[0]) == (1, 2)
    failing = asyncio.create_task(reads.get("a", read))
    await settle()
    begun[2].set()
    with pytest.raises(Unavailable):
        await failing


def test_few_answers_are_remembered(clock: Clock) -> None:
    known = KnownAnswers(2)
    state = DataState(None, None)
    answers = [KnownAnswer(f'"{i}"', state, NOON, NOON.replace(hour=13), False) for i in range(3)]
    known.put(b"0", answers[0])
    known.put(b"1", answers[1])
    assert known.get(b"0", clock()) is answers[0]
    known.put(b"2", answers[2])
    assert [known.get(name, clock()) for name in (b"0", b"1", b"2")] == [
        *(answers[0], None, answers[2])
    ]
    for hours in (1, -2):
        clock.move(hours=hours)
        assert known.get(b"0", clock()) is None
