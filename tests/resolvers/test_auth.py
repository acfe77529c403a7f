"""Logging in and out: who gets in, for how long, and what becomes of old password hashes."""

import asyncio
from typing import Any
from uuid import uuid4

import jwt
import pytest

from models import RefreshToken, Role, User
from resolvers import auth, people
from resolvers.desk import Viewer
from resolvers.errors import BadCredentials, SessionEnded, Unauthenticated
from tests.resolvers.test_passwords import old_hash
from tests.viewers.world import KEY, NOON, PASSWORD, World, key

pytestmark = pytest.mark.anyio


async def set_user(world: World, name: str, **values: Any) -> None:
    """Change a user behind the server's back, as another process does."""
    async with world.database.transaction() as session:
        user = await session.get_one(User, key(name))
        for column, value in values.items():
            setattr(user, column, value)


def foreign_refresh(name: str) -> str:
    """Return a refresh token of the old system, of which we have no row."""
    now = int(NOON.timestamp())
    claims = {"token_type": "refresh", "exp": now + 86_400, "iat": now, "jti": uuid4().hex}
    return jwt.encode({**claims, "user_id": str(key(name))}, KEY, algorithm="HS256")


async def test_a_login_gives_tokens_that_are_good(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)

    assert done.user_id == key("keith")
    assert (await auth.viewer_of(world.desk, done.access)) == world.context("keith").viewer
    again = await auth.refresh(world.desk, done.refresh)
    assert (await auth.viewer_of(world.desk, again)).id == key("keith")
    assert (await world.get(User, key("keith"))).last_login == NOON


async def test_a_login_remembers_the_refresh_token_by_its_id_only(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)

    claims = world.desk.tokens.check(done.refresh, "refresh")
    [row] = (await world.dump())["refresh_tokens"]
    assert row == (claims.jti, key("keith"), NOON, claims.expires_at, None)
    assert done.refresh not in str(await world.dump())


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("nobody", PASSWORD),
        ("keith", "wrong"),
        ("keith", ""),
        ("gone", PASSWORD),
        ("gone", "wrong"),
        ("Keith", PASSWORD),
        ("keith ", PASSWORD),
        ("", ""),
        ("keith\0", PASSWORD),
        ("\0", PASSWORD),
        ("kei\ud800th", PASSWORD),
        ("keith", f"{PASSWORD}\0"),
        ("keith", f"\0{PASSWORD}"),
        ("keith", f"{PASSWORD}\udfff"),
        ("keith", "\ud800"),
        ("old", f"{PASSWORD}\udfff"),
        ("old", f"{PASSWORD}\0"),
        ("keith' OR 1=1 --", PASSWORD),
    ],
)
async def test_whoever_gets_in_nowhere_learns_nothing(
    world: World, username: str, password: str
) -> None:
    stored = old_hash(PASSWORD)
    if username == "gone":
        await set_user(world, "colin", username="gone", is_active=False)
    if username == "old":
        await set_user(world, "colin", username="old", password=stored)
    before = await world.dump()

    with pytest.raises(BadCredentials) as refused:
        await auth.login(world.desk, username, password)

    assert refused.value.args == ()
    assert await world.dump() == before


async def test_old_hashes_are_replaced_at_the_next_login(world: World) -> None:
    await set_user(world, "keith", password=old_hash(PASSWORD))

    await auth.login(world.desk, "keith", PASSWORD)

    replaced = (await world.get(User, key("keith"))).password
    assert replaced.startswith("$argon2id$")
    await auth.login(world.desk, "keith", PASSWORD)
    assert (await world.get(User, key("keith"))).password == replaced


async def test_a_wrong_password_replaces_no_hash(world: World) -> None:
    stored = old_hash(PASSWORD)
    await set_user(world, "keith", password=stored)

    with pytest.raises(BadCredentials):
        await auth.login(world.desk, "keith", "wrong")

    assert (await world.get(User, key("keith"))).password == stored


async def test_logging_out_revokes_the_refresh_token(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)
    other = await auth.login(world.desk, "keith", PASSWORD)
    world.clock.move(hours=1)

    assert await auth.logout(world.desk, None, done.refresh)

    with pytest.raises(Unauthenticated):
        await auth.refresh(world.desk, done.refresh)
    await auth.refresh(world.desk, other.refresh)
    jti = world.desk.tokens.check(done.refresh, "refresh").jti
    async with world.database.transaction() as session:
        assert (await session.get_one(RefreshToken, jti)).revoked_at == world.clock.now


async def test_logging_out_twice_keeps_the_first_time(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)
    await auth.logout(world.desk, None, done.refresh)
    before = await world.dump()
    world.clock.move(hours=1)

    assert await auth.logout(world.desk, None, done.refresh)
    assert await world.dump() == before


async def test_a_token_of_the_old_system_is_good_until_its_logout(world: World) -> None:
    token = foreign_refresh("keith")
    access = await auth.refresh(world.desk, token)
    assert (await auth.viewer_of(world.desk, access)).id == key("keith")

    assert await auth.logout(world.desk, None, token)

    with pytest.raises(Unauthenticated):
        await auth.refresh(world.desk, token)


async def test_logging_out_at_once_from_two_windows_is_one_logout(world: World) -> None:
    token = foreign_refresh("keith")

    done = await asyncio.gather(*(auth.logout(world.desk, None, token) for _ in range(4)))

    assert done == [True] * 4
    assert len((await world.dump())["refresh_tokens"]) == 1


async def test_nobody_ends_what_is_no_refresh_token_of_theirs(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)
    before = await world.dump()
    carla, keith = world.context("carla").viewer, world.context("keith").viewer

    assert not await auth.logout(world.desk, carla, done.refresh)
    assert not await auth.logout(world.desk, keith, done.access)
    assert not await auth.logout(world.desk, None, "garbage")
    assert not await auth.logout(world.desk, None, foreign_refresh("nobody"))

    assert await world.dump() == before
    assert await auth.logout(world.desk, keith, done.refresh)


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(
    world: World,
) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)
    with pytest.raises(Unauthenticated):
        await auth.refresh(world.desk, done.access)
    with pytest.raises(Unauthenticated):
        await auth.viewer_of(world.desk, done.refresh)


async def test_a_deactivated_user_is_out_within_five_seconds(world: World) -> None:
    token = world.desk.tokens.access(key("keith"))
    await auth.viewer_of(world.desk, token)
    await set_user(world, "keith", is_active=False)

    world.clock.move(seconds=5)

    with pytest.raises(Unauthenticated):
        await auth.viewer_of(world.desk, token)


async def test_the_process_that_deactivates_a_user_notices_at_once(world: World) -> None:
    done = await auth.login(world.desk, "keith", PASSWORD)
    await auth.viewer_of(world.desk, done.access)

    await people.update_user(world.context("admin"), key("keith"), {"is_active": False})

    with pytest.raises(Unauthenticated):
        await auth.viewer_of(world.desk, done.access)
    with pytest.raises(Unauthenticated):
        await auth.refresh(world.desk, done.refresh)
    with pytest.raises(BadCredentials):
        await auth.login(world.desk, "keith", PASSWORD)
    await people.update_user(world.context("admin"), key("keith"), {"is_active": True})
    await auth.viewer_of(world.desk, done.access)


async def test_a_new_role_is_noticed_within_five_seconds(world: World) -> None:
    token = world.desk.tokens.access(key("keith"))
    await auth.viewer_of(world.desk, token)
    await set_user(world, "keith", role="Customer", company_id=key("hilton"))

    world.clock.move(seconds=5)

    viewer = await auth.viewer_of(world.desk, token)
    assert (viewer.is_customer, viewer.company_id) == (True, key("hilton"))


async def test_a_viewer_is_looked_up_once_in_a_while_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.desk.tokens.access(key("keith"))
    seen = [await auth.viewer_of(world.desk, token)]

    async def fail(*_: Any) -> None:
        raise AssertionError("a viewer was looked up again")

    monkeypatch.setattr(auth, "_active_viewer", fail)
    world.clock.move(seconds=3)
    seen.append(await auth.viewer_of(world.desk, token))

    assert seen[0] == seen[1]


async def test_a_token_of_nobody_is_no_good(world: World) -> None:
    with pytest.raises(Unauthenticated):
        await auth.viewer_of(world.desk, world.desk.tokens.access(key("nobody")))
    with pytest.raises(Unauthenticated):
        await auth.refresh(world.desk, foreign_refresh("nobody"))


async def test_remembered_viewers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MOST_VIEWERS", 2)
    viewers = auth.Viewers()
    known = [Viewer(uuid4(), Role.TECH, None) for _ in range(3)]
    for viewer in known:
        viewers.put(viewer, NOON)
    assert viewers.get(known[2].id, NOON) == known[2]
    assert viewers.get(known[0].id, NOON) is None


async def test_those_who_ask_at_once_share_one_look_at_their_user(world: World) -> None:
    token = world.desk.tokens.access(key("keith"))
    fetch, asked = world.database.reader.fetch_row, []

    async def counted(sql: str, values: Any) -> Any:
        asked.append(sql)
        return await fetch(sql, values)

    world.database.reader.fetch_row = counted  # type: ignore[method-assign]
    try:
        viewers = await asyncio.gather(*(auth.viewer_of(world.desk, token) for _ in range(50)))
        assert {viewer.id for viewer in viewers} == {key("keith")}
        assert len(asked) == 1
        other = world.desk.tokens.access(key("nobody"))
        failed = await asyncio.gather(
            *(auth.viewer_of(world.desk, other) for _ in range(5)), return_exceptions=True
        )
        assert {type(error) for error in failed} == {SessionEnded}
        assert len(asked) == 2
    finally:
        world.database.reader.fetch_row = fetch  # type: ignore[method-assign]
