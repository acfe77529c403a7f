"""The limits of a filter: at the limit it is taken, beyond it is refused in words."""

from typing import Any

import pytest

from resolvers.errors import BadInput
from resolvers.query.filters.parse import MAX_CONDITIONS, MAX_DEPTH, MAX_IN_LIST, parse

OPEN = {"open": True}


def nested(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = OPEN
    for _ in range(levels):
        found = {"not": found}
    return found


@pytest.mark.parametrize(
    ("within", "beyond", "sentence"),
    [
        ({"or": [OPEN] * MAX_CONDITIONS}, {"or": [OPEN] * (MAX_CONDITIONS + 1)}, "100 condit"),
        (
            {"and": [{"or": [OPEN] * 50}, {"not": {"or": [OPEN] * 50}}]},
            {"and": [{"or": [OPEN] * 50}, {"not": {"or": [OPEN] * 51}}]},
            "100 conditions",
        ),
        (
            {"or": [{"search": "a b c d"}] * 25},
            {"or": [*[{"search": "a b c d"}] * 25, OPEN]},
            "100 conditions",
        ),
        (
            {"or": [{"tags": {"has_any": ["a", "b"]}}] * 50},
            {"or": [*[{"tags": {"has_any": ["a", "b"]}}] * 50, OPEN]},
            "100 conditions",
        ),
        (
            {"status": {"in": ["new"] * MAX_IN_LIST}},
            {"status": {"in": ["new"] * (MAX_IN_LIST + 1)}},
            "100 values",
        ),
        (
            {"tags": {"has_all": ["a"] * MAX_IN_LIST}},
            {"tags": {"has_all": ["a"] * (MAX_IN_LIST + 1)}},
            "100 values",
        ),
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), "10 levels"),
    ],
)
def test_a_filter_has_limits(within: Any, beyond: Any, sentence: str) -> None:
    assert parse(within, {})
    with pytest.raises(BadInput, match=sentence):
        parse(beyond, {})
