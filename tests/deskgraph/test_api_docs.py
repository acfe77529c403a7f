"""The API document: what is committed is what is served, and what serves is what it is made of."""

import json
import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.requests import Request
from starlette.responses import Response

import rest_compat
from deskgraph import api_docs
from models import Role, Team, TicketPriority, TicketStatus
from resolvers.commands import validation
from resolvers.context import Context
from resolvers.query.execute import REST, Query, QueryRoot
from resolvers.query.shapes import Field, Shape
from rest_compat.endpoints import tickets
from rest_compat.lists import list_endpoint
from rest_compat.openapi.document import Path, document
from rest_compat.openapi.operations import operation
from rest_compat.routes import every_path
from rest_compat.serializers import request_fields, shapes
from schema import create_schema
from tests.deskgraph.conftest import Run
from tests.support.fixtures import MakeClient

COMMITTED = File(rest_compat.__file__).with_name("openapi.json")
DOCUMENT: dict[str, Any] = json.loads(api_docs.openapi())


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, described in methods.items():
            yield path, method, described


def test_the_committed_document_is_the_served_one() -> None:
    assert COMMITTED.read_text("utf-8") == api_docs.openapi(), "run: make openapi"


def test_a_command_prints_it(run: Run) -> None:
    assert run("openapi") == (0, api_docs.openapi(), "")


def test_it_is_valid_openapi() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_path_and_method_is_in_it() -> None:
    served = {
        (path.path.replace(":path", ""), method.lower())
        for path in every_path()
        for method in path.handlers
    }
    assert {(path, method) for path, method, _ in operations()} == served


def test_everything_in_it_is_described_and_every_value_has_an_example() -> None:
    missing = []
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for key, part in schema.get("properties", {}).items():
            if "description" not in part and "$ref" not in part:
                missing.append(f"{name}.{key}")
            plain = part.get("type") not in ("array", "object") and "$ref" not in part
            counted = name in ("Statistics", "Unauthenticated") or name.endswith(("Page", "al"))
            shown = {"enum", "examples"} & part.keys() or part.get("format") == "binary"
            if plain and not counted and not shown:
                missing.append(f"{name}.{key}: example")
    for path, method, described in operations():
        missing += [f"{method} {path}"] if not described["summary"] else []
        missing += [
            f"{method} {path} {one['name']}"
            for one in described.get("parameters", [])
            if not one.get("description")
        ]
        for answer in described["responses"].values():
            for content in answer.get("content", {}).values():
                if "anyOf" in content["schema"] and "example" not in content:
                    missing.append(f"{method} {path}: example of a refusal")
    assert missing == []


def test_operations_have_names_of_their_own() -> None:
    names = [described["operationId"] for *_, described in operations()]
    assert len(set(names)) == len(names)


def test_only_logins_and_signed_links_need_no_token() -> None:
    assert DOCUMENT["security"] == [{"token": []}]
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    public = {path for path, _, described in operations() if described.get("security") == []}
    assert public == {path.path for path in every_path() if path.public} - {"/media/{key:path}"}
    media = DOCUMENT["paths"]["/media/{key}"]["get"]["security"]
    assert media == [{"token": []}, {"signature": []}]


def described(**more: Any) -> Any:
    """Return what the document says of one handler at a path of its own."""

    @operation(**more)
    async def handler(_request: Request, _context: Context) -> Response:
        """Do something new (recorded: "something")."""
        raise NotImplementedError

    path = Path("/api/v1/tests/", "Test", {"POST": handler}, public=False)
    return document([path], api_docs.words(create_schema()))


def test_a_path_that_nobody_described_is_in_it() -> None:
    async def handler(_request: Request, _context: Context) -> Response:
        """Do something new (recorded: "something")."""
        raise NotImplementedError

    made = document([Path("/api/v1/tests/{id}/", "Test", {"GET": handler}, public=False)])

    found = made["paths"]["/api/v1/tests/{id}/"]["get"]
    assert found["summary"] == "Do something new."
    assert list(found["responses"]) == ["200", "304", "401", "404", "406", "429", "503"]
    assert found["parameters"][0]["schema"] == {"type": "string", "format": "uuid"}
    assert [error.message for error in OpenAPIV31SpecValidator(made).iter_errors()] == []


def test_a_field_that_a_shape_gets_is_in_it() -> None:
    shape = Shape((*shapes.COMMENT.fields, Field("version", "version")))
    made = described(answers=Query(QueryRoot.ONE, "Comment", (("Comment", shape),), REST))

    found = made["components"]["schemas"]["Comment"]
    assert found["properties"]["version"]["type"] == "integer"
    assert found["properties"]["version"]["description"].startswith("Counts its changes")
    assert "version" in found["required"]


def test_a_field_that_a_form_gets_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        request_fields.TICKET, "channel", request_fields.Input(request_fields.text, required=True)
    )
    monkeypatch.setitem(
        validation.TICKET, "channel", validation.FieldRule(str, max_length=9, required=True)
    )

    made = document(every_path())["components"]["schemas"]["TicketInput"]

    assert made["properties"]["channel"]["maxLength"] == 9
    assert made["required"][-1] == "channel"


def test_the_form_of_a_text_is_told_where_it_is_written() -> None:
    made = DOCUMENT["components"]["schemas"]

    written = made["ContactInput"]["properties"]["email"]["anyOf"]
    assert (written[0]["format"], written[0]["maxLength"], written[1]) == (
        "email",
        254,
        {"const": ""},
    )
    assert made["UserInput"]["properties"]["username"]["pattern"] == r"^[\w.@+-]+$"
    # What is stored may be older than the rule, or imported.
    assert "format" not in made["Contact"]["properties"]["email"]


def test_a_filter_and_an_order_that_a_list_gets_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tickets.LISTING.filters, "second_team", list_endpoint.choice(Team))
    object.__setattr__(tickets.LISTING, "orders", tickets.LISTING.orders | {"updated_at"})
    try:
        made = document(every_path())["paths"]["/api/v1/tickets/"]["get"]
    finally:
        object.__setattr__(tickets.LISTING, "orders", tickets.LISTING.orders - {"updated_at"})

    found = {one["name"]: one["schema"] for one in made["parameters"]}
    assert found["second_team"]["enum"] == [team.value for team in Team]
    assert "-updated_at" in found["ordering"]["items"]["enum"]


def test_what_a_body_may_hold_is_that_of_the_rules() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    ticket = schemas["TicketInput"]["properties"]
    assert ticket["subject"]["maxLength"] == 200
    assert ticket["company"]["format"] == "uuid"
    assert ticket["due_date"]["type"] == ["string", "null"]
    assert ticket["due_date"]["format"] == "date-time"
    assert ticket["assigned_team"]["enum"][-1] == ""
    assert schemas["TicketInput"]["required"] == ["subject", "description", "company"]
    assert "required" not in schemas["TicketChanges"]


def test_a_body_is_json_and_that_of_a_file_multipart() -> None:
    """Generators make unusable clients of bodies that may be of several types or left out."""
    bodies = {
        (path, method): described["requestBody"]
        for path, method, described in operations()
        if "requestBody" in described
    }
    upload = bodies.pop(("/api/v1/ticket-attachments/", "post"))
    assert list(upload["content"]) == ["multipart/form-data"]
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["UploadInput"]["properties"]["file"]["format"] == "binary"
    assert {tuple(body["content"]) for body in bodies.values()} == {("application/json",)}
    assert all(body["required"] for body in [upload, *bodies.values()])


def test_the_ways_to_page_have_no_defaults() -> None:
    """A generated client would send those of both ways together."""
    parameters = DOCUMENT["paths"]["/api/v1/tickets/"]["get"]["parameters"]
    window = {one["name"]: one for one in parameters}
    for name in ("page", "page_size", "limit", "offset"):
        assert "default" not in window[name]["schema"]
    assert "20 without it" in window["page_size"]["description"]


def test_a_refused_upload_is_described_as_it_is() -> None:
    refused = DOCUMENT["paths"]["/api/v1/ticket-attachments/"]["post"]["responses"]["400"]
    content = refused["content"]["application/json"]
    assert content["example"] == {"error": "file is required"}
    fields, *others = content["schema"]["anyOf"]
    assert {"ticket", "name"} < set(fields["properties"])
    assert {"$ref": "#/components/schemas/ActionRefusal"} in others


def test_what_an_answer_leaves_out_where_it_is_null_is_not_required() -> None:
    comment = DOCUMENT["components"]["schemas"]["Comment"]
    assert {"author_name", "author_role"} == set(comment["properties"]) - set(comment["required"])
    assert comment["properties"]["author_name"]["type"] == "string"
    assert comment["properties"]["author"]["type"] == ["string", "null"]
    assert comment["additionalProperties"] is False


URL = "/api/v1/openapi.json"


@pytest.mark.anyio
async def test_it_is_public_and_sent_again_only_when_it_changed(make_client: MakeClient) -> None:
    async with make_client() as client:
        first = await client.get(URL)
        assert first.status_code == 200
        assert first.headers["content-type"] == "application/json"
        assert first.json() == DOCUMENT
        tag = first.headers["etag"]
        for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await client.get(URL, headers={"If-None-Match": given})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        other = await client.get(URL, headers={"If-None-Match": '"other"'})
        assert other.json() == DOCUMENT
        head = await client.head(URL)
        assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
        refused = await client.post(URL)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


@pytest.mark.anyio
async def test_it_names_the_public_address(make_client: MakeClient) -> None:
    async with make_client(public_url="https://desk.example.com") as client:
        found = (await client.get(URL)).json()
    assert found["servers"] == [{"url": "https://desk.example.com"}]
    assert found["paths"] == DOCUMENT["paths"]
    assert DOCUMENT["servers"] == [{"url": "/"}]


@pytest.mark.anyio
@pytest.mark.parametrize("environment", ["development", "production"])
async def test_the_page_and_all_that_it_loads_come_from_here(
    make_client: MakeClient, environment: str
) -> None:
    async with make_client(
        environment=environment, public_url="https://desk.example.com/x"
    ) as client:
        page = await client.get("/api/v1/docs")
        policy = page.headers["content-security-policy"]
        slash = await client.get("/api/v1/docs/")
        names = re.findall(r'(?:href|src)="(docs/[^"]+)"', page.text)
        loaded = [await client.get(f"/api/v1/{name}") for name in names]
        document = await client.get(URL)

    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "connect-src 'self' https://desk.example.com;" in policy
    assert (slash.status_code, slash.headers["location"]) == (307, "../docs")
    assert [answer.status_code for answer in [*loaded, document]] == [200] * 7
    assert all(answer.headers["etag"] for answer in loaded)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.anyio
async def test_the_root_leads_a_browser_on_and_answers_programs_as_ever(
    make_client: MakeClient,
) -> None:
    root = "/api/v1/"
    async with make_client() as client:
        page = await client.get(root, headers={"Accept": BROWSER})
        links = re.findall(r'href="([^"]+)">', page.text)
        answers = [await client.get(f"{root}{link}", follow_redirects=True) for link in links]
        programs = [
            await client.get(root, headers={"Accept": accept})
            for accept in ("*/*", "application/json", "application/json, text/plain, */*")
        ]
        written = await client.post(root, headers={"Accept": BROWSER})
        head = await client.head(root, headers={"Accept": BROWSER})
        no_other_path = await client.get(f"{root}tickets/", headers={"Accept": BROWSER})
    async with make_client(environment="production") as client:
        hidden = (await client.get(root, headers={"Accept": BROWSER})).text

    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["vary"] == "Accept"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert links[-4:] == ["docs", "openapi.json", "../../graphql", "../../examples/inbox"]
    # GraphQL has a page only for who asks for HTML.
    assert [answer.status_code for answer in answers if "graphql" not in answer.url.path] == [
        200
    ] * 5
    assert (head.status_code, head.content) == (200, b"")
    for answer in (*programs, written, no_other_path):
        assert answer.status_code == 401
        assert answer.json() == {"detail": "Authentication credentials were not provided."}
    assert "graphql" not in hidden
    assert "inbox" not in hidden
    assert "openapi.json" in hidden


def test_it_speaks_of_what_rest_has() -> None:
    """Fields and choices as REST writes them: its words are those of the GraphQL schema."""
    text = "\n".join(
        found for one in walk(DOCUMENT) for found in (one.get("description"), one.get("summary"))
        if isinstance(found, str)
    )  # fmt: skip
    assert "from low to urgent" in text
    graphql = {member.name for kind in (TicketStatus, TicketPriority, Role) for member in kind}
    for word in re.findall(r"\b[A-Z_]{2,}\b", text):
        assert word not in graphql
    assert not re.findall(r"`[a-z]+[A-Z]\w*`", text)
    assert not re.findall(r"in REST|mutation|subscription", text)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from walk(inner)
