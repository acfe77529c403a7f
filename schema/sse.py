"""GraphQL over server-sent events (graphql-sse, distinct connections)."""

from collections.abc import Callable

from strawberry.http import GraphQLHTTPResponse
from strawberry.http.streaming import SSETransport


class EventStream(SSETransport):
    """Frames with LF, each with the cursor of its event as the id to resume after."""

    def __init__(
        self,
        place: Callable[[], str | None] = lambda: None,
        broken_off: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__()
        self._place = place
        self._broken_off = broken_off

    def encode_next(
        self, response: GraphQLHTTPResponse, encode_json: Callable[[object], str]
    ) -> str:
        """Return the frame of a result."""
        place = self._place()
        frame = self.encode_event("next", encode_json(response))
        return f"id: {place}\n{frame}" if place else frame

    def encode_complete(self) -> str:
        """Return the last frame; a stream without it is asked for again by its client."""
        return "" if self._broken_off() else super().encode_complete()

    def encode_event(self, event: str, data: str | None = None) -> str:
        """Return a frame; JSON has no line breaks. One without data would be ignored."""
        return f"event: {event}\ndata: {data or ''}\n\n"

    def encode_comment(self, comment: str) -> str:
        """Return a comment, which keeps proxies from closing the connection."""
        return f": {comment}\n\n"
