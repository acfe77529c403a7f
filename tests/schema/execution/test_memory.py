"""What is kept from one request to the next is bounded: what was used least recently leaves."""

import gc
import weakref
from typing import Any

import jwt
import pytest
from graphql import GraphQLError

from resolvers.auth import tokens as tokens_module
from resolvers.auth.tokens import Tokens
from resolvers.context import Context
from resolvers.query.plans import MAX_PLANS, Plan, Plans
from schema import create_schema
from schema.execution import document_cache, persisted_documents
from schema.execution.document_cache import CachedDocument
from schema.execution.persisted_documents import PersistedDocuments
from schema.projection import resolve
from schema.projection.selection import Selection
from schema.transport.request import GraphQLRequest
from tests.support.clock import Clock
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key
from tests.support.settings import KEY


@pytest.fixture
def backend() -> str:
    """Take one database: nothing of this is in it."""
    return "sqlite"


def text_of(number: int, more: str = "") -> str:
    return f"query Number{number} {{ viewer {{ id {more} }} }}"


@pytest.mark.anyio
async def test_documents_leave(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_cache, "MAX_DOCUMENTS", 3)
    known, context = create_schema().documents, Context(gql.services, None, "graphql")

    async def read(number: int) -> CachedDocument:
        return await known.read(text_of(number), context)

    first = await read(0)
    assert await read(0) is first
    await read(1)
    await read(0)
    for number in (2, 3):
        await read(number)
    # The other one was used before it.
    assert await read(0) is first
    for number in range(4, 7):
        await read(number)
    assert await read(0) is not first


@pytest.mark.anyio
async def test_long_documents_are_not_kept(gql: GraphQLClient) -> None:
    known, context = create_schema().documents, Context(gql.services, None, "graphql")
    long = text_of(0, "#" * document_cache.MAX_KEPT_LENGTH)
    assert await known.read(long, context) is not await known.read(long, context)


@pytest.mark.anyio
async def test_registered_documents_leave(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(persisted_documents, "MAX_REGISTERED", 2)
    schema, context = create_schema(), Context(gql.services, None, "graphql")
    known = PersistedDocuments(schema.documents)
    texts = [text_of(number) for number in range(3)]
    asked = [GraphQLRequest(query=text, hash=persisted_documents.hash_of(text)) for text in texts]
    for one in asked:
        text = known.text(one)
        await schema.documents.read(text, context)
        known.register(one, text)
    by_hash = [GraphQLRequest(query=None, hash=one.hash) for one in asked]
    assert [known.text(one) for one in by_hash[1:]] == texts[1:]
    with pytest.raises(GraphQLError, match="PersistedQueryNotFound"):
        known.text(by_hash[0])


def test_plans_leave() -> None:
    plans = Plans()
    first = Plan("SELECT 1", (), {}, {})
    plans.put(0, first)
    left = weakref.ref(first)
    del first
    for number in range(1, MAX_PLANS + 5):
        plans.put(number, Plan("SELECT 1", (), {}, {}))
    assert len(plans) == MAX_PLANS
    gc.collect()
    assert left() is None


def test_a_plan_that_is_used_stays() -> None:
    plans = Plans(most=3)
    plan = Plan("SELECT 1", (), {}, {})
    for key_ in "abc":
        plans.put(key_, plan)
        assert plans.get(key_) is plan
    assert plans.get("a") is plan
    plans.put("d", plan)
    assert [plans.get(key_) for key_ in "abcd"] == [plan, None, plan, plan]
    assert (plans.hits, plans.misses) == (7, 1)


def test_tokens_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "MAX_TOKENS", 2)
    verified, real = [], jwt.decode

    def counting(token: str, *args: Any, **kwargs: Any) -> Any:
        verified.append(token)
        return real(token, *args, **kwargs)

    monkeypatch.setattr(jwt, "decode", counting)
    tokens = Tokens(KEY, access_minutes=60, refresh_days=7, clock=Clock())
    a, b, c = (tokens.access(key("keith")) for _ in range(3))
    for token in (a, a, b, c, c, a):
        tokens.check(token, "access")
    # The first one had left by then, and was verified again.
    assert verified == [a, b, c, a]


class Counted(Selection):
    """Counts how often what a selection means is found out."""

    made = 0

    def __init__(self, *args: Any) -> None:
        type(self).made += 1
        super().__init__(*args)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setattr(Counted, "made", 0)
    monkeypatch.setattr(resolve, "Selection", Counted)
    return Counted


@pytest.mark.anyio
async def test_templates_leave(
    gql: GraphQLClient, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "MAX_TEMPLATES", 2)
    made = []
    for number in (0, 0, 1, 0, 2, 0, 1):
        await gql.ask(text_of(number))
        made.append(counted.made)
    assert made == [1, 1, 2, 2, 3, 3, 4]


@pytest.mark.anyio
async def test_variants_of_a_template_leave(
    gql: GraphQLClient, counted: type[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolve, "MAX_VARIANTS", 2)
    names = ("firstName", "lastName", "email")
    fields = " ".join(f"{name} @include(if: ${name})" for name in names)
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    query = f"query({declared}) {{ viewer {{ id {fields} }} }}"
    made = []
    for number in (0, 0, 1, 1, 2, 0, 0):
        await gql.ask(query, {name: bool(number >> i & 1) for i, name in enumerate(names)})
        made.append(counted.made)
    assert made == [1, 1, 2, 2, 3, 4, 4]
