"""How many logins there may be, and that more of them hold up nothing."""

import asyncio
from dataclasses import replace

import pytest

from resolvers.auth import login
from resolvers.commands import users
from resolvers.errors import BadCredentials, Invalid, Throttled
from resolvers.rate_limits import MemoryBuckets, RateLimiter
from resolvers.services import Services
from tests.resolvers.hashers import BlockingHasher, counted
from tests.support.named_rows import PASSWORD, password_hash
from tests.support.world import World

pytestmark = [
    pytest.mark.anyio,
    # Nothing of this is said in SQL.
    pytest.mark.parametrize("shared_url", ["sqlite"], indirect=True, scope="module"),
]


async def test_checks_beyond_the_queue_are_refused_and_hold_up_nothing(world: World) -> None:
    hasher = BlockingHasher()
    services = counted(world, hasher, threads=1, max_waiting=2)
    passwords = services.passwords
    before = await world.dump()
    checks = [asyncio.create_task(passwords.verify(PASSWORD, password_hash())) for _ in range(3)]
    await asyncio.sleep(0)
    try:
        for name in ("keith", "nobody"):
            with pytest.raises(Throttled) as refused:
                await login.log_in(services, name, PASSWORD)
            assert refused.value.seconds == 2
        with pytest.raises(Throttled):
            await users.create_user(
                replace(world.context("admin"), services=services),
                {"username": "nora", "password": "long enough", "role": "Sales"},
            )
        assert await world.dump() == before
        # Who leaves while their check runs frees no place; who leaves the queue does.
        for task in (checks[0], checks[2]):
            task.cancel()
        await asyncio.sleep(0)
        checks.append(asyncio.create_task(passwords.verify(PASSWORD, password_hash())))
        await asyncio.sleep(0)
        with pytest.raises(Throttled):
            await passwords.verify(PASSWORD, None)
    finally:
        hasher.go.set()
    done = await asyncio.gather(*checks, return_exceptions=True)
    assert [type(one).__name__ for one in done] == [
        *("CancelledError", "bool", "CancelledError", "bool")
    ]
    await login.log_in(services, "keith", PASSWORD)


def limited(world: World) -> Services:
    rates = RateLimiter(MemoryBuckets(), per_minute=600, maximum=100, clock=world.clock)
    return replace(counted(world), rates=rates)


async def fails(services: Services, username: str, address: str) -> None:
    with pytest.raises(BadCredentials):
        await login.log_in(services, username, "wrong", address=address)


async def throttled(services: Services, username: str, address: str) -> None:
    with pytest.raises(Throttled):
        await login.log_in(services, username, PASSWORD, address=address)


async def test_names_of_one_address_are_limited_together(world: World) -> None:
    services = limited(world)
    for i in range(50):
        await fails(services, f"name {i}", "1.1.1.1")
    await throttled(services, "another", "1.1.1.1")
    await throttled(services, "keith", "1.1.1.1")
    await login.log_in(services, "keith", PASSWORD, address="2.2.2.2")
    # Those of one IPv6 network are one.
    for i in range(50):
        await fails(services, f"name {i}", f"2001:db8::{i}")
    await throttled(services, "another", "2001:db8::ffff")
    world.clock.move(seconds=2)
    await fails(services, "another", "1.1.1.1")


@pytest.mark.parametrize("name", ["keith", "nobody"])
async def test_addresses_that_try_one_name_are_limited_together(world: World, name: str) -> None:
    services = limited(world)
    for i in range(50):
        await fails(services, name.upper() if i % 2 and name == "nobody" else name, f"1.1.1.{i}")
    await throttled(services, name, "1.1.2.1")
    world.clock.move(seconds=60)
    await fails(services, name, "1.1.2.2")
    await throttled(services, name, "1.1.2.3")


async def test_nobody_keeps_a_user_out_of_where_they_work(world: World) -> None:
    services = limited(world)
    await login.log_in(services, "keith", PASSWORD, address="9.9.9.9")
    world.clock.move(days=29)
    for i in range(60):
        with pytest.raises(BadCredentials if i < 50 else Throttled):
            await login.log_in(services, "keith", "wrong", address=f"1.1.1.{i}")

    await login.log_in(services, "keith", PASSWORD, address="9.9.9.9")
    # It is known for another 30 days, but for this name only, and up to ten attempts a minute.
    world.clock.move(days=29)
    for i in range(50):
        await fails(services, "keith", f"1.1.1.{i}")
        await fails(services, "olga", f"1.1.1.{i}")
    await throttled(services, "olga", "9.9.9.9")
    for _ in range(10):
        await fails(services, "keith", "9.9.9.9")
    await throttled(services, "keith", "9.9.9.9")
    await throttled(services, "keith", "8.8.8.8")


async def test_good_logins_from_many_places_do_not_use_up_a_name(world: World) -> None:
    services = limited(world)
    for i in range(60):
        await login.log_in(services, "keith", PASSWORD, address=f"1.1.1.{i}")


async def test_guessing_ones_old_password_is_limited(world: World) -> None:
    context = replace(world.context("keith"), services=limited(world))
    for _ in range(10):
        with pytest.raises(Invalid):
            await login.change_password(context, "wrong", "a new one, long enough")
    before = await world.dump()
    with pytest.raises(Throttled):
        await login.change_password(context, PASSWORD, "a new one, long enough")
    assert await world.dump() == before
