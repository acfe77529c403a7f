"""Whatever is asked, one statement answers as a GraphQL executor would over the rows themselves."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from graphql import parse, validate
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models import Role
from resolvers.errors import BadCursor
from resolvers.signing import Signer
from tests.schema.argument_values import ArgumentValues
from tests.schema.awkward_rows import AllRows, load, make_awkward_rows
from tests.schema.documents import Documents
from tests.schema.reference import Reference
from tests.support import proofs
from tests.support.graphql_client import GraphQLClient, client_schema
from tests.support.settings import KEY

pytestmark = pytest.mark.anyio

SCHEMA = client_schema()
ROOTS = (
    "tickets",
    "ticket",
    "node",
    "nodes",
    "viewer",
    "comments",
    "users",
    "companies",
    "contacts",
    "ticketEvents",
)
ROWS = make_awkward_rows()

# Shrinking takes minutes here; a document says enough as it is.
EXAMPLES = settings(proofs.examples(8, 50), phases=[Phase.generate], report_multiple_bugs=False)


def comparable(value: Any, signer: Signer) -> str:
    """Return an answer as text: cursors opened, numbers as numbers, keys in their order."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [plain(inner) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if not isinstance(value, str):
            return value
        try:
            return ["cursor", *signer.open(value)]
        except (BadCursor, ValueError):
            return value

    return json.dumps(plain(value), indent=1, ensure_ascii=False)


@dataclass
class Asked:
    """A valid document with its variables, and who asks."""

    text: str
    variables: dict[str, Any]
    viewer: str


@st.composite
def asked(draw: st.DrawFn) -> Asked:
    """Make a document about the rows of the world."""
    # A seed instead of Hypothesis's own choices, which make most documents too small to find much.
    random = Random(draw(st.integers(0, 2**32 - 1)))
    documents = Documents(random, SCHEMA, ArgumentValues(random, ROWS, Signer(KEY)))
    text = documents.make(ROOTS)
    viewer = random.choice(ROWS.users)
    return Asked(text, documents.variables, viewer.username)


@pytest.fixture
async def all_rows(full: GraphQLClient) -> AllRows:
    """Give the rows as the ORM reads them."""
    return await load(full.database)


@pytest.mark.proof(small=True)
@EXAMPLES
@given(asked=asked())
async def test_answers_are_those_of_an_executor_over_rows(
    full: GraphQLClient, all_rows: AllRows, asked: Asked
) -> None:
    document = parse(asked.text)
    assert validate(SCHEMA, document) == []
    viewer = next(user for user in all_rows.users if user.username == asked.viewer)
    reference = Reference(
        all_rows, viewer, full.clock.now, full.services.signer, "http://desk.test"
    )
    expected = reference.answer(SCHEMA, document, asked.variables)
    answer = await full.ask(asked.text, asked.variables, viewer.id)
    assert comparable(answer, full.services.signer) == comparable(expected, full.services.signer)


async def test_the_rows_have_what_makes_answers_differ(all_rows: AllRows) -> None:
    assert {user.role for user in all_rows.users} >= {Role.ADMIN, Role.TECH, Role.CUSTOMER}
    assert {ticket.due_date is None for ticket in all_rows.tickets} == {True, False}
    assert {comment.is_internal for comment in all_rows.comments} == {True, False}
    customers = {user.company_id for user in all_rows.users if user.company_id}
    assert customers & {ticket.company_id for ticket in all_rows.tickets}
