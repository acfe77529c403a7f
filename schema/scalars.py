"""The scalars: times as GraphQL writes them, JSON, and files."""

import re
from datetime import UTC, datetime
from typing import NewType

import strawberry

DateTime = NewType("DateTime", datetime)
JSON = NewType("JSON", object)

# RFC 3339, section 5.6: a date, a time and an offset, all of them required.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(value: object) -> datetime:
    """Read an RFC 3339 time; digits beyond microseconds are cut off, as clocks do."""
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("A DateTime is an RFC 3339 time such as 2025-11-19T10:30:00Z.")
    text = re.sub(r"(\.\d{6})\d+", r"\1", value.upper())
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("A DateTime must be a time that exists.") from None


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description='A moment in time: RFC 3339 in UTC, always with "Z" in answers.',
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    serialize=lambda value: value,
    parse_value=parse_time,
)

JSON_SCALAR = strawberry.scalar(
    name="JSON",
    description="A JSON value whose form is that of another type.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    serialize=lambda value: value,
)

UPLOAD_SCALAR = strawberry.scalar(
    name="Upload",
    description="A file, which a multipart request carries beside the operation.",
    specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    # Strawberry puts the file into the variables before this sees them.
    parse_value=lambda value: value,
)
