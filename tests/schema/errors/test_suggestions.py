"""Where the schema may not be asked for, errors do not suggest names of it."""

from typing import Any

import pytest

from tests.schema.conftest import Opens
from tests.schema.ways import SENDS
from tests.support.rows import company, user

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

# Each leads to a suggestion where those are allowed.
KINDS: dict[str, tuple[str, Any]] = {
    "field": ("{ vieweer { id } }", None),
    "inline fragment": ('{ node(id: "1") { ticketNumber } }', None),
    "argument": ("{ tickets(firs: 1) { totalCount } }", None),
    "argument of a directive": ("{ viewer { id @include(iff: true) } }", None),
    "type of a variable": ("query($f: TicketFilte) { tickets(filter: $f) { totalCount } }", None),
    "type of a fragment": ("{ tickets { nodes { ... on Ticke { id } } } }", None),
    "input field in a document": (
        "{ tickets(filter: {statu: {eq: NEW}}) { totalCount } }",
        None,
    ),
    "input field in a variable": (
        "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }",
        {"f": {"statu": {}}},
    ),
    "input field of a default": (
        "query($f: TicketFilter = {statu: {}}) { tickets(filter: $f) { totalCount } }",
        None,
    ),
    "enum value in a document": (
        "{ tickets(filter: {status: {eq: NWE}}) { totalCount } }",
        None,
    ),
    "enum value as a string": (
        '{ tickets(filter: {status: {eq: "NEW"}}) { totalCount } }',
        None,
    ),
    "enum value in a variable": (
        "query($f: TicketFilter) { tickets(filter: $f) { totalCount } }",
        {"f": {"status": {"eq": "NWE"}}},
    ),
    "enum value of a variable": (
        "query($s: TicketStatus) { tickets(filter: {status: {eq: $s}}) { totalCount } }",
        {"s": "NWE"},
    ),
}
# These have none either way, and shall get none.
OTHERS: dict[str, tuple[str, Any]] = {
    "fragment": ("{ viewer { ...Uzer } } fragment User on User { id }", None),
    "variable": ("query($first: Int) { tickets(first: $firs) { totalCount } }", None),
    "directive": ("{ viewer { id @includ(if: true) } }", None),
    "operation": ("query Mine { viewer { id } } query Yours { viewer { id } }", None),
}
MEAN = "Did you mean"


@pytest.mark.parametrize(
    ("settings", "suggests"),
    [
        ({"environment": "production"}, False),
        ({"environment": "production", "introspection": True}, True),
        ({}, True),
        ({"introspection": False}, False),
    ],
)
async def test_names_are_suggested_only_where_they_may_be_asked_for(
    opens: Opens, settings: dict[str, Any], suggests: bool
) -> None:
    async with opens(**settings) as gql:
        await gql.add(company("hilton"), user("keith"))
        for send in SENDS:
            for kind, (query, variables) in KINDS.items():
                answer = await send(gql, query, variables)
                assert (MEAN in answer) is suggests, (kind, send, answer)
                assert "BAD_USER_INPUT" in answer
            for kind, (query, variables) in OTHERS.items():
                answer = await send(gql, query, variables)
                assert MEAN not in answer, (kind, send)
                assert "BAD_USER_INPUT" in answer
            assert '"__typename":"Query"' in await send(gql, "{ __typename }")
            asked = await send(gql, "{ __schema { queryType { name } } }")
            assert ("introspection" in asked) is not suggests
