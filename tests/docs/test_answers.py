"""Answers are compared by what stays the same, and nothing else is let through."""

from typing import Any

import pytest

from tests.docs.answers import cut, differences, pretty

ID = "01a20741-a470-72e5-a08e-073ee237c7f4"
OTHER_ID = "01a20741-a4f3-7bc0-be3b-da5d120bd293"


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ({"id": ID}, {"id": OTHER_ID}),
        ("2025-11-19T10:30:00Z", "2026-01-02T03:04:05.678901Z"),
        ("T-20251119-0001", "T-20260102-12345"),
        ("eyJhbGciOiJI…", "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90.9-_x"),
        ({"endCursor": "WyJU…"}, {"endCursor": "WyJUaWNrZXQ"}),
        ({"a": 1, "…": "…", "d": 4}, {"a": 1, "b": 2, "c": 3, "d": 4}),
        (
            f"/media/tickets/attachments/2025/11/{'a' * 24}/x.txt?expires=1&signature=ab…",
            f"/media/tickets/attachments/2026/01/{'b' * 24}/x.txt?expires=23&signature=cdef",
        ),
    ],
)
def test_what_differs_each_time_is_alike(shown: Any, given: Any) -> None:
    assert differences(shown, given) == []


@pytest.mark.parametrize(
    ("shown", "given"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": None}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": 1, "…": "…"}, {"b": 2}),
        ([1], [1, 1]),
        ({"endCursor": "x"}, {"endCursor": None}),
        ({"name": ID}, {"name": "x"}),
        ("2025-11-19T10:30:00Z", "2025-11-19T10:30:00"),
    ],
)
def test_anything_else_is_a_difference(shown: Any, given: Any) -> None:
    assert len(differences(shown, given)) == 1


def test_a_new_answer_leaves_out_what_the_shown_one_did() -> None:
    shown = {"a": 0, "…": "…", "d": [{"x": 0, "…": "…"}]}
    given = {"a": 1, "b": 2, "d": [{"x": 3, "y": 4}, {"x": 5, "y": 6}]}

    assert cut(given, shown) == {"a": 1, "…": "…", "d": [{"x": 3, "…": "…"}, {"x": 5, "y": 6}]}


def test_what_fits_stays_on_a_line() -> None:
    assert pretty({"a": [1, None]}) == '{"a": [1, null]}'
    assert pretty({"a": "x" * 90}) == '{\n  "a": "' + "x" * 90 + '"\n}'
