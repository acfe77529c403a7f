"""How a search is split: blanks and commas part words, quotes keep a phrase together."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.errors import BadInput
from resolvers.query.filters.parse import parse
from resolvers.query.filters.search_terms import (
    MAX_SEARCH_LENGTH,
    MAX_TERMS,
    search_terms,
)
from resolvers.texts import storable


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        (" , ,", []),
        ('""', []),
        ("''", []),
        ('" "', [" "]),
        ("'", []),
        ('"zone"off', ['"zone"off']),
        ('say"one two"', ['say"one two"']),
        ('"one two",', ["one two"]),
        ('"one","two"', ['one","two']),
        (r'"a\d"', [r"a\d"]),
        ("one", ["one"]),
        ("One TWO", ["one", "two"]),
        ("one,two , three", ["one", "two", "three"]),
        ("one\ttwo\nthree", ["one", "two", "three"]),
        ('"one two"', ["one two"]),
        ("'one two' three", ["one two", "three"]),
        ('"it\'s here"', ["it's here"]),
        ("it's", ["it's"]),
        ('say"what', ['say"what']),
        ('"open', ['"open']),
        (r'"a \"b\" c"', ['a "b" c']),
        (r'"back \\ slash"', ["back \\ slash"]),
        ('"back\\\nslash"', ['"back\\', 'slash"']),
        ("\"'a b' c", ["\"'a", "b'", "c"]),
        ("'a b'\"c 'd e'", ["a b", '"c', "d e"]),
        ("'a b'c\"'d e'", ["'a b'c", "\"'d", "e'"]),
        ("100% a_b", ["100%", "a_b"]),
        ("ÜNÏ 東京", ["ünï", "東京"]),
    ],
)
def test_terms(text: str, terms: list[str]) -> None:
    assert search_terms(text) == terms


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab\"' ,\\%\n"), max_size=30))
def test_no_text_breaks_it_and_no_term_is_empty(text: str) -> None:
    assert all(term == term.lower() and term for term in search_terms(text))


def test_characters_that_no_text_can_have_are_left_out() -> None:
    assert storable("a\0b\ud800c\udfff") == "abc"
    assert storable("東京 \U0001f3b5") == "東京 \U0001f3b5"


def test_there_are_at_most_so_many_terms() -> None:
    values: dict[str, object] = {}
    parse({"search": " ".join(["x"] * MAX_TERMS)}, values)
    assert len(values) == MAX_TERMS
    with pytest.raises(BadInput, match="at most 20 terms"):
        parse({"search": " ".join(["x"] * (MAX_TERMS + 1))}, {})


@pytest.mark.parametrize("text", ["x", '"', "'\"", '"\\', " ", "é", "\U0001f3b5"])
def test_a_search_has_at_most_a_thousand_characters(text: str) -> None:
    longest = (text * MAX_SEARCH_LENGTH)[:MAX_SEARCH_LENGTH]
    parse({"search": longest}, {})
    with pytest.raises(BadInput, match="at most 1000 characters"):
        parse({"search": longest + "x"}, {})


def test_only_the_structure_of_a_filter_is_in_what_parse_returns() -> None:
    first: dict[str, object] = {}
    second: dict[str, object] = {}
    one = {"search": "a b", "company": {"in": ["1"]}, "not": {"tags": {"has": "x"}}}
    other = {"search": "c d", "company": {"in": ["2", "3"]}, "not": {"tags": {"has": "y"}}}
    assert parse(one, first) == parse(other, second)
    assert set(first) == set(second)
    assert first != second
    assert parse({"search": "é"}, {}) == parse({"search": "e"}, {})
