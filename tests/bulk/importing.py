"""Imports as a client sends them, and what came of them."""

import csv
import io
import json
from typing import Any

import httpx
import orjson

from tests.bulk.conftest import Desk

IMPORT = """mutation($input: ImportTicketsInput!) { importTickets(input: $input) {
    job { id kind state totalCount } errors { code message field } } }"""
REJECTS = "query($id: ID!) { importRejects(jobId: $id) { url fileName } }"


async def send(
    desk: Desk,
    content: str | bytes,
    viewer: str = "keith",
    name: str = "tickets.csv",
    **given: Any,
) -> Any:
    """Send a file; returns the payload."""
    response = await post(desk, content, viewer, name, **given)
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]["importTickets"]


async def post(
    desk: Desk, content: str | bytes, viewer: str | None, name: str, **given: Any
) -> httpx.Response:
    headers = given.pop("headers", {})
    body = {"query": IMPORT, "variables": {"input": {"file": None, **given}}}
    parts: list[tuple[str, Any]] = [
        ("operations", (None, json.dumps(body))),
        ("map", (None, '{"0": ["variables.input.file"]}')),
        ("0", (name, content)),
    ]
    headers = {"GraphQL-Require-Preflight": "1", **desk.gql.headers(viewer), **headers}
    return await desk.gql.client.post("/graphql", files=parts, headers=headers)


async def started(desk: Desk, content: str | bytes, viewer: str = "keith", **given: Any) -> str:
    """Start an import; returns the id of its job."""
    found = await send(desk, content, viewer, **given)
    assert found["errors"] == []
    return str(found["job"]["id"])


async def finished(desk: Desk, content: str | bytes, viewer: str = "keith", **given: Any) -> Any:
    """Import a file, and return the job."""
    key = await started(desk, content, viewer, **given)
    await desk.work()
    return await desk.job(key, viewer)


async def refused(desk: Desk, content: str | bytes, viewer: str = "keith", **given: Any) -> Any:
    """Send a file that nothing may come of; returns its only error."""
    before, files = await desk.gql.everything(), desk.gql.world.files()
    found = await send(desk, content, viewer, **given)
    assert await desk.gql.everything() == before
    assert desk.gql.world.files() == files
    assert found["job"] is None
    [error] = found["errors"]
    return error


async def rejects(desk: Desk, job_id: str, viewer: str = "keith") -> bytes:
    """Return the file of the rows that were refused."""
    link = (await desk.gql.ask(REJECTS, {"id": job_id}, viewer))["importRejects"]
    response = await desk.gql.client.get(link["url"])
    assert response.status_code == 200
    return response.content


def lines_of(content: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content.splitlines()]


def table_of(content: bytes, delimiter: str = ",") -> list[list[str]]:
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    return list(csv.reader(text, delimiter=delimiter))


def csv_of(header: str, *rows: str) -> str:
    return "\r\n".join([header, *rows]) + "\r\n"
