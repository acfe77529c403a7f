"""Multipart bodies: the parts' names and files, decoded as their senders encoded them."""

import base64
from collections.abc import AsyncIterator, Iterable

import pytest

from resolvers.http.headers import parse_header
from resolvers.http.multipart import BadEncoding, BadMultipart, Part, events

pytestmark = pytest.mark.anyio
TYPE = "multipart/form-data; boundary=limit"
CONTENT = bytes(range(256)) * 3 + b"line \r\n= and\n\t end "
FILE = 'form-data; name="file"; filename="a.bin"'


def body(headers: str, content: bytes) -> bytes:
    return b"--limit\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n--limit--\r\n"


async def chunked(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(content: bytes, size: int = 1000) -> list[tuple[str, str | None, bytes]]:
    """Read the parts of a body that comes in pieces of a size."""
    found: list[tuple[str, str | None, bytes]] = []
    async for event in events(TYPE, chunked(content, size)):
        if isinstance(event, Part):
            found.append((event.name, event.filename, b""))
        elif isinstance(event, bytes):
            name, filename, before = found.pop()
            found.append((name, filename, before + event))
    return found


def lines(text: bytes, length: int) -> bytes:
    return b"\r\n".join(text[start : start + length] for start in range(0, len(text), length))


ENCODED = {
    "7bit": [CONTENT],
    "8BIT": [CONTENT],
    "binary": [CONTENT],
    "base64": [
        base64.encodebytes(CONTENT),
        base64.b64encode(CONTENT),
        lines(base64.b64encode(CONTENT), 7) + b"\r\n",
        base64.b64encode(CONTENT).rstrip(b"="),
    ],
    "Quoted-Printable": [
        lines("".join(f"={byte:02X}" for byte in CONTENT).encode(), 75).replace(b"\r", b"=\r")
    ],
    " base64 ": [base64.encodebytes(CONTENT)],
}


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("encoding", ENCODED)
async def test_a_part_is_decoded_as_its_encoding_says(encoding: str, size: int) -> None:
    for sent in ENCODED[encoding]:
        head = f"content-disposition: {FILE}\r\nContent-Transfer-Encoding: {encoding}"
        assert await read(body(head, sent), size) == [("file", "a.bin", CONTENT)]


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        (b"a=3D=\r\nb \t\r\nc", b"a=b\r\nc"),
        (b"soft=  \r\nbreak=0A", b"softbreak\n"),
        (b"=e2=82=AC", "€".encode()),
        (b"", b""),
        (b"ends=", b"ends"),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_quoted_printable_as_mail_programs_write_it(
    sent: bytes, content: bytes, size: int
) -> None:
    head = f"content-disposition: {FILE}\r\ncontent-transfer-encoding: quoted-printable"
    assert await read(body(head, sent), size) == [("file", "a.bin", content)]


async def test_a_text_is_decoded_as_well_as_a_file() -> None:
    head = "content-disposition: form-data; name=ticket\r\ncontent-transfer-encoding: base64"
    assert await read(body(head, b"aGVsbG8=\r\n")) == [("ticket", None, b"hello")]


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("x-uuencode", b"begin"),
        ("gzip", b""),
        ("base64, base64", b""),
        ("base64", b"a"),
        ("base64", b"aGk*"),
        ("base64", b"aGk=aGk="),
        ("base64", b"aGVsbG8-_w=="),
        ("quoted-printable", b"x" * 70_000),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
async def test_what_cannot_be_decoded_is_refused(encoding: str, sent: bytes, size: int) -> None:
    head = f"content-disposition: {FILE}\r\ncontent-transfer-encoding: {encoding}"
    with pytest.raises(BadEncoding):
        await read(body(head, sent), size)


@pytest.mark.parametrize(
    ("options", "filename"),
    [
        ('filename="a.txt"', "a.txt"),
        ("filename=a.txt", "a.txt"),
        ("filename=\"_.txt\"; filename*=UTF-8''%E2%82%AC%20rates.txt", "€ rates.txt"),
        ("filename*=utf-8''%E2%82%AC.txt; filename=\"_.txt\"", "€.txt"),
        ("filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ("filename*=iso-8859-1'en'%A3%20rates", "£ rates"),
        ("FileName*=UTF-8''a%2Fb%2F..%2Fc.txt", "c.txt"),
        ("filename*=UTF-8''a%0D%0A%E2%80%AEb.txt", "ab.txt"),
        ("filename*=UTF-8''%FF.txt", "\ufffd.txt"),
        # One that cannot be read is none, where there is another.
        ("filename*=UTF-8''%FF.txt; filename=\"b.txt\"", "b.txt"),
        ("filename=\"b.txt\"; filename*=shift_jis''%83%65.txt", "b.txt"),
        ("filename*=UTF-8''; filename=\"b.txt\"", "b.txt"),
        ("filename*=us-ascii''a.txt; filename=\"b.txt\"", "a.txt"),
        # Without its form, it is none.
        ('filename*=a.txt; filename="b.txt"', "b.txt"),
        # What stands in quotes is no other parameter.
        ("filename=\"a; filename*=UTF-8''b.txt\"", "a; filename*=UTF-8''b.txt"),
        ('filename="a\\"b\\\\c.txt"', "c.txt"),
        ('filename="图.png"', "图.png"),
        ('filename="C:\\dir\\a.txt"', "a.txt"),
        ('filename=""', ""),
        ("other=1", None),
    ],
)
async def test_the_name_of_a_file(options: str, filename: str | None) -> None:
    head = f'content-disposition: form-data; name="file"; {options}'
    assert await read(body(head, b"x")) == [("file", filename, b"x")]


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        ("multipart/form-data", b""),
        ('multipart/form-data; boundary=""', b""),
        (TYPE, b"--limit\r\n"),
        (TYPE, b"no boundary"),
        (TYPE, body(FILE, b"")[:-10]),
        (TYPE, b"--limit\r\nx: " + b"x" * 10_000 + b"\r\n\r\n\r\n--limit--"),
    ],
)
async def test_what_is_no_multipart_body_is_refused(content_type: str, sent: bytes) -> None:
    with pytest.raises(BadMultipart):
        async for _ in events(content_type, chunked(sent, 100)):
            pass


@pytest.mark.parametrize(
    ("header", "parsed"),
    [
        ("", ("", {})),
        ("Text/HTML", ("text/html", {})),
        ('a/b; Charset="UTF-8" ;x=1', ("a/b", {"charset": "UTF-8", "x": "1"})),
        ('a/b; x="1;y=2"; z=3', ("a/b", {"x": "1;y=2", "z": "3"})),
        ("a/b; x=1; x=2; flag; =3", ("a/b", {"x": "1", "": "3"})),
        ('a/b; x="\\"\\\\"', ("a/b", {"x": '"\\'})),
        ('a/b; x="open; y=2', ("a/b", {"x": '"open; y=2'})),
    ],
)
async def test_parameters_of_headers(header: str, parsed: tuple[str, dict[str, str]]) -> None:
    assert parse_header(header) == parsed


@pytest.mark.parametrize(
    "begin",
    ['a/b; a="', "a/b; a=", "a/b; ", 'a/b; a="\\', "a/b"],
)
@pytest.mark.parametrize("repeated", [";", '"', "\\", " ", "=", ";=", '";', '\\"', "a;"])
async def test_headers_are_parsed_in_one_pass(begin: str, repeated: str) -> None:
    # What takes the square of this, takes minutes.
    parse_header(begin + repeated * (300_000 // len(repeated)))


def test_no_name_of_an_encoding_is_missing() -> None:
    # RFC 2045, section 6.1.
    named: Iterable[str] = ("7bit", "8bit", "binary", "quoted-printable", "base64")
    assert {name.strip().lower() for name in ENCODED} == set(named)
