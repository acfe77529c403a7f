"""A record as a row: its values by field, or what is wrong with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import orjson

from resolvers.errors import Invalid, Problem
from resolvers.exports.formats import plain
from resolvers.imports.formats import ImportFormat
from resolvers.imports.layout import ImportField, Layout
from resolvers.imports.records import Record, cells

# The key of a problem of the whole row.
ROW = "row"
# Values as texts; tags may be a list.
Given = Mapping[ImportField, str | Sequence[str]]
_MAX_NAME = 100


@dataclass(frozen=True)
class Row:
    """A row of a file: the line where it begins, what it was, and its values or its problems.

    ``kept`` is what a file of rejects is made of: the values of CSV as a JSON list, or the line.
    """

    line: int
    kept: str
    given: Given
    problems: Mapping[str, Sequence[Problem]]


def row_of(format: ImportFormat, layout: Layout, record: Record) -> Row:
    """Return a record as a row; raises ``BadFile`` where it is not UTF-8."""
    if format is ImportFormat.CSV:
        return _csv_row(layout, record)
    text = record.text
    kept = text.strip().replace("\0", "\ufffd")
    try:
        given = _object(layout, text)
    except Invalid as invalid:
        return Row(record.start.line, kept, {}, invalid.problems)
    return Row(record.start.line, kept, {**layout.defaults, **given}, {})


def _csv_row(layout: Layout, record: Record) -> Row:
    found = cells(record.text, layout.delimiter)
    values = found or [record.text.rstrip("\r\n")]
    kept, line = orjson.dumps(values).decode(), record.start.line
    if found is None:
        return Row(line, kept, {}, _problem("no_row"))
    if len(values) != len(layout.header):
        counts = {"count": len(values), "expected": len(layout.header)}
        return Row(line, kept, {}, _problem("other_columns", **counts))
    given: dict[ImportField, str | Sequence[str]] = dict(layout.defaults)
    for name, value in zip(layout.header, values, strict=True):
        field = layout.field_of(name)
        if field is not None and value.strip():
            given[field] = plain(value)
    return Row(line, kept, given, {})


def _problem(code: str, **params: object) -> dict[str, list[Problem]]:
    return {ROW: [Problem(code, params)]}


def _refuse(code: str, **params: object) -> NoReturn:
    raise Invalid(_problem(code, **params))


def _object(layout: Layout, text: str) -> Given:
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse("no_json")
    if not isinstance(value, dict):
        _refuse("no_object")
    given: dict[ImportField, str | Sequence[str]] = {}
    for name, member in value.items():
        try:
            field = layout.field_of(name)
        except KeyError:
            _refuse("unknown_member", name=name[:_MAX_NAME])
        if field is None:
            continue
        if field in given:
            _refuse("field_twice", name=field.value)
        text_or_list = _text(field, member)
        if text_or_list is not None:
            given[field] = text_or_list
    return given


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        _refuse("member_twice", name=twice[:_MAX_NAME])
    return members


def _no_constant(_text: str) -> NoReturn:
    raise ValueError


def _text(field: ImportField, value: object) -> str | list[str] | None:
    """Return a member as a text, None for none; only tags may be a list."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if field is ImportField.TAGS and isinstance(value, list):
        tags = [one for one in value if isinstance(one, str)]
        if len(tags) == len(value):
            return tags
    raise Invalid({field: [Problem("not_a_string")]})
