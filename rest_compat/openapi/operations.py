"""What a handler takes and answers, said once beside it: the API document is made of this.

It names the forms, rules, lists and shapes that serve the request, so what is added to one of them
is in the document at once. Tests hold a declaration to what its handler really uses.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands.validation import FieldRules
from resolvers.context import Context
from resolvers.query.execute import Query
from rest_compat.lists.list_endpoint import ListEndpoint
from rest_compat.serializers.request_fields import Form

Handler = Callable[[Request, Context], Awaitable[Response]]


class File:
    """The answer of a path that sends the bytes of a file."""


# An object of the reads and types that its members have, where an answer is no row.
Members = Mapping[str, "Query | type | UnionType"]


@dataclass(frozen=True, eq=False)
class Operation:
    """What one handler does with a request.

    ``about`` is what a body describes. ``listing`` has the filters that are taken, and unless
    there are other ``answers`` it is also what is answered. ``errors`` are the statuses whose
    body may say ``error``, as actions do, each with a sentence of it; ``refusals`` those that path,
    method and body do not tell. ``error_fields`` are the fields that a 400 names, if not those of
    the form.
    ``follows``: the listing's window begins after a cursor. ``tagged``: the answer has an
    ``ETag``. ``conditional``: ``If-Match`` is looked at. ``merges``: so is ``Prefer: merge``.
    """

    answers: Query | Members | type[File] | None = None
    status: int = 200
    about: str = ""
    form: Form | None = None
    rules: FieldRules = field(default_factory=dict)
    listing: ListEndpoint | None = None
    errors: Mapping[int, str] = field(default_factory=dict)
    refusals: frozenset[int] = frozenset()
    error_fields: tuple[str, ...] | None = None
    summary: str = ""
    follows: bool = False
    tagged: bool = False
    conditional: bool = False
    merges: bool = False


UNKNOWN = Operation(answers={})
_known: dict[Handler, Operation] = {}


def operation(
    answers: Query | Members | type[File] | None = None, **more: Any
) -> Callable[[Handler], Handler]:
    """Declare what a handler takes and answers; ``more`` are other fields of ``Operation``."""

    def declare(handler: Handler) -> Handler:
        _known[handler] = Operation(answers, **more)
        return handler

    return declare


def listed(listing: ListEndpoint, **more: Any) -> Callable[[Handler], Handler]:
    """Declare a handler that answers with a window of a list."""
    return operation(listing.read, listing=listing, **more)


def operation_of(handler: Handler) -> Operation:
    """Return what a handler declared, or what is known of any: it answers with an object."""
    return _known.get(handler, UNKNOWN)
