"""A search finds the same on both databases: texts of all scripts, in both normal forms."""

# ruff: noqa: RUF001 - letters of several scripts are what this is about

from itertools import product
from typing import Literal
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from models import Role, Ticket
from models.search import normalize_search
from resolvers.query.filters.search_terms import search_terms
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket, user

pytestmark = pytest.mark.anyio

FOUND = "query($s: String) { tickets(first: 100, filter: {search: $s}) { nodes { ticketNumber } } }"
# What is stored, and what finds it in any case and form; the last ones do not.
TEXTS: list[tuple[str, list[str], list[str]]] = [
    ("βόρρας", ["ΒΌΡΡΑΣ", "βόρρασ", "όρρ"], ["βορρας"]),
    ("İstanbul", ["i̇stanbul", "istanbul", "İSTANBUL", "STANBUL"], ["ıstanbul"]),
    ("Isparta ılık", ["isparta", "ılık"], ["ilık"]),
    ("Straße", ["STRASSE", "strasse", "STRAẞE"], ["strase"]),
    ("Café Ñandú", ["CAFÉ", "ñandú"], ["cafe"]),
    ("Ḍḥạ̄", ["ḍḥ", "Ḍ"], ["dh"]),
    ("ﬁrma", ["FIRMA", "fi"], []),
    ("ภาพหน้าจอ", ["หน้า"], ["หนา้"]),
    ("한국어", ["한국", "국어"], ["한구"]),
    ("東京タワー", ["京タ"], ["京東"]),
    ("100%_/\\", ["%_", "/\\", "100%"], ["1%0", "_%"]),
    ("𝒳 𐐔 \U0001f3b5", ["\U0001f3b5", "𐐼"], []),
    ("ᾳ Άι", ["ΑΙ"], []),
]


Form = Literal["NFC", "NFD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD")


async def found(gql: GraphQLClient, text: str) -> set[str]:
    nodes = (await gql.ask(FOUND, {"s": text}))["tickets"]["nodes"]
    return {node["ticketNumber"] for node in nodes}


@pytest.mark.parametrize("form", FORMS)
async def test_case_and_normal_form_make_no_difference(gql: GraphQLClient, form: Form) -> None:
    await gql.add(
        *(ticket(f"T-{i}", subject=normalize(form, text)) for i, (text, *_) in enumerate(TEXTS))
    )
    for i, (_, right, wrong) in enumerate(TEXTS):
        for term, asked in product(right, FORMS):
            assert f"T-{i}" in await found(gql, f'"{normalize(asked, term)}"'.replace("\\", "\\\\"))
        for term in wrong:
            assert f"T-{i}" not in await found(gql, term), term


ALPHABET = "aAbß ẞıİiIσςΣéÉe\u0301\u0307\u0345ᾳǅ%_/\\\"',\x1f\nเกา้東한글ﬀ\u212a\U00010414"
WORDS = st.text(alphabet=st.sampled_from(ALPHABET), max_size=6)


@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(texts=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=8), searches=st.lists(WORDS))
async def test_the_databases_find_what_python_finds(
    gql: GraphQLClient, texts: list[tuple[str, str]], searches: list[str]
) -> None:
    async with gql.database.transaction() as session:
        await session.exec(delete(Ticket))
    rows = [ticket(f"#{i}", subject=s, description=d) for i, (s, d) in enumerate(texts)]
    await gql.add(*rows)
    for search in searches:
        terms = [normalize_search(term) for term in search_terms(search)]
        expected = {
            row.ticket_number
            for row in rows
            if all(
                any(
                    term in normalize_search(text)
                    for text in (row.ticket_number, row.subject, row.description, "hilton")
                )
                for term in terms
            )
        }
        assert await found(gql, search) == expected, search


async def test_no_term_is_found_across_two_fields_or_in_another_one(gql: GraphQLClient) -> None:
    await gql.add(
        ticket("T-1", subject="one", description="two"),
        company("third", website="https://third.example/"),
        ticket("T-2", subject="-", company_id=key("third")),
        comment("unsearched", "T-1"),
    )
    for text in ('"one two"', '"one\x1ftwo"', '"one\ntwo"', "third.example", "unsearched"):
        assert await found(gql, text) == set(), text
    assert await found(gql, "THIRD") == {"T-2"}


async def test_every_list_with_a_search_folds_alike(gql: GraphQLClient) -> None:
    await gql.add(
        company("bücher", notes="ÄRGER"),
        contact("Ärzte", title="ΒΌΡΡΑΣ", email="ÄNNE@b.example"),
        user("gustav", Role.SALES, first_name="Gústav", email="GÚ@desk.example"),
    )
    for read, name in (
        ('companies(search: "BU\u0308CHER") { nodes { n: name } }', "bücher"),
        ('companies(search: "ärger") { nodes { n: name } }', "bücher"),
        ('contacts(filter: {search: "A\u0308RZTE"}) { nodes { n: name } }', "Ärzte"),
        ('contacts(filter: {search: "βόρρας änne"}) { nodes { n: name } }', "Ärzte"),
        ('users(filter: {search: "GU\u0301STAV"}) { nodes { n: username } }', "gustav"),
    ):
        data = await gql.ask(f"{{ found: {read} }}")
        assert [node["n"] for node in data["found"]["nodes"]] == [name], read
    private = '{ users(filter: {search: "gú@DESK"}) { nodes { username } } }'
    for viewer, names in (("admin", ["gustav"]), ("gustav", ["gustav"]), ("keith", [])):
        nodes = (await gql.ask(private, None, viewer))["users"]["nodes"]
        assert [node["username"] for node in nodes] == names, viewer
