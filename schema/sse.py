"""GraphQL over server-sent events (graphql-sse, distinct connections)."""

from collections.abc import Callable, Sequence

from strawberry.http import GraphQLHTTPResponse
from strawberry.http.streaming import SSETransport

MEDIA_TYPE = "text/event-stream"
_JSON = frozenset({"application/json", "application/graphql-response+json"})


def prefers_stream(accept: str) -> bool:
    """Whether an ``Accept`` header wants a stream rather than JSON.

    The larger ``q`` wins, and the first of equal ones: some clients list a stream among all that
    they can read.
    """
    ranked = sorted(_accepted(accept), key=lambda accepted: -accepted[1])
    best = next((name for name, q in ranked if q > 0 and (name == MEDIA_TYPE or name in _JSON)), "")
    return best == MEDIA_TYPE


def _accepted(accept: str) -> Sequence[tuple[str, float]]:
    found = []
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            found.append((name, float(given)))
        except ValueError:
            found.append((name, 0.0))
    return found


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

    def accepts(self, accept: str) -> bool:
        """Whether a request is to be answered by a stream."""
        return prefers_stream(accept)

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
