"""Whatever is written can be found by what it says now, and no longer by what it said before."""

# ruff: noqa: RUF001 - letters of several scripts are what this is about

from collections.abc import Mapping

import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from models import Company, Contact, Ticket, User, table_of
from models.search import normalize_search
from resolvers.commands import companies, contacts, tickets, users
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

NEW = {"subject": "ΒΌΡΡΑΣ", "description": "Cafe\u0301", "company": key("hilton")}


async def stored(world: World, model: type[SQLModel], row_id: object) -> Mapping[str, str]:
    table = table_of(model)
    async with world.database.engine.connect() as connection:
        found = await connection.execute(sa.select(table).where(table.c.id == row_id))
        return {
            name: value for name, value in found.mappings().one().items() if "search" in str(name)
        }


async def test_tickets(world: World) -> None:
    context = world.context("admin")
    ticket_id = await tickets.create_ticket(context, NEW)
    number = (await world.get(Ticket, ticket_id)).ticket_number.lower()
    first = await stored(world, Ticket, ticket_id)
    assert first == {"search_text": f"{number}\x1fβόρρασ\x1fcafé"}
    await tickets.update_ticket(context, ticket_id, {"description": "İzmir"})
    changed = await stored(world, Ticket, ticket_id)
    assert changed == {"search_text": f"{number}\x1fβόρρασ\x1fizmir"}
    await tickets.assign_ticket(context, ticket_id, key("keith"))
    assert await stored(world, Ticket, ticket_id) == changed


async def test_companies_contacts_and_users(world: World) -> None:
    context = world.context("admin")
    company = await companies.create_company(context, {"name": "Ångström", "notes": "ÄRGER"})
    await companies.update_company(context, company, {"country": "ÖSTERREICH"})
    assert await stored(world, Company, company) == {
        "search_text": "ångström\x1f\x1fösterreich",
        "search_name": "ångström",
        "search_private": "ärger",
    }
    contact = await contacts.create_contact(context, {"name": "ẞ", "company": company})
    await contacts.update_contact(context, contact, {"email": "É@x.example", "phone": "1"})
    assert await stored(world, Contact, contact) == {"search_text": "ss\x1fé@x.example\x1f1\x1f"}
    given = {"username": "Zoë", "password": "long enough to be one", "role": "Sales"}
    user = await users.create_user(context, {**given, "email": "ZOË@x.example"})
    await users.update_user(context, user, {"last_name": "ÇELİK"})
    assert await stored(world, User, user) == {
        "search_text": "zoë\x1f\x1fçelik",
        "search_private": "zoë@x.example",
    }


async def test_rows_that_are_inserted_together(world: World) -> None:
    rows = [{"name": f"ÉTÉ {i}", "notes": "Ñ"} for i in range(3)]
    async with world.database.transaction() as session:
        connection = await session.connection()
        values = {"created_at": world.clock.now, "updated_at": world.clock.now}
        await connection.execute(
            sa.insert(Company), [{"id": key(row["name"]), **row, **values} for row in rows]
        )
    for row in rows:
        found = await stored(world, Company, key(row["name"]))
        assert found["search_text"] == f"{row['name'].lower()}\x1f\x1f"
        assert found["search_private"] == "ñ"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Cafe\u0301", "café"),
        ("ΒΌΡΡΑΣ", "βόρρασ"),
        ("βόρρας", "βόρρασ"),
        ("İI\u0307i\u0307", "iii"),
        ("ıI", "ıi"),
        ("Straße STRASSE", "strasse strasse"),
        ("A\u0301\u0323", "ạ\u0301"),
        ("\u212b\u212a\ufb01", "åkfi"),
        ("\u03aa\u0301", "ΐ"),
        ("\u03b1\u0345\u0301", "\u03ac\u03b9"),
        ("a\x1fb", "a b"),
        ("", ""),
    ],
)
def test_texts_without_case_in_one_form(text: str, normal: str) -> None:
    assert normalize_search(text) == normal
    assert normalize_search(normal) == normal


def test_plain_texts_are_as_beside_others() -> None:
    plain = "".join(map(chr, range(128)))
    assert normalize_search(f"{plain}é") == f"{normalize_search(plain)}é"
    assert "\x1f" not in normalize_search(plain)
