"""How values are read, whatever form they come in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import Problem
from rest_compat.http.bodies import Body
from rest_compat.serializers import request_fields
from rest_compat.serializers.request_fields import Input, values_of

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)
FORM = {
    "need": Input(request_fields.text, required=True),
    "may": Input(request_fields.text),
    "blank": Input(request_fields.text, blank=True),
    "null": Input(request_fields.reference, nullable=True),
    "flag": Input(request_fields.boolean),
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("true", [True, 1, 1.0, "1", "t", "T", "y", "Yes", "TRUE", "tRuE", "on"])
def test_true(true: object) -> None:
    assert request_fields.boolean(true) is True


@pytest.mark.parametrize("false", [False, 0, 0.0, "0", "f", "N", "no", "False", "OFF"])
def test_false(false: object) -> None:
    assert request_fields.boolean(false) is False


@pytest.mark.parametrize(
    "neither", ["", "maybe", " on ", "on ", 2, [], {}, [True], "null", float("nan")]
)
def test_neither(neither: object) -> None:
    assert request_fields.boolean(neither) == Problem("invalid_boolean")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-11-20T12:00:00Z", NOON),
        ("2025-11-20T19:00:00+07:00", NOON),
        ("2025-11-20 12:00", NOON),
        ("2025-11-20T12:00:00.5", NOON + timedelta(milliseconds=500)),
        ("2025-11-20T12:00:00,123456789Z", NOON + timedelta(microseconds=123456)),
        ("2025-11-20T12:0:0 Z", NOON),
        ("2025-11-20T19:00:00 +0700", NOON),
        ("2025-11-20", NOON.replace(hour=0)),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times(text: str, time: datetime) -> None:
    assert request_fields.moment(text) == time


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2025-13-01", "2025-11-20T25:00", 5, True, [], "٣"]
)
def test_no_times(text: object) -> None:
    assert request_fields.moment(text) == Problem("invalid_time")


@pytest.mark.parametrize("text", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-01:00"])
def test_times_that_utc_does_not_have(text: str) -> None:
    assert request_fields.moment(text) == Problem("time_out_of_range")


def test_numbers_are_texts() -> None:
    assert [request_fields.text(value) for value in (1, 1.5, " a ")] == ["1", "1.5", "a"]


@given(ANYTHING)
def test_any_value_is_read_or_refused(value: object) -> None:
    for read in (
        request_fields.text,
        request_fields.boolean,
        request_fields.reference,
        request_fields.moment,
    ):
        found = read(value)
        assert isinstance(found, str | bool | UUID | datetime | Problem | None)


def test_what_json_leaves_out_or_empty() -> None:
    empty = dict.fromkeys(FORM, "")
    assert values_of(FORM, Body({}, is_form=False), partial=True) == {}
    assert values_of(FORM, Body({}, is_form=False), partial=False) == {"need": Problem("required")}
    assert values_of(FORM, Body(empty, is_form=False), partial=True) == {
        "need": "",
        "may": "",
        "blank": "",
        "null": None,
        "flag": Problem("invalid_boolean"),
    }
    nulls = dict.fromkeys(FORM)
    found = values_of(FORM, Body(nulls, is_form=False), partial=True)
    assert found == dict.fromkeys(FORM, Problem("null")) | {"null": None}


def test_what_forms_leave_out_or_empty() -> None:
    empty = dict.fromkeys(FORM, "")
    assert values_of(FORM, Body({}, is_form=True), partial=True) == {}
    # Not even a flag is turned off by a form that leaves it out: a note would become public.
    assert values_of(FORM, Body({}, is_form=True), partial=False) == {"need": Problem("required")}
    assert values_of(FORM, Body(empty, is_form=True), partial=True) == {
        "need": "",
        "blank": "",
        "null": None,
    }
