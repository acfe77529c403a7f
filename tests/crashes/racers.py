"""Writers that change the same tickets in every way there is, and keep a ledger of it."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import httpx

from tests.crashes.keyed import KeyedClient
from tests.crashes.ledger import Ledger, Told, Trace
from tests.support.rows import key

# How many tickets an ``updateTickets`` of these writers has, at most.
BATCH = 100
FIELDS = ("subject", "description", "tags")


class Racer:
    """One writer; ``tickets`` are those that all writers change, ``more`` others for batches."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        random: Random,
        ledger: Ledger,
        tickets: Sequence[str],
        more: Sequence[str],
    ) -> None:
        self._ledger = ledger
        self._random = random
        self._tickets = tickets
        self._more = more
        self._client = KeyedClient(http, random, ledger)
        # The jobs that it has started, each with its mark.
        self._jobs: list[tuple[str, str]] = []
        self._actions: Sequence[Callable[[], Awaitable[None]]] = (
            self._change,
            self._change_and_undo,
            self._merge,
            self._merge_by_rest,
            self._batch,
            self._comment,
            self._comment_by_rest,
            self._comment_and_back,
            self._ticket,
            self._ticket_and_back,
        )

    async def run(self, writes: int, *, jobs: int) -> None:
        """Do each kind of writes in turn, in an order of its own, and start so many jobs."""
        order = list(self._actions)
        starts = set(self._random.sample(range(writes), jobs))
        for number in range(writes):
            if number % len(order) == 0:
                self._random.shuffle(order)
            if number in starts:
                await self._job()
            if not self._ledger.wrong:
                await order[number % len(order)]()
            self._ledger.count()

    async def _change(self) -> None:
        await self._changed()

    async def _changed(self) -> tuple[Trace, Any]:
        """Change a field, whatever it is; returns the trace and the payload."""
        ticket, field, mark = self._random.choice(self._tickets), self._field(), _mark()
        given = {"id": ticket, field: [mark] if field == "tags" else mark}
        payload = await self._client.graphql(
            "updateTicket", given, "ticket { id } events { id type }"
        )
        trace = Trace("write", ticket, mark)
        self._ledger.add(_told(payload), trace)
        return trace, payload

    async def _change_and_undo(self) -> None:
        trace, payload = await self._changed()
        if payload is None or payload["errors"]:
            return
        given = {"eventId": payload["events"][0]["id"]}
        undone = await self._client.graphql("undo", given, "events { id }")
        self._ledger.add(_told(undone), trace._replace(kind="undo"))

    async def _merge(self) -> None:
        ticket, field, mark = self._random.choice(self._tickets), self._field(), _mark()
        version = (await self._client.read(f"/tickets/{ticket}/")).headers["ETag"]
        given = {
            "id": ticket,
            field: [mark] if field == "tags" else mark,
            "expectedVersion": _version_of(version),
            "onConflict": "MERGE",
        }
        fields = "ticket { id } merged { actualVersion }"
        payload = await self._client.graphql("updateTicket", given, fields)
        self._ledger.merged += bool(payload and payload["merged"])
        self._ledger.add(_told(payload), Trace("write", ticket, mark))

    async def _merge_by_rest(self) -> None:
        ticket, field, mark = self._random.choice(self._tickets), self._field(), _mark()
        tag = (await self._client.read(f"/tickets/{ticket}/")).headers["ETag"]
        headers = {"If-Match": tag, "Prefer": "merge"}
        path = f"/tickets/{ticket}/"
        response = await self._client.rest("PATCH", path, {field: mark}, headers)
        if response is not None:
            self._ledger.merged += response.headers.get("Preference-Applied") == "merge"
        self._ledger.add(self._rest_told(response, 200, 412), Trace("write", ticket, mark))

    async def _batch(self) -> None:
        mark, tickets = _mark(), self._some(BATCH)
        given = {"ids": tickets, "changes": {"description": mark}, "comment": {"text": mark}}
        fields = "results { id errors { code } }"
        payload = await self._client.graphql("updateTickets", given, fields)
        if payload is None:
            self._ledger.add(Told.UNKNOWN, *_of_batch(tickets, mark))
            return
        for ticket, result in zip(tickets, payload["results"], strict=True):
            told = Told.REFUSED if result["errors"] else Told.DONE
            self._ledger.add(told, *_of_batch([ticket], mark))

    async def _job(self) -> None:
        mark, tickets = _mark(), [*self._tickets, *self._more]
        self._random.shuffle(tickets)
        given = {"ids": tickets, "changes": {"description": mark}, "comment": {"text": mark}}
        payload = await self._client.graphql("startBulkUpdate", given, "job { id }")
        told = _told(payload)
        if told is Told.DONE:
            self._jobs.append((payload["job"]["id"], mark))
        self._ledger.add(told, Trace("job", None, mark))
        self._ledger.add(told, *_of_batch(tickets, mark))

    async def undo_jobs(self) -> None:
        """Start jobs that undo those of this writer, which have ended."""
        for job, mark in self._jobs:
            payload = await self._client.graphql("undoBulkJob", {"id": job}, "job { id }")
            self._ledger.add(_told(payload), Trace("undo job", None, mark))

    async def _comment(self) -> None:
        await self._commented()

    async def _commented(self) -> tuple[Trace, Any]:
        ticket, mark = self._random.choice(self._tickets), _mark()
        given = {"ticketId": ticket, "text": mark}
        payload = await self._client.graphql("addComment", given, "comment { id }")
        trace = Trace("comment", ticket, mark)
        self._ledger.add(_told(payload), trace)
        return trace, payload

    async def _comment_by_rest(self) -> None:
        ticket, mark = self._random.choice(self._tickets), _mark()
        given = {"ticket": ticket, "text": mark}
        response = await self._client.rest("POST", "/ticket-comments/", given, {})
        self._ledger.add(self._rest_told(response, 201), Trace("comment", ticket, mark))

    async def _comment_and_back(self) -> None:
        trace, payload = await self._commented()
        if payload is not None:
            given = {"id": payload["comment"]["id"]}
            await self._deleted_and_back("deleteComment", given, trace)

    async def _ticket(self) -> None:
        await self._created()

    async def _created(self) -> tuple[Trace, Any]:
        mark = _mark()
        given = {"subject": mark, "description": "D", "companyId": str(key("hilton"))}
        payload = await self._client.graphql("createTicket", given, "ticket { id }")
        trace = Trace("ticket", None, mark)
        self._ledger.add(_told(payload), trace)
        return trace, payload

    async def _ticket_and_back(self) -> None:
        trace, payload = await self._created()
        if payload is not None:
            await self._deleted_and_back("deleteTicket", {"id": payload["ticket"]["id"]}, trace)

    async def _deleted_and_back(self, name: str, given: dict[str, str], trace: Trace) -> None:
        """Delete what this writer has made, and perhaps bring it back."""
        payload = await self._client.graphql(name, given, "events { id }")
        if payload is None:
            self._ledger.add(Told.UNKNOWN, trace)
            return
        self._ledger.add(Told.REFUSED, trace)
        if self._random.random() < 0.7:
            event = {"eventId": payload["events"][0]["id"]}
            self._ledger.add(_told(await self._client.graphql("undo", event, "")), trace)

    def _field(self) -> str:
        return self._random.choice(FIELDS)

    def _some(self, most: int) -> list[str]:
        """Return the tickets of all writers and others, in any order.

        Half of the others are left to the jobs, so that an undo of these finds some as they were.
        """
        half = self._more[: len(self._more) // 2]
        others = self._random.sample(half, min(most - len(self._tickets), len(half)))
        found = [*self._tickets, *others]
        self._random.shuffle(found)
        return found

    def _rest_told(self, response: httpx.Response | None, *statuses: int) -> Told:
        """Return what a response says, whose status is to be the first one if it is done."""
        if response is None:
            return Told.UNKNOWN
        if response.status_code not in statuses:
            self._ledger.wrong.append(f"{response.status_code}: {response.text}")
        return Told.DONE if response.status_code == statuses[0] else Told.REFUSED


def _mark() -> str:
    return secrets.token_hex(12)


def _version_of(tag: str) -> int:
    """Return the version that an ``ETag`` names."""
    return int(tag.split("-")[1])


def _of_batch(tickets: Sequence[str], mark: str) -> list[Trace]:
    return [Trace(kind, one, mark) for one in tickets for kind in ("write", "comment")]


def _told(payload: Any) -> Told:
    if payload is None:
        return Told.UNKNOWN
    return Told.REFUSED if payload["errors"] else Told.DONE
