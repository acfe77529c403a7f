"""Users, companies and contacts: Admins manage them, and what they may hold."""

import asyncio
from typing import Any

import pytest

from models import Company, Contact, Role, User
from resolvers import auth, people
from resolvers.errors import Forbidden, Invalid, NotFound, Unauthenticated
from tests.viewers.world import NOON, World, key

pytestmark = pytest.mark.anyio

NEW_USER = {"username": "nora", "password": "long enough", "role": "Sales"}


async def codes(deed: Any) -> dict[str, list[str]]:
    """Return the codes of what is wrong, by field."""
    with pytest.raises(Invalid) as refused:
        await deed
    return {name: [p.code for p in found] for name, found in refused.value.problems.items()}


async def test_an_admin_creates_and_changes_a_company(world: World) -> None:
    context = world.context("admin")
    company_id = await people.create_company(context, {"name": " Novotel ", "city": "Bangkok"})
    world.clock.move(hours=1)
    await people.update_company(context, company_id, {"is_active": False, "notes": "Left"})

    company = await world.get(Company, company_id)
    assert (company.name, company.city, company.notes) == ("Novotel", "Bangkok", "Left")
    assert (company.is_active, company.created_at) == (False, NOON)
    assert company.updated_at == world.clock.now


async def test_an_admin_creates_and_moves_a_contact(world: World) -> None:
    context = world.context("admin")
    given = {"name": "Ann", "company": key("hilton"), "is_primary": True}
    contact_id = await people.create_contact(context, given)
    await people.update_contact(context, contact_id, {"company": key("centara"), "phone": "1"})

    contact = await world.get(Contact, contact_id)
    assert (contact.name, contact.is_primary, contact.phone) == ("Ann", True, "1")
    assert (contact.company_id, contact.contact_type) == (key("centara"), "Other")


async def test_an_admin_creates_a_user_who_can_log_in(world: World) -> None:
    user_id = await people.create_user(world.context("admin"), NEW_USER)

    user = await world.get(User, user_id)
    assert (user.role, user.company_id, user.is_active) == (Role.SALES, None, True)
    assert user.date_joined == NOON
    assert user.password.startswith("$argon2id$")
    assert (await auth.login(world.desk, "nora", "long enough")).user_id == user_id


async def test_a_new_password_replaces_the_old_one(world: World) -> None:
    context = world.context("admin")
    await people.update_user(context, key("keith"), {"password": "a new one, long enough"})

    assert (await auth.login(world.desk, "keith", "a new one, long enough")).user_id == key("keith")


async def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    context = world.context("admin")
    before = await world.dump()

    assert await codes(people.create_company(context, {"country": "x" * 101, "website": None})) == {
        "name": ["required"],
        "country": ["max_length"],
        "website": ["null"],
    }
    wrong: dict[str, Any] = {"name": "", "company": key("nothing"), "contact_type": ""}
    contact = {"name": ["blank"], "company": ["does_not_exist"], "contact_type": ["blank"]}
    assert await codes(people.create_contact(context, wrong)) == contact
    assert await codes(people.update_contact(context, key("john"), wrong)) == contact
    wrong = {"username": "keith", "password": "short", "role": "King", "company": key("nothing")}
    user = {
        "username": ["taken"],
        "password": ["too_short"],
        "role": ["invalid_choice"],
        "company": ["does_not_exist"],
    }
    assert await codes(people.create_user(context, wrong)) == user
    assert await codes(people.update_user(context, key("carla"), wrong)) == user
    assert await world.dump() == before


async def test_customers_belong_to_a_company_and_nobody_else_does(world: World) -> None:
    context = world.context("admin")
    before = await world.dump()
    company = {"company": key("hilton")}

    for role, more, code in (
        ("Customer", {}, "required"),
        ("Customer", {"company": None}, "required"),
        ("Tech", company, "only_for_customers"),
    ):
        refused = people.create_user(context, {**NEW_USER, "role": role, **more})
        assert await codes(refused) == {"company": [code]}
    for name, changes, code in (
        ("keith", {"role": "Customer"}, "required"),
        ("keith", company, "only_for_customers"),
        ("carla", {"role": "Tech"}, "only_for_customers"),
        ("carla", {"company": None}, "required"),
    ):
        change = people.update_user(context, key(name), changes)
        assert await codes(change) == {"company": [code]}

    assert await world.dump() == before
    await people.update_user(context, key("carla"), {"role": "Tech", "company": None})
    await people.update_user(context, key("keith"), {"role": "Customer", **company})


async def test_a_user_may_keep_their_name(world: World) -> None:
    await people.update_user(world.context("admin"), key("keith"), {"username": "keith"})


async def test_a_name_that_two_admins_take_at_once_is_taken_once(world: World) -> None:
    context = world.context("admin")
    before = len((await world.dump())["users"])

    done = await asyncio.gather(
        *(people.create_user(context, NEW_USER) for _ in range(3)),
        people.update_user(context, key("keith"), {"username": "nora"}),
        return_exceptions=True,
    )

    refused = [result for result in done if isinstance(result, Invalid)]
    assert len(refused) == 3
    for error in refused:
        assert [problem.code for problem in error.problems["username"]] == ["taken"]
    users = (await world.dump())["users"]
    assert [row[1] for row in users].count("nora") == 1
    assert len(users) - before in (0, 1)


@pytest.mark.parametrize("who", ["keith", "carla", None])
async def test_only_admins_manage_people(world: World, who: str | None) -> None:
    context = world.context(who)
    expected = Unauthenticated if who is None else Forbidden
    before = await world.dump()

    for attempt in (
        people.create_company(context, {}),
        people.update_company(context, key("hilton"), {}),
        people.update_company(context, key("nothing"), {}),
        people.create_contact(context, {}),
        people.update_contact(context, key("john"), {}),
        people.update_contact(context, key("nothing"), {}),
        people.create_user(context, {}),
        people.update_user(context, key("keith"), {"role": "Admin"}),
        people.update_user(context, key("nothing"), {}),
    ):
        with pytest.raises(expected):
            await attempt

    assert await world.dump() == before


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        ("Company", people.update_company),
        ("Contact", people.update_contact),
        ("User", people.update_user),
    ],
)
async def test_what_does_not_exist_is_not_found(world: World, kind: str, update: Any) -> None:
    with pytest.raises(NotFound) as refused:
        await update(world.context("admin"), key("nothing"), {})
    assert refused.value == NotFound(kind)
