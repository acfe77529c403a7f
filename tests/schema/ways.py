"""The ways to ask over HTTP; each returns its whole answer, with the headers."""

import json
from typing import Any

from schema.transport import negotiation
from tests.schema.client import Face


async def post(face: Face, query: str, variables: Any = None) -> str:
    response = await face.post(query, variables)
    return f"{response.headers} {response.text}"


async def get(face: Face, query: str, variables: Any = None) -> str:
    params = {"query": query, "variables": json.dumps(variables)}
    response = await face.client.get("/graphql", params=params, headers=face.headers("agent"))
    return f"{response.headers} {response.text}"


async def trusting(face: Face, query: str, variables: Any = None) -> str:
    body = {"query": query, "variables": variables}
    headers = {"Accept": negotiation.GRAPHQL, **face.headers("agent")}
    response = await face.client.post("/graphql", json=body, headers=headers)
    return f"{response.headers} {response.text}"


async def batch(face: Face, query: str, variables: Any = None) -> str:
    body = [{"query": query, "variables": variables}] * 2
    response = await face.client.post("/graphql", json=body, headers=face.headers("agent"))
    return f"{response.headers} {response.text}"


async def stream(face: Face, query: str, variables: Any = None) -> str:
    body = {"query": query, "variables": variables}
    headers = {"Accept": negotiation.EVENTS, **face.headers("agent")}
    response = await face.client.post("/graphql", json=body, headers=headers)
    return f"{response.headers} {response.text}"


async def form(face: Face, query: str, variables: Any = None) -> str:
    operations = json.dumps({"query": query, "variables": variables})
    parts = {"operations": (None, operations), "map": (None, "{}")}
    headers = {"GraphQL-Require-Preflight": "1", **face.headers("agent")}
    response = await face.client.post("/graphql", files=parts, headers=headers)
    return f"{response.headers} {response.text}"


SENDS = (post, get, trusting, batch, stream, form)
