"""A client that leaves is noticed at once, in whatever moment, and nothing of it stays."""

import gc
from collections.abc import Iterator

import pytest

from resolvers.commands import tickets
from tests.live.conftest import FOLLOW, Live
from tests.support.rows import key

pytestmark = pytest.mark.anyio

EVENTS = 60


@pytest.fixture
def backend() -> str:
    """Take one database: what is left behind is in memory."""
    return "sqlite"


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """Keep the collector from finding what nobody has closed."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize("transport", ["stream", "socket"])
async def test_nothing_follows_for_a_client_that_has_left(live: Live, transport: str) -> None:
    context = live.world.context("keith")
    for number in range(EVENTS):
        await tickets.update_ticket(context, key("offline"), {"subject": f"Number {number}"})
    # In the middle of what was missed, at its end, and while it waits for more.
    for taken in (0, 1, 2, 7, 49, 50, 51, EVENTS - 1, EVENTS):
        if transport == "stream":
            async with live.stream("keith", FOLLOW, after="") as stream:
                for _ in range(taken):
                    await stream.next()
        else:
            async with live.socket() as socket:
                await socket.subscribe(FOLLOW, after="")
                for _ in range(taken):
                    await socket.next()
                # Without a word.
                socket.connection.transport.abort()
        await live.settled(0)
