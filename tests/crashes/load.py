"""Clients that write all the time, and remember what they were told of each write."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.rows import key

# How long a client waits after a write that failed, in seconds, so that it does not only ask.
PAUSE_SECONDS = 0.05
NOT_DONE, UNKNOWN, DONE = "Nothing was changed", "It is not known", "The change was made"
CREATE = """
mutation ($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { id } errors { message } }
}
"""
COMMENT = "mutation($input: AddCommentInput!) { addComment(input: $input) { errors { message } } }"


@dataclass
class Answers:
    """The marks of all writes, by what was said of them; each mark is in one row."""

    acknowledged: set[str] = field(default_factory=set)
    # Nothing was changed.
    refused: set[str] = field(default_factory=set)
    # It is not known, or there was no answer.
    unknown: set[str] = field(default_factory=set)
    # Answers that no fault excuses.
    wrong: list[str] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many writes did not end well."""
        return len(self.refused) + len(self.unknown)

    def add(self, mark: str, response: httpx.Response) -> bool:
        """Take an answer; return whether the write was acknowledged."""
        said = response.text
        if response.status_code == 503 or '"UNAVAILABLE"' in said:
            told = self.refused if NOT_DONE in said else self.unknown if UNKNOWN in said else None
            if told is not None:
                told.add(mark)
                return False
            if DONE not in said:
                self.wrong.append(f"{response.status_code}: {said}")
                return False
        elif response.status_code not in (200, 201) or '"message"' in said:
            self.wrong.append(f"{response.status_code}: {said}")
            return False
        self.acknowledged.add(mark)
        return True


class Load:
    """Clients of which each goes on until so many of its writes were acknowledged."""

    def __init__(self, base: str, headers: dict[str, str], *, clients: int, writes: int) -> None:
        self.base = base
        self.headers = headers
        self.clients = clients
        self.writes = writes
        self.answers = Answers()

    async def run(self) -> None:
        """Write until all clients are done."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.clients):
                group.create_task(self._write())

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for something that the answers say."""
        while not reached():
            assert not self.answers.wrong, self.answers.wrong
            await asyncio.sleep(PAUSE_SECONDS)

    async def until_share(self, share: float) -> None:
        """Wait until a share of all writes was acknowledged."""
        wanted = share * self.clients * self.writes
        await self.until(lambda: len(self.answers.acknowledged) >= wanted)

    async def until_failed(self, more: int) -> None:
        """Wait until so many more writes have failed."""
        wanted = self.answers.failed + more
        await self.until(lambda: self.answers.failed >= wanted)

    async def _write(self) -> None:
        done = 0
        kinds = (self._by_rest, self._by_graphql, self._comment, self._upload)
        # Each client has a connection of its own, as on machines of their own.
        async with httpx.AsyncClient(
            base_url=self.base, headers=self.headers, timeout=60
        ) as client:
            while done < self.writes and not self.answers.wrong:
                mark = secrets.token_hex(12)
                if await self._sent(mark, kinds[done % len(kinds)](client, mark)):
                    done += 1
                else:
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _sent(self, mark: str, request: Awaitable[httpx.Response]) -> bool:
        try:
            response = await request
        except httpx.TransportError:
            self.answers.unknown.add(mark)
            return False
        return self.answers.add(mark, response)

    def _by_rest(self, client: httpx.AsyncClient, mark: str) -> Awaitable[httpx.Response]:
        given = {"subject": mark, "description": "D", "company": str(key("hilton"))}
        return client.post("/api/v1/tickets/", json=given)

    def _by_graphql(self, client: httpx.AsyncClient, mark: str) -> Awaitable[httpx.Response]:
        given = {"subject": mark, "description": "D", "companyId": str(key("hilton"))}
        return _graphql(client, CREATE, given)

    def _comment(self, client: httpx.AsyncClient, mark: str) -> Awaitable[httpx.Response]:
        return _graphql(client, COMMENT, {"ticketId": str(key("volume")), "text": mark})

    def _upload(self, client: httpx.AsyncClient, mark: str) -> Awaitable[httpx.Response]:
        form = {"ticket": str(key("volume"))}
        files = {"file": (mark, content_of(mark))}
        return client.post("/api/v1/ticket-attachments/", data=form, files=files)


def content_of(mark: str) -> bytes:
    """Return what the file of an upload has in it."""
    return mark.encode() * 200


def _graphql(
    client: httpx.AsyncClient, query: str, given: dict[str, Any]
) -> Awaitable[httpx.Response]:
    body = {"query": query, "variables": {"input": given}}
    return client.post("/graphql", json=body)
