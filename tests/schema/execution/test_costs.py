"""What operations cost: the most objects that they may answer with, and those that they did."""

import json
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    get_introspection_query,
    get_named_type,
    graphql_sync,
    is_leaf_type,
    is_list_type,
    parse,
)
from graphql.execution.values import get_argument_values, get_variable_values
from graphql.type import get_nullable_type
from hypothesis import given
from hypothesis import strategies as st

from resolvers.signing import Signer
from schema import create_schema
from schema.execution.cost import MAX_KEPT, Cost, Pricing
from schema.execution.limits import DEFAULT_LIMITS
from schema.execution.strawberry_internals import core_schema
from tests.schema.argument_values import ArgumentValues
from tests.schema.awkward_rows import load, make_awkward_rows
from tests.schema.conftest import Opens
from tests.schema.documents import Documents
from tests.schema.projection.test_projection_property import EXAMPLES, ROOTS, ROWS
from tests.support import proofs
from tests.support.graphql_client import GraphQLClient
from tests.support.limits import UNBOUNDED
from tests.support.rows import attachment, comment, company, ticket, user
from tests.support.settings import KEY

SCHEMA = core_schema(create_schema())
PRICING = Pricing(SCHEMA)
PART = "fragment P on Ticket { company { id } }"
TICKET = 'ticket(ticketNumber: "T-1")'


def cost(text: str) -> Cost:
    document = parse(text)
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return PRICING.cost(document, operation)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ __typename }", 0),
        ("{ viewer { id } }", 1),
        ("{ viewer { id company { name } } }", 2),
        ("{ tickets { totalCount } }", 1),
        ("{ tickets { pageInfo { endCursor } } }", 2),
        ("{ tickets { nodes { id } } }", 21),
        ("{ tickets(first: 3) { nodes { id } } }", 4),
        ("{ tickets(last: 3) { edges { cursor node { id } } } }", 7),
        ("{ tickets(first: 3) { nodes { company { id } comments { nodes { id } } } } }", 70),
        ("{ tickets(first: 1000) { nodes { id } } }", 101),
        ("{ tickets(first: -1) { nodes { id } } }", 2),
        ('{ nodes(ids: ["a", "b"]) { id ... on Ticket { company { id } } } }', 4),
        ('{ nodes(ids: "a") { id } }', 1),
        ("{ nodes(ids: []) { id } }", 1),
        (f"{{ {TICKET} {{ attachments {{ id }} }} }}", 21),
        (f"{{ {TICKET} {{ company {{ id }} ...P }} }} {PART}", 3),
        ("{ tickets(first: 2) { ...P ...P } } fragment P on TicketConnection { nodes { id } }", 5),
        ("{ rateLimit { available } a: rateLimit { maximum } }", 0),
        ("mutation { logout(input: {refreshToken: \"x\"}) { ok } }", 11),
        ("subscription { ticketEvents { id ticket { id } } }", 2),
        # What no object stands for: conditions, each time that rows are looked for by them.
        ('{ tickets(filter: {search: "a"}) { totalCount } }', 1 + 2 * 20 * 25),
        ('{ tickets(filter: {search: "a b \\"c d\\""}) { totalCount } }', 1 + 2 * 20 * 75),
        ("{ tickets(filter: {open: true, status: {in: [NEW]}}) { nodes { id } } }", 21 + 20 * 2),
        ("{ tickets(filter: {not: {or: [{mine: true}, {}]}}) { nodes { id } } }", 21 + 20),
        ('{ tickets(filter: {tags: {hasAny: ["a", "b"]}}) { nodes { id } } }', 21 + 20 * 20),
        (
            "{ tickets(first: 1, filter: {open: true}) "
            "{ a: totalCount b: totalCount pageInfo { hasNextPage hasPreviousPage } } }",
            2 + 20 * 5,
        ),
        (
            '{ companies(first: 3) { nodes { tickets(filter: {search: "a"}) { totalCount } } } }',
            1 + 3 * 2 + 3 * 2 * 25 * 2,
        ),
        ('{ companies(first: 2, search: "a") { nodes { id } } }', 3 + 20 * 25),
        ('{ users(first: 2, filter: {search: "a"}) { nodes { id } } }', 3 + 20 * 25),
        ('{ tickets(first: 2, filter: {search: ""}) { nodes { id } } }', 3),
        ('{ search(query: "a b", first: 2) { nodes { ...P ... on Contact { name } } } }'
         f"{PART}", 1 + 2 * 2 + 20 * 50),
        ('{ search(query: "a", first: 2) { edges { snippets { parts { text } } } } }',
         1 + 2 * (1 + 2 * (1 + 3)) + 20 * 25),
        # An empty page is prepared like others.
        ("{ tickets(first: 0) { nodes { tickets: id } } }", 2),
        ('subscription { ticketEvents(filter: {search: "a"}) { id } }', 1 + 20 * 25),
    ],
)  # fmt: skip
def test_an_object_is_a_point(text: str, points: int) -> None:
    assert cost(text).of({}).total == points


def test_the_terms_of_a_search_come_from_the_variables() -> None:
    found = cost("query($q: String!) { search(query: $q, first: 1) { nodes { __typename } } }")
    for text, terms in (("a", 1), ("a b,c", 3), ("", 0)):
        assert found.of({"q": text}).total == 2 + 20 * 25 * terms


def test_sizes_come_from_the_variables() -> None:
    found = cost(
        "query($n: Int, $m: Int, $ids: [ID!]!) { tickets(first: $n) { nodes { id "
        "comments(last: $m) { nodes { id } } } } nodes(ids: $ids) { id } }"
    )
    for n, m, ids in ((2, 3, []), (2, None, ["a"]), (None, 3, ["a", "b"]), (100, 100, ["x"] * 500)):
        expected = 1 + (n or 20) * (1 + 1 + (m or 20)) + max(1, min(len(ids), 100))
        variables: dict[str, object] = {"n": n, "m": m, "ids": ids}
        assert found.of(variables).total == found.of(variables).total == expected
    assert found.of({"ids": []}).total == 1 + 1 + 20 * 22


def test_conditions_come_from_the_variables() -> None:
    whole = cost("query($f: TicketFilter) { tickets(filter: $f) { nodes { id } } }")
    parts = cost(
        "query($s: String, $in: [TicketStatus!]) "
        "{ tickets(filter: {search: $s, status: {in: $in}}) { nodes { id } } }"
    )
    for text, terms in (("a", 1), ("a b", 2), ("x " * 21, 20), ('"' * 2000, 20), ("", 0)):
        expected = 21 + 20 * 25 * terms
        assert whole.of({"f": {"search": text}}).total == expected
        assert whole.of({"f": {"or": [{"not": {"search": text}}]}}).total == expected
        assert parts.of({"s": text}).total == expected + 20
    absent: list[dict[str, Any]] = [{}, {"f": None}, {"f": {}}, {"f": {"search": None, "or": []}}]
    for nothing in absent:
        assert whole.of(nothing).total == 21


def test_what_made_the_server_work_for_long_costs_too_much() -> None:
    searches = ", ".join(f'{{search: "w{i}"}}' for i in range(40))
    below = "{ companies(first: 100) { nodes { tickets(filter: {or: [%s]}) { totalCount } } } }"
    assert cost(below % searches).of({}).total > DEFAULT_LIMITS.cost
    roots = " ".join(f"a{i}: tickets(filter: $f) {{ totalCount }}" for i in range(15))
    found = cost(f"query($f: TicketFilter) {{ {roots} }}")
    conditions = {"or": [{"open": True}] * 95}
    assert found.of({"f": conditions}).total > DEFAULT_LIMITS.cost


def test_only_so_many_sizes_are_kept() -> None:
    found = cost("query($n: Int) { tickets(first: $n) { nodes { id } } }")
    first = found.of({"n": 0})
    assert found.of({"n": 0}) is first
    for n in range(MAX_KEPT + 10):
        assert found.of({"n": n}).total == 1 + max(1, n)
    # It was forgotten, and is found again.
    assert found.of({"n": 0}) is not first
    assert found.of({"n": 0}) == first


def test_what_is_free_is_known_by_its_key() -> None:
    found = cost(
        "{ a: rateLimit { available } ...P } fragment P on Query { rateLimit { maximum } }"
    )
    assert found.free == {"a", "rateLimit"}


def test_introspection_costs_about_what_it_answers() -> None:
    text = get_introspection_query(input_value_deprecation=True)
    answer = graphql_sync(SCHEMA, text).data
    assert answer is not None
    actual = json.dumps(answer).count("{") - 1
    assert actual <= cost(text).of({}).total <= 2 * actual
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert (
        cost(deep).of({}).total
        > cost(deep.replace("type { fields { name } }", "name")).of({}).total
    )


class Naive:
    """The cost by walking through everything, each fragment at each of its uses."""

    def __init__(self, text: str, variables: dict[str, Any]) -> None:
        self.fragments = {}
        for one in parse(text).definitions:
            if isinstance(one, FragmentDefinitionNode):
                self.fragments[one.name.value] = one
            elif isinstance(one, OperationDefinitionNode):
                self.operation = one
        found = get_variable_values(SCHEMA, self.operation.variable_definitions or (), variables)
        assert not isinstance(found, list)
        self.variables = found

    def cost(self) -> int:
        root = SCHEMA.get_root_type(self.operation.operation)
        return self.inside(self.operation, root, 1)

    def inside(self, node: Any, type_: Any, rows: int) -> int:
        found = 0
        for one in node.selection_set.selections:
            if isinstance(one, FieldNode):
                found += self.field(one, type_, rows)
                continue
            part = self.fragments[one.name.value] if isinstance(one, FragmentSpreadNode) else one
            named = part.type_condition and SCHEMA.get_type(part.type_condition.name.value)
            found += self.inside(part, named or type_, rows)
        return found

    def field(self, node: FieldNode, type_: Any, rows: int) -> int:
        definition = SCHEMA.get_field(type_, node.name.value)
        assert definition is not None
        named = get_named_type(definition.type)
        if is_leaf_type(named):
            return 0
        args = get_argument_values(definition, node, self.variables)
        size, inner_rows = 1, 1
        if named.name.endswith("Connection"):
            inner_rows = next(
                (args[name] for name in ("last", "first") if args.get(name) is not None), 20
            )
            inner_rows = max(1, inner_rows)
        if is_list_type(get_nullable_type(definition.type)):
            of_page = isinstance(type_, GraphQLObjectType) and type_.name.endswith("Connection")
            size = rows if of_page else max(1, len(args["ids"])) if "ids" in args else 20
        return size * (1 + self.inside(node, named, inner_rows))


def made(seed: int) -> Documents:
    random = Random(seed)
    return Documents(random, SCHEMA, ArgumentValues(random, ROWS, Signer(KEY)))


@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1))
def test_looking_at_fragments_once_comes_to_the_same(seed: int) -> None:
    documents = made(seed)
    text = documents.make(ROOTS)
    naive = Naive(text, documents.variables)
    assert cost(text).of(naive.variables.coerced).objects == naive.cost()


@pytest.fixture
async def counting(opens: Opens) -> AsyncIterator[GraphQLClient]:
    async with opens(**UNBOUNDED | {"rate_limit": 10**9}) as gql:
        yield gql


@pytest.mark.anyio
@pytest.mark.proof(small=True)
async def test_an_answer_has_at_most_the_objects_that_were_counted_on(
    counting: GraphQLClient,
) -> None:
    await counting.add(*make_awkward_rows().all())
    all_rows = await load(counting.database)
    for seed in range(60 if proofs.LONG else 15):
        documents = made(seed)
        text = documents.make(ROOTS)
        viewer = next(one for one in all_rows.users if one.is_active)
        answer = (await counting.post(text, documents.variables, viewer.id)).json()
        assert "errors" not in answer, answer
        told = answer["extensions"]["cost"]

        def objects(value: Any) -> int:
            if isinstance(value, dict):
                return bool(value) + sum(map(objects, value.values()))
            return sum(map(objects, value)) if isinstance(value, list) else 0

        exact = sum(map(objects, answer["data"].values()))
        assert exact <= told["actual"] <= told["requested"]
        if "filter" not in text and "search" not in text:
            assert exact == told["actual"]


@pytest.mark.anyio
async def test_braces_in_texts_are_no_objects(counting: GraphQLClient) -> None:
    await counting.add(company("hilton"), user("keith"), ticket("T-1", tags='{",a{,{'))
    texts = ["{", 'x{"', '{"a', '"{', '{"},{"b":1}', "\\{", '\\"{"']
    for i, text in enumerate(texts):
        await counting.add(comment(f"c{i}", "T-1", text=text))
    query = f"{{ {TICKET} {{ tags subject comments {{ nodes {{ text }} edges {{ cursor }} }} }} }}"
    answer = (await counting.post(query)).json()
    shown = [node["text"] for node in answer["data"]["ticket"]["comments"]["nodes"]]
    assert sorted(shown) == sorted(texts)
    assert answer["extensions"]["cost"]["actual"] == 2 + 2 * len(texts)


@pytest.mark.anyio
async def test_a_list_without_pages_may_cost_more_in_the_end(opens: Opens) -> None:
    async with opens(rate_limit=600) as gql:
        await gql.add(company("hilton"), user("keith"), ticket("T-1"))
        await gql.add(*(attachment(f"f{i}", "T-1") for i in range(25)))
        answer = (await gql.post(f"{{ {TICKET} {{ attachments {{ id }} }} }}")).json()
    told = answer["extensions"]["cost"]
    assert (told["requested"], told["actual"]) == (21, 26)
    used = told["throttle"]["maximum"] - told["throttle"]["available"]
    assert used == 26 + told["preparation"]
