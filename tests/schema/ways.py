"""The ways to ask over HTTP; each returns its whole answer, with the headers."""

import json
from typing import Any

from schema.transport import negotiation
from tests.support.graphql_client import GraphQLClient


async def post(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    response = await gql.post(query, variables)
    return f"{response.headers} {response.text}"


async def get(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    params = {"query": query, "variables": json.dumps(variables)}
    response = await gql.client.get("/graphql", params=params, headers=gql.headers("keith"))
    return f"{response.headers} {response.text}"


async def trusting(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    body = {"query": query, "variables": variables}
    headers = {"Accept": negotiation.GRAPHQL, **gql.headers("keith")}
    response = await gql.client.post("/graphql", json=body, headers=headers)
    return f"{response.headers} {response.text}"


async def batch(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    body = [{"query": query, "variables": variables}] * 2
    response = await gql.client.post("/graphql", json=body, headers=gql.headers("keith"))
    return f"{response.headers} {response.text}"


async def stream(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    body = {"query": query, "variables": variables}
    headers = {"Accept": negotiation.EVENTS, **gql.headers("keith")}
    response = await gql.client.post("/graphql", json=body, headers=headers)
    return f"{response.headers} {response.text}"


async def form(gql: GraphQLClient, query: str, variables: Any = None) -> str:
    operations = json.dumps({"query": query, "variables": variables})
    parts = {"operations": (None, operations), "map": (None, "{}")}
    headers = {"GraphQL-Require-Preflight": "1", **gql.headers("keith")}
    response = await gql.client.post("/graphql", files=parts, headers=headers)
    return f"{response.headers} {response.text}"


SENDS = (post, get, trusting, batch, stream, form)
