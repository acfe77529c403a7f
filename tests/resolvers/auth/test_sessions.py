"""Sessions: refresh tokens that rotate, and what ends them for good."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import jwt
import pytest

from deskgraph.app import create_services
from models import RefreshToken, User
from resolvers.auth import login, sessions
from resolvers.auth.login import Login
from resolvers.auth.viewers import viewer_of
from resolvers.commands import companies, users
from resolvers.errors import BadCredentials, Invalid, SessionEnded, Unauthenticated
from resolvers.services import Services
from tests.resolvers.auth.test_passwords import old_hash
from tests.support.clock import NOON
from tests.support.named_rows import PASSWORD
from tests.support.rows import key
from tests.support.settings import KEY
from tests.support.world import World

pytestmark = pytest.mark.anyio

NEW_PASSWORD = "a new one, long enough"


def foreign(name: str, kind: str = "refresh", **more: Any) -> str:
    """Return a token of the old system, of which there is no row and no claim of ours."""
    now = int(NOON.timestamp())
    claims = {"token_type": kind, "exp": now + 86_400, "iat": now, "jti": uuid4().hex}
    return jwt.encode({**claims, "user_id": str(key(name)), **more}, KEY, algorithm="HS256")


async def log_in(services: Services, name: str = "carla") -> Login:
    return await login.log_in(services, name, PASSWORD)


async def refused(*attempts: Awaitable[object]) -> None:
    for attempt in attempts:
        with pytest.raises(Unauthenticated):
            await attempt


async def assert_good(services: Services, done: Login) -> None:
    await viewer_of(services, done.access)
    await sessions.refresh(services, done.refresh)


async def assert_ended(services: Services, done: Login) -> None:
    await refused(
        viewer_of(services, done.access),
        sessions.refresh(services, done.refresh),
        sessions.rotate(services, done.refresh),
    )
    assert not await sessions.is_valid(services, done.access)
    assert not await sessions.is_valid(services, done.refresh)


@asynccontextmanager
async def another_process(world: World) -> Any:
    """Give another desk on the same database."""
    services, database = create_services(world.settings, clock=world.clock)
    await database.open()
    try:
        yield services
    finally:
        await database.close()


# Families


async def test_a_refresh_token_is_exchanged_for_the_next_one(world: World) -> None:
    done = await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    world.clock.move(hours=1)
    second = await sessions.rotate(world.services, first.refresh)

    assert len({done.refresh, first.refresh, second.refresh}) == 3
    assert (await viewer_of(world.services, second.access)).id == key("carla")
    claims = world.services.tokens.check(second.refresh, "refresh")
    assert claims.expires_at == world.clock.now.replace(microsecond=0) + (
        world.services.tokens.check(done.refresh, "refresh").expires_at - NOON
    )
    stored = str(await world.dump())
    assert not any(token in stored for token in (done.refresh, first.refresh, second.refresh))


@pytest.mark.parametrize("seconds", [0, 3, 10])
async def test_two_tabs_get_the_same_successor(world: World, seconds: int) -> None:
    done = await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    world.clock.move(seconds=seconds)
    rows = len((await world.dump())["refresh_tokens"])

    again = await sessions.rotate(world.services, done.refresh)

    assert again.refresh == first.refresh
    assert len((await world.dump())["refresh_tokens"]) == rows
    await assert_good(world.services, again)


async def test_processes_that_exchange_a_token_at_once_give_the_same_one(world: World) -> None:
    done = await log_in(world.services)
    async with another_process(world) as other:
        found = await asyncio.gather(
            *(sessions.rotate(services, done.refresh) for services in (world.services, other) * 3)
        )
    assert len({one.refresh for one in found}) == 1
    assert len((await world.dump())["refresh_tokens"]) == 2


@pytest.mark.parametrize("again", [sessions.rotate, sessions.refresh])
async def test_a_token_that_is_used_again_ends_its_family(
    world: World, again: Callable[..., Awaitable[object]]
) -> None:
    done, other = await log_in(world.services), await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    second = await sessions.rotate(world.services, first.refresh)
    world.clock.move(seconds=10, microseconds=1)

    await refused(again(world.services, done.refresh))

    # The newest first: what was used ends its family each time it is tried.
    for token in (second.refresh, first.refresh, done.refresh):
        await refused(
            sessions.rotate(world.services, token), sessions.refresh(world.services, token)
        )
    await assert_good(world.services, other)


async def test_the_successor_is_not_given_again_once_it_has_ended(world: World) -> None:
    done = await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    await sessions.logout(world.services, None, first.refresh)
    await refused(sessions.rotate(world.services, done.refresh))


async def test_a_token_of_the_old_system_begins_a_family(world: World) -> None:
    token = foreign("carla")
    first = await sessions.rotate(world.services, token)
    await assert_good(world.services, first)
    assert (await sessions.rotate(world.services, token)).refresh == first.refresh
    world.clock.move(seconds=11)
    await refused(
        sessions.rotate(world.services, token), sessions.rotate(world.services, first.refresh)
    )


async def test_a_logout_ends_the_family_by_any_of_its_tokens(world: World) -> None:
    done = await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    assert await sessions.logout(world.services, None, done.refresh)
    await refused(
        sessions.rotate(world.services, first.refresh),
        sessions.refresh(world.services, first.refresh),
    )


async def test_rest_keeps_one_refresh_token_for_good(world: World) -> None:
    done = await log_in(world.services)
    before = await world.dump()
    for _ in range(3):
        world.clock.move(days=1)
        await viewer_of(world.services, await sessions.refresh(world.services, done.refresh))
    assert await world.dump() == before


async def test_expired_tokens_leave_no_rows(world: World) -> None:
    await log_in(world.services)
    other = await log_in(world.services, "keith")
    world.clock.move(days=6)
    await sessions.rotate(world.services, other.refresh)
    world.clock.move(days=2)
    await log_in(world.services)
    await log_in(world.services, "keith")
    # Of carla the new one; of keith that and the one of two days ago.
    assert len((await world.dump())["refresh_tokens"]) == 3


# What ends all sessions of a user


async def change_own_password(world: World) -> None:
    await login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD)


async def log_out_everywhere(world: World) -> None:
    await login.logout_everywhere(world.context("carla"))


async def set_password(world: World) -> None:
    await users.update_user(world.context("admin"), key("carla"), {"password": NEW_PASSWORD})


async def set_same_password(world: World) -> None:
    await users.update_user(world.context("admin"), key("carla"), {"password": PASSWORD})


async def deactivate(world: World) -> None:
    for active in (False, True):
        await users.update_user(world.context("admin"), key("carla"), {"is_active": active})


async def deactivate_company(world: World) -> None:
    for active in (False, True):
        await companies.update_company(world.context("admin"), key("hilton"), {"is_active": active})


ENDINGS = [
    (change_own_password, NEW_PASSWORD),
    (log_out_everywhere, PASSWORD),
    (set_password, NEW_PASSWORD),
    (set_same_password, PASSWORD),
    (deactivate, PASSWORD),
    (deactivate_company, PASSWORD),
]


@pytest.mark.parametrize(("end", "password"), ENDINGS)
async def test_it_ends_what_was_issued_before_and_nothing_after(
    world: World, end: Callable[[World], Awaitable[None]], password: str
) -> None:
    """The clock stands still: what was issued in the same moment before ends all the same."""
    done, other = await log_in(world.services), await log_in(world.services, "keith")
    rotated = await sessions.rotate(world.services, (await log_in(world.services)).refresh)
    imported = Login(foreign("carla", "access"), foreign("carla"), key("carla"))
    for one in (done, rotated, imported):
        await assert_good(world.services, one)

    await end(world)

    for one in (done, rotated, imported):
        await assert_ended(world.services, one)
    with pytest.raises(SessionEnded):
        await viewer_of(world.services, done.access)
    new = await login.log_in(world.services, "carla", password)
    await assert_good(world.services, new)
    await assert_good(world.services, await sessions.rotate(world.services, new.refresh))
    await assert_good(world.services, other)
    # Twice in one moment are two ends.
    await log_out_everywhere(world)
    await assert_ended(world.services, new)


async def test_changing_ones_password_begins_a_new_session(world: World) -> None:
    done = await login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD)
    await assert_good(world.services, done)
    with pytest.raises(BadCredentials):
        await log_in(world.services)


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("wrong", NEW_PASSWORD, {"old_password": "wrong_password"}),
        ("", NEW_PASSWORD, {"old_password": "wrong_password"}),
        (f"{PASSWORD}\0", NEW_PASSWORD, {"old_password": "wrong_password"}),
        (PASSWORD, "nine char", {"new_password": "too_short"}),
        (PASSWORD, "", {"new_password": "blank"}),
        (PASSWORD, "x" * 129, {"new_password": "max_length"}),
        (PASSWORD, "Password123", {"new_password": "too_common"}),
        (PASSWORD, "1234567890", {"new_password": "too_common"}),
        (PASSWORD, f"{NEW_PASSWORD}\0", {"new_password": "null_characters"}),
    ],
)
async def test_a_password_that_is_no_good_changes_nothing(
    world: World, old: str, new: str, problems: dict[str, str]
) -> None:
    done = await log_in(world.services)
    before = await world.dump()
    with pytest.raises(Invalid) as invalid:
        await login.change_password(world.context("carla"), old, new)
    found = {name: one.code for name, [one] in invalid.value.problems.items()}
    assert found == problems
    assert await world.dump() == before
    await assert_good(world.services, done)


async def test_nobody_changes_a_password_or_ends_sessions(world: World) -> None:
    before = await world.dump()
    await refused(
        login.change_password(world.context(None), PASSWORD, NEW_PASSWORD),
        login.logout_everywhere(world.context(None)),
    )
    assert await world.dump() == before


async def test_an_imported_password_can_be_changed(world: World) -> None:
    async with world.database.transaction() as session:
        (await session.get_one(User, key("carla"))).password = old_hash(PASSWORD)
    await login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD)
    await login.log_in(world.services, "carla", NEW_PASSWORD)


async def test_of_two_who_change_a_password_at_once_one_does(world: World) -> None:
    context = world.context("carla")
    done = await asyncio.gather(
        *(login.change_password(context, PASSWORD, f"{NEW_PASSWORD} {i}") for i in range(2)),
        return_exceptions=True,
    )
    [kept] = [(i, one) for i, one in enumerate(done) if isinstance(one, Login)]
    await login.log_in(world.services, "carla", f"{NEW_PASSWORD} {kept[0]}")
    await assert_good(world.services, kept[1])


async def test_another_process_notices_within_five_seconds(world: World) -> None:
    async with another_process(world) as other:
        done = await log_in(world.services)
        await viewer_of(other, done.access)

        new = await login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD)

        # What is newer than what is known makes it look at once.
        await viewer_of(other, new.access)
        await refused(viewer_of(other, done.access), sessions.rotate(other, done.refresh))
        await login.logout_everywhere(world.context("carla"))
        world.clock.move(seconds=4)
        await assert_ended(other, new)


async def test_a_dead_token_costs_no_look_at_its_user(
    world: World,
) -> None:
    done = await log_in(world.services)
    await viewer_of(
        world.services,
        (await login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD)).access,
    )
    fetch = world.database.reader.fetch_row

    async def fail(*_: Any) -> None:
        raise AssertionError("a user was looked up")

    world.database.reader.fetch_row = fail  # type: ignore[method-assign, assignment]
    try:
        await refused(*(viewer_of(world.services, done.access) for _ in range(3)))
    finally:
        world.database.reader.fetch_row = fetch  # type: ignore[method-assign]


async def test_what_is_read_while_a_session_ends_is_not_remembered(world: World) -> None:
    """A look that began before the end and returns after it."""
    done = await log_in(world.services)
    fetch, read, ended = world.database.reader.fetch_row, asyncio.Event(), asyncio.Event()

    async def late(sql: str, values: Any, user: Any = None) -> Any:
        row = await fetch(sql, values, user)
        read.set()
        if not ended.is_set():
            await ended.wait()
        return row

    world.services.viewers.forget(key("carla"))
    world.database.reader.fetch_row = late  # type: ignore[method-assign]
    try:
        looking = asyncio.create_task(viewer_of(world.services, done.access))
        await asyncio.wait_for(read.wait(), 20)
        await login.logout_everywhere(world.context("carla"))
        ended.set()
        await looking
    finally:
        world.database.reader.fetch_row = fetch  # type: ignore[method-assign]
    await refused(viewer_of(world.services, done.access))


async def test_a_token_of_the_old_system_that_is_newer_is_good(world: World) -> None:
    await login.logout_everywhere(world.context("carla"))
    later = {"iat": int(NOON.timestamp()) + 1}
    await viewer_of(world.services, foreign("carla", "access", **later))
    await refused(viewer_of(world.services, foreign("carla", "access")))


async def test_a_move_to_another_company_or_role_ends_nothing_but_is_seen(world: World) -> None:
    done = await log_in(world.services)
    await users.update_user(world.context("admin"), key("carla"), {"company": key("centara")})
    assert (await viewer_of(world.services, done.access)).company_id == key("centara")
    changes = {"role": "Tech", "company": None}
    await users.update_user(world.context("admin"), key("carla"), changes)
    assert not (await viewer_of(world.services, done.access)).is_customer
    await assert_good(world.services, done)


async def test_customers_of_a_deactivated_company_are_out(world: World) -> None:
    done, other = await log_in(world.services), await log_in(world.services, "olga")
    await companies.update_company(world.context("admin"), key("hilton"), {"is_active": False})

    await assert_ended(world.services, done)
    with pytest.raises(BadCredentials):
        await log_in(world.services)
    await refused(login.change_password(world.context("carla"), PASSWORD, NEW_PASSWORD))
    await assert_good(world.services, other)
    # Changing anything else ends nothing.
    await companies.update_company(world.context("admin"), key("centara"), {"is_active": True})
    await assert_good(world.services, other)


async def test_the_rows_of_a_family_say_what_followed(world: World) -> None:
    done = await log_in(world.services)
    first = await sessions.rotate(world.services, done.refresh)
    old, new = (world.services.tokens.check(one.refresh, "refresh").jti for one in (done, first))
    async with world.database.transaction() as session:
        row, following = [await session.get_one(RefreshToken, jti) for jti in (old, new)]
    assert (row.family_id, row.successor, row.used_at) == (old, new, NOON)
    assert (following.family_id, following.successor, following.used_at) == (old, None, None)
