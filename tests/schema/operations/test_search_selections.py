"""`search`: what a client may select of its union."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket

pytestmark = pytest.mark.anyio

UNION = """query($yes: Boolean!, $no: Boolean!) {
  first: search(query: "pearl", first: 1) { edges { __typename } nodes { __typename } }
  search(query: "pearl") {
    __typename
    edges {
      __typename
      found: node {
        kind: __typename
        ...Any
        ... on SearchResult { ... on Ticket { subject comments(first: 1) { nodes { text } } } }
        ... on Company { tickets(first: 1) { nodes { subject } } }
        ... on Contact @include(if: $no) { email }
        ... on Comment @skip(if: $no) { text ticket { company { name } } }
      }
      one: snippets { kind: __typename field }
      two: snippets { parts { __typename t: text h: highlighted } }
      one: snippets { field }
    }
    ids: nodes { ... on Node { id @include(if: $yes) } }
    nothing: nodes @skip(if: $yes) { __typename }
  }
}
fragment Any on Node { id ... on Contact { name } }"""


async def test_selections_of_a_union(gql: GraphQLClient) -> None:
    await gql.add(
        *(company("Pearl"), contact("pearl person", created_at=NOON - timedelta(1))),
        ticket("T-1", subject="a pearl", company_id=key("Pearl")),
        comment("the pearl", "T-1", created_at=NOON - timedelta(2)),
    )
    data = await gql.ask(UNION, {"yes": True, "no": False})
    assert data["first"] == {
        "edges": [{"__typename": "SearchResultEdge"}],
        "nodes": [{"__typename": "Company"}],
    }
    found = data["search"]
    assert found["__typename"] == "SearchResultConnection"
    by_kind = {edge["found"]["kind"]: edge for edge in found["edges"]}
    kinds = ["Company", "Ticket", "Contact", "Comment"]
    assert [edge["found"]["kind"] for edge in found["edges"]] == kinds
    rows = dict(zip(kinds, ("Pearl", "T-1", "pearl person", "the pearl"), strict=True))
    assert found["ids"] == [{"id": str(key(name))} for name in rows.values()]
    expected: dict[str, dict[str, Any]] = {
        "Company": {"tickets": {"nodes": [{"subject": "a pearl"}]}},
        "Ticket": {"subject": "a pearl", "comments": {"nodes": [{"text": "the pearl"}]}},
        "Contact": {"name": "pearl person"},
        "Comment": {"text": "the pearl", "ticket": {"company": {"name": "Pearl"}}},
    }
    for kind, fields in expected.items():
        assert by_kind[kind]["found"] == {"kind": kind, "id": str(key(rows[kind])), **fields}
    assert by_kind["Comment"]["one"] == [{"kind": "SearchSnippet", "field": "text"}]
    part = {"__typename": "SearchSnippetPart", "t": "the ", "h": False}
    assert by_kind["Comment"]["two"] == [{"parts": [part, {**part, "t": "pearl", "h": True}]}]


async def test_a_wrong_argument_inside_is_an_error_at_its_place(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1", subject="coral"), contact("coral"))
    query = """{ search(query: "coral", types: [TICKET, CONTACT]) { edges {
      snippets { field } node { ... on Ticket { subject comments(first: 101) { totalCount } }
      ... on Contact { name } } } } }"""
    answer = (await gql.post(query)).json()
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["message"] == "`first` must be between 0 and 100."
    assert error["path"][:2] == ["search", "edges"]
    assert error["path"][3:] == ["node", "comments"]
