"""Asking both APIs as somebody, and reading which rows of the world an answer shows."""

import json
import re
from typing import Any
from uuid import UUID

import httpx
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from tests.support.app_client import AppClient
from tests.support.named_rows import NAMES
from tests.support.rows import key
from tests.viewers.table import MAY_SEE, SCHEMA, Path, Read, Write

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NAME = re.compile(r"<(\w+)>")
_QUOTED = re.compile(r'"<(\w+)>"')
UNKNOWN = UUID("0190f000-0000-7000-8000-000000000000")
# How many objects lie inside of each other: staff are seen only through a ticket, so what lies
# behind them is seen only from there.
DEPTH = {"ticket(id": 2}


def with_ids(text: str, *, known: frozenset[str] | None = None) -> str:
    """Put ids for names; names that are not known get an id that no row has."""
    return _NAME.sub(
        lambda found: str(key(found[1]) if known is None or found[1] in known else UNKNOWN), text
    )


def names_in(text: str) -> set[str]:
    """Return the names of all rows whose ids appear in a text."""
    return {NAMES[found] for found in _ID.findall(text) if found in NAMES}


def top(value: Any) -> Any:
    """Return the names of what an answer is about, the total of statistics or a file."""
    if isinstance(value, dict):
        if "total" in value:
            return value["total"]
        if "fileName" in value:
            return {value["fileName"]}
        listed = value.get("nodes", value.get("results"))
        value = [value] if listed is None else listed
    return {NAMES[item["id"]] for item in value or [] if item}


def everything(
    named: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType,
    depth: int = 1,
    prefix: str = "",
) -> str:
    """Return the selection of all there is to ask of a type, down to a depth."""
    if not isinstance(named, GraphQLObjectType):
        types = SCHEMA.get_possible_types(named)
        # Under names of their own: two types may have different fields of one name.
        parts = (f"... on {type_.name} {everything(type_, depth, type_.name)}" for type_ in types)
        return f"{{ __typename ... on Node {{ id }} {' '.join(parts)} }}"
    asked = (_asked(name, field, depth, prefix) for name, field in named.fields.items())
    return f"{{ {' '.join(filter(None, asked))} }}"


def _asked(name: str, field: GraphQLField, depth: int, prefix: str) -> str:
    named = get_named_type(field.type)
    key = f"{prefix}_{name}: {name}" if prefix else name
    if is_leaf_type(named):
        return key
    if isinstance(named, GraphQLUnionType):
        return f"{key} {everything(named, depth - 1)}"
    assert isinstance(named, GraphQLObjectType)
    if name == "edges":
        shown = "snippets { field parts { text } }" if "snippets" in named.fields else ""
        return f"edges {{ cursor node {{ ... on Node {{ id }} }} {shown} }}"
    # A connection is only the way to its nodes.
    inner = depth if "id" not in named.fields else depth - 1
    return f"{key} {everything(named, inner)}" if inner >= 0 else ""


def may_see(who: str | None) -> frozenset[str]:
    """Return the names whose ids mean something to a viewer."""
    return MAY_SEE[who] | {"nothing"}


def hidden(who: str | None, *asked: object) -> bool:
    """Whether a question holds the id of something that a viewer may not see."""
    return not set(_NAME.findall(str(asked))) <= may_see(who)


class ApiClients(AppClient):
    """Both APIs over one world."""

    def headers(self, who: str | None) -> dict[str, str]:
        return self.world.headers(who)

    async def graphql(
        self, who: str | None, query: str, variables: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run an operation; its answer is always a 200."""
        body = {"query": query, "variables": variables or {}}
        headers = self.headers(who)
        if "file" in (variables or {}).get("input", {}):
            form = {"operations": json.dumps(body), "map": '{"0": ["variables.input.file"]}'}
            sent: dict[str, Any] = {
                "data": form,
                "files": {"0": ("new.txt", b"new")},
                "headers": {"GraphQL-Require-Preflight": "1", **headers},
            }
        else:
            sent = {"json": body, "headers": headers}
        response = await self.client.post("/graphql", **sent)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def read(
        self, who: str | None, row: Read, known: frozenset[str] | None = None
    ) -> dict[str, Any]:
        """Ask for all there is behind a root field."""
        assert SCHEMA.query_type
        named = get_named_type(SCHEMA.query_type.fields[row.field].type)
        assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType)
        # By variables, so that questions which differ in ids only are compiled once.
        names = list(dict.fromkeys(_NAME.findall(row.call)))
        call = _QUOTED.sub(lambda found: f"$id{names.index(found[1])}", row.call)
        head = ", ".join(f"$id{i}: ID!" for i in range(len(names)))
        wanted = everything(named, DEPTH.get(row.call.split(":")[0], 1))
        query = f"{{ answer: {call} {wanted} }}"
        ids = {f"id{i}": with_ids(f"<{name}>", known=known) for i, name in enumerate(names)}
        return await self.graphql(who, f"query ({head}) {query}" if names else query, ids)

    async def write(
        self, who: str | None, row: Write, known: frozenset[str] | None = None
    ) -> dict[str, Any]:
        """Run a mutation and ask for all there is in its payload."""
        assert SCHEMA.mutation_type
        field = SCHEMA.mutation_type.fields[row.field]
        payload = get_named_type(field.type)
        assert isinstance(payload, GraphQLObjectType)
        wanted = everything(payload, 1)
        query = f"mutation {{ answer: {row.field} {wanted} }}"
        if "input" in field.args:
            head = f"mutation ($input: {field.args['input'].type})"
            query = f"{head} {{ answer: {row.field}(input: $input) {wanted} }}"
        given = json.loads(with_ids(json.dumps(row.given), known=known))
        return await self.graphql(who, query, {"input": given})

    async def rest(
        self, who: str | None, row: Path, known: frozenset[str] | None = None
    ) -> httpx.Response:
        """Send a request."""
        path = with_ids(row.path, known=known)
        url = path if path.startswith("/") else f"/api/v1/{path}"
        body = json.loads(with_ids(json.dumps(row.body), known=known))
        headers = self.headers(who)
        if row.file:
            files = {"file": ("new.txt", b"new")}
            return await self.client.request(
                row.method, url, data=body, files=files, headers=headers
            )
        sent = {"json": body} if row.method != "GET" else {}
        return await self.client.request(row.method, url, headers=headers, **sent)
