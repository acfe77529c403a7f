"""A client that sends each write with a key, and again until it is answered."""

import asyncio
import json
from collections.abc import Mapping
from random import Random
from typing import Any

import httpx

from tests.crashes.ledger import Ledger

# How often a write is sent: long enough for servers to start again.
TRIES = 400
PAUSE_SECONDS = 0.05
# After how long a client breaks its request off, at most.
BREAK_SECONDS = 0.03
AGAIN = ("IDEMPOTENCY_KEY_IN_USE", "UNAVAILABLE")
Headers = Mapping[str, str]


class KeyedClient:
    """Sends writes over both APIs; None stands for an answer that never came."""

    def __init__(self, http: httpx.AsyncClient, random: Random, ledger: Ledger) -> None:
        self._http = http
        self._random = random
        self._ledger = ledger

    async def rest(
        self, method: str, path: str, body: Any, headers: Headers
    ) -> httpx.Response | None:
        """Send a REST write with a new key; returns the response."""
        given = {**headers, "Idempotency-Key": self._new_key()}
        return await self._send(method, f"/api/v1{path}", body, given)

    async def graphql(self, name: str, given: Mapping[str, Any], fields: str) -> Any:
        """Send a mutation with a new key, by header or directive; returns its payload."""
        key, headers, directive = self._new_key(), {}, ""
        if self._random.random() < 0.5:
            headers = {"Idempotency-Key": key}
        else:
            directive = f'@idempotent(key: "{key}")'
        kind = f"{name[0].upper()}{name[1:]}Input"
        query = (
            f"mutation($input: {kind}!) {{ {name}(input: $input) {directive} {{"
            f" {fields} errors {{ code message }} }} }}"
        )
        body = {"query": query, "variables": {"input": given}}
        response = await self._send("POST", "/graphql", body, headers)
        return None if response is None else self._payload(response, name)

    async def read(self, path: str) -> httpx.Response:
        """Get something that is there."""
        while True:
            try:
                response = await self._http.get(f"/api/v1{path}")
            except httpx.TransportError:
                response = None
            if response is not None and response.status_code == 200:
                return response
            await asyncio.sleep(PAUSE_SECONDS)

    def _new_key(self) -> str:
        return f"{self._random.getrandbits(64):016x}"

    def _payload(self, response: httpx.Response, name: str) -> Any:
        found = response.json()
        if "errors" in found or response.status_code != 200:
            self._ledger.wrong.append(f"{name}: {response.status_code}: {response.text}")
            return None
        return found["data"][name]

    async def _send(self, *request: Any) -> httpx.Response | None:
        """Send a request in one of the ways in which impatient clients do."""
        way = self._random.random()
        if way < 0.1:
            return await self._once(*request)
        if way < 0.3:
            await self._broken_off(*request)
        elif way < 0.5:
            return self._same(await self._twice(*request))
        answer = await self._until_answered(*request)
        if way > 0.8:
            return self._same([answer, await self._until_answered(*request)])
        return answer

    async def _twice(self, *request: Any) -> list[httpx.Response | None]:
        return list(
            await asyncio.gather(
                self._until_answered(*request),
                self._until_answered(*request),
            )
        )

    async def _broken_off(self, *request: Any) -> None:
        try:
            async with asyncio.timeout(self._random.random() * BREAK_SECONDS):
                await self._once(*request)
        except TimeoutError:
            pass

    async def _until_answered(self, *request: Any) -> httpx.Response | None:
        for _ in range(TRIES):
            answer = await self._once(*request)
            if answer is not None:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)
        self._ledger.wrong.append(f"no answer to {request}")
        return None

    async def _once(
        self, method: str, path: str, body: Any, headers: Headers
    ) -> httpx.Response | None:
        """Send a request; returns the answer, or None if it is to be sent again."""
        try:
            response = await self._http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        if "Retry-After" in response.headers or any(f'"{code}"' in response.text for code in AGAIN):
            return None
        self._ledger.replayed += response.headers.get("Idempotency-Replayed") == "true"
        return response

    def _same(self, answers: list[httpx.Response | None]) -> httpx.Response | None:
        """Return the answer to a request that was sent twice; both are to be equal."""
        first, second = answers
        if first is not None and second is not None:
            self._ledger.repeated += 1
            if _said(first) != _said(second):
                self._ledger.wrong.append(f"{first.text} and then {second.text}")
        return first


def _said(response: httpx.Response) -> tuple[int, Any]:
    # A DELETE of REST has no body.
    return response.status_code, json.loads(response.content or "null")
