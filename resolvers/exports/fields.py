"""The fields of a ticket that an export can have, each of them a column."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from resolvers.query.shapes import Field, Shape


class ExportField(StrEnum):
    """A field of a ticket; its value is the name of its column."""

    ID = "id"
    TICKET_NUMBER = "ticket_number"
    SUBJECT = "subject"
    DESCRIPTION = "description"
    STATUS = "status"
    PRIORITY = "priority"
    CATEGORY = "category"
    COMPANY_ID = "company_id"
    COMPANY_NAME = "company_name"
    CONTACT_ID = "contact_id"
    CONTACT_NAME = "contact_name"
    CONTACT_EMAIL = "contact_email"
    ASSIGNED_TO_ID = "assigned_to_id"
    ASSIGNED_TO_USERNAME = "assigned_to_username"
    ASSIGNED_TO_NAME = "assigned_to_name"
    ASSIGNED_TEAM = "assigned_team"
    CREATED_BY_ID = "created_by_id"
    CREATED_BY_USERNAME = "created_by_username"
    CREATED_BY_NAME = "created_by_name"
    TAGS = "tags"
    DUE_DATE = "due_date"
    IS_OVERDUE = "is_overdue"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    FIRST_RESPONSE_AT = "first_response_at"
    RESOLVED_AT = "resolved_at"
    CLOSED_AT = "closed_at"
    FIRST_RESPONSE_TIME_HOURS = "first_response_time_hours"
    RESOLUTION_TIME_HOURS = "resolution_time_hours"
    COMMENTS_COUNT = "comments_count"
    INTERNAL_NOTES_COUNT = "internal_notes_count"
    VERSION = "version"


DEFAULT_FIELDS = (
    ExportField.TICKET_NUMBER,
    ExportField.SUBJECT,
    ExportField.DESCRIPTION,
    ExportField.STATUS,
    ExportField.PRIORITY,
    ExportField.CATEGORY,
    ExportField.COMPANY_NAME,
    ExportField.CONTACT_NAME,
    ExportField.CONTACT_EMAIL,
    ExportField.ASSIGNED_TO_USERNAME,
    ExportField.ASSIGNED_TEAM,
    ExportField.CREATED_BY_USERNAME,
    ExportField.TAGS,
    ExportField.DUE_DATE,
    ExportField.CREATED_AT,
    ExportField.UPDATED_AT,
    ExportField.FIRST_RESPONSE_AT,
    ExportField.RESOLVED_AT,
    ExportField.CLOSED_AT,
)
# The fields that are those of a related row: the ticket's field that leads there, and theirs.
_OF_OTHERS: Mapping[ExportField, tuple[str, str]] = {
    ExportField.CONTACT_EMAIL: ("contact", "email"),
    ExportField.ASSIGNED_TO_USERNAME: ("assigned_to", "username"),
    ExportField.CREATED_BY_USERNAME: ("created_by", "username"),
}
# A ticket of a page, by the names of its columns.
Row = Mapping[str, object]


def shape_of(fields: Sequence[ExportField]) -> Shape:
    """Return the shape in which tickets are read for an export."""
    return Shape(tuple(_field(one) for one in fields))


def _field(one: ExportField) -> Field:
    if one not in _OF_OTHERS:
        return Field(one, one)
    relation, theirs = _OF_OTHERS[one]
    return Field(one, relation, Shape((Field(theirs, theirs),)))


def flattened(rows: Sequence[dict[str, Any]], fields: Sequence[ExportField]) -> Sequence[Row]:
    """Put the values of related rows in their place, None where there is no such row."""
    nested = [(str(one), _OF_OTHERS[one][1]) for one in fields if one in _OF_OTHERS]
    for row in rows:
        for name, theirs in nested:
            other = row[name]
            row[name] = None if other is None else other[theirs]
    return rows
