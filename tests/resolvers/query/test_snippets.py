"""Snippets are what is stored, cut around the first term, with every term in it highlighted."""

# ruff: noqa: RUF001 - letters of several scripts are what this is about

from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.search import normalize_search
from resolvers.query.search.snippets import MAX_LENGTH, cut, pieces

TEXTS = st.text(
    st.one_of(
        st.sampled_from(
            "aAbB ßẞİıiIﬁΣςσéÉe\u0301\u0307\u0323\u0345ΐᾳ한글\u1112\u1161\u11ab\x1f\n東ก้"
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=300,
)


@pytest.mark.parametrize(
    ("text", "terms", "parts"),
    [
        ("The printer", ["print"], ["The ", "[print]", "er"]),
        ("PRINTER", ["printer"], ["[PRINTER]"]),
        ("Die Straße dort", ["strasse"], ["Die ", "[Straße]", " dort"]),
        # A part of a character is all of it.
        ("Die Straße", ["stras"], ["Die ", "[Straß]", "e"]),
        ("Cafe\u0301!", ["café"], ["[Cafe\u0301]", "!"]),
        ("Cafe\u0301 und Café", ["é"], ["Caf", "[e\u0301]", " und Caf", "[é]"]),
        ("İstanbul'da", ["istanbul"], ["[İstanbul]", "'da"]),
        (
            "\u1112\u1161\u11ab\u1100\u116e\u11a8",
            ["한"],
            ["[\u1112\u1161\u11ab]", "\u1100\u116e\u11a8"],
        ),
        ("βόρρας", ["βόρρασ"], ["[βόρρας]"]),
        ("<b>100%_</b>", ["%_"], ["<b>100", "[%_]", "</b>"]),
        ("abcabc", ["abca", "cab", "bc"], ["[abcabc]"]),
        ("ab ab", ["ab"], ["[ab]", " ", "[ab]"]),
        ("one two", ["two", "one"], ["[one]", " ", "[two]"]),
        ("one two", ["three"], []),
        ("one two", ["three", "two"], ["one ", "[two]"]),
        ("", ["a"], []),
        (None, ["a"], []),
    ],
)
def test_terms_are_highlighted(text: str | None, terms: list[str], parts: list[str]) -> None:
    found = cut(text, terms)
    assert [f"[{one}]" if is_term else one for one, is_term in found] == parts


def test_a_long_text_is_cut_at_words_around_the_first_term() -> None:
    words = [f"word{number}" for number in range(100, 300)]
    found = cut(" ".join(words), ["word150"])

    shown = "".join(text for text, _ in found)
    assert shown.split(" ") == words[words.index(shown.split(" ")[0]) :][: len(shown.split(" "))]
    assert 120 < len(shown) <= MAX_LENGTH
    assert [text for text, is_term in found if is_term] == ["word150"]
    assert shown.split(" ").index("word150") in (3, 4)


def test_a_text_without_words_is_cut_but_not_between_a_letter_and_its_marks() -> None:
    found = cut("e\u0301\u0323" * 500 + "x" + "a\u0301" * 500, ["x"])

    shown = "".join(text for text, _ in found)
    assert shown.startswith("e\u0301\u0323")
    assert shown.endswith("a\u0301")
    assert 120 < len(shown) <= MAX_LENGTH


def test_a_term_that_is_longer_than_a_snippet_fills_it() -> None:
    assert cut("b" + "a" * 500, ["a" * 400]) == [("b", False), ("a" * (MAX_LENGTH - 1), True)]


@given(TEXTS)
@example("i\u0307\u0323 İ\u0323")
@example("\u0345a\u0345\u0301")
def test_pieces_are_normalised_each_for_itself(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert "".join(map(normalize_search, pieces(text))) == normalize_search(text)


@given(TEXTS, st.integers(0, 300), st.integers(1, 8))
@example(normalize("NFD", "Ắ" * 200), 100, 1)
@example("İ" * 300, 290, 3)
def test_a_part_of_a_text_is_found_in_it(text: str, place: int, length: int) -> None:
    normal = normalize_search(text)
    term = normal[place : place + length]
    if not term:
        return
    found = cut(text, [term])
    shown = "".join(one for one, _ in found)
    highlighted = next(one for one, is_term in found if is_term)
    assert shown in text
    assert len(shown) <= MAX_LENGTH
    assert term in normalize_search(highlighted) or len(highlighted) >= len(shown) - 40
