"""Each kind of write changes the tags of the answers that it changes, and no others."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from deskgraph.database.ticket_counts.recount import rebuild_counts
from deskgraph.retention.purge import Retention, purge
from models import renewal
from tests.polling.conftest import POLLED, Poller
from tests.support.clock import NOON
from tests.support.named_rows import PASSWORD
from tests.support.proofs import LONG
from tests.support.rows import key

pytestmark = pytest.mark.anyio

PEOPLE = ("keith", "carla", "olga")
OFFLINE, VOLUME = f"tickets/{key('offline')}/", f"tickets/{key('volume')}/"
Write = Callable[[Poller], Awaitable[Any]]


def sends(method: str, path: str, who: str = "keith", **more: Any) -> Write:
    async def send(poller: Poller) -> None:
        found = await poller.call(method, path, who, **more)
        assert found.status_code in (200, 201, 204), found.text

    return send


async def _import(poller: Poller) -> None:
    """Change a ticket as an import does what has no event."""
    async with poller.database.engine.begin() as connection:
        changed = sa.text("UPDATE tickets SET tags = 'old' WHERE subject = 'Moved'")
        await connection.execute(changed)
        await connection.execute(renewal())


async def _purge(poller: Poller) -> None:
    done = await purge(
        poller.database, poller.world.services.files, Retention(events=timedelta(days=5)), NOON
    )
    assert done.events


async def _recount(poller: Poller) -> None:
    """Make the counts right again after they were not."""
    await rebuild_counts(poller.database)


async def _login(poller: Poller) -> None:
    sent = {"username": "keith", "password": PASSWORD}
    assert (await poller.post("auth/login/", None, json=sent)).status_code == 200


NEW = {"subject": "New", "description": "D", "company": str(key("hilton"))}
USER = {"username": "nina", "password": "quite a good password", "role": "Tech"}
FILE = {"file": ("a.txt", b"text")}
STAFF, HILTON, ALL = {"keith"}, {"keith", "carla"}, set(PEOPLE)
# What is done, and who sees something of it.
WRITES: list[tuple[str, Write, set[str]]] = [
    ("login", _login, set()),
    ("ticket", sends("POST", "tickets/", json=NEW), HILTON),
    ("change", sends("PATCH", OFFLINE, json={"subject": "Other"}), HILTON),
    ("the same", sends("PATCH", OFFLINE, json={"subject": "Other"}), set()),
    ("due date", sends("PATCH", VOLUME, json={"due_date": "2025-11-20T00:00:00Z"}), HILTON),
    ("assign", sends("POST", VOLUME + "assign/", json={"user_id": str(key("keith"))}), HILTON),
    ("comment", sends("POST", OFFLINE + "add_comment/", json={"text": "x"}), HILTON),
    (
        "note",
        sends("POST", OFFLINE + "add_comment/", json={"text": "Psst", "is_internal": True}),
        STAFF,
    ),
    ("edit", sends("PATCH", f"ticket-comments/{key('public')}/", json={"text": "y"}), HILTON),
    (
        "hide",
        sends("PATCH", f"ticket-comments/{key('public')}/", json={"is_internal": True}),
        HILTON,
    ),
    (
        "show",
        sends("PATCH", f"ticket-comments/{key('internal')}/", json={"is_internal": False}),
        HILTON,
    ),
    ("uncomment", sends("DELETE", f"ticket-comments/{key('own')}/", "admin"), HILTON),
    (
        "attach",
        sends("POST", "ticket-attachments/", data={"ticket": str(key("volume"))}, files=FILE),
        HILTON,
    ),
    ("rename", sends("PATCH", f"ticket-attachments/{key('photo')}/", json={"name": "b"}), HILTON),
    ("detach", sends("DELETE", f"ticket-attachments/{key('photo')}/", "admin"), HILTON),
    ("user", sends("POST", "users/", "admin", json=USER), STAFF),
    ("name", sends("PATCH", f"users/{key('keith')}/", "admin", json={"first_name": "K"}), HILTON),
    ("role", sends("PATCH", f"users/{key('keith')}/", "admin", json={"role": "Sales"}), HILTON),
    ("gone", sends("PATCH", f"users/{key('gone')}/", "admin", json={"is_active": True}), STAFF),
    (
        "company",
        sends("PATCH", f"companies/{key('centara')}/", "admin", json={"name": "C"}),
        STAFF | {"olga"},
    ),
    (
        "notes",
        sends("PATCH", f"companies/{key('hilton')}/", "admin", json={"notes": "!"}),
        HILTON,
    ),
    ("contact", sends("PATCH", f"contacts/{key('john')}/", "admin", json={"name": "J"}), HILTON),
    (
        "new contact",
        sends("POST", "contacts/", "admin", json={"name": "New", "company": str(key("centara"))}),
        STAFF | {"olga"},
    ),
    (
        "move",
        sends("PATCH", VOLUME, json={"company": str(key("centara")), "subject": "Moved"}),
        ALL,
    ),
    ("import", _import, STAFF | {"olga"}),
    ("recount", _recount, set()),
    ("purge", _purge, ALL),
    ("delete", sends("DELETE", OFFLINE, "admin"), HILTON),
]


class Memory:
    """What each client has, and whether it is told so."""

    def __init__(self, poller: Poller) -> None:
        self.poller = poller
        self.had: dict[tuple[str, str], tuple[str, bytes]] = {}

    async def fill(self) -> None:
        for who in PEOPLE:
            for what in POLLED:
                self.had[who, what] = await self.poller.whole(who, what)

    async def changed(self, why: str) -> set[str]:
        """Ask for everything again; return who was answered with something new.

        What is confirmed has to be the same, byte for byte, and what is not has to be another.
        """
        found = set()
        for (who, what), (tag, before) in self.had.items():
            again = await self.poller.ask(who, what, tag)
            if again.status_code == 304 or (again.status_code == 404 and not tag):
                assert await self.poller.whole(who, what) == (tag, before), (why, who, what)
                continue
            assert again.status_code in (200, 404), (why, who, what, again.text)
            assert again.content != before, (why, who, what)
            self.had[who, what] = again.headers.get("etag", ""), again.content
            found.add(who)
        return found


async def test_each_write_is_seen_by_those_whom_it_concerns(poller: Poller) -> None:
    memory = Memory(poller)
    await memory.fill()
    assert await memory.changed("nothing") == set()
    for name, write, concerned in WRITES:
        await write(poller)
        assert await memory.changed(name) == concerned, name


async def test_a_write_leaves_others_with_one_statement(poller: Poller) -> None:
    tags = {what: (await poller.whole("olga", what))[0] for what in POLLED}
    await poller.patch(OFFLINE, "keith", json={"subject": "Other"})
    for what, tag in tags.items():
        assert not tag or await poller.is_confirmed("olga", what, tag), what


async def test_a_write_is_seen_by_the_next_request_of_its_writer(poller: Poller) -> None:
    async def write_and_look(number: int) -> None:
        made = await poller.post("tickets/", "keith", json={**NEW, "subject": f"{number}"})
        path = f"tickets/{made.json()['id']}/"
        for again in range(3):
            tag, _ = await poller.whole("keith", path)
            listed, _ = await poller.whole("keith", "tickets/")
            subject = f"{number}, {again}"
            await poller.patch(path, "keith", json={"subject": subject})
            shown = await poller.ask("keith", path, tag)
            assert (shown.status_code, shown.json()["subject"]) == (200, subject)
            assert (await poller.ask("keith", "tickets/", listed)).status_code == 200

    await asyncio.gather(*map(write_and_look, range(4)))


def _random_write(chance: random.Random, tickets: list[str]) -> Write:
    ticket = f"tickets/{chance.choice(tickets)}/"
    company = str(key(chance.choice(["hilton", "centara"])))
    return chance.choice(
        [
            sends("POST", "tickets/", json={**NEW, "company": company}),
            sends("PATCH", ticket, json={"subject": f"{chance.random()}"}),
            sends("PATCH", ticket, json={"company": company}),
            sends("PATCH", ticket, json={"status": chance.choice(["new", "closed"])}),
            sends(
                *("POST", ticket + "add_comment/"),
                json={"text": "x", "is_internal": chance.random() < 0.5},
            ),
            sends(
                "PATCH", f"contacts/{key('john')}/", "admin", json={"name": f"{chance.random()}"}
            ),
            sends("PATCH", f"companies/{company}/", "admin", json={"city": f"{chance.random()}"}),
        ]
    )


@pytest.mark.proof(small=True)
async def test_whatever_is_confirmed_is_the_same(poller: Poller) -> None:
    chance = random.Random(20_251_119)
    memory = Memory(poller)
    await memory.fill()
    for step in range(300 if LONG else 10):
        listed = (await poller.get("tickets/?page_size=100")).json()["results"]
        for _ in range(chance.randrange(3)):
            await _random_write(chance, [row["id"] for row in listed])(poller)
        poller.clock.move(seconds=chance.choice([0, 1, 60]))
        await memory.changed(f"step {step}")
