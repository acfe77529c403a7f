"""Errors: a code and a sentence for clients, everything else for the log only."""

import logging
from typing import Any

import pytest

from models import Role
from resolvers.context import Context
from tests.schema.conftest import Opens
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import company, key, ticket, user

pytestmark = pytest.mark.anyio

SECRET_TEXT = "the password is hunter2"


class Broken:
    """A database that fails in a way nobody expected."""

    def __init__(self, real: Any) -> None:
        self.dialect = real.dialect

    async def fetch_row(self, sql: str, values: object, user: object = None) -> Any:
        raise RuntimeError(SECRET_TEXT)


async def test_an_unexpected_error_is_masked_and_logged_under_the_requests_id(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gql.ask("{ viewer { id } }")
    monkeypatch.setitem(gql.services.__dict__, "database", Broken(gql.database))
    with caplog.at_level(logging.ERROR):
        response = await gql.post("{ tickets { totalCount } }")
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    request_id = response.headers["x-request-id"]
    assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}
    assert error["message"] == "Something went wrong on our side."
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    assert request_id in caplog.text
    assert SECRET_TEXT in caplog.text


async def test_every_error_has_the_id_of_its_request(gql: GraphQLClient) -> None:
    batch = [{"query": "{ nothing }"}, {"query": "mutation { nothing }"}]
    asked: list[tuple[int, Any, str]] = [
        # Of a field, of a document, of a body, of a method over a stream, of a batch.
        (200, {"query": "{ webhooks { nodes { id } } }"}, "*/*"),
        (200, {"query": "{ nothing }"}, "*/*"),
        (400, {"query": 1}, "*/*"),
        (406, {"query": "{ __typename }"}, "text/plain"),
        (200, {"query": "{ nothing }"}, "text/event-stream"),
        (200, batch, "application/json"),
    ]
    for number, (status, body, accept) in enumerate(asked):
        headers = {"X-Request-Id": f"id-{number}", "Accept": accept}
        response = await gql.client.post("/graphql", json=body, headers=headers)
        assert response.status_code == status, response.text
        assert response.headers["x-request-id"] == f"id-{number}"
        assert response.text.count('"message"') == (2 if body is batch else 1)
        assert response.text.count(f'"requestId":"id-{number}"') == (2 if body is batch else 1)


async def test_an_error_outside_of_any_field_is_masked_as_well(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError(SECRET_TEXT)

    monkeypatch.setattr(Context, "__init__", broken)
    response = await gql.post("{ viewer { id } }")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/json"
    assert "hunter2" not in response.text
    assert response.headers["x-request-id"] in caplog.text
    assert SECRET_TEXT in caplog.text


async def test_what_a_client_got_wrong_is_not_logged(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="deskgraph"):
        for query in ("{", "{ nothing }", "{ tickets(first: 101) { totalCount } }"):
            await gql.refused(query)
        await gql.refused('{ tickets(after: "x") { totalCount } }')
        await gql.refused("{ tickets { totalCount } }", None, None)
    assert [record for record in caplog.records if record.name.startswith("deskgraph")] == []


async def test_one_failed_field_leaves_the_others(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))
    query = """{
        good: ticket(ticketNumber: "T-1") { subject }
        bad: ticket { subject }
        viewer { username }
    }"""
    answer = (await gql.post(query)).json()
    assert answer["data"] == {
        "good": {"subject": "T-1"},
        "bad": None,
        "viewer": {"username": "keith"},
    }
    assert [error["path"] for error in answer["errors"]] == [["bad"]]


async def test_a_token_that_is_no_good_is_said_to_be_none(gql: GraphQLClient) -> None:
    for token in ("Bearer x", "Bearer ", "bearer a.b.c"):
        headers = {"Authorization": token}
        for query in ("{ tickets { totalCount } }", "{ viewer { id } }"):
            response = await gql.client.post("/graphql", json={"query": query}, headers=headers)
            (error,) = response.json()["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED"
    basic = await gql.client.post(
        "/graphql", json={"query": "{ viewer { id } }"}, headers={"Authorization": "Basic eDp5"}
    )
    assert basic.json() == {"data": {"viewer": None}}


@pytest.mark.parametrize(
    "query", ["{ __schema { types { name } } }", '{ __type(name: "A") { name } }']
)
async def test_introspection_is_refused_where_it_is_switched_off(opens: Opens, query: str) -> None:
    async with opens(introspection=False) as gql:
        response = await gql.client.post("/graphql", json={"query": query})
        assert response.json().get("data") is None
        for error in response.json()["errors"]:
            assert "introspection" in error["message"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
        named = await gql.client.post("/graphql", json={"query": "{ __typename }"})
        assert named.json() == {"data": {"__typename": "Query"}}
    async with opens(introspection=True) as gql:
        response = await gql.client.post("/graphql", json={"query": query})
        assert "errors" not in response.json()


async def test_a_text_that_is_too_long_is_refused_with_a_sentence(opens: Opens) -> None:
    async with opens(max_text_kb=1) as gql:
        await gql.add(company("hilton"), user("admin", Role.ADMIN), ticket("T-1"))
        say = "mutation($input: AddCommentInput!) { addComment(input: $input) { ERRORS } }"
        note = "mutation($input: UpdateCompanyInput!) { updateCompany(input: $input) { ERRORS } }"
        for query, field, more in (
            (say, "text", {"ticketId": str(key("T-1"))}),
            (note, "notes", {"id": str(key("hilton"))}),
        ):
            asked = query.replace("ERRORS", "errors { code field message }")
            given = {"input": {**more, field: "ü" * 513}}
            (answer,) = (await gql.ask(asked, given, "admin")).values()
            assert answer["errors"] == [
                {"code": "INVALID", "field": [field], "message": "May have at most 1024 bytes."}
            ]
            given["input"][field] = "ü" * 512
            (answer,) = (await gql.ask(asked, given, "admin")).values()
            assert answer["errors"] == []
