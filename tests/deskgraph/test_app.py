"""The process around both APIs: ids of requests, errors, other origins, production, the start."""

import logging
import re
from typing import Any

import httpx
import pytest

from deskgraph.database.migrate import SchemaError
from resolvers.query import execute
from rest_compat.serializers import reads
from schema.projection import resolve
from tests.support.fixtures import OpenDesk
from tests.support.named_rows import CONTENT
from tests.support.rows import key

pytestmark = pytest.mark.anyio

ORIGIN = "https://desk.example"
ID = re.compile(r"[0-9a-f]{16}")
HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9"}

Client = httpx.AsyncClient


async def introspect(client: Client) -> dict[str, Any]:
    query = {"query": "{ __schema { queryType { name } } }"}
    response = await client.post("/graphql", json=query)
    answer: dict[str, Any] = response.json()
    return answer


async def test_every_answer_has_an_id_of_its_own(open_desk: OpenDesk) -> None:
    async with open_desk() as client:
        answers = [
            await client.get("/api/v1/tickets/"),
            await client.get("/api/v1/nowhere/"),
            await client.get("/nowhere"),
            await client.post("/graphql", json={"query": "{ viewer { id } }"}),
            # No id that a request may bring.
            await client.get("/api/v1/tickets/", headers={"X-Request-Id": "not mine"}),
        ]

    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(ID.fullmatch(found) for found in ids)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "given", ["mine", "01a21824-dfde-700c-8b3c-c91e04073c3f", "Root=1-67891233-abcdef", "a" * 64]
)
async def test_the_id_that_a_request_brings_is_kept(open_desk: OpenDesk, given: str) -> None:
    async with open_desk() as client:
        answer = await client.get("/api/v1/tickets/", headers={"X-Request-Id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [b"", b"-a", b"a b", b"a" * 65, "é".encode(), b"<script>"])
async def test_an_id_of_another_form_is_replaced(open_desk: OpenDesk, given: bytes) -> None:
    async with open_desk() as client:
        answer = await client.get("/api/v1/tickets/", headers={b"X-Request-Id": given})
    assert ID.fullmatch(answer.headers["x-request-id"])


async def fail(*_: object, **__: object) -> None:
    raise RuntimeError("the password is hunter2")


async def test_an_unexpected_error_of_rest_is_masked_and_logged_by_its_id(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reads, "read_versioned", fail)
    async with open_desk(cors_origins=[ORIGIN]) as client:
        path = f"/api/v1/tickets/{key('offline')}/"
        response = await client.get(path, headers={"Origin": ORIGIN})

    request_id = response.headers["x-request-id"]
    assert response.status_code == 500
    assert response.json() == {
        "detail": "Something went wrong on our side.",
        "request_id": request_id,
    }
    # Without it the browser would hide the answer from the front end.
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert_logged(caplog, "deskgraph.server", request_id)


async def test_an_unexpected_error_of_graphql_is_masked_and_logged_by_its_id(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(resolve, "read_json", fail)
    async with open_desk() as client:
        response = await client.post("/graphql", json={"query": "{ tickets { totalCount } }"})

    request_id = response.headers["x-request-id"]
    assert response.status_code == 200
    assert "hunter2" not in response.text
    [error] = response.json()["errors"]
    assert error["message"] == "Something went wrong on our side."
    assert error["extensions"] == {"code": "INTERNAL", "requestId": request_id}
    assert_logged(caplog, "deskgraph.graphql", request_id)
    assert execute.read_json is not fail


def assert_logged(caplog: pytest.LogCaptureFixture, logger: str, request_id: str) -> None:
    """See that the log tells under the id what the answer does not."""
    [record] = [entry for entry in caplog.records if entry.name == logger]
    assert record.levelno == logging.ERROR
    assert request_id in record.getMessage()
    assert record.exc_info
    assert "hunter2" in str(record.exc_info[1])


@pytest.mark.parametrize(
    ("settings", "page", "introspection"),
    [
        ({}, True, True),
        ({"environment": "production"}, False, False),
        ({"environment": "production", "graphiql": True}, True, False),
        ({"environment": "production", "introspection": True}, False, True),
        ({"graphiql": False, "introspection": False}, False, False),
    ],
)
async def test_production_shows_neither_page_nor_schema_unless_told(
    open_desk: OpenDesk, settings: dict[str, Any], page: bool, introspection: bool
) -> None:
    async with open_desk(**settings) as client:
        browser = await client.get("/graphql", headers=HTML)
        asked = await introspect(client)
        works = await client.post("/graphql", json={"query": "{ viewer { username } }"})

    assert browser.headers["content-type"].startswith("text/html" if page else "application/json")
    assert browser.status_code == 200 if page else 400 <= browser.status_code < 500
    if introspection:
        assert asked["data"]["__schema"] == {"queryType": {"name": "Query"}}
    else:
        assert "data" not in asked
        assert "introspection" in asked["errors"][0]["message"].lower()
    assert works.json() == {"data": {"viewer": {"username": "keith"}}}


async def test_the_front_door_leads_to_what_there_is_to_see(open_desk: OpenDesk) -> None:
    async with open_desk() as client:
        assert (await client.get("/")).headers["location"] == "/graphql"
    async with open_desk(environment="production") as client:
        assert (await client.get("/")).headers["location"] == "/api/v1/"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_slash_too_many_costs_a_redirect_that_keeps_the_method(
    open_desk: OpenDesk, method: str
) -> None:
    async with open_desk() as client:
        response = await client.request(method, "/graphql/")
    assert response.status_code in (307, 308)
    assert response.headers["location"] == "/graphql"


async def test_it_does_not_start_on_a_database_that_was_not_migrated(
    open_desk: OpenDesk, blank_database_url: str
) -> None:
    with pytest.raises(SchemaError, match="migrate"):
        async with open_desk(database_url=blank_database_url):
            pytest.fail("it started")


async def test_file_links_are_documented_paths_unless_signed_ones_are_wanted(
    open_desk: OpenDesk,
) -> None:
    path = f"/api/v1/ticket-attachments/{key('photo')}/"
    async with open_desk() as client:
        plain = (await client.get(path)).json()["file"]
        assert (await client.get(plain)).content == CONTENT
        assert (await client.get(plain, headers={"Authorization": ""})).status_code == 401
    assert plain.startswith("/media/tickets/attachments/2025/11/")

    async with open_desk(media_links="signed", public_url="https://desk.example") as client:
        signed = (await client.get(path)).json()["file"]
        assert signed.startswith(f"https://desk.example{plain}?expires=")
        link = signed.removeprefix("https://desk.example")
        opened = await client.get(link, headers={"Authorization": ""})
        altered = await client.get(link[:-1], headers={"Authorization": ""})
    assert (opened.status_code, opened.content) == (200, CONTENT)
    assert opened.headers["content-disposition"] == 'attachment; filename="photo.txt"'
    assert altered.status_code == 404


async def test_answers_link_to_graphiql_only_where_it_is_shown(open_desk: OpenDesk) -> None:
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({}, "</graphql?query=query+Tickets"),
        ({"public_url": "https://desk.example/x"}, "<https://desk.example/x/graphql?query="),
        ({"graphiql": False}, None),
        ({"environment": "production"}, None),
        ({"environment": "production", "graphiql": True}, "</graphql?query="),
    ]
    for settings, start in cases:
        async with open_desk(**settings) as client:
            answer = await client.get("/api/v1/tickets/")
            assert answer.status_code == 200
            assert ("link" in answer.headers) is (start is not None), settings
            assert answer.headers.get("link", "").startswith(start or "")


async def test_the_page_of_graphiql_takes_a_query_from_its_address(open_desk: OpenDesk) -> None:
    async with open_desk() as client:
        link = (await client.get("/api/v1/auth/me/")).headers["link"]
        url = link[1 : link.index(">")]
        page = await client.get(url, headers=HTML)
        assert page.headers["content-type"].startswith("text/html")
        # To any other client it is the operation itself.
        answer = await client.get(url)
        assert answer.json()["data"]["viewer"]["username"] == "keith"
