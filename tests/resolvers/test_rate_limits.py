"""Buckets of points: their arithmetic under a clock, and how many of them are kept."""

from datetime import timedelta

import pytest

from models import Role, new_id
from resolvers.context import Context
from resolvers.errors import Throttled
from resolvers.rate_levels import Level
from resolvers.rate_limits import MemoryBuckets, RateLimiter, network
from resolvers.viewer import Viewer
from tests.support.clock import NOON, Clock


@pytest.fixture
def rates(clock: Clock) -> RateLimiter:
    """Give buckets of 600 points, ten of which come back in a second."""
    return RateLimiter(MemoryBuckets(), per_minute=600, maximum=100, clock=clock)


@pytest.mark.anyio
async def test_points_come_back_at_their_rate_and_never_beyond_the_maximum(
    rates: RateLimiter, clock: Clock
) -> None:
    level = await rates.draw("a", 600)
    assert (level.available, level.restore_rate) == (0, 10)
    assert level.reset_at == NOON + timedelta(seconds=60)
    for seconds, available in ((1, 10), (9, 100), (50, 600), (1000, 600)):
        clock.move(seconds=seconds)
        assert (await rates.draw("a", 0)).available == available


@pytest.mark.anyio
async def test_who_draws_too_much_is_told_how_long_to_wait(
    rates: RateLimiter, clock: Clock
) -> None:
    await rates.draw("a", 595)
    for points, seconds in ((6, 1), (16, 2), (600, 60)):
        with pytest.raises(Throttled) as refused:
            await rates.draw("a", points)
        assert refused.value.seconds == seconds
        assert refused.value.level is not None
        assert refused.value.level.available == 5
    clock.move(seconds=1)
    assert (await rates.draw("a", 15)).available == 0
    assert (await rates.draw("b", 600)).available == 0


@pytest.mark.anyio
async def test_all_points_of_a_bucket_can_be_drawn_one_by_one(clock: Clock) -> None:
    rates = RateLimiter(MemoryBuckets(), per_minute=70_000, maximum=1, clock=clock)
    for _ in range(70_000):
        await rates.draw("a", 1)
    with pytest.raises(Throttled):
        await rates.draw("a", 1)


@pytest.mark.anyio
async def test_what_is_given_back_is_there_at_once(rates: RateLimiter) -> None:
    level = await rates.draw("a", 500)
    rates.give_back("a", 450, level)
    assert level.available == 550
    assert (await rates.draw("a", 550)).available == 0


@pytest.mark.anyio
async def test_more_than_was_drawn_may_be_taken_later_and_is_owed(
    rates: RateLimiter, clock: Clock
) -> None:
    level = await rates.draw("a", 100)
    rates.give_back("a", -700, level)
    assert level.available == 0
    assert (await rates.draw("a", 0)).available == 0
    with pytest.raises(Throttled) as refused:
        await rates.draw("a", 10)
    assert refused.value.seconds == 21
    clock.move(seconds=21)
    await rates.draw("a", 10)


@pytest.mark.anyio
async def test_a_clock_that_goes_back_gives_nothing(rates: RateLimiter, clock: Clock) -> None:
    await rates.draw("a", 600)
    clock.move(seconds=-30)
    with pytest.raises(Throttled):
        await rates.draw("a", 1)


@pytest.mark.anyio
async def test_no_work_is_larger_than_a_full_bucket(rates: RateLimiter) -> None:
    assert (await rates.draw("a", 10**9)).available == 0


@pytest.mark.anyio
async def test_full_buckets_are_forgotten_first(clock: Clock) -> None:
    buckets = MemoryBuckets(max_buckets=5)
    rates = RateLimiter(buckets, per_minute=600, maximum=1, clock=clock)
    await rates.draw("empty", 600)
    for i in range(4):
        await rates.draw(f"full {i}", 1)
    clock.move(seconds=1)
    await rates.draw("another", 1)
    assert len(buckets) == 2
    assert (await rates.draw("empty", 0)).available == 10
    for i in range(100):
        await rates.draw(f"more {i}", 600)
    assert len(buckets) == 5


@pytest.mark.anyio
async def test_ten_logins_of_one_name_from_one_address(rates: RateLimiter, clock: Clock) -> None:
    for _ in range(5):
        await rates.count_login("1.2.3.4", "keith")
        await rates.count_login("1.2.3.4", " KEITH ")
    with pytest.raises(Throttled) as refused:
        await rates.count_login("1.2.3.4", "Keith")
    assert refused.value.seconds == 6
    await rates.count_login("1.2.3.5", "keith")
    await rates.count_login("1.2.3.4", "maria\ud800" * 10_000)
    clock.move(seconds=6)
    await rates.count_login("1.2.3.4", "keith")


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("testclient", "testclient"),
        # A proxy may pass on anything, and no long text is kept.
        ("x" * 1000, "x" * 45),
    ],
)
def test_an_address_stands_for_what_one_client_has(address: str, same: str) -> None:
    assert network(address) == same


def test_a_user_has_one_bucket_wherever_they_are() -> None:
    viewer = Viewer(new_id(), Role.TECH, None)
    here, there = (Context(None, viewer, "rest", "", at) for at in ("1.1.1.1", "2.2.2.2"))  # type: ignore[arg-type]
    assert here.rate_key == there.rate_key == f"user:{viewer.id}"
    nobody = Context(None, None, "rest", "", "1.1.1.1")  # type: ignore[arg-type]
    assert nobody.rate_key == "address:1.1.1.1"


@pytest.mark.anyio
async def test_sizes_beyond_reason_do_no_harm(clock: Clock) -> None:
    rates = RateLimiter(MemoryBuckets(), per_minute=1, maximum=10**15, clock=clock)
    level = await rates.draw("a", 10**15)
    rates.give_back("a", -(10**14), level)
    assert level.reset_at.year > 2090
    assert isinstance(level, Level)
