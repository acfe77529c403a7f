"""Times as GraphQL writes them, JSON, and files as they come."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NewType

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped

from schema.transport.multipart import UploadedFile

DateTime = NewType("DateTime", datetime)
JSON = NewType("JSON", object)

# RFC 3339, section 5.6: a date, a time and an offset, all of them required.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(value: object) -> datetime:
    """Read an RFC 3339 time; digits beyond microseconds are cut off, as clocks do."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise GraphQLError("A DateTime is an RFC 3339 time such as 2025-11-19T10:30:00Z.")
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError("A DateTime must be a time that exists.") from None


def parse_file(value: object) -> UploadedFile:
    """Take a file of a multipart request: nothing else can hold one."""
    if not isinstance(value, UploadedFile):
        raise GraphQLError("A file comes by a multipart request, as a variable.")
    return value


def _literal(parse: Callable[[object], object]) -> Callable[..., object]:
    """Return how a literal is read; an error has its place in the document."""

    def parse_literal(node: ValueNode, variables: dict[str, object] | None = None) -> object:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return parse_literal


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description='A moment in time: RFC 3339 in UTC, always with "Z" in answers.',
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    serialize=lambda value: value,
    parse_value=parse_time,
    parse_literal=_literal(parse_time),
)

JSON_SCALAR = strawberry.scalar(
    name="JSON",
    description="A JSON value whose form is that of another type.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    serialize=lambda value: value,
)

UPLOAD = strawberry.scalar(
    name="Upload",
    description="A file, which a multipart request carries beside the operation.",
    specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    serialize=lambda value: value,
    parse_value=parse_file,
    parse_literal=_literal(parse_file),
)
