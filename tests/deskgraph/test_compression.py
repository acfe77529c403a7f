"""Compressed answers: for clients that take them, with the same content and their own tags."""

import gzip
import hashlib
import json
import re
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from deskgraph.console import HASHED
from deskgraph.pages import LASTING, Files, version_of
from models import Ticket
from resolvers.http import compression
from tests.support.app_client import AppClient, client_of, open_app
from tests.support.named_rows import PASSWORD
from tests.support.processes.local_server import serving
from tests.support.rows import key
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

LONG = "Zone 3 is offline. " * 500
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
TICKET = f'{{ ticket(id: "{key("offline")}") {{ description }} }}'
SMALL = "{ viewer { id } }"
DETAIL = f"/api/v1/tickets/{key('offline')}/"
LOGIN = f"""mutation {{
  login(input: {{username: "keith", password: "{PASSWORD}"}}) {{
    accessToken user {{ assignedTickets {{ nodes {{ description }} }} }}
  }}
}}"""


@dataclass
class Raw:
    """An answer as it was sent."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def coding(self) -> str | None:
        return str(self.headers["content-encoding"]) if "content-encoding" in self.headers else None

    @property
    def content(self) -> bytes:
        """What is inside, whose length has to be that of the header."""
        assert int(self.headers["content-length"]) == len(self.body)
        return gzip.decompress(self.body) if self.coding == "gzip" else self.body


class Desk(AppClient):
    """An application whose tickets have long texts."""

    async def raw(self, method: str, path: str, headers: Any = (), **more: Any) -> Raw:
        """Send a request of a technician, without headers of the client's own."""
        given = {**self.world.headers("keith"), **dict(headers)}
        request = self.client.build_request(method, path, headers=given, **more)
        if "accept-encoding" not in {name.lower() for name in given}:
            del request.headers["accept-encoding"]
        response = await self.client.send(request, stream=True)
        body = b"".join([part async for part in response.aiter_raw()])
        await response.aclose()
        return Raw(response.status_code, response.headers, body)

    async def graphql(self, query: str, headers: Any = ()) -> Raw:
        return await self.raw("POST", "/graphql", headers, json={"query": query})


@pytest.fixture(scope="module")
async def shared_desk(
    anyio_backend: str,
    shared_sqlite_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    undelivered: None,
) -> AsyncIterator[Desk]:
    """Give the application, with compression, that stays open for the module."""
    settings = settings_for(shared_sqlite_url, tmp_path_factory.mktemp("media"), compression="on")
    async with open_app(settings) as opened:
        yield Desk(*opened)


@pytest.fixture
async def desk(shared_desk: Desk) -> Desk:
    """Give it with a ticket that has a long text."""
    await shared_desk.world.reset()
    await shared_desk.world.change(Ticket, key("offline"), description=LONG)
    return shared_desk


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br, zstd", "*", "identity;q=0, gzip"])
async def test_answers_to_reads_are_compressed_for_who_takes_it(desk: Desk, accepted: str) -> None:
    takes = {"Accept-Encoding": accepted}
    for found, plain in (
        (await desk.graphql(TICKET, takes), await desk.graphql(TICKET)),
        (await desk.raw("GET", DETAIL, takes), await desk.raw("GET", DETAIL)),
    ):
        assert found.status == plain.status == 200
        assert (found.coding, plain.coding) == ("gzip", None)
        assert found.content == plain.content
        assert LONG in plain.content.decode()
        assert len(found.body) < len(plain.body) / 4
        assert found.headers["content-type"] == plain.headers["content-type"]
        for answer in (found, plain):
            assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *(
            {"Accept-Encoding": text}
            for text in (
                "",
                "identity",
                "br",
                "gzip;q=0",
                "*;q=0",
                "gzip;q=0.1, identity",
                "gzip;q=x",
            )
        ),
        {"Accept-Encoding": "gzip" + "," * 20_000},
    ],
)
async def test_who_takes_no_gzip_gets_what_there_was_before(
    desk: Desk, headers: dict[str, str]
) -> None:
    for method, path, more in (
        ("POST", "/graphql", {"json": {"query": TICKET}}),
        ("GET", DETAIL, {}),
        ("GET", "/api/v1/tickets/", {}),
        ("GET", "/api/v1/openapi.json", {}),
    ):
        found = await desk.raw(method, path, headers, **more)
        assert (found.status, found.coding) == (200, None)
        assert json.loads(found.content)


async def test_without_the_setting_nothing_is_compressed(
    sqlite_url: str, tmp_path: Path, desk: Desk
) -> None:
    async with open_app(settings_for(sqlite_url, tmp_path / "media")) as opened:
        other = Desk(*opened)
        await other.world.reset()
        await other.world.change(Ticket, key("offline"), description=LONG)
        for method, path, more in (
            ("POST", "/graphql", {"json": {"query": TICKET}}),
            ("GET", DETAIL, {}),
            ("HEAD", DETAIL, {}),
            ("GET", "/api/v1/openapi.json", {}),
        ):
            found = await other.raw(method, path, GZIP, **more)
            # The same bytes, and the same headers but for the id of the request.
            plain = await desk.raw(method, path, PLAIN, **more)
            assert found.body == plain.body
            given, left = dict(found.headers), dict(plain.headers)
            assert given.pop("x-request-id") != left.pop("x-request-id")
            assert left.pop("vary").endswith("Accept-Encoding")
            assert given == left


async def test_small_answers_and_errors_stay_as_they_are(desk: Desk) -> None:
    for found in (
        await desk.graphql(SMALL, GZIP),
        await desk.graphql("{ nothing }", GZIP),
        await desk.raw("GET", "/api/v1/auth/me/", GZIP),
        await desk.raw("GET", "/api/v1/nowhere/", GZIP),
        await desk.raw("GET", "/healthz", GZIP),
    ):
        assert found.coding is None
        assert "vary" not in found.headers
        assert len(found.body) < compression.MIN_BYTES


async def test_head_is_get_without_its_body(desk: Desk) -> None:
    for path in (DETAIL, "/api/v1/tickets/", "/api/v1/openapi.json", "/api/v1/auth/me/"):
        for takes in (GZIP, PLAIN):
            got, head = await desk.raw("GET", path, takes), await desk.raw("HEAD", path, takes)
            assert (head.status, head.body) == (200, b"")
            given, left = dict(got.headers), dict(head.headers)
            assert given.pop("x-request-id") != left.pop("x-request-id")
            assert given == left


async def test_answers_with_fresh_tokens_and_secrets_are_not_compressed(desk: Desk) -> None:
    login = await desk.graphql(LOGIN, GZIP)
    batch = [{"query": TICKET}, {"query": LOGIN}]
    both = await desk.raw("POST", "/graphql", GZIP, json=batch)
    body = {"username": "keith", "password": PASSWORD}
    rest = await desk.raw("POST", "/api/v1/auth/login/", GZIP, json=body)
    for found in (login, both, rest):
        assert (found.status, found.coding) == (200, None)
    assert len(login.body) > compression.MIN_BYTES
    assert "accessToken" in login.body.decode()
    # A batch of reads is one answer like any other.
    reads = await desk.raw("POST", "/graphql", GZIP, json=[{"query": TICKET}, {"query": SMALL}])
    assert reads.coding == "gzip"
    assert json.loads(reads.content)[0]["data"]["ticket"]["description"] == LONG


async def test_each_form_of_an_answer_has_its_own_tag(desk: Desk) -> None:
    asked = {"query": TICKET, "extensions": json.dumps(by_hash(TICKET))}
    first = await desk.raw("GET", "/graphql", params=asked)
    assert first.status == 200
    kept = {"extensions": json.dumps(by_hash(TICKET))}
    plain = await desk.raw("GET", "/graphql", PLAIN, params=kept)
    packed = await desk.raw("GET", "/graphql", GZIP, params=kept)
    assert packed.content == plain.content
    one, other = plain.headers["etag"], packed.headers["etag"]
    assert one != other
    for takes, tag, status in (
        (GZIP, other, 304),
        (GZIP, f"W/{other}", 304),
        (PLAIN, one, 304),
        # It has the other form, which is not what would be sent.
        (GZIP, one, 200),
        (PLAIN, other, 200),
    ):
        found = await desk.raw("GET", "/graphql", {**takes, "If-None-Match": tag}, params=kept)
        assert found.status == status
        wanted = packed if takes is GZIP else plain
        for name in ("etag", "vary", "cache-control"):
            assert found.headers[name] == wanted.headers[name]
        if status == 304:
            assert found.body == b""
            assert not {"content-encoding", "content-length", "content-type"} & set(found.headers)


async def test_the_api_document_is_asked_for_again_by_the_tag_of_its_form(desk: Desk) -> None:
    path = "/api/v1/openapi.json"
    plain, packed = await desk.raw("GET", path, PLAIN), await desk.raw("GET", path, GZIP)
    assert (plain.coding, packed.coding) == (None, "gzip")
    assert packed.content == plain.content
    assert plain.headers["etag"] != packed.headers["etag"]
    for takes, had in ((PLAIN, plain), (GZIP, packed)):
        same = await desk.raw("GET", path, {**takes, "If-None-Match": had.headers["etag"]})
        assert (same.status, same.body) == (304, b"")
        assert same.headers["etag"] == had.headers["etag"]
        assert same.headers["vary"] == "Accept-Encoding"
        assert same.coding is None


async def test_a_change_takes_the_tag_of_either_form(desk: Desk) -> None:
    for takes in (GZIP, PLAIN):
        tag = (await desk.raw("GET", DETAIL, takes)).headers["etag"]
        change = {"json": {"subject": f"New {takes}"}}
        done = await desk.raw("PATCH", DETAIL, {**takes, "If-Match": tag}, **change)
        assert (done.status, done.coding) == (200, None)
        before = await desk.everything()
        change = {"json": {"subject": "Another"}}
        refused = await desk.raw("PATCH", DETAIL, {**takes, "If-Match": tag}, **change)
        assert refused.status == 412
        assert await desk.everything() == before


async def test_files_are_sent_as_they_are(desk: Desk) -> None:
    content = json.dumps({"text": LONG}).encode()
    sent = {"data": {"ticket": str(key("offline"))}, "files": {"file": ("report.json", content)}}
    made = await desk.raw("POST", "/api/v1/ticket-attachments/", **sent)
    path = json.loads(made.body)["file"]
    whole = await desk.raw("GET", path, GZIP)
    part = await desk.raw("GET", path, {**GZIP, "Range": "bytes=0-4999"})
    assert (whole.status, whole.coding, whole.body) == (200, None, content)
    assert (part.status, part.coding, part.body) == (206, None, content[:5000])
    assert "vary" not in whole.headers


async def test_a_large_answer_is_compressed_beside_the_event_loop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def packed(body: bytes) -> bytes:
        threads.append(threading.get_ident())
        return gzip.compress(body)

    monkeypatch.setattr(compression, "packed", packed)
    assert (await desk.graphql(TICKET, GZIP)).coding == "gzip"
    assert threads == [threading.get_ident()]
    description = LONG * (compression.THREAD_BYTES // len(LONG) + 1)
    await desk.world.change(Ticket, key("offline"), description=description)
    found = await desk.graphql(TICKET, GZIP)
    assert json.loads(found.content)["data"]["ticket"]["description"] == description
    assert threads[1] != threading.get_ident()


@pytest.mark.parametrize("path", ["/graphql", DETAIL])
async def test_a_server_sends_as_many_bytes_as_it_says(desk: Desk, path: str) -> None:
    async with (
        serving(desk.app, log_level="error", lifespan="off") as running,
        httpx.AsyncClient(base_url=running.base, timeout=60, verify=False) as client,
    ):
        real = Desk(desk.app, client, desk.world)
        params = {"query": TICKET} if path == "/graphql" else {}
        got = await real.raw("GET", path, GZIP, params=params)
        head = await real.raw("HEAD", path, GZIP, params=params)
    assert got.coding == head.coding == "gzip"
    assert LONG in got.content.decode()
    assert head.body == b""
    assert head.headers["content-length"] == got.headers["content-length"]


async def loaded_by_the_page(desk: Desk) -> list[str]:
    """Return the paths of what the reference of REST loads."""
    page = (await desk.raw("GET", "/api/v1/docs", PLAIN)).content.decode()
    names = re.findall(r'(?:href|src)="(docs/[^"]+)"', page)
    return [f"/api/v1/{name}" for name in names]


@pytest.mark.parametrize("name", ["reference.js", "bar.css", "swagger-ui.css"])
async def test_files_of_the_pages_are_compressed_and_last(desk: Desk, name: str) -> None:
    (path,) = [path for path in await loaded_by_the_page(desk) if path.endswith(f"/{name}")]
    plain, packed = await desk.raw("GET", path, PLAIN), await desk.raw("GET", path, GZIP)
    head = await desk.raw("HEAD", path, GZIP)
    assert (plain.coding, packed.coding, head.coding) == (None, "gzip", "gzip")
    assert packed.content == plain.content
    assert len(packed.body) < len(plain.body)
    assert head.headers["content-length"] == packed.headers["content-length"]
    for takes, had in ((PLAIN, plain), (GZIP, packed)):
        assert had.headers["vary"] == "Accept-Encoding"
        assert had.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert had.headers["content-type"] == plain.headers["content-type"]
        same = await desk.raw("GET", path, {**takes, "If-None-Match": had.headers["etag"]})
        assert (same.status, same.body) == (304, b"")
    other = await desk.raw("GET", path, {**PLAIN, "If-None-Match": packed.headers["etag"]})
    assert other.status == 200


async def test_all_that_the_page_loads_lasts_but_the_page(desk: Desk) -> None:
    page = await desk.raw("GET", "/api/v1/docs", PLAIN)
    assert page.headers["cache-control"] == "no-cache"
    paths = await loaded_by_the_page(desk)
    assert len(paths) == 6
    for path in paths:
        found = await desk.raw("GET", path, PLAIN)
        assert (found.status, found.headers["cache-control"]) == (200, LASTING), path


async def test_what_a_page_of_another_release_loads_is_there_and_asked_for_again(
    desk: Desk,
) -> None:
    (path,) = [path for path in await loaded_by_the_page(desk) if path.endswith("/bar.css")]
    other = re.sub(r"static/\w+", "static/0123456789abcdef", path)
    found, same = await desk.raw("GET", other, GZIP), await desk.raw("GET", path, GZIP)
    assert (found.status, found.body) == (200, same.body)
    assert found.headers["cache-control"] == "no-cache"


async def test_only_names_with_a_hash_last(tmp_path: Path) -> None:
    app = Starlette(routes=[Mount("/", Files(tmp_path, hashed=HASHED))])
    (tmp_path / "page-ABCDEFGH.js").write_text("a")
    (tmp_path / "manifest.json").write_text("[]")
    async with client_of(app) as client:
        assert (await client.get("/page-ABCDEFGH.js")).headers["cache-control"] == LASTING
        # Another one may come.
        assert (await client.get("/manifest.json")).headers["cache-control"] == "no-cache"


def test_the_hash_of_a_folder_is_that_of_its_content(tmp_path: Path) -> None:
    found = set()
    for name, files in (
        ("one", {"a.js": "1", "b.js": "2"}),
        ("same", {"b.js": "2", "a.js": "1"}),
        ("other", {"a.js": "1", "b.js": "3"}),
        ("renamed", {"a.js": "1", "c.js": "2"}),
    ):
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / file).write_text(content)
        found.add(version_of(tmp_path / name))
    assert len(found) == 3


def by_hash(text: str) -> dict[str, Any]:
    """Return what asks for a document by its hash."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {"persistedQuery": {"version": 1, "sha256Hash": digest}}
