"""REST as a client meets it: requests of a user of the world, or of a stranger."""

import json
from typing import Any

import httpx

from rest_compat.routes import API
from tests.support.app_client import AppClient
from tests.support.rows import key


class RestClient(AppClient):
    """Sends requests; ``who`` names the user that asks, None a stranger."""

    async def call(
        self, method: str, path: str, who: str | None = "keith", **more: Any
    ) -> httpx.Response:
        headers = {**more.pop("headers", {}), **self.world.headers(who)}
        if "json" in more:
            # The client's own encoder could not send half of a surrogate pair.
            more["content"] = json.dumps(more.pop("json"))
            headers["Content-Type"] = "application/json"
        url = path if path.startswith("/") else API + path
        return await self.client.request(method, url, headers=headers, **more)

    async def get(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("GET", path, who, **more)

    async def post(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("POST", path, who, **more)

    async def patch(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("PATCH", path, who, **more)

    async def put(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("PUT", path, who, **more)

    async def delete(self, path: str, who: str | None = "keith") -> httpx.Response:
        return await self.call("DELETE", path, who)

    async def refuses(
        self, method: str, path: str, body: Any, status: int, answer: Any, who: str = "keith"
    ) -> None:
        """Send a write that must be refused, and look that nothing came of it."""
        before = await self.everything()
        response = await self.call(method, path, who, json=body)
        assert response.status_code == status, response.text
        assert response.json() == answer
        assert await self.everything() == before

    async def let_olga_in(self) -> None:
        """Activate the company of the customer who sees none of most tickets here."""
        path = f"companies/{key('centara')}/"
        assert (await self.patch(path, "admin", json={"is_active": True})).status_code == 200

    @staticmethod
    def minimal(**more: Any) -> dict[str, Any]:
        """Return a body that is just enough for a ticket."""
        return {"subject": "S", "description": "D", "company": str(key("hilton")), **more}
