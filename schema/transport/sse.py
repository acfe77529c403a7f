"""GraphQL over server-sent events (graphql-sse, distinct connections)."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

import anyio
from starlette.responses import StreamingResponse
from starlette.types import Send

# After how long without a result a comment keeps proxies from closing the connection, in seconds.
HEARTBEAT_SECONDS = 15.0
HEARTBEAT = ": ping\n\n"
# A stream without this last frame was broken off, and is asked for again by its client.
COMPLETE = "event: complete\ndata: \n\n"
HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    # Asks nginx to pass on each frame at once.
    "X-Accel-Buffering": "no",
}


class EventStream(StreamingResponse):
    """An answer of frames, which ends what it sends as soon as its client is gone."""

    def __init__(
        self,
        frames: AsyncGenerator[str, None],
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(frames, status, {**HEADERS, **(headers or {})})
        self._frames = frames

    async def stream_response(self, send: Send) -> None:
        """Send the frames.

        A generator that is not closed follows events until it is collected as garbage.
        """
        async with aclosing(self._frames):
            await super().stream_response(send)


def next_frame(data: bytes, event_id: str | None) -> str:
    """Return the frame of a result, whose JSON has no line breaks."""
    frame = f"event: next\ndata: {data.decode()}\n\n"
    return f"id: {event_id}\n{frame}" if event_id else frame


async def frames(
    results: AsyncGenerator[str, None], broken_off: Callable[[], bool]
) -> AsyncGenerator[str, None]:
    """Yield the frames of results, and a comment whenever there is none for a while.

    ``broken_off`` says at the end whether the client is to ask again.
    """
    coming: asyncio.Task[str | None] | None = None
    async with aclosing(results):
        try:
            while True:
                coming = coming or asyncio.create_task(_next(results))
                await asyncio.wait({coming}, timeout=HEARTBEAT_SECONDS)
                if not coming.done():
                    yield HEARTBEAT
                    continue
                frame, coming = coming.result(), None
                if frame is None:
                    break
                yield frame
        finally:
            if coming is not None:
                await _cancelled(coming)
    if not broken_off():
        yield COMPLETE


async def _next(results: AsyncGenerator[str, None]) -> str | None:
    return await anext(results, None)


async def _cancelled(task: asyncio.Task[str | None]) -> None:
    """Cancel a task and wait for its end, which a cancelled request does not let one do."""
    task.cancel()
    with anyio.CancelScope(shield=True):
        await asyncio.wait({task})
    if not task.cancelled():
        # There is no client left to report a failure to.
        task.exception()
