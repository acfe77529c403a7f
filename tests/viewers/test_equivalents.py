"""The way out of REST: the operation that each answer links to does the same by GraphQL."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from starlette.datastructures import QueryParams
from starlette.requests import Request

from deskgraph.graphql_links.equivalents import EQUIVALENTS, YOURS, Equivalent
from deskgraph.graphql_links.links import (
    MAX_BYTES,
    MAX_KEPT,
    MAX_KEPT_LENGTH,
    Alternate,
    variables_of,
)
from deskgraph.graphql_links.selections import place_of
from models import Role, Team
from resolvers.query.catalog import ENTITIES
from resolvers.query.execute import Query, QueryRoot
from resolvers.query.field_types import FieldKind, Scalar
from resolvers.query.shapes import Field, Shape
from rest_compat.openapi.operations import operation_of
from rest_compat.routes import API, every_path
from schema import create_schema
from schema.execution.limits import DEFAULT_LIMITS
from tests.viewers.asking import ApiClients
from tests.viewers.calls import Call, every_call
from tests.viewers.paths import PATHS
from tests.viewers.table import SCHEMA, Path
from tests.viewers.test_reference import shaped

pytestmark = pytest.mark.anyio

LINK = re.compile(r'<(/graphql\?[^>]+)>; rel="alternate"; title="GraphQL"')
# What the list of the paths does not try: filters, orders and windows.
MORE = [
    "tickets/?status=new&priority=medium&category=general",
    "tickets/?assigned_team=Tech&open=true",
    "tickets/?my_tickets=true&unassigned=",
    "tickets/?unassigned=true&ordering=-due_date,priority",
    "tickets/?ordering=status,-created_at&limit=2",
    "tickets/?page_size=1",
    "tickets/?page_size=1000",
    'tickets/?search="subject of"',
    "tickets/stats/?category=technical&open=true",
    "ticket-comments/?ticket=<offline>&page_size=1",
    "users/?role=Tech&is_active=true",
    "users/?search=ol",
    "companies/?search=hil",
    "companies/simple/?search=hil",
    "contacts/?is_primary=false&search=jane",
]
READS = [
    *(row for row in PATHS if row.method == "GET"),
    *(Path("GET", path, ()) for path in MORE),
    *(call.request for call in every_call() if call.method == "GET"),
]


def every_equivalent() -> Iterator[tuple[str, str, Equivalent]]:
    for path, methods in EQUIVALENTS.items():
        for method, equivalent in methods.items():
            for one in [equivalent, *(equivalent.instead.values() if equivalent else [])]:
                if one is not None:
                    yield path, method, one


def linked(answer: httpx.Response) -> tuple[str, dict[str, Any]] | None:
    """Return the operation and the variables that an answer links to."""
    if "link" not in answer.headers:
        return None
    found = LINK.fullmatch(answer.headers["link"])
    assert found, answer.headers["link"]
    given = parse_qs(urlsplit(found[1]).query, strict_parsing=True)
    return given["query"][0], json.loads(given.get("variables", ["{}"])[0])


def value_of(entity: str, field: Field, node: Any) -> Any:
    """Return a field as REST shows it from a GraphQL object; ``...`` where they cannot agree."""
    place = place_of(ENTITIES[entity], field)
    if not place or field.name == "file":
        return ...
    for name in place:
        node = None if node is None else node[name]
    definition = ENTITIES[entity].fields[field.name]
    if field.shape is not None:
        return [row_of(definition.entity, field.shape, one) for one in node]  # type: ignore[union-attr]
    if field.name == "tags_text":
        return ",".join(node)
    if isinstance(definition, Scalar) and definition.kind is FieldKind.CHOICE:
        choices = ENTITIES[entity].table.c[field.name].type.choices
        return "" if node is None else choices[node].value
    if field.name == "author_role" and node is not None:
        return Role[node].value
    return node


def row_of(entity: str, shape: Shape, node: Any) -> dict[str, Any]:
    """Return what REST shows of a GraphQL object."""
    values = {field.key: value_of(entity, field, node) for field in shape.fields}
    left_out = {field.key for field in shape.fields if field.omit_null}
    return {
        name: value
        for name, value in values.items()
        if value is not ... and not (value is None and name in left_out)
    }


def trimmed(entity: str, shape: Shape, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of REST without what GraphQL does not have."""
    kept = dict(row)
    for field in shape.fields:
        if not place_of(ENTITIES[entity], field) or field.name == "file":
            kept.pop(field.key, None)
        elif field.shape is not None:
            definition = ENTITIES[entity].fields[field.name]
            kept[field.key] = [
                trimmed(definition.entity, field.shape, one)  # type: ignore[union-attr]
                for one in kept[field.key]
            ]
    return kept


def nodes_of(data: dict[str, Any]) -> list[Any]:
    """Return the objects that an answer is about, wherever they are in it."""
    [found] = data.values()
    if found is None:
        return []
    if "attachments" in found and "subject" not in found:
        return list(found["attachments"])
    if "nodes" not in found:
        return [found]
    if found["nodes"] and set(found["nodes"][0]) == {"attachments"}:
        return [one for ticket in found["nodes"] for one in ticket["attachments"]]
    return list(found["nodes"])


def test_every_path_and_method_is_in_the_table() -> None:
    served = {
        path.path.removeprefix(API): set(path.handlers)
        for path in every_path()
        if path.path.startswith(API)
    }
    assert {path: set(methods) for path, methods in EQUIVALENTS.items()} == served


def test_every_twin_is_valid_for_the_schema() -> None:
    for path, method, equivalent in every_equivalent():
        parsed = parse(equivalent.text)
        assert validate(SCHEMA, parsed) == [], (path, method)
        [operation] = parsed.definitions
        assert isinstance(operation, OperationDefinitionNode)
        reads = operation.operation.value == "query"
        assert reads is (method == "GET" or "verify" in path)
        header = Alternate(equivalent, "https://a-long-name.of-a-desk.example.com:8443/graphql")
        request = Request({"type": "http", "query_string": b"", "path_params": {}})
        assert len(header.header(request)) < MAX_BYTES / 2, (path, method)


def test_headers_of_short_queries_are_kept_up_to_a_number() -> None:
    equivalent = EQUIVALENTS["tickets/"]["GET"]
    assert equivalent is not None
    alternate = Alternate(equivalent, "/graphql")

    def header(query: str) -> str:
        return alternate.header(Request({"type": "http", "query_string": query.encode()}))

    long = "search=" + "x" * MAX_KEPT_LENGTH
    assert header("page=1") is header("page=1")
    assert header(long) is not header(long)
    first = header("page=1")
    for page in range(2, MAX_KEPT + 3):
        header(f"page={page}")
    assert header("page=1") is not first
    assert header("page=1") == first


@pytest.mark.parametrize("path", ["tickets/?page_size=1000", "ticket-attachments/"])
def test_the_largest_twins_cost_no_more_than_an_operation_may(path: str) -> None:
    call = Call("", "GET", path)
    documents = create_schema().documents
    known = documents.examine(call.equivalent.text)
    assert known.errors == []
    cost = known.operation(None).cost.of(call.variables).total
    assert 5000 < cost <= DEFAULT_LIMITS.cost


def test_filters_that_a_twin_takes_are_those_of_its_list() -> None:
    for path, _, equivalent in every_equivalent():
        if equivalent.listing is not None:
            assert equivalent.filters <= set(equivalent.listing.filters), path


@pytest.mark.parametrize("row", READS, ids=lambda row: row.path)
async def test_a_read_and_its_twin_show_the_same_rows(gql_clients: ApiClients, row: Path) -> None:
    operations = {
        path.path: operation_of(path.handlers["GET"])
        for path in every_path()
        if "GET" in path.handlers
    }
    for who in ("admin", "carla"):
        answer = await gql_clients.rest(who, row)
        link = linked(answer)
        if link is None:
            assert shaped(row) in ("/api/v1/", "/media/{key}")
            continue
        equivalent = await gql_clients.graphql(who, *link)
        if answer.status_code != 200:
            assert nodes_of(equivalent["data"]) == []
            continue
        assert "errors" not in equivalent, equivalent
        read = operations[shaped(row)].answers
        if isinstance(read, dict):
            read = read["results"]
        assert isinstance(read, Query)
        body = answer.json()
        if read.root is QueryRoot.STATISTICS:
            assert_same_counts(body, equivalent["data"]["ticketStats"])
            continue
        [(entity, shape)] = read.shapes
        rows = body.get("results", [body]) if isinstance(body, dict) else body
        shown = [row_of(entity, shape, one) for one in nodes_of(equivalent["data"])]
        if "attachments" in row.path and "<" not in row.path:
            # Without a list of their own, they come in the order of their tickets.
            rows.sort(key=lambda one: str(one["id"]))
            shown.sort(key=lambda one: str(one["id"]))
        assert shown == [trimmed(entity, shape, one) for one in rows], who


def assert_same_counts(body: dict[str, Any], stats: dict[str, Any]) -> None:
    assert body.pop("by_status") == {
        one["status"].lower(): one["count"] for one in stats.pop("byStatus")
    }
    assert body.pop("by_priority") == {
        one["priority"].lower(): one["count"] for one in stats.pop("byPriority")
    }
    assert list(body.values()) == list(stats.values())


@pytest.mark.parametrize(
    "row", [row for row in PATHS if row.method != "GET"], ids=lambda row: f"{row.method} {row.path}"
)
async def test_a_write_links_to_a_mutation_without_anything_of_its_body(
    gql_clients: ApiClients, row: Path
) -> None:
    # Done and refused; what decides about the link is the same for everybody else.
    answers = {who: await gql_clients.rest(who, row) for who in ("admin", None)}
    known = EQUIVALENTS[shaped(row).removeprefix(API)][row.method]
    for who, answer in answers.items():
        link = linked(answer)
        assert (link is None) is (known is None), who
        if link is None:
            continue
        text, variables = link
        [operation] = parse(text).definitions
        assert isinstance(operation, OperationDefinitionNode)
        if "file" in variables.get("input", {}):
            # The placeholder of what a multipart request brings.
            assert variables["input"].pop("file") is None
            variables["input"]["file"] = "…"
        declared = operation.variable_definitions or ()
        coerced = get_variable_values(SCHEMA, declared, variables)
        assert not isinstance(coerced, list), coerced
        key = re.findall(r"/([0-9a-f-]{36})/", str(answer.request.url))
        given = variables.get("input", {}).values()
        assert set(given) <= {YOURS, False, "TECH", *key}
        assert set(key) <= set(given)
        assert (
            gql_clients.headers(who).get("Authorization", "…")[-20:] not in answer.headers["link"]
        )


async def test_refusals_link_as_well(gql_clients: ApiClients) -> None:
    client, admin = gql_clients.client, gql_clients.headers("admin")
    for method, path, headers, status in [
        ("GET", "tickets/", {}, 401),
        ("GET", "tickets/?status=none", admin, 400),
        ("GET", "tickets/?page=99", admin, 404),
        ("GET", "tickets/none/", admin, 404),
        ("DELETE", "tickets/", admin, 405),
        ("HEAD", "tickets/", admin, 200),
        ("OPTIONS", "tickets/", admin, 200),
        ("POST", "auth/login/", {}, 400),
    ]:
        answer = await client.request(method, API + path, headers=headers)
        assert answer.status_code == status, path
        link = linked(answer)
        assert link is not None
        assert link[0].split()[1].lower().startswith(path[:4]) or "login" in link[0]
    assert linked(await client.get(API + "nowhere/", headers=admin)) is None


async def test_wrong_values_are_left_out_and_long_ones_too(gql_clients: ApiClients) -> None:
    async def variables(query: str) -> dict[str, Any]:
        answer = await gql_clients.client.get(
            f"{API}tickets/?{query}", headers=gql_clients.headers("keith")
        )
        found = linked(answer)
        assert found is not None
        assert len(answer.headers["link"]) < MAX_BYTES
        return found[1]

    assert await variables("status=none&priority=high&company=none") == {
        "filter": {"priority": {"eq": "HIGH"}}
    }
    assert await variables("assigned_team=Nobody") == {"filter": {"assignedTeam": None}}
    assert await variables("page=99&page_size=7&ordering=none") == {"first": 7}
    assert await variables("page=none&page_size=7") == {}
    assert await variables(f"search={'x' * 500}") == {"filter": {"search": "x" * 500}}
    assert await variables(f"search={'x' * 5000}") == {}
    assert await variables("search=%3E%0d%0aX-Evil:%201%f0%9f%98%80%ff") == {
        "filter": {"search": ">\r\nX-Evil: 1😀�"}
    }
    assert await variables("search=%00") == {}


def test_a_team_is_written_by_its_name() -> None:
    equivalent = EQUIVALENTS["tickets/"]["GET"]
    assert equivalent is not None
    for team in Team:
        found = variables_of(equivalent, QueryParams({"assigned_team": team.value}))
        assert found == {"filter": {"assignedTeam": {"eq": team.name}}}
