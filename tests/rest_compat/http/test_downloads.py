"""Downloads as RFC 9110 has them: ranges, conditions, and never anything but a download."""

import gzip
from collections.abc import Mapping

import httpx
import pytest

from models import Attachment
from resolvers.http.etags import names_tag
from rest_compat.http.downloads import Unsatisfiable, is_other, span_of
from tests.support.rest_client import RestClient
from tests.support.rows import key

CONTENT = bytes(range(200)) * 5
TAG = '"tag"'


async def upload(api: RestClient, name: str, content: bytes) -> dict[str, str]:
    form = {"ticket": str(key("offline"))}
    files = {"file": (name, content, "text/html")}
    response = await api.post("ticket-attachments/", data=form, files=files)
    assert response.status_code == 201, response.text
    body: dict[str, str] = response.json()
    return body


async def get(api: RestClient, file: Mapping[str, str], **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.get(file["file"], headers=given)


@pytest.mark.parametrize(
    ("asked", "size", "span"),
    [
        ("bytes=0-0", 10, (0, 1)),
        ("bytes=2-5", 10, (2, 6)),
        ("bytes=2-", 10, (2, 10)),
        ("bytes=9-", 10, (9, 10)),
        ("bytes=0-100", 10, (0, 10)),
        ("bytes=0-" + "9" * 5000, 10, (0, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-10", 10, (0, 10)),
        ("bytes=-11", 10, (0, 10)),
        ("bytes=-" + "9" * 5000, 10, (0, 10)),
        ("BYTES= 02-0005 ", 10, (2, 6)),
        ("", 10, None),
        ("bytes=", 10, None),
        ("bytes=-", 10, None),
        ("bytes=5-2", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=1-2-3", 10, None),
        ("bytes=٣-٤", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes 0-1", 10, None),
        ("items=0-1", 10, None),
        ("bytes=-5", 0, None),
    ],
)
def test_ranges(asked: str, size: int, span: tuple[int, int] | None) -> None:
    assert span_of({"range": asked}, TAG, size) == span


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-12", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=-0", 0),
        ("bytes=" + "9" * 5000 + "-", 10),
    ],
)
def test_ranges_after_the_end(asked: str, size: int) -> None:
    with pytest.raises(Unsatisfiable):
        span_of({"range": asked}, TAG, size)


@pytest.mark.parametrize(
    ("header", "unchanged", "matched"),
    [
        (TAG, True, True),
        ("*", True, True),
        (' "other" , "tag"', True, True),
        ('W/"tag"', True, False),
        ('"other"', False, False),
        ("tag", False, False),
        ("", False, False),
    ],
)
def test_conditions(header: str, unchanged: bool, matched: bool) -> None:
    assert names_tag(header, TAG) == unchanged
    assert is_other({"if-match": header}, TAG) == (not matched)
    assert not names_tag(None, TAG)
    assert not is_other({}, TAG)


@pytest.mark.anyio
async def test_a_part_is_answered_as_such(api: RestClient) -> None:
    file = await upload(api, "a.bin", CONTENT)

    part = await get(api, file, Range="bytes=100-299")
    assert (part.status_code, part.content) == (206, CONTENT[100:300])
    assert part.headers["content-range"] == "bytes 100-299/1000"
    assert part.headers["content-length"] == "200"
    assert part.headers["content-disposition"] == 'attachment; filename="a.bin"'
    assert part.headers["x-content-type-options"] == "nosniff"

    last = await get(api, file, Range="bytes=-1")
    assert (last.status_code, last.content) == (206, CONTENT[-1:])
    several = await get(api, file, Range="bytes=0-1,5-6")
    assert (several.status_code, several.content) == (200, CONTENT)
    after = await get(api, file, Range="bytes=1000-")
    assert (after.status_code, after.content) == (416, b"")
    assert after.headers["content-range"] == "bytes */1000"
    head = await api.call("HEAD", file["file"], headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.headers["content-length"]) == (200, "1000")


@pytest.mark.anyio
async def test_a_download_is_resumed_only_if_it_is_still_the_same_file(api: RestClient) -> None:
    file = await upload(api, "a.bin", CONTENT)
    whole = await get(api, file)
    assert (whole.status_code, whole.content) == (200, CONTENT)
    assert whole.headers["accept-ranges"] == "bytes"
    tag = whole.headers["etag"]

    same = await get(api, file, Range="bytes=500-", If_Range=tag)
    assert (same.status_code, same.content) == (206, CONTENT[500:])
    for other in ('"other"', f"W/{tag}", "Wed, 19 Nov 2025 12:00:00 GMT"):
        again = await get(api, file, Range="bytes=500-", If_Range=other)
        assert (again.status_code, again.content) == (200, CONTENT)


@pytest.mark.anyio
async def test_what_a_client_has_is_not_sent_again(api: RestClient) -> None:
    await api.let_olga_in()
    file = await upload(api, "a.bin", CONTENT)
    tag = (await get(api, file)).headers["etag"]

    for more in ({}, {"Range": "bytes=0-1"}):
        unchanged = await get(api, file, If_None_Match=tag, **more)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["etag"] == tag
        assert unchanged.headers["cache-control"] == "private, no-cache"
    assert (await get(api, file, If_None_Match='"other"')).status_code == 200
    other = await get(api, file, If_Match='"other"')
    assert (other.status_code, other.content) == (412, b"")
    # Who may not see it learns nothing by its tag.
    for who, status in (("olga", 404), (None, 401)):
        hidden = await api.get(file["file"], who, headers={"If-None-Match": "*"})
        assert hidden.status_code == status


@pytest.mark.anyio
async def test_empty_files_have_no_parts(api: RestClient) -> None:
    file = await upload(api, "empty", b"")
    assert (await get(api, file, Range="bytes=0-")).status_code == 416
    whole = await get(api, file, Range="bytes=-5")
    assert (whole.status_code, whole.content) == (200, b"")


@pytest.mark.anyio
async def test_a_file_that_is_gone_from_the_store_is_not_found(api: RestClient) -> None:
    file = await upload(api, "a.bin", CONTENT)
    await api.services.files.delete(file["file"].removeprefix("/media/"))
    for method in ("GET", "HEAD"):
        assert (await api.call(method, file["file"])).status_code == 404
    assert (await get(api, file, Range="bytes=0-1")).status_code == 404


PAGE = b"<html><script>alert(document.domain)</script></html>"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
DISGUISES = {
    "page.html": PAGE,
    "page.HTM": b"\r\n \t" + PAGE,
    "bom.html": b"\xef\xbb\xbf" + PAGE,
    "utf16.html": PAGE.decode().encode("utf-16"),
    "page.xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">',
    "picture.svg": SVG,
    "declared.svg": b'<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg>' + SVG,
    "packed.svgz": gzip.compress(SVG),
    "photo.png": PAGE,
    "photo.gif": b"GIF89a/*" + PAGE,
    "photo.jpg": b"\xff\xd8\xff\xe0" + PAGE,
    "paper.pdf": b"%PDF-1.7\n" + PAGE,
    "padded.html": b" " * 600 + PAGE,
    "nul.html": b"<html\0>" + PAGE,
    "comment.html": b"<!-- " + b"x" * 600 + b"-->" + PAGE,
    "mail.eml": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n" + PAGE,
    "none": PAGE,
}


@pytest.mark.anyio
async def test_pages_and_drawings_never_run_here(api: RestClient) -> None:
    for name, content in DISGUISES.items():
        file = await upload(api, name, content)
        await assert_harmless(api, file, name)


async def assert_harmless(api: RestClient, file: Mapping[str, str], name: str) -> None:
    for headers in ({}, {"Range": "bytes=0-"}, {"Accept": "text/html,image/svg+xml"}):
        response = await get(api, file, **headers)
        assert response.status_code in (200, 206)
        assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "sandbox; default-src 'none'"
        kind = response.headers["content-type"]
        assert not [word for word in ("html", "svg", "xml", "script") if word in kind]


@pytest.mark.anyio
async def test_nor_do_those_whose_row_calls_them_pages(api: RestClient) -> None:
    """Rows may come from elsewhere, with types that somebody claimed."""
    file = await upload(api, "page.html", PAGE)
    for claimed in ("text/html", "image/svg+xml", "application/xhtml+xml", "text/x\r\nX-Y: z"):
        async with api.services.database.transaction() as session:
            row = await session.get_one(Attachment, file["id"])
            row.content_type = claimed
        await assert_harmless(api, file, "page.html")


NAMES = {
    "a  b.txt": "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20%20b.txt",
    "../../etc/x.txt": 'attachment; filename="x.txt"',
    "a;b='c'.txt": "attachment; filename=\"a;b='c'.txt\"",
    "図.png": "attachment; filename=\"_.png\"; filename*=UTF-8''%E5%9B%B3.png",
}


@pytest.mark.anyio
async def test_names_are_kept_for_the_answer(api: RestClient) -> None:
    for name, header in NAMES.items():
        file = await upload(api, name, b"x")
        assert (await get(api, file)).headers["content-disposition"] == header
        assert file["name"] == name.rsplit("/", 1)[-1]
        assert file["file"].isascii()
