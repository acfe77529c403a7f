"""Logging in and out: who gets in, for how long, and what becomes of old password hashes."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import jwt
import pytest

from models import RefreshToken, Role, User
from resolvers.auth import accounts, login, sessions
from resolvers.auth import viewers as known
from resolvers.commands import users
from resolvers.errors import BadCredentials, Deactivated, Unauthenticated
from resolvers.viewer import Viewer
from tests.resolvers.auth.test_passwords import old_hash
from tests.resolvers.hashers import CountingHasher, counted
from tests.support.clock import NOON
from tests.support.named_rows import PASSWORD, password_hash
from tests.support.rows import key
from tests.support.settings import KEY
from tests.support.world import World

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
    done = await login.log_in(world.services, "keith", PASSWORD)

    assert done.user_id == key("keith")
    assert (await known.viewer_of(world.services, done.access)) == world.context("keith").viewer
    again = await sessions.refresh(world.services, done.refresh)
    assert (await known.viewer_of(world.services, again)).id == key("keith")
    assert (await world.get(User, key("keith"))).last_login == NOON


async def test_a_login_remembers_the_refresh_token_by_its_id_only(world: World) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)

    claims = world.services.tokens.check(done.refresh, "refresh")
    [row] = (await world.dump())["refresh_tokens"]
    about = (claims.jti, key("keith"), NOON, claims.expires_at, None)
    assert row == (*about, claims.jti, None, None)
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
async def test_a_refused_login_tells_nothing(world: World, username: str, password: str) -> None:
    stored = old_hash(PASSWORD)
    if username == "old":
        await set_user(world, "colin", username="old", password=stored)
    before = await world.dump()

    with pytest.raises(BadCredentials) as refused:
        await login.log_in(world.services, username, password)

    assert refused.value.args == ()
    assert await world.dump() == before


async def test_old_hashes_are_replaced_at_the_next_login(world: World) -> None:
    await set_user(world, "keith", password=old_hash(PASSWORD))

    await login.log_in(world.services, "keith", PASSWORD)

    replaced = (await world.get(User, key("keith"))).password
    assert replaced.startswith("$argon2id$")
    await login.log_in(world.services, "keith", PASSWORD)
    assert (await world.get(User, key("keith"))).password == replaced


async def test_a_wrong_password_replaces_no_hash(world: World) -> None:
    stored = old_hash(PASSWORD)
    await set_user(world, "keith", password=stored)

    with pytest.raises(BadCredentials):
        await login.log_in(world.services, "keith", "wrong")

    assert (await world.get(User, key("keith"))).password == stored


async def test_logging_out_revokes_the_refresh_token(world: World) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)
    other = await login.log_in(world.services, "keith", PASSWORD)
    world.clock.move(hours=1)

    assert await sessions.logout(world.services, None, done.refresh)

    with pytest.raises(Unauthenticated):
        await sessions.refresh(world.services, done.refresh)
    await sessions.refresh(world.services, other.refresh)
    jti = world.services.tokens.check(done.refresh, "refresh").jti
    async with world.database.transaction() as session:
        assert (await session.get_one(RefreshToken, jti)).revoked_at == world.clock.now


async def test_logging_out_twice_keeps_the_first_time(world: World) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)
    await sessions.logout(world.services, None, done.refresh)
    before = await world.dump()
    world.clock.move(hours=1)

    assert await sessions.logout(world.services, None, done.refresh)
    assert await world.dump() == before


async def test_a_token_of_the_old_system_is_good_until_its_logout(world: World) -> None:
    token = foreign_refresh("keith")
    access = await sessions.refresh(world.services, token)
    assert (await known.viewer_of(world.services, access)).id == key("keith")

    assert await sessions.logout(world.services, None, token)

    with pytest.raises(Unauthenticated):
        await sessions.refresh(world.services, token)


async def test_logging_out_at_once_from_two_windows_is_one_logout(world: World) -> None:
    token = foreign_refresh("keith")

    done = await asyncio.gather(*(sessions.logout(world.services, None, token) for _ in range(4)))

    assert done == [True] * 4
    assert len((await world.dump())["refresh_tokens"]) == 1


async def test_nobody_ends_what_is_no_refresh_token_of_theirs(world: World) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)
    before = await world.dump()
    carla, keith = world.context("carla").viewer, world.context("keith").viewer

    assert not await sessions.logout(world.services, carla, done.refresh)
    assert not await sessions.logout(world.services, keith, done.access)
    assert not await sessions.logout(world.services, None, "garbage")
    assert not await sessions.logout(world.services, None, foreign_refresh("nobody"))

    assert await world.dump() == before
    assert await sessions.logout(world.services, keith, done.refresh)


async def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(
    world: World,
) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(world.services, done.access)
    with pytest.raises(Unauthenticated):
        await known.viewer_of(world.services, done.refresh)


async def test_a_deactivated_user_is_out_within_five_seconds(world: World) -> None:
    token = world.services.tokens.access(key("keith"))
    await known.viewer_of(world.services, token)
    await set_user(world, "keith", is_active=False)

    world.clock.move(seconds=5)

    with pytest.raises(Unauthenticated):
        await known.viewer_of(world.services, token)


async def test_the_process_that_deactivates_a_user_notices_at_once(world: World) -> None:
    done = await login.log_in(world.services, "keith", PASSWORD)
    await known.viewer_of(world.services, done.access)

    await users.update_user(world.context("admin"), key("keith"), {"is_active": False})

    with pytest.raises(Unauthenticated):
        await known.viewer_of(world.services, done.access)
    with pytest.raises(Unauthenticated):
        await sessions.refresh(world.services, done.refresh)
    with pytest.raises(BadCredentials):
        await login.log_in(world.services, "keith", PASSWORD)
    await users.update_user(world.context("admin"), key("keith"), {"is_active": True})
    again = await login.log_in(world.services, "keith", PASSWORD)
    await known.viewer_of(world.services, again.access)
    for token in (done.access, done.refresh):
        with pytest.raises(Unauthenticated):
            await (known.viewer_of if token == done.access else sessions.refresh)(
                world.services, token
            )


async def test_a_new_role_is_noticed_within_five_seconds(world: World) -> None:
    token = world.services.tokens.access(key("keith"))
    await known.viewer_of(world.services, token)
    await set_user(world, "keith", role="Customer", company_id=key("hilton"))

    world.clock.move(seconds=5)

    viewer = await known.viewer_of(world.services, token)
    assert (viewer.is_customer, viewer.company_id) == (True, key("hilton"))


async def test_a_viewer_is_looked_up_once_in_a_while_only(world: World) -> None:
    token = world.services.tokens.access(key("keith"))
    first = await known.viewer_of(world.services, token)
    await set_user(world, "keith", role="Customer", company_id=key("hilton"))

    world.clock.move(seconds=3)

    assert await known.viewer_of(world.services, token) == first
    assert not first.is_customer


async def test_a_token_of_nobody_is_no_good(world: World) -> None:
    with pytest.raises(Unauthenticated):
        await known.viewer_of(world.services, world.services.tokens.access(key("nobody")))
    with pytest.raises(Unauthenticated):
        await sessions.refresh(world.services, foreign_refresh("nobody"))


async def test_remembered_viewers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "MAX_VIEWERS", 2)
    viewers = accounts.Viewers()
    seen = [accounts.Account(Viewer(uuid4(), Role.TECH, None), None) for _ in range(3)]
    for account in seen:
        viewers.put(account, NOON)
    assert viewers.get(seen[2].viewer.id, NOON) == seen[2]
    assert viewers.get(seen[0].viewer.id, NOON) is None


async def test_those_who_ask_at_once_share_one_look_at_their_user(world: World) -> None:
    token = world.services.tokens.access(key("keith"))
    fetch, asked = world.database.reader.fetch_row, []

    async def counted(sql: str, values: Any, user: Any = None) -> Any:
        asked.append(sql)
        return await fetch(sql, values, user)

    world.database.reader.fetch_row = counted  # type: ignore[method-assign]
    try:
        viewers = await asyncio.gather(*(known.viewer_of(world.services, token) for _ in range(50)))
        assert {viewer.id for viewer in viewers} == {key("keith")}
        assert len(asked) == 1
        other = world.services.tokens.access(key("nobody"))
        failed = await asyncio.gather(
            *(known.viewer_of(world.services, other) for _ in range(5)), return_exceptions=True
        )
        assert {type(error) for error in failed} == {Deactivated}
        assert len(asked) == 2
    finally:
        world.database.reader.fetch_row = fetch  # type: ignore[method-assign]


# What happens meanwhile, and equal work


# As ``CountingHasher`` hashes it.
B64 = base64.b64encode(PASSWORD.encode()).decode()
STORED = {
    "nobody": None,
    "argon2": "",
    "old": "pbkdf2_sha256$600000$salt$eA==",
    "older": "pbkdf2_sha256$260000$salt$eA==",
    "unusable": "!kFh4wVw",
    "argon2 of nothing": "$argon2id$v=19$m=8,t=1,p=1$a$b",
    "of another kind": "md5$salt$hash",
    "not a number": "pbkdf2_sha256$x$salt$eA==",
    "cut off": "pbkdf2_sha256$600000$salt",
    "empty": " ",
}


@pytest.mark.parametrize("left", [True, False], ids=["some imported", "none imported"])
async def test_a_wrong_password_costs_the_same_for_everybody(world: World, left: bool) -> None:
    """Counted, not timed: one argon2 hash and as much PBKDF2 as the slowest hash that is left."""
    if left:
        await set_user(world, "olga", password="pbkdf2_sha256$600000$salt$eA==")
    expected = (1, 600_000 if left else 0)
    for name, stored in STORED.items():
        if not left and name in ("old", "older", "cut off"):
            continue
        username = "nobody" if stored is None else "colin"
        await set_user(world, "colin", password=stored or password_hash(), is_active=True)
        hasher = CountingHasher()
        with pytest.raises(BadCredentials):
            await login.log_in(counted(world, hasher), username, "wrong")
        assert (hasher.argon2, hasher.iterations) == expected, name
    await set_user(world, "colin", password=password_hash(), is_active=False)
    hasher = CountingHasher()
    with pytest.raises(BadCredentials):
        await login.log_in(counted(world, hasher), "colin", "wrong")
    assert (hasher.argon2, hasher.iterations) == expected


@pytest.mark.parametrize("username", ["colin", "nobody", "a\0b"])
async def test_blanks_around_a_password_cost_the_same_for_everybody(
    world: World, username: str
) -> None:
    hasher = CountingHasher()
    with pytest.raises(BadCredentials):
        await login.log_in(counted(world, hasher), username, " wrong ")
    assert hasher.argon2 == 2


async def test_what_is_imported_meanwhile_is_as_slow_at_once(world: World) -> None:
    hasher = CountingHasher()
    services = counted(world, hasher)
    for username in ("nobody", "colin", "nobody"):
        with pytest.raises(BadCredentials):
            await login.log_in(services, username, "wrong")
        if username == "nobody":
            await set_user(world, "colin", password="pbkdf2_sha256$600000$salt$eA==")
    assert hasher.iterations == 1_200_000
    await set_user(world, "colin", password=password_hash())
    world.clock.move(minutes=11)
    with pytest.raises(BadCredentials):
        await login.log_in(services, "nobody", "wrong")
    assert hasher.iterations == 1_200_000


async def test_no_imported_hash_makes_all_checks_slower_than_that(world: World) -> None:
    slow = "pbkdf2_sha256$9000000$salt$eA=="
    await set_user(world, "olga", password=slow)
    hasher = CountingHasher()
    services = counted(world, hasher)
    for username, iterations in (("nobody", 2_000_000), ("olga", 9_000_000), ("colin", 2_000_000)):
        hasher.iterations = 0
        with pytest.raises(BadCredentials):
            await login.log_in(services, username, "wrong")
        assert hasher.iterations == iterations, username


async def test_a_password_changed_while_it_was_checked_is_not_brought_back(world: World) -> None:
    """Neither does the old one get in, nor does its new hash replace the new password."""
    await set_user(world, "keith", password="pbkdf2_sha256$1000$salt$" + B64)
    loop = asyncio.get_running_loop()

    def change() -> None:
        values = {"password": "!changed", "tokens_not_before": NOON}
        asyncio.run_coroutine_threadsafe(set_user(world, "keith", **values), loop).result(10)

    with pytest.raises(BadCredentials):
        await login.log_in(counted(world, CountingHasher(change)), "keith", PASSWORD)

    assert (await world.get(User, key("keith"))).password == "!changed"
    assert (await world.dump())["refresh_tokens"] == []


async def test_a_hash_renewed_by_another_login_meanwhile_does_not_matter(world: World) -> None:
    await set_user(world, "keith", password="pbkdf2_sha256$1000$salt$" + B64)
    loop = asyncio.get_running_loop()

    def renew() -> None:
        renewed = set_user(world, "keith", password=password_hash())
        asyncio.run_coroutine_threadsafe(renewed, loop).result(10)

    done = await login.log_in(counted(world, CountingHasher(renew)), "keith", PASSWORD)

    assert done.user_id == key("keith")
    assert (await world.get(User, key("keith"))).password == password_hash()
