"""Links to files that are made when they are downloaded: what is wanted is sealed in the link.

Nothing is stored. A link is of one viewer, for a short time, and ends with their sessions. What it
shows is what they may see when it is used.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from resolvers.auth.accounts import Account
from resolvers.auth.tokens import microseconds
from resolvers.auth.viewers import current_account
from resolvers.context import Context
from resolvers.errors import BadInput, NotFound, Unauthenticated
from resolvers.services import Services
from resolvers.signing import MAX_LINK_SECONDS

# How long the sealed part may be, in characters: servers and proxies take no longer links.
MAX_SEALED = 6000
# What a link says of a file that it does not lead to.
FILE = "File"


@dataclass(frozen=True)
class Link:
    """An absolute link, until when it works, and what the file is called."""

    url: str
    expires_at: datetime
    file_name: str


@dataclass(frozen=True)
class OpenLink:
    """What a link is for, and whose it is; ``context`` has the viewer as they were just now."""

    context: Context
    wanted: Mapping[str, Any]
    user_id: UUID
    not_before: int

    async def current(self) -> Context:
        """Return the context with the viewer as they are now; raises ``Unauthenticated``."""
        return await _current(self.context, self.user_id, self.not_before)


async def seal(
    context: Context, path: str, wanted: Mapping[str, object], seconds: int, file_name: str
) -> Link:
    """Return a link of the viewer to a path; raises ``BadInput``."""
    viewer, services = context.require_viewer(), context.services
    if not 1 <= seconds <= MAX_LINK_SECONDS:
        raise BadInput(f"`expiresIn` must be between 1 and {MAX_LINK_SECONDS} seconds.")
    now = services.clock()
    expires = int(now.timestamp()) + seconds
    account = await _account(services, viewer.id)
    content = {
        "path": path,
        "user": str(viewer.id),
        "not_before": microseconds(account.tokens_not_before),
        "expires": expires,
        "wanted": wanted,
    }
    sealed = services.signer.seal_link(zlib.compress(orjson.dumps(content), 9), now)
    if len(sealed) > MAX_SEALED:
        raise BadInput("The filter is too long for a link: use fewer or shorter values.")
    url = f"{context.base_url}{path}?link={sealed}"
    return Link(url, datetime.fromtimestamp(expires, UTC), file_name)


async def open_link(context: Context, path: str, sealed: str) -> OpenLink:
    """Open a link to a path.

    Raises ``NotFound`` where it is altered or expired, or its viewer's sessions have ended.
    """
    opened = context.services.signer.open_link(sealed)
    if opened is None:
        raise NotFound(FILE)
    content = orjson.loads(zlib.decompress(opened))
    if content["path"] != path or content["expires"] < context.services.clock().timestamp():
        raise NotFound(FILE)
    user_id, not_before = UUID(content["user"]), content["not_before"]
    try:
        current = await _current(context, user_id, not_before)
    except Unauthenticated:
        raise NotFound(FILE) from None
    return OpenLink(current, content["wanted"], user_id, not_before)


async def _account(services: Services, user_id: UUID) -> Account:
    account = services.viewers.get(user_id, services.clock())
    return await current_account(services, user_id) if account is None else account


async def _current(context: Context, user_id: UUID, not_before: int) -> Context:
    account = await _account(context.services, user_id)
    if microseconds(account.tokens_not_before) != not_before:
        raise Unauthenticated
    return replace(context, viewer=account.viewer)
