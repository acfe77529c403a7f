"""``Prefer``: what a client would like (RFC 7240); what this server does not know is ignored."""

import re

from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands.conflicts import ConflictResolution, Merged

MERGE = "merge"
# A quoted value; one that does not end takes all the rest with it.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?$)', re.DOTALL)


def prefers(request: Request, name: str) -> bool:
    """Whether a request prefers something that takes no value."""
    given = _QUOTED.sub('""', ",".join(request.headers.getlist("prefer")))
    for preference in given.split(","):
        token, _, value = preference.partition(";")[0].partition("=")
        # An empty value is the same as none (section 2).
        if token.strip().lower() == name and value.strip() in ("", '""'):
            return True
    return False


def on_conflict(request: Request) -> ConflictResolution:
    """Return what happens to a write whose ``If-Match`` does not fit."""
    return ConflictResolution.MERGE if prefers(request, MERGE) else ConflictResolution.FAIL


def with_preference(response: Response, merged: Merged | None) -> Response:
    """Return an answer that says whether its write was merged (RFC 7240, section 3)."""
    if merged is not None:
        response.headers["Preference-Applied"] = MERGE
    return response
