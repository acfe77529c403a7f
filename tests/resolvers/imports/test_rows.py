"""Rows become values or problems, whatever is in them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Team, TicketStatus
from resolvers.errors import Problem
from resolvers.imports.formats import BadFile, ImportFormat
from resolvers.imports.layout import ImportField, Layout
from resolvers.imports.records import Splitter
from resolvers.imports.rows import Row, row_of
from resolvers.imports.values import typed
from tests.support import proofs

LAYOUT = Layout(header=("subject", "tags", "due_date", "status"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["subject", "tags", "x", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def rows(format: ImportFormat, content: bytes) -> list[Row]:
    splitter = Splitter(format, 10_000, delimiter=",")
    records = [*splitter.feed(content), *splitter.finish()]
    return [row_of(format, LAYOUT, record) for record in records]


def value(field: ImportField, text: str | list[str]) -> object:
    [found] = typed({field: text}).values()
    return found


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("IN_PROGRESS", TicketStatus.IN_PROGRESS),
        ("in_progress", TicketStatus.IN_PROGRESS),
        (" In progress ", TicketStatus.IN_PROGRESS),
        ("in-progress", TicketStatus.IN_PROGRESS),
        ("done", Problem("invalid_choice", {"value": "done"})),
    ],
)
def test_choices_are_those_of_both_apis(text: str, choice: object) -> None:
    assert value(ImportField.STATUS, text) == choice
    assert value(ImportField.ASSIGNED_TEAM, "Tech") is value(ImportField.ASSIGNED_TEAM, "TECH")
    assert value(ImportField.ASSIGNED_TEAM, "tech") is Team.TECH


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-12-01", datetime(2025, 12, 1, tzinfo=UTC)),
        ("2025-12-01 08:30", datetime(2025, 12, 1, 8, 30, tzinfo=UTC)),
        ("2025-12-01T08:30:00Z", datetime(2025, 12, 1, 8, 30, tzinfo=UTC)),
        ("2025-12-01T08:30:00.5+07:00", datetime(2025, 12, 1, 1, 30, 0, 500000, tzinfo=UTC)),
        ("01.12.2025", Problem("invalid_time")),
        ("0001-01-01T00:00:00+14:00", Problem("invalid_time")),
    ],
)
def test_times_are_those_of_iso_8601(text: str, time: object) -> None:
    assert value(ImportField.DUE_DATE, text) == time


def test_tags_are_words_with_commas_or_a_list() -> None:
    assert value(ImportField.TAGS, " a, b ,,c") == "a,b,c"
    assert value(ImportField.TAGS, ["a", "b c"]) == "a,b c"
    assert value(ImportField.TAGS, ["a,b"]) == Problem("comma")


def test_names_of_columns_are_found_in_any_spelling() -> None:
    for name in ("company_name", "companyName", "Company name", " COMPANY-NAME ", "CompanyName"):
        assert Layout().field_of(name) is ImportField.COMPANY_NAME
    for name in ("ticket_number", "createdAt", "error", "", " "):
        assert Layout().field_of(name) is None
    with pytest.raises(KeyError):
        Layout().field_of("colour")


def test_a_layout_is_stored_as_json() -> None:
    layout = Layout(
        {"Betreff": ImportField.SUBJECT, "Nr": None},
        {ImportField.TAGS: "old"},
        ["Betreff", "Nr"],
        ";",
    )
    assert Layout.from_json(json.loads(json.dumps(layout.as_json()))) == layout


@proofs.examples(150, 5000)
@given(st.binary(max_size=80), st.sampled_from(list(ImportFormat)))
def test_any_bytes_are_rows_or_no_file(content: bytes, format: ImportFormat) -> None:
    try:
        found = rows(format, content)
    except BadFile:
        return
    for row in found:
        assert "\0" not in row.kept
        typed(row.given)


@proofs.examples(150, 5000)
@given(st.lists(JSON, min_size=1, max_size=3))
def test_any_json_is_a_row(values: list[Any]) -> None:
    content = "\n".join(json.dumps(one) for one in values)
    found = rows(ImportFormat.JSONL, content.encode())
    assert len(found) == len(values)
    for row in found:
        assert row.problems or all(isinstance(one, str | list) for one in row.given.values())
        typed(row.given)
