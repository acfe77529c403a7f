"""What a signal to stop makes happen belongs to no request, whatever it interrupts."""

import asyncio
import signal

import pytest

from deskgraph.shutdown import on_stop
from resolvers.request_record import RequestRecord, current_request

pytestmark = pytest.mark.anyio


async def test_the_end_is_not_a_part_of_the_request_that_a_signal_interrupts() -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    ended: asyncio.Future[RequestRecord | None] = asyncio.get_running_loop().create_future()
    token = current_request.set(RequestRecord("interrupted"))
    try:
        on_stop(lambda: ended.set_result(current_request.get()), lambda: None, drain_seconds=0)
        signal.raise_signal(signal.SIGTERM)
        assert await ended is None
    finally:
        current_request.reset(token)
        signal.signal(signal.SIGTERM, before)
