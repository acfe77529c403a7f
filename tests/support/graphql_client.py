"""GraphQL as a client meets it: over HTTP, as a user or a stranger."""

import functools
import json
from typing import Any
from uuid import UUID

import httpx
from graphql import GraphQLSchema, build_schema

from schema import sdl
from tests.support.app_client import AppClient


@functools.cache
def client_schema() -> GraphQLSchema:
    """Return the schema as clients know it, by its text."""
    return build_schema(sdl())


CODES = {"BAD_USER_INPUT", "BAD_CURSOR", "UNAUTHENTICATED", "FORBIDDEN"}


class GraphQLClient(AppClient):
    """Sends operations; ``viewer`` is the name or the id of a user, None a stranger."""

    def headers(self, viewer: UUID | str | None) -> dict[str, str]:
        """Return a login's header."""
        return self.world.headers(viewer)

    async def post(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "keith"
    ) -> httpx.Response:
        # With escapes, unlike httpx's own JSON: halves of surrogate pairs get through.
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json", **self.headers(viewer)}
        return await self.client.post("/graphql", content=body, headers=headers)

    async def ask(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "keith"
    ) -> Any:
        """Return the data of an answer without errors."""
        response = await self.post(query, variables, viewer)
        answer = response.json()
        assert response.status_code == 200, answer
        assert "errors" not in answer, answer
        return answer["data"]

    async def refused(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "keith"
    ) -> dict[str, Any]:
        """Return the only error of an answer, which blames the client, without the request's id."""
        response = await self.post(query, variables, viewer)
        answer = response.json()
        assert response.status_code in (200, 400), answer
        (error,) = answer["errors"]
        assert error["extensions"]["code"] in CODES, error
        assert error["extensions"].pop("requestId") == response.headers["x-request-id"]
        refusal: dict[str, Any] = error
        return refusal
