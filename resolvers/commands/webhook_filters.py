"""The filters of webhooks: stored as they are shown, parsed as ``resolvers.query.filters`` does.

A stored filter is JSON in the words of the input type ``TicketFilter``, so that a client
can send back what it has read.
"""

from resolvers.errors import Problem
from resolvers.naming import snake
from resolvers.query.filters.parse import parse
from resolvers.query.filters.stored import StoredFilter, UnusableFilter, understood


def filter_problem(stored: StoredFilter) -> Problem | None:
    """Return what is wrong with a filter of a webhook; ``BadInput`` where it is too large."""
    try:
        parse(understood(stored), {})
    except UnusableFilter as unusable:
        return unusable.problem
    return Problem("no_viewer") if _needs_viewer(stored) else None


def _needs_viewer(stored: StoredFilter) -> bool:
    """Whether a filter asks for what is the viewer's: a webhook has none."""
    return any(
        snake(name) == "mine"
        or (name == "not" and _needs_viewer(value))
        or (name in ("and", "or") and any(map(_needs_viewer, value)))
        for name, value in stored.items()
    )
