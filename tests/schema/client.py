"""The GraphQL face as a client meets it: over HTTP, as this or that user."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
from sqlmodel import SQLModel
from starlette.applications import Starlette

from deskgraph.app import create_app
from deskgraph.database.database import Database
from deskgraph.settings import Settings
from resolvers.services import Services
from tests.schema.rows import insert, key
from tests.support.clock import Clock

SECRET = "a secret of these tests, of enough bytes"
CODES = {"BAD_USER_INPUT", "BAD_CURSOR", "UNAUTHENTICATED", "FORBIDDEN"}


class GraphQLClient:
    """One running application and a client of it."""

    def __init__(
        self, app: Starlette, client: httpx.AsyncClient, clock: Clock, statements: list[str]
    ) -> None:
        self.app = app
        self.client = client
        self.clock = clock
        self.statements = statements

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @property
    def database(self) -> Database:
        database = self.services.database
        assert isinstance(database, Database)
        return database

    def headers(self, viewer: UUID | str | None) -> dict[str, str]:
        """Return a login's header; a text is the name of a user."""
        if viewer is None:
            return {}
        user_id = key(viewer) if isinstance(viewer, str) else viewer
        return {"Authorization": f"Bearer {self.services.tokens.access(user_id)}"}

    async def post(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "agent"
    ) -> httpx.Response:
        # With escapes, unlike httpx's own JSON: halves of surrogate pairs get through.
        body = json.dumps({"query": query, "variables": variables})
        headers = {"Content-Type": "application/json", **self.headers(viewer)}
        return await self.client.post("/graphql", content=body, headers=headers)

    async def ask(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "agent"
    ) -> Any:
        """Return the data of an answer without errors."""
        response = await self.post(query, variables, viewer)
        answer = response.json()
        assert response.status_code == 200, answer
        assert "errors" not in answer, answer
        return answer["data"]

    async def refused(
        self, query: str, variables: Any = None, viewer: UUID | str | None = "agent"
    ) -> dict[str, Any]:
        """Return the only error of an answer, which blames the client."""
        response = await self.post(query, variables, viewer)
        answer = response.json()
        assert response.status_code in (200, 400), answer
        (error,) = answer["errors"]
        assert error["extensions"]["code"] in CODES, error
        refusal: dict[str, Any] = error
        return refusal

    async def add(self, *rows: SQLModel) -> None:
        await insert(self.database, *rows)


def make_app(
    settings: Settings, clock: Clock, observer: Callable[[str], None] | None = None
) -> Starlette:
    return create_app(settings, clock=clock, observer=observer)
