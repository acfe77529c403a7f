"""What one request carries into every resolver."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from resolvers.errors import Unauthenticated
from resolvers.query.revalidation.known_answers import StateRecorder
from resolvers.rate_limits import MAX_BUCKETS, network
from resolvers.services import Services
from resolvers.viewer import Viewer, ViewerKind


@dataclass(frozen=True)
class Context:
    """One request: the services, the viewer, the API, and the address that links start with.

    ``base_url`` has no slash at its end. ``via`` goes into the event log. ``address`` is the
    client's, as the server sees it. ``event_ids`` are those of the events that were written, where
    they are asked for. ``recorder`` is there where the state of what is read is to be known.
    """

    services: Services
    viewer: Viewer | None
    via: str
    base_url: str = ""
    address: str = ""
    event_ids: list[UUID] | None = None
    recorder: StateRecorder | None = None

    @property
    def kind(self) -> ViewerKind:
        """What the viewer, or an anonymous client, is to the rules of ``access``."""
        return self.viewer.kind if self.viewer else ViewerKind.ANONYMOUS

    @property
    def rate_key(self) -> str:
        """The key of the bucket of points that the request draws from: a user's or an address's."""
        viewer = self.viewer
        return f"address:{network(self.address)}" if viewer is None else _key_of(viewer.id)

    def require_viewer(self) -> Viewer:
        """Return the viewer; raises ``Unauthenticated`` if there is none."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer


@lru_cache(maxsize=MAX_BUCKETS)
def _key_of(user_id: UUID) -> str:
    """Return the key of a user's bucket: writing an id takes longer than looking it up."""
    return f"user:{user_id}"
