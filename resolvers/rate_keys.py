"""Which bucket of points a request draws from."""

from functools import lru_cache
from uuid import UUID

from resolvers.context import Context
from resolvers.rate_limits import MAX_BUCKETS, network


def bucket_of(context: Context) -> str:
    """Return the key of the bucket that a request draws from: the user's, or the address's."""
    viewer = context.viewer
    return f"address:{network(context.address)}" if viewer is None else _key_of(viewer.id)


@lru_cache(maxsize=MAX_BUCKETS)
def _key_of(user_id: UUID) -> str:
    """Return the key of a user's bucket: writing an id takes longer than looking it up."""
    return f"user:{user_id}"
