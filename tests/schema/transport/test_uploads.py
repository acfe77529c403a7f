"""Uploads by the GraphQL multipart request specification, and what is not one."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from schema.execution.persisted_documents import hash_of
from schema.transport.multipart import MAX_FIELDS, MAX_FILES, PREFLIGHT
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key, ticket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

UPLOAD = (
    "mutation Upload($input: UploadAttachmentInput!) "
    "{ uploadAttachment(input: $input) { attachment { name size } errors { code } } }"
)
TWO = (
    "mutation($one: UploadAttachmentInput!, $other: UploadAttachmentInput!) {"
    " one: uploadAttachment(input: $one) { attachment { name } }"
    " other: uploadAttachment(input: $other) { attachment { name } } }"
)
AHEAD = {"GraphQL-Require-Preflight": "1"}
PLACE = '{"0": ["variables.input.file"]}'
NOTE = ("note.txt", b"note")


@pytest.fixture
async def services(gql: GraphQLClient) -> GraphQLClient:
    await gql.add(ticket("T-1"))
    return gql


def request(**more: Any) -> dict[str, Any]:
    return {"query": UPLOAD, "variables": {"input": of_ticket()}, **more}


def of_ticket() -> dict[str, Any]:
    return {"ticketId": str(key("T-1")), "file": None}


async def send(
    gql: GraphQLClient, parts: list[tuple[str, Any]], headers: dict[str, str] = AHEAD
) -> httpx.Response:
    """Send parts: a text is a field, and a pair a file."""
    files = [(name, (None, part) if isinstance(part, str) else part) for name, part in parts]
    return await gql.client.post(
        "/graphql", files=files, headers={**headers, **gql.headers("keith")}
    )


async def stored(gql: GraphQLClient, folder: Path) -> tuple[int, list[str]]:
    """Return how many attachments there are, and the files in the store."""
    async with gql.database.engine.connect() as connection:
        rows = await connection.scalar(text("SELECT count(*) FROM attachments"))
    return int(rows or 0), files_in(folder)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("header", PREFLIGHT)
async def test_a_file_is_stored(services: GraphQLClient, header: str) -> None:
    parts = [("operations", json.dumps(request())), ("map", PLACE), ("0", NOTE)]
    response = await send(services, parts, {header: "1"})
    assert response.json() == {
        "data": {"uploadAttachment": {"attachment": {"name": "note.txt", "size": 4}, "errors": []}}
    }
    assert await stored(services, services.world.media) == (1, ["note.txt"])


async def test_several_files_and_batches_are_stored(services: GraphQLClient) -> None:
    two = {"query": TWO, "variables": {"one": of_ticket(), "other": of_ticket()}}
    places = {"a": ["variables.one.file"], "b": ["variables.other.file"]}
    parts = [("operations", json.dumps(two)), ("map", json.dumps(places))]
    files = [("a", ("a.txt", b"a")), ("b", ("b.txt", b"b"))]
    response = await send(services, [*parts, *files])
    assert response.json()["data"] == {
        "one": {"attachment": {"name": "a.txt"}},
        "other": {"attachment": {"name": "b.txt"}},
    }
    batch = [request(), {"query": "{ __typename }"}, request()]
    places = {"x": ["0.variables.input.file"], "y": ["2.variables.input.file"]}
    parts = [("operations", json.dumps(batch)), ("map", json.dumps(places))]
    files = [("y", ("y.txt", b"y")), ("x", ("x.txt", b"x"))]
    first, second, third = (await send(services, [*parts, *files])).json()
    assert first["data"]["uploadAttachment"]["attachment"]["name"] == "x.txt"
    assert second == {"data": {"__typename": "Query"}}
    assert third["data"]["uploadAttachment"]["attachment"]["name"] == "y.txt"
    assert await stored(services, services.world.media) == (4, ["a.txt", "b.txt", "x.txt", "y.txt"])


async def test_an_upload_may_come_by_a_hash(services: GraphQLClient) -> None:
    by_hash = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(UPLOAD)}}}
    sent = {**request(), **by_hash}
    await send(services, [("operations", json.dumps(sent)), ("map", PLACE), ("0", NOTE)])
    del sent["query"]
    response = await send(services, [("operations", json.dumps(sent)), ("map", PLACE), ("0", NOTE)])
    assert response.json()["data"]["uploadAttachment"]["attachment"]["name"] == "note.txt"


@pytest.mark.parametrize("headers", [{}, {"GraphQL-Require-Preflight": " "}, {"Origin": "x"}])
async def test_a_form_of_another_site_stores_nothing(
    services: GraphQLClient, headers: dict[str, str]
) -> None:
    parts = [("operations", json.dumps(request())), ("map", PLACE), ("0", NOTE)]
    response = await send(services, parts, headers)
    assert response.status_code == 400
    assert "GraphQL-Require-Preflight" in response.json()["errors"][0]["message"]
    assert await stored(services, services.world.media) == (0, [])


GOOD = json.dumps(request())
MALFORMED: dict[str, list[tuple[str, Any]]] = {
    "must be JSON": [("operations", "{"), ("map", PLACE), ("0", NOTE)],
    "`map` must be JSON": [("operations", GOOD), ("map", "{"), ("0", NOTE)],
    "one part `operations`": [("map", PLACE), ("0", NOTE)],
    "has one part `operations`": [
        *(("operations", GOOD), ("operations", GOOD), ("map", PLACE), ("0", NOTE))
    ],
    "with JSON": [("operations", ("o.json", GOOD.encode())), ("map", PLACE), ("0", NOTE)],
    "one part `map`": [("operations", GOOD), ("0", NOTE)],
    "must be an object": [("operations", GOOD), ("map", "[]"), ("0", NOTE)],
    "list of paths for '0'": [("operations", GOOD), ("map", '{"0": 3}'), ("0", NOTE)],
    "of paths for '0'": [("operations", GOOD), ("map", '{"0": [3]}'), ("0", NOTE)],
    "must have a place": [("operations", GOOD), ("map", '{"0": []}'), ("0", NOTE)],
    "'variables.b' of the `map` leads nowhere": [
        *(("operations", GOOD), ("map", PLACE.replace("]", ', "variables.b"]')), ("0", NOTE))
    ],
    "input.file' of the `map` must lead to a variable that is null": [
        ("operations", GOOD),
        ("map", PLACE.replace("]", ', "variables.input.file"]')),
        ("0", NOTE),
    ],
    "`operations`, with JSON, before its files": [
        *(("0", NOTE), ("operations", GOOD), ("map", PLACE))
    ],
    "`map`, with JSON, before its files": [("operations", GOOD), ("0", NOTE), ("map", PLACE)],
    "'0' is not in the `map`": [("operations", GOOD), ("map", "{}"), ("0", NOTE)],
    "names a file '0' that is not there": [("operations", GOOD), ("map", PLACE)],
    "'0' that is not there": [("operations", GOOD), ("map", PLACE), ("0", "text")],
    "two files named '0'": [("operations", GOOD), ("map", PLACE), ("0", NOTE), ("0", NOTE)],
    "'variables.nope' of the `map` leads nowhere": [
        *(("operations", GOOD), ("map", '{"0": ["variables.nope"]}'), ("0", NOTE))
    ],
    "'variables.input.file.x' of the `map` leads nowhere": [
        *(("operations", GOOD), ("map", '{"0": ["variables.input.file.x"]}'), ("0", NOTE))
    ],
    "'1.variables.input.file' of the `map` leads nowhere": [
        *(("operations", f"[{GOOD}]"), ("map", '{"0": ["1.variables.input.file"]}'), ("0", NOTE))
    ],
    "'' of the `map` must lead": [("operations", "3"), ("map", '{"0": [""]}'), ("0", NOTE)],
    "'-1.variables.input.file' of the `map` leads nowhere": [
        *(("operations", f"[{GOOD}]"), ("map", '{"0": ["-1.variables.input.file"]}'), ("0", NOTE))
    ],
    "'query' of the `map` must lead to a variable that is null": [
        *(("operations", GOOD), ("map", '{"0": ["query"]}'), ("0", NOTE))
    ],
    "'operationName' of the `map` must lead to a variable": [
        ("operations", json.dumps(request(operationName=None))),
        *(("map", '{"0": ["operationName"]}'), ("0", NOTE)),
    ],
    "ticketId' of the `map` must lead to a variable that is null": [
        *(("operations", GOOD), ("map", '{"0": ["variables.input.ticketId"]}'), ("0", NOTE))
    ],
    "between 1 and 10 requests": [
        ("operations", "[" + ",".join([GOOD] * 11) + "]"),
        *(("map", '{"0": ["0.variables.input.file"]}'), ("0", NOTE)),
    ],
    "at most 10 files": [
        ("operations", GOOD),
        ("map", json.dumps({str(i): ["variables.x"] for i in range(MAX_FILES + 1)})),
        ("0", NOTE),
    ],
    "'1' is not in the `map`": [("operations", GOOD), ("map", PLACE), ("0", NOTE), ("1", NOTE)],
    "has one part `map`, with JSON": [
        *(("operations", GOOD), *((f"x{i}", "x") for i in range(MAX_FIELDS)))
    ],
}


async def test_what_does_not_fit_together_stores_nothing(services: GraphQLClient) -> None:
    for said, parts in MALFORMED.items():
        response = await send(services, parts)
        assert response.status_code == 400, (said, response.text)
        (error,) = response.json()["errors"]
        assert said in error["message"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert await stored(services, services.world.media) == (0, [])


async def test_a_body_that_is_no_multipart_stores_nothing(services: GraphQLClient) -> None:
    whole = b'--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n--b--\r\n'
    bodies = (b"", b"x", whole[:40], whole[:-10], whole.replace(b"Content", b"\xff"))
    for kind in ("", "; boundary=b", "; boundary=", "; boundary=c", "; boundary=b; charset=x"):
        for body in bodies:
            headers = {"Content-Type": f"multipart/form-data{kind}", **AHEAD}
            response = await services.client.post("/graphql", content=body, headers=headers)
            assert 400 <= response.status_code < 500
            (error,) = response.json()["errors"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert await stored(services, services.world.media) == (0, [])


@pytest.mark.parametrize("value", ["a text", 3, {"name": "x"}, ["x"], True])
async def test_only_a_part_of_the_request_is_a_file(services: GraphQLClient, value: object) -> None:
    wanted = {"input": {**of_ticket(), "file": value}}
    error = await services.refused(UPLOAD, wanted)
    assert error["message"].endswith("A file comes by a multipart request, as a variable.")
    literal = json.dumps("x") if isinstance(value, str) else "3"
    query = UPLOAD.replace("($input: UploadAttachmentInput!)", "").replace(
        "$input", f'{{ticketId: "x", file: {literal}}}'
    )
    error = await services.refused(query)
    assert error["message"].endswith("A file comes by a multipart request, as a variable.")
    assert await stored(services, services.world.media) == (0, [])


async def test_one_file_may_have_several_places(services: GraphQLClient) -> None:
    two = {"query": TWO, "variables": {"one": of_ticket(), "other": of_ticket()}}
    places = {"a": ["variables.one.file", "variables.other.file"]}
    # More than is kept in memory, and than is read at once.
    content = bytes(range(256)) * 3 * 2**11
    parts: list[tuple[str, Any]] = [("operations", json.dumps(two)), ("map", json.dumps(places))]
    response = await send(services, [*parts, ("a", ("a.bin", content))])
    assert response.json()["data"] == {
        "one": {"attachment": {"name": "a.bin"}},
        "other": {"attachment": {"name": "a.bin"}},
    }
    kept = [path for path in (services.world.media).rglob("*") if path.is_file()]
    assert [path.read_bytes() == content for path in kept] == [True, True]

    # In a batch, too, and when its second request is the only one that is right.
    batch = [{**request(), "query": "{ nope }"}, request()]
    both = {"a": ["0.variables.input.file", "1.variables.input.file"]}
    parts = [("operations", json.dumps(batch)), ("map", json.dumps(both)), ("a", NOTE)]
    first, second = (await send(services, parts)).json()
    assert first["errors"]
    assert second["data"]["uploadAttachment"]["attachment"] == {"name": "note.txt", "size": 4}


ENCODED = {
    "base64": b"bm90\r\nZQ==",
    "quoted-printable": b"n=6Fte=",
    "8bit": b"note",
}


@pytest.mark.parametrize("encoding", [*ENCODED, "x-gzip"])
async def test_files_are_decoded_as_their_parts_say(services: GraphQLClient, encoding: str) -> None:
    names = "filename=\"x.txt\"; filename*=UTF-8''%E2%82%AC%2F..%2Fn%C3%B6te.txt"
    sent = b"".join(
        b"--b\r\n%s\r\n\r\n%s\r\n" % (head.encode(), content)
        for head, content in (
            ('content-disposition: form-data; name="operations"', GOOD.encode()),
            ('content-disposition: form-data; name="map"', PLACE.encode()),
            (
                f'content-disposition: form-data; name="0"; {names}\r\n'
                f"content-transfer-encoding: {encoding}",
                ENCODED.get(encoding, b"note"),
            ),
        )
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        **AHEAD,
        **services.headers("keith"),
    }
    response = await services.client.post("/graphql", content=sent + b"--b--\r\n", headers=headers)
    if encoding in ENCODED:
        attachment = {"name": "nöte.txt", "size": 4}
        assert response.json()["data"]["uploadAttachment"]["attachment"] == attachment
        assert files_in(services.world.media) == ["note.txt"]
    else:
        assert response.status_code == 400
        assert "must be one of 7bit, 8bit, binary, base64" in response.text
        assert await stored(services, services.world.media) == (0, [])


@pytest.mark.parametrize("name", ["..", "folder/", "\u202e"])
async def test_a_file_whose_name_is_none_is_called_file(services: GraphQLClient, name: str) -> None:
    parts = [("operations", GOOD), ("map", PLACE), ("0", (name, b"note"))]
    response = await send(services, parts)
    attachment = {"name": "file", "size": 4}
    assert response.json()["data"]["uploadAttachment"]["attachment"] == attachment


class Sending:
    """A multipart request whose file is sent piece by piece, as far as somebody reads it."""

    def __init__(self, operations: object, pieces: int = 64) -> None:
        self._operations = operations
        self._pieces = pieces
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        head = b"--b\r\ncontent-disposition: form-data; name="
        operations = json.dumps(self._operations).encode()
        yield head + b"operations\r\n\r\n" + operations + b"\r\n"
        yield head + b"map\r\n\r\n" + PLACE.encode() + b"\r\n"
        yield head + b"0; filename=a.bin\r\n\r\n"
        for _ in range(self._pieces):
            self.sent += 64 * 1024
            yield b"x" * 64 * 1024
        yield b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    ("who", "query", "code"),
    [
        (None, UPLOAD, "UNAUTHENTICATED"),
        ("keith", UPLOAD.replace("size", "nope"), "BAD_USER_INPUT"),
        ("keith", UPLOAD.replace("$input", "$wrong", 1), "BAD_USER_INPUT"),
        ("keith", UPLOAD.replace("Upload(", "Upload($more: Int!, "), "BAD_USER_INPUT"),
    ],
)
async def test_no_file_is_read_before_it_is_known_who_asks_and_for_what(
    services: GraphQLClient, who: str | None, query: str, code: str
) -> None:
    sending = Sending(request(query=query))
    headers = {"Content-Type": "multipart/form-data; boundary=b", **AHEAD}
    response = await services.client.post(
        "/graphql", content=sending, headers=headers | (services.headers(who) if who else {})
    )
    assert response.json()["errors"][0]["extensions"]["code"] == code
    assert sending.sent == 0
    assert await stored(services, services.world.media) == (0, [])


async def test_a_file_is_read_when_its_cost_is_drawn(services: GraphQLClient) -> None:
    sending = Sending(request())
    headers = {
        "Content-Type": "multipart/form-data; boundary=b",
        **AHEAD,
        **services.headers("keith"),
    }
    response = await services.client.post("/graphql", content=sending, headers=headers)
    assert response.json()["data"]["uploadAttachment"]["attachment"]["size"] == 4 * 2**20
    assert files_in(services.world.media) == ["a.bin"]


async def test_what_a_batch_did_before_a_wrong_file_is_answered(services: GraphQLClient) -> None:
    comment = {
        "query": 'mutation($id: ID!) { addComment(input: {ticketId: $id, text: "x"}) {'
        " comment { text } } }",
        "variables": {"id": str(key("T-1"))},
    }
    places = '{"0": ["1.variables.input.file"]}'
    parts = [("operations", json.dumps([comment, request()])), ("map", places)]
    response = await send(services, [*parts, ("0", NOTE), ("1", NOTE)])
    first, second = response.json()
    # Its files are there before any of it is run, and wrong.
    assert first["errors"][0]["message"] == "The file '1' is not in the `map`."
    assert second["errors"][0]["message"] == "The file '1' is not in the `map`."
    assert await stored(services, services.world.media) == (0, [])
