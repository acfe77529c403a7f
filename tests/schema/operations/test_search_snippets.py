"""`search`: what is shown of the texts that were found."""

from datetime import timedelta

import pytest

from resolvers.query.filters.search_terms import MAX_TERMS
from tests.schema.searching import snippets
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket

pytestmark = pytest.mark.anyio


async def test_snippets_of_each_field(gql: GraphQLClient) -> None:
    await gql.add(
        company("Jade", website="jade.example", country="Jade land"),
        ticket("JADE-1", subject="no jade", description='a "jade"\n<b>', company_id=key("Jade")),
        comment("jade\x01\U0001f3b5", "JADE-1", created_at=NOON - timedelta(1)),
        contact(
            "jade",
            company_id=key("Jade"),
            email="jade@x.example",
            phone="jade",
            title="Jade!",
            created_at=NOON - timedelta(2),
        ),
    )
    found = await snippets(gql, "jade")
    assert sorted(found, key=str) == sorted(
        [
            {"name": "[Jade]", "website": "[jade].example", "country": "[Jade] land"},
            {
                "name": "[jade]",
                "email": "[jade]@x.example",
                "phone": "[jade]",
                "title": "[Jade]!",
                "company.name": "[Jade]",
            },
            {
                "ticketNumber": "[JADE]-1",
                "subject": "no [jade]",
                "description": 'a "[jade]"\n<b>',
                "company.name": "[Jade]",
            },
            {"text": "[jade]\x01\U0001f3b5"},
        ],
        key=str,
    )


@pytest.mark.parametrize("before", ["x ", "İ ", "ß", "e\u0301 ", "東", "i\u0307\u0323 "])
async def test_terms_far_inside_of_long_texts_are_shown(gql: GraphQLClient, before: str) -> None:
    text = before * 5_000 + " the Needle " + before * 3_000 + " needle"
    await gql.add(
        ticket("T-1", subject="needless", description=text),
        comment(text, "T-1"),
        company("-", notes=text),
    )
    found = await snippets(gql, "needle")

    assert len(found) == 3
    for one in found:
        (shown,) = (one[name] for name in ("description", "text", "notes") if name in one)
        assert " the [Needle] " in shown
        assert len(shown) <= 162


async def test_a_text_like_a_mark_stays_as_it_is(gql: GraphQLClient) -> None:
    text = f"{'0' * 32}.0.{key('T-1')}"
    await gql.add(ticket("T-1", subject=text))
    query = """{ search(query: "t-1") { edges {
      snippets { field } node { ... on Ticket { subject } } } } }"""
    (edge,) = (await gql.ask(query))["search"]["edges"]
    assert edge == {"snippets": [{"field": "ticketNumber"}], "node": {"subject": text}}


@pytest.mark.parametrize("viewer", ["keith", "carla"])
async def test_as_many_terms_as_there_may_be(gql: GraphQLClient, viewer: str) -> None:
    terms = [f"term{number:02}" for number in range(MAX_TERMS)]
    await gql.add(
        ticket("T-1", subject="x", description=" ".join(terms)),
        comment("y" * 2_000 + " ".join(terms), "T-1", created_at=NOON - timedelta(1)),
        comment(" ".join(terms[1:]), "T-1"),
        contact(" ".join(terms[:10]), email=" ".join(terms[10:])),
    )
    found = await snippets(gql, " ".join(terms), viewer)
    assert [sorted(one) for one in found] == [["email", "name"], ["description"], ["text"]]
    assert "yyy[term00] [term01] " in found[2]["text"]
