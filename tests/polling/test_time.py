"""What an answer says of the time: what is overdue, and links that expire."""

import re
from datetime import timedelta

import pytest

from tests.polling.conftest import Opens, Poller
from tests.support.clock import NOON
from tests.support.rows import key, ticket

pytestmark = pytest.mark.anyio

LINKS = "{ tickets { nodes { attachments { downloadUrl(expiresIn: 60) } } } }"
EXPIRES = re.compile(rb"expires=(\d+)")


@pytest.mark.parametrize("what", ["list", "stats", "tickets/", "tickets/stats/"])
@pytest.mark.parametrize("who", ["keith", "carla"])
async def test_a_ticket_becomes_overdue(poller: Poller, who: str, what: str) -> None:
    await poller.add(ticket("soon", 9, due_date=NOON + timedelta(minutes=10)))
    tag, before = await poller.whole(who, what)
    poller.clock.move(minutes=9, seconds=59)
    assert await poller.is_confirmed(who, what, tag)
    poller.clock.move(seconds=2)

    after = await poller.ask(who, what, tag)

    assert after.status_code == 200
    assert after.headers["etag"] != tag
    assert (after.content, before) == ((await poller.whole(who, what))[1], before)
    # Also where clocks are set back.
    poller.clock.move(minutes=-5)
    back = await poller.ask(who, what, after.headers["etag"])
    assert (back.status_code, back.content) == (200, before)


async def test_due_dates_of_others_are_none_of_a_customer(poller: Poller) -> None:
    theirs = {"company_id": key("centara"), "due_date": NOON + timedelta(minutes=1)}
    await poller.add(ticket("theirs", 9, **theirs))
    tags = {who: (await poller.whole(who, "tickets/"))[0] for who in ("carla", "olga")}
    poller.clock.move(minutes=2)
    assert await poller.is_confirmed("carla", "tickets/", tags["carla"])
    assert not await poller.is_confirmed("olga", "tickets/", tags["olga"])


async def test_more_due_dates_of_others_than_are_looked_at(poller: Poller) -> None:
    later = NOON + timedelta(minutes=40)
    await poller.add(
        *(
            ticket(f"t{i}", 10 + i, company_id=key("centara"), due_date=NOON + timedelta(seconds=i))
            for i in range(1, 61)
        ),
        ticket("ours", 9, due_date=later),
    )
    tag, _ = await poller.whole("carla", "tickets/")
    poller.clock.now = later + timedelta(seconds=1)
    found = await poller.ask("carla", "tickets/", tag)
    assert (found.status_code, found.json()["results"][0]["is_overdue"]) == (200, True)


async def test_what_is_the_same_for_long_is_read_now_and_then(poller: Poller) -> None:
    """What was changed by hand has no event, and is seen after an hour."""
    tag, _ = await poller.whole("keith", "companies/")
    poller.clock.move(minutes=59)
    assert await poller.is_confirmed("keith", "companies/", tag)
    poller.clock.move(minutes=2)
    poller.statements.clear()
    assert (await poller.ask("keith", "companies/", tag)).status_code == 304
    assert any("companies" in statement for statement in poller.statements)
    assert await poller.is_confirmed("keith", "companies/", tag)


@pytest.mark.parametrize("what", ["tickets/", f"tickets/{key('volume')}/", "ticket-attachments/"])
async def test_signed_links_are_not_confirmed_until_they_expire(opens: Opens, what: str) -> None:
    async with opens(media_links="signed") as poller:
        tag, before = await poller.whole("keith", what)
        for _ in range(3):
            # Read again, and confirmed: the client has the first links all the while.
            poller.clock.move(minutes=9)
            assert await poller.is_confirmed("keith", what, tag)
            assert (await poller.whole("keith", what))[0] == tag
        poller.clock.move(minutes=4)
        after = await poller.ask("keith", what, tag)
        assert after.status_code == 200
        ends = [min(map(int, EXPIRES.findall(body))) for body in (before, after.content)]
        # A client with the old ones can use them for another while.
        now = poller.clock.now.timestamp()
        assert now + 1700 <= ends[0] < ends[1] == now + 3600
        await poller.patch(f"tickets/{key('volume')}/", "keith", json={"tags": "x"})


async def test_a_change_takes_a_tag_with_links_at_any_time(opens: Opens) -> None:
    path = f"tickets/{key('volume')}/"
    async with opens(media_links="signed") as poller:
        tag, _ = await poller.whole("keith", path)
        poller.clock.move(hours=5)
        for given, status in ((tag, 200), (tag, 412)):
            headers = {"If-Match": given}
            done = await poller.patch(path, "keith", json={"tags": "x"}, headers=headers)
            assert done.status_code == status
        assert (await poller.whole("keith", path))[0] != tag


async def test_the_text_of_a_link_is_a_text(opens: Opens) -> None:
    """Two comments that differ in what looks like a signature have two tags."""
    path = f"ticket-comments/{key('public')}/"
    async with opens(media_links="signed") as poller:
        tags = set()
        for number in (1, 2):
            link = f"see /media/a?expires={number}&signature=x"
            await poller.patch(path, "keith", json={"text": link})
            for what in (path, "ticket-comments/"):
                tags.add((await poller.whole("keith", what))[0])
        assert len(tags) == 4


async def test_links_of_graphql_are_confirmed_for_half_of_their_time(poller: Poller) -> None:
    tag, _ = await poller.whole("keith", LINKS)
    poller.clock.move(seconds=29)
    assert await poller.is_confirmed("keith", LINKS, tag)
    poller.clock.move(seconds=2)
    after = await poller.ask("keith", LINKS, tag)
    assert (after.status_code, after.headers["etag"] != tag) == (200, True)


async def test_a_text_like_a_link_does_no_harm(poller: Poller) -> None:
    text = f"?expires={'9' * 19}&signature= ?expires=0&signature="
    await poller.patch(f"ticket-comments/{key('public')}/", "keith", json={"text": text})
    what = "{ comments { nodes { text ticket { attachments { downloadUrl(expiresIn: 60) } } } } }"
    tag, _ = await poller.whole("keith", what)
    assert (await poller.ask("keith", what, tag)).status_code == 304
