"""How much one operation may ask for: at the limit it works, beyond it is refused in words."""

from collections.abc import Callable

import pytest
from graphql import get_introspection_query, parse

from schema import create_schema
from schema.execution.document_cache import MAX_ERRORS, DocumentCache
from schema.execution.limits import (
    MAX_FIELDS,
    MAX_NESTED,
    MAX_NESTED_VALUES,
    MAX_VALUES,
    Limits,
    excess_of_values,
    violations,
)
from tests.support.graphql_client import GraphQLClient

LIMITS = Limits()
TICKET = 'ticket(ticketNumber: "T-1")'


@pytest.fixture(scope="module")
def documents() -> DocumentCache:
    return create_schema().documents


def said(documents: DocumentCache, text: str) -> list[str]:
    return [error.message for error in documents.examine(text).errors]


def files(turns: int, leaf: str) -> str:
    inner = leaf
    for _ in range(turns):
        inner = f"attachments {{ ticket {{ {inner} }} }}"
    return f"{{ {TICKET} {{ {inner} }} }}"


def aliases(count: int) -> str:
    return f"{{ {TICKET} {{ {' '.join(f'a{i}: id' for i in range(count))} }} }}"


def root_fields(count: int) -> str:
    return f"{{ {' '.join(['viewer { id }'] * count)} }}"


def directives(count: int) -> str:
    return f"{{ {TICKET} {{ {'id @skip(if: false) ' * count} }} }}"


@pytest.mark.parametrize(
    ("make", "most", "sentence"),
    [
        (aliases, LIMITS.aliases, "An operation may have 30 aliases; this one has 31."),
        (root_fields, LIMITS.root_fields, "An operation may have 20 root fields; this one has 21."),
        (directives, LIMITS.directives, "An operation may have 50 directives; this one has 51."),
    ],
)
def test_a_limit_is_named_with_the_count(
    documents: DocumentCache, make: Callable[[int], str], most: int, sentence: str
) -> None:
    assert said(documents, make(most)) == []
    assert said(documents, make(most + 1)) == [sentence]


def test_twelve_fields_deep_passes_and_thirteen_do_not(documents: DocumentCache) -> None:
    assert said(documents, files(5, "id")) == []
    assert said(documents, files(5, "company { id }")) == [
        "An operation may be 12 fields deep; this one is 13."
    ]


def test_what_a_fragment_brings_in_counts_at_every_use(documents: DocumentCache) -> None:
    spread = "{{ {} }} fragment Part on Query {{ a: viewer {{ id }} }}"
    assert said(documents, spread.format("...Part " * LIMITS.root_fields)) == []
    assert said(documents, spread.format("...Part " * 31)) == [
        "An operation may have 30 aliases; this one has 31.",
        "An operation may have 20 root fields; this one has 31.",
    ]
    nested = files(5, "...Part") + " fragment Part on Ticket { company { id } }"
    assert said(documents, nested) == ["An operation may be 12 fields deep; this one is 13."]
    flood = f"{{ {TICKET} {{ {'...Part ' * 26} }} }}"
    flood += " fragment Part on Ticket { id @skip(if: false) subject @skip(if: false) }"
    assert said(documents, flood) == ["An operation may have 50 directives; this one has 52."]


def test_directives_count_wherever_they_are(documents: DocumentCache) -> None:
    inline = "... @skip(if: false) { id } " * 49
    text = f"query($a: Boolean!) {{ {TICKET} {{ {inline} ...F @skip(if: $a) }} }}"
    assert said(documents, text + " fragment F on Ticket { id }") == []
    (error,) = said(documents, text + " fragment F on Ticket @skip(if: true) { id }")
    assert error == "An operation may have 50 directives; this one has 51."
    (error,) = said(documents, text.replace(") {", ") @a {", 1) + " fragment F on Ticket { id }")
    assert error == "An operation may have 50 directives; this one has 51."


@pytest.mark.parametrize(
    "place",
    [
        "query($a: Int {}) {{ {ticket} {{ id }} }}",
        "query {} {{ {ticket} {{ id }} }}",
        "{{ {ticket} {} {{ id }} }}",
        "{{ ... {} {{ {ticket} {{ id }} }} }}",
        "{{ {ticket} {{ ...F }} }} fragment F on Ticket {} {{ id }}",
    ],
)
def test_directives_at_exactly_the_limit_pass_in_every_place(place: str) -> None:
    for count, sentences in (
        (LIMITS.directives, []),
        (LIMITS.directives + 1, ["An operation may have 50 directives; this one has 51."]),
    ):
        text = place.format("@a " * count, ticket=TICKET)
        assert [error.message for error in violations(parse(text), LIMITS)] == sentences


def test_fields_and_nesting_at_exactly_the_limit_pass() -> None:
    wide = Limits(tokens=10**6, document_kb=1000, root_fields=10**6, depth=10**6)
    for count, passes in ((MAX_FIELDS, True), (MAX_FIELDS + 1, False)):
        assert (violations(parse("{" + " a" * count + "}"), wide) == []) is passes
    for levels, passes in ((MAX_NESTED, True), (MAX_NESTED + 1, False)):
        parts = " ".join(f"fragment F{i} on T {{ ...F{i + 1} }}" for i in range(1, levels - 1))
        text = f"{{ ...F1 }} {parts} fragment F{levels - 1} on T {{ id }}"
        assert (violations(parse(text), wide) == []) is passes


def test_variables_at_exactly_the_limit_pass() -> None:
    for count, passes in ((MAX_VALUES - 1, True), (MAX_VALUES, False)):
        assert (excess_of_values({"ids": ["x"] * count}) is None) is passes
    for levels, passes in ((MAX_NESTED_VALUES, True), (MAX_NESTED_VALUES + 1, False)):
        value: object = 1
        for _ in range(levels - 1):
            value = [value]
        assert (excess_of_values({"a": value}) is None) is passes
    assert excess_of_values(None) is None


def test_each_operation_of_a_document_has_the_limits_to_itself(documents: DocumentCache) -> None:
    both = f"query A {aliases(20)} query B {aliases(20)}"
    assert said(documents, both) == []


def test_fragments_that_double_each_other_are_refused_before_they_are_compared(
    documents: DocumentCache,
) -> None:
    parts = " ".join(f"fragment F{i} on Ticket {{ ...F{i + 1} ...F{i + 1} }}" for i in range(30))
    text = f"{{ {TICKET} {{ ...F0 }} }} {parts} fragment F30 on Ticket {{ id }}"
    assert said(documents, text) == [
        f"An operation may have {MAX_FIELDS} fields and fragments; "
        "this one has more than a billion."
    ]


def test_cycles_and_unknown_fragments_are_left_to_the_rules(documents: DocumentCache) -> None:
    cycle = f"{{ {TICKET} {{ ...A }} }} fragment A on Ticket {{ ...B }}"
    (error,) = said(documents, cycle + " fragment B on Ticket { ...A id }")
    assert error == "Cannot spread fragment 'A' within itself via 'B'."
    assert said(documents, "{ ...Nowhere }") == ["Unknown fragment 'Nowhere'."]


def test_long_chains_of_fragments_end_with_a_sentence() -> None:
    documents = create_schema(limits=Limits(tokens=50_000, document_kb=500)).documents
    parts = " ".join(f"fragment F{i} on Ticket {{ ...F{i + 1} }}" for i in range(3000))
    text = f"{{ {TICKET} {{ ...F0 }} }} {parts} fragment F3000 on Ticket {{ id }}"
    assert said(documents, text) == ["A document nests at most 200 selections."]


def test_introspection_has_a_depth_of_its_own(documents: DocumentCache) -> None:
    assert said(documents, get_introspection_query(input_value_deprecation=True)) == []
    types = '{{ __type(name: "Ticket") {{ {} }} }}'
    inner = "name"
    for _ in range(18):
        inner = f"ofType {{ {inner} }}"
    assert said(documents, types.format(inner)) == []
    (error,) = said(documents, types.format(f"ofType {{ {inner} }}"))
    assert error == "Introspection may be 20 fields deep; this one is 21."


@pytest.mark.parametrize("size", [600, 1900])
@pytest.mark.parametrize("field", ["id", "company { id }"])
def test_fields_that_repeat_too_often_are_not_compared(
    documents: DocumentCache, field: str, size: int
) -> None:
    words = field.count(" ") + 1
    text = f"{{ {TICKET} {{ {f'{field} ' * (size // words)} }} }}"
    (error,) = said(documents, text)
    assert error == "The document asks for the same fields too often to compare them all."
    assert said(documents, f"{{ {TICKET} {{ {f'{field} ' * 30} }} }}") == []


def test_tokens_and_bytes_are_limited_unless_the_document_is_trusted(
    documents: DocumentCache,
) -> None:
    long = f"{{ {TICKET} {{ id }} }} #"
    assert said(documents, long.ljust(20_000)) == []
    assert said(documents, long.ljust(20_001)) == [
        "A document may have 20000 bytes; this one has 20001."
    ]
    assert said(documents, long.ljust(19_997) + "éé") == [
        "A document may have 20000 bytes; this one has 20001."
    ]
    assert documents.trust(long.ljust(50_000)).errors == []
    many = "query(" + " ".join(f"$a{i}: Int" for i in range(900)) + ") { viewer { id } }"
    assert "2000 tokens" in said(documents, many)[0]
    assert len(documents.trust(many).errors) == MAX_ERRORS + 1
    # What is trusted is bounded by what it asks for.
    assert documents.trust(aliases(31)).errors != []
    # Who sends the text of a trusted document asks for that one.
    trusted = documents.get(long.ljust(50_000))
    assert trusted is not None
    assert trusted.errors == []


@pytest.mark.parametrize(
    ("start", "more"), [("", "{a"), ("{ tickets(filter: ", "["), ("query($a: ", "[")]
)
def test_a_document_of_any_nesting_is_refused(
    documents: DocumentCache, start: str, more: str
) -> None:
    (error,) = said(documents, start + more * 5000)
    assert error.startswith("Syntax Error: Document is nested too deeply.")


@pytest.mark.anyio
async def test_variables_are_limited_in_number_and_depth(gql: GraphQLClient) -> None:
    query = "query($ids: [ID!]!, $filter: TicketFilter) { nodes(ids: $ids) { id } }"
    query = query.replace("{ id } }", "{ id } tickets(filter: $filter) { totalCount } }")
    await gql.ask("{ viewer { id } }")
    gql.statements.clear()
    error = await gql.refused(query, {"ids": ["x"] * MAX_VALUES})
    assert error["message"] == f"The variables hold at most {MAX_VALUES} values; these hold more."
    deep: object = {}
    for _ in range(MAX_NESTED_VALUES):
        deep = {"not": deep}
    error = await gql.refused(query, {"ids": [], "filter": deep})
    assert error["message"] == (
        f"The variables nest at most {MAX_NESTED_VALUES} values; these nest more."
    )
    assert gql.statements == []
    within: object = {}
    for _ in range(MAX_NESTED_VALUES - 5):
        within = {"not": within}
    error = await gql.refused(query, {"ids": [], "filter": within})
    assert error["message"].startswith("A filter nests at most")


@pytest.mark.anyio
async def test_what_is_refused_reaches_no_database(gql: GraphQLClient) -> None:
    await gql.ask("{ viewer { id } }")
    gql.statements.clear()
    error = await gql.refused(aliases(31))
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert gql.statements == []
