"""Whatever is sent to ``/graphql``: no server error, and JSON with a code or a stream of events.

``make fuzz-graphql`` does this for long, each time with other requests.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from starlette.applications import Starlette

from schema.errors.codes import Code
from schema.transport import negotiation
from tests.fuzz.graphql import Request, operations, requests
from tests.support import proofs
from tests.support.app_client import open_app
from tests.support.limits import UNBOUNDED
from tests.support.rows import key
from tests.support.settings import settings_for

FAULTS = {Code.INTERNAL, Code.TIMEOUT}


class Asking:
    """An application that runs in this process, and a judge of its answers."""

    def __init__(self, app: Starlette, token: str, runner: asyncio.Runner) -> None:
        self.seen: Counter[int | str] = Counter()
        self._app = app
        self._token = token
        self._runner = runner

    def ask(self, request: Request) -> Any:
        """Send a request as staff; return the answers that are JSON."""
        status, headers, body = self._runner.run(self._send(request))
        about = (request, status, headers, body[:500])
        self.seen[status] += 1
        assert status < 500, about
        if status == 304 or request.method == "HEAD":
            return []
        kind = headers["content-type"].split(";")[0]
        if kind == "text/html":
            return []
        if kind == negotiation.EVENTS:
            frames = body.decode().split("\n\n")
            answers = [json.loads(frame.split("data: ")[1]) for frame in frames[:-2]]
        else:
            assert kind in (negotiation.JSON, negotiation.GRAPHQL), about
            answer = json.loads(body)
            answers = answer if isinstance(answer, list) else [answer]
        for answer in answers:
            errors = answer.get("errors", [])
            assert errors or answer.get("data") is not None, about
            for error in errors:
                assert error["extensions"]["code"] in set(Code) - FAULTS, about
                self.seen[error["extensions"]["code"]] += 1
        if status >= 400:
            assert all("errors" in answer for answer in answers), about
        return answers

    async def _send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "root_path": "",
            "query_string": request.query,
            "headers": [
                *request.headers,
                (b"host", b"desk.test"),
                (b"authorization", f"Bearer {self._token}".encode()),
            ],
            "server": ("desk.test", 80),
            "client": ("127.0.0.1", 1),
        }
        started: dict[str, Any] = {}
        body = b""
        sent = False
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            nonlocal sent
            if sent:
                await gone.wait()
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal body
            if message["type"] == "http.response.start":
                started.update(message)
            body += message.get("body", b"")

        await self._app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in started["headers"]}
        return started["status"], headers, body


@pytest.fixture
def asking(sqlite_url: str, tmp_path: Path) -> Iterator[Asking]:
    """Give the open application over the world of the tests."""
    settings = settings_for(sqlite_url, tmp_path / "media", **UNBOUNDED)
    with asyncio.Runner() as runner:
        opening = open_app(settings)
        app, _client, world = runner.run(opening.__aenter__())
        try:
            runner.run(world.reset())
            yield Asking(app, world.services.tokens.access(key("admin")), runner)
        finally:
            runner.run(opening.__aexit__(None, None, None))


@pytest.mark.proof(small=True)
def test_requests_of_every_kind(asking: Asking) -> None:
    @proofs.examples(40, 600)
    @given(requests())
    def ask(request: Request) -> None:
        asking.ask(request)

    ask()
    print(dict(asking.seen))  # noqa: T201 - "make fuzz-graphql" shows it
    met = {400, Code.BAD_USER_INPUT}
    if proofs.LONG:  # Few random requests need not meet every refusal.
        met |= {200, 405, 406, 415, Code.PERSISTED_QUERY_NOT_FOUND}
    assert met <= set(asking.seen)


@pytest.mark.proof(small=True)
def test_operations_of_every_kind(asking: Asking) -> None:
    ran = 0
    fields = operations()
    for _label, strategy in fields:

        @proofs.examples(1, 2, share=len(fields))
        @given(strategy)
        def ask(case: Any) -> None:
            nonlocal ran
            body = json.dumps({"query": case.body}).encode()
            kind = [(b"content-type", negotiation.JSON.encode())]
            for answer in asking.ask(Request("POST", kind, b"", body)):
                ran += answer.get("data") is not None

        ask()
    print(ran, dict(asking.seen))  # noqa: T201
    assert ran > (10 if proofs.LONG else 5)


def test_the_judge_sees_a_fault(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError

    body = json.dumps({"query": "{ tickets { totalCount } }"}).encode()
    request = Request("POST", [(b"content-type", b"application/json")], b"", body)
    monkeypatch.setattr("schema.projection.resolve.read_json", broken)
    with pytest.raises(AssertionError):
        asking.ask(request)
    monkeypatch.undo()
    asking.ask(request)
