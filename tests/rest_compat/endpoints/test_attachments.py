"""Uploads as they stream in, and the files that come out again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from starlette.applications import Starlette

from resolvers.query.plans import Plans
from rest_compat import rest_routes
from rest_compat.http.downloads import disposition
from tests.support.app_client import client_of
from tests.support.rest_client import RestClient
from tests.support.rows import file_key, key

NOBODY = "99999999-0000-4000-8000-000000000000"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
PATH = "ticket-attachments/"


def field(name: str, value: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def file(name: str, content: bytes, field_name: str = "file") -> bytes:
    head = f'--b\r\nContent-Disposition: form-data; name="{field_name}"; filename="{name}"\r\n'
    return head.encode() + b"Content-Type: text/html\r\n\r\n" + content + b"\r\n"


END = b"--b--\r\n"


async def pieces(parts: Iterable[bytes], size: int) -> AsyncIterator[bytes]:
    whole = b"".join(parts)
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


async def upload(
    api: RestClient, *parts: bytes, who: str | None = "keith", size: int = 1000
) -> httpx.Response:
    return await api.post(PATH, who, content=pieces(parts, size), headers=MULTIPART)


def changed(api: RestClient) -> set[str]:
    """Return the keys of files that are new, or that are missing."""
    return set(api.world.files()) ^ {file_key(name) for name in ("photo", "scan", "receipt")}


@pytest.fixture
def ticket(api: RestClient) -> bytes:
    return field("ticket", str(key("offline")))


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_an_upload_comes_out_as_it_went_in(api: RestClient, ticket: bytes, size: int) -> None:
    content = b"\r\n--\r\n-b\r\n--a\r" + bytes(range(256)) * 4 + b"\r\n--"
    answers = []
    for parts in (
        [ticket, file("a.bin", content), END],
        [file("a.bin", content), field("x", "y"), ticket, END],
        [field("ticket", NOBODY), ticket, field("file", "no file"), file("a.bin", content), END],
        [ticket, file("", b""), file("b.bin", b"other", "thing"), file("a.bin", content), END],
    ):
        response = await upload(api, *parts, size=size)
        assert response.status_code == 201, response.text
        body = response.json()
        assert (
            body | {"name": "a.bin", "size": len(content), "uploaded_by_name": "Keith Test"} == body
        )
        assert body["file"].startswith("/media/tickets/attachments/2025/11/")
        got = await api.get(body["file"])
        assert got.content == content
        assert (await api.get(f"{PATH}{body['id']}/")).json() == body
        answers.append(body)
    assert len(changed(api)) == 4
    shown = (await api.get(f"tickets/{key('offline')}/")).json()["attachments"]
    added = [row for row in shown if row["id"] != str(key("photo"))]
    assert len(shown) == len(added) + 1
    assert sorted(added, key=str) == sorted(answers, key=str)


@pytest.mark.anyio
async def test_refused_uploads_leave_nothing_behind(api: RestClient, ticket: bytes) -> None:
    await api.let_olga_in()
    before = await api.everything()
    a_file = file("a.txt", b"x" * 5000)
    large = file("a.txt", b"x" * (1024 * 1024 + 1))
    no_ticket = {"error": "ticket is required"}
    no_file = {"error": "file is required"}
    unknown = {"error": "Ticket not found"}
    not_uuid = {"ticket": ["“x” is not a valid UUID."]}
    too_large = {"detail": "A file may have at most 1048576 bytes."}
    broken = {"detail": "Multipart form parse error - the body ends too early"}
    long_name = {"name": ["Ensure this field has no more than 200 characters."]}
    for parts, status, answer in [
        ([], 400, no_file),
        ([END], 400, no_file),
        ([ticket, END], 400, no_file),
        ([ticket, field("file", "text"), END], 400, no_file),
        ([a_file, END], 400, no_ticket),
        ([a_file, field("ticket", ""), END], 400, no_ticket),
        ([field("ticket", ""), a_file, END], 400, no_ticket),
        ([field("ticket", NOBODY), a_file, END], 404, unknown),
        ([a_file, field("ticket", NOBODY), END], 404, unknown),
        ([field("ticket", "x"), a_file, END], 400, not_uuid),
        ([ticket, large, END], 413, too_large),
        ([large, ticket, END], 413, too_large),
        ([ticket, a_file], 400, broken),
        ([ticket, a_file[:-50]], 400, broken),
        ([a_file, ticket], 400, broken),
        ([ticket, file("x" * 201, b"x"), END], 400, long_name),
    ]:
        response = await upload(api, *parts)
        assert response.status_code == status, (parts, response.text)
        assert response.json() == answer
    for name, who in [("bill", "carla"), ("offline", "olga")]:
        response = await upload(api, field("ticket", str(key(name))), a_file, END, who=who)
        assert (response.status_code, response.json()) == (404, unknown)
    assert (await upload(api, ticket, a_file, END, who=None)).status_code == 401
    assert await api.everything() == before
    assert changed(api) == set()


@pytest.mark.anyio
async def test_uploads_of_other_types(api: RestClient) -> None:
    ticket = str(key("offline"))
    response = await api.post(PATH, json={"ticket": ticket, "file": "x"})
    assert response.status_code == 415
    assert response.json() == {"detail": 'Unsupported media type "application/json" in request.'}

    response = await api.post(PATH, data={"ticket": ticket, "file": "x"})
    assert (response.status_code, response.json()) == (400, {"error": "file is required"})


@pytest.mark.anyio
async def test_empty_files_are_files(api: RestClient, ticket: bytes) -> None:
    body = (await upload(api, ticket, file("empty", b""), END)).json()

    assert body["size"] == 0
    assert (await api.get(body["file"])).content == b""


@pytest.mark.anyio
async def test_renaming_and_deleting(api: RestClient, ticket: bytes) -> None:
    body = (await upload(api, ticket, file("a.txt", b"x"), END)).json()
    path = f"{PATH}{body['id']}/"

    assert (await api.patch(path, json={"name": " b.txt "})).json() == body | {"name": "b.txt"}
    assert (await api.put(path, json={"name": "c.txt"})).json()["name"] == "c.txt"
    missing = await api.put(path, json={})
    assert (missing.status_code, missing.json()) == (400, {"name": ["This field is required."]})
    blank = await api.patch(path, json={"name": ""})
    assert blank.json() == {"name": ["This field may not be blank."]}
    for method, detail in [
        ("PATCH", "Customers may only rename their own attachments."),
        ("DELETE", "Customers may only delete their own attachments."),
    ]:
        refused = await api.call(method, path, "carla", json={"name": "x"})
        assert (refused.status_code, refused.json()) == (403, {"detail": detail})

    response = await api.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    gone = {"detail": "No TicketAttachment matches the given query."}
    for again in (await api.delete(path), await api.get(path)):
        assert (again.status_code, again.json()) == (404, gone)
    assert (await api.get(body["file"])).status_code == 404
    # It is kept for an undo.
    assert len(changed(api)) == 1
    [event] = (await api.get("/api/v1/ticket-events/")).json()["results"][-1:]
    assert event["type"] == "attachment_deleted"
    restored = await api.post(f"/api/v1/ticket-events/{event['id']}/undo/")
    assert (restored.status_code, restored.json()["id"]) == (200, body["ticket"])
    assert (await api.get(body["file"])).content == b"x"


@pytest.mark.anyio
async def test_parts_are_decoded_and_named_as_their_senders_mean(
    api: RestClient, ticket: bytes
) -> None:
    """As Ansible sends files, and requests with urllib3 1.24."""
    head = b"--b\r\ncontent-disposition: form-data; name=file; filename="
    extended = b"x.txt; filename*=UTF-8''" + quote("../ภาพหน้าจอ.png").encode()
    encoding = b"\r\nContent-Transfer-Encoding: "
    for sent in (
        head + extended + encoding + b"base64\r\n\r\n" + b"aGVs\r\nbG8=\r\n",
        head + extended + encoding + b"Quoted-Printable\r\n\r\n" + b"h=65l=\r\nlo\r\n",
        head + extended + encoding + b"binary\r\n\r\n" + b"hello\r\n",
    ):
        body = (await upload(api, ticket, sent, END, size=5)).json()
        assert (body["name"], body["size"]) == ("ภาพหน้าจอ.png", 5)
        assert body["file"].endswith("/" + quote("ภาพหน้าจอ.png"))
        got = await api.get(body["file"])
        assert got.content == b"hello"
        assert got.headers["content-disposition"].endswith(f"UTF-8''{quote('ภาพหน้าจอ.png')}")
    assert len(changed(api)) == 3

    before = await api.everything()
    for encoding, content in ((b"x-uuencode", b"x"), (b"base64", b"a"), (b"gzip", b"")):
        sent = head + b"a\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + content
        refused = await upload(api, ticket, sent + b"\r\n", END)
        assert refused.status_code == 400
        assert list(refused.json()) == ["detail"]
    assert await api.everything() == before
    assert len(changed(api)) == 3


@pytest.mark.anyio
async def test_a_rename_follows_the_rule_of_uploads(api: RestClient, ticket: bytes) -> None:
    body = (await upload(api, ticket, file("a.txt", b"x"), END)).json()
    path = f"{PATH}{body['id']}/"
    for given, name in (
        ("../../b.txt", "b.txt"),
        ("C:\\temp\\c\r\nd.txt", "cd.txt"),
        ("e\u202etxt.exe", "etxt.exe"),
        ("f\u202f\u3000\u200d\u200c.txt", "f\u202f\u3000\u200d\u200c.txt"),
    ):
        assert (await api.patch(path, json={"name": given})).json()["name"] == name
        uploaded = await upload(api, ticket, file(given.replace("\r\n", "\x0b"), b"x"), END)
        # A browser escapes line breaks; whatever comes, neither is in a name.
        assert uploaded.json()["name"] == name
    for given in ("..", "a/", "\u202e"):
        blank = await api.patch(path, json={"name": given})
        assert (blank.status_code, blank.json()) == (
            400,
            {"name": ["This field may not be blank."]},
        )
    assert (await api.get(path)).json()["name"] == "f\u202f\u3000\u200d\u200c.txt"


@pytest.mark.anyio
async def test_files_are_downloads_for_users_who_see_the_ticket(
    api: RestClient, ticket: bytes
) -> None:
    await api.let_olga_in()
    page = b"<script>alert(1)</script>"
    body = (await upload(api, ticket, file("Zoné.html", page), END)).json()

    response = await api.get(body["file"], "carla")
    assert (response.status_code, response.content) == (200, page)
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"Zon_.html\"; filename*=UTF-8''Zon%C3%A9.html"
    )
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "html" not in response.headers["content-type"]
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"

    head = await api.call("HEAD", body["file"])
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(page))
    assert (await api.get(body["file"], None)).status_code == 401
    for hidden in (
        await api.get(body["file"], "olga"),
        await api.get(body["file"] + "x"),
        await api.get("/media/%2e%2e/%2e%2e/etc/passwd"),
        await api.get("/media/%2e%2e%2f%00"),
    ):
        assert (hidden.status_code, hidden.json()) == (404, {"detail": "Not found."})


@pytest.mark.anyio
async def test_signed_links_open_without_a_token_until_they_expire(
    api: RestClient, ticket: bytes
) -> None:
    services = replace(api.services, signed_media=True, plans=Plans())
    app = Starlette(routes=rest_routes(services, "https://desk.example"))
    async with client_of(app) as client:
        signed = RestClient(app, client, replace(api.world, services=services))
        body = (await upload(signed, ticket, file("a.txt", b"hello"), END)).json()
        assert body["file"].startswith("https://desk.example/media/tickets/attachments/")
        link = httpx.URL(body["file"])
        path = str(link.copy_with(scheme="", host=None))

        assert (await signed.get(path, None)).content == b"hello"
        assert (await signed.call("HEAD", path, None)).headers["content-length"] == "5"
        for altered in (
            path[:-1] + ("0" if path[-1] != "0" else "1"),
            path.replace("expires=", "expires=9"),
            path.replace("expires=", "was="),
            link.path + "?signature=",
            link.path + "?signature=%ff&expires=x",
            link.path + "x?" + link.query.decode(),
        ):
            response = await signed.get(altered, None)
            assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
        api.clock.move(hours=2)
        assert (await signed.get(path, None)).status_code == 404


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
        # Imported names may be anything.
        ("../x/a b.txt", 'attachment; filename="a b.txt"'),
        ("C:\\temp\\a.txt", 'attachment; filename="a.txt"'),
        ("a\u202etxt.exe\r\n", 'attachment; filename="atxt.exe"'),
        ("..", 'attachment; filename="file"'),
        ("図.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%E5%9B%B3.png"),
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
    ],
)
def test_dispositions(name: str, header: str) -> None:
    assert disposition(name) == header
