"""How many objects a finished JSON text has, by which reads are paid."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resolvers.rate_limits import count_objects

# What could be taken for the start of an object, or hide one.
PIECES = st.sampled_from(
    ["{", "}", '"', "\\", ",", ":", "[", "]", "a", " ", "{}", '{"a":', "ß", "🖖"]
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
NAMES = st.builds("{}{}".format, st.sampled_from(["a", "_b", "C"]), TEXTS)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
ANSWERS = st.dictionaries(NAMES, VALUES, max_size=4) | st.lists(VALUES, max_size=4)


def objects(value: Any) -> int:
    """Return how many objects with members a value is and has."""
    if isinstance(value, dict):
        return bool(value) + sum(map(objects, value.values()))
    return sum(map(objects, value)) if isinstance(value, list) else 0


@given(ANSWERS)
def test_objects_are_counted_in_every_spelling(value: Any) -> None:
    for separators in ((", ", ": "), (",", ":")):
        for escapes in (True, False):
            text = json.dumps(value, separators=separators, ensure_ascii=escapes)
            assert count_objects(text.encode()) == objects(value)


def test_braces_in_a_long_text_cost_nothing() -> None:
    value = [{"text": "x" * 100_000}, {"text": "{{" * 100_000}]
    assert count_objects(json.dumps(value).encode()) == 2
