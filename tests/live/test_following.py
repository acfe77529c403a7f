"""Following the desk: each event once, in order, as its viewer sees it when it is sent."""

import pytest

from tests.live.conftest import Live

pytestmark = pytest.mark.anyio


async def test_a_socket_tells_what_happens_from_now_on(live: Live) -> None:
    await live.rename("offline", "Before")
    async with live.socket() as socket:
        await socket.subscribe()
        await live.settled(1)
        await live.rename("volume", "Now")
        event = await socket.next()
        assert (event["type"], event["ticketNumber"]) == ("UPDATED", "T-20251110-0002")


async def test_a_stream_tells_what_happens_from_now_on(live: Live) -> None:
    await live.rename("offline", "Before")
    async with live.stream() as stream:
        await live.settled(1)
        await live.rename("volume", "Now")
        event = await stream.next()
        assert (event["type"], event["ticketNumber"]) == ("UPDATED", "T-20251110-0002")
