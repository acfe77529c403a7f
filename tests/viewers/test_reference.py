"""Every answer of every path to everybody is one that the API document tells of."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import jsonschema_rs
import pytest

from deskgraph import api_docs
from rest_compat.endpoints import attachments, auth, comments, people, tickets
from rest_compat.openapi.operations import Operation, operation_of
from rest_compat.routes import every_path
from rest_compat.serializers.request_fields import Form
from tests.viewers.asking import ApiClients
from tests.viewers.paths import PATHS
from tests.viewers.table import Path

pytestmark = pytest.mark.anyio

MODULES = (attachments, auth, comments, people, tickets)


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(api_docs.openapi())


def shaped(row: Path) -> str:
    """Return the path of a row as the document spells it."""
    path = row.path if row.path.startswith("/") else f"/api/v1/{row.path}"
    if path.startswith("/media/"):
        return "/media/{key}"
    parts = path.split("?")[0].split("/")
    return "/".join("{id}" if part.startswith("<") else part for part in parts)


def assert_told(document: Any, row: Path, answer: httpx.Response) -> None:
    """The document has the answer's status, and a schema that the answer's body is valid for."""
    responses = document["paths"][shaped(row)][row.method.lower()]["responses"]
    assert str(answer.status_code) in responses, answer.text
    told = responses[str(answer.status_code)]
    if "$ref" in told:
        told = document["components"]["responses"][told["$ref"].rsplit("/", 1)[-1]]
    assert_headers(document, told, answer)
    if "content" not in told:
        assert answer.content == b""
        return
    if "*/*" in told["content"]:
        return
    [(kind, content)] = told["content"].items()
    assert answer.headers["content-type"] == kind
    schema = {**content["schema"], "components": document["components"]}
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    problems = [f"{e.instance_path}: {e.message}" for e in validator.iter_errors(answer.json())]
    assert problems == []


def assert_headers(document: Any, told: Any, answer: httpx.Response) -> None:
    """Every header that the document promises is there."""
    headers = document["components"]["headers"]
    for name in told["headers"]:
        assert name in answer.headers or not headers[name].get("required"), name


@pytest.mark.parametrize("row", PATHS, ids=lambda row: f"{row.method} {row.path}")
async def test_an_answer_is_one_of_the_document(
    gql_clients: ApiClients, document: Any, row: Path
) -> None:
    for who in ("admin", "carla", None):
        await gql_clients.world.reset()
        assert_told(document, row, await gql_clients.rest(who, row))


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect the forms and reads that handlers use."""
    found: list[object] = []

    def note(module: ModuleType, name: str, place: int) -> None:
        original: Callable[..., Any] = getattr(module, name)

        def noted(*args: Any, **more: Any) -> Any:
            found.append(args[place])
            return original(*args, **more)

        monkeypatch.setattr(module, name, noted)

    for module in MODULES:
        note(module, "values_of", 0)
        for answering in ("row_answer", "tagged_answer"):
            if hasattr(module, answering):
                note(module, answering, 1)
    return found


async def test_what_handlers_declare_is_what_they_use(
    gql_clients: ApiClients, used: list[object]
) -> None:
    declared: dict[tuple[str, str], Operation] = {
        (path.path, method): operation_of(handler)
        for path in every_path()
        for method, handler in path.handlers.items()
    }
    seen = set()
    for row in PATHS:
        await gql_clients.world.reset()
        used.clear()
        await gql_clients.rest("admin", row)
        operation = declared.get((shaped(row), row.method))
        for thing in used:
            assert operation is not None
            is_form = isinstance(thing, dict)
            assert thing is (operation.form if is_form else operation.answers), row
            seen.add((row.method, row.path.split("?")[0], is_form))
    # Each body but those of logins' tokens and uploads is read by its form; each row is a read.
    assert len([one for one in seen if one[2]]) >= 15
    assert len([one for one in seen if not one[2]]) >= 20


async def test_every_handler_declares_what_it_does() -> None:
    for path in every_path():
        for method, handler in path.handlers.items():
            operation = operation_of(handler)
            assert operation.answers is not None or operation.status == 204, (path.path, method)
            form: Form = operation.form or {}
            assert set(form) <= set(operation.rules), (path.path, method)
