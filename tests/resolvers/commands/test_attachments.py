"""Attachments: what is known of a file, and that rows and files come and go together."""

import hashlib
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Attachment
from resolvers.commands import attachments, tickets
from resolvers.commands.attachments import new_key
from resolvers.errors import Forbidden, Invalid, NotFound, TooLarge
from resolvers.files.media_types import TYPES, sniff
from tests.support.clock import NOON
from tests.support.rows import file_key, key
from tests.support.settings import MAX_UPLOAD_BYTES
from tests.support.world import World

pytestmark = pytest.mark.anyio

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def add(world: World, *chunks: bytes, name: str = "a.png", who: str = "keith") -> Attachment:
    attachment_id = await attachments.add_attachment(
        world.context(who), key("volume"), name, pieces(*chunks)
    )
    return await world.get(Attachment, attachment_id)


async def test_a_file_is_measured_hashed_and_looked_at(world: World) -> None:
    # In pieces that are smaller than what tells the type.
    attachment = await add(world, PNG[:3], PNG[3:5], b"", PNG[5:], name=" Pläne/für\\Büro 1.PNG ")

    assert (attachment.size, attachment.content_type) == (len(PNG), "image/png")
    assert attachment.sha256 == hashlib.sha256(PNG).hexdigest()
    assert attachment.name == "Büro 1.PNG"
    assert attachment.uploaded_by_id == key("keith")
    assert attachment.created_at == NOON
    assert (world.media / attachment.key).read_bytes() == PNG


async def test_a_file_may_be_empty(world: World) -> None:
    attachment = await add(world)

    assert (attachment.size, attachment.sha256) == (0, hashlib.sha256().hexdigest())
    assert (world.media / attachment.key).read_bytes() == b""


async def test_the_limit_itself_fits(world: World) -> None:
    assert (await add(world, bytes(MAX_UPLOAD_BYTES))).size == MAX_UPLOAD_BYTES


async def test_a_file_that_is_too_large_leaves_nothing(world: World) -> None:
    before = await world.dump()

    with pytest.raises(TooLarge) as refused:
        await add(world, bytes(MAX_UPLOAD_BYTES), b"x")

    assert refused.value.limit == MAX_UPLOAD_BYTES
    assert await world.dump() == before


async def test_an_upload_that_breaks_off_leaves_nothing(world: World) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"beginning"
        raise ConnectionResetError

    before = await world.dump()
    with pytest.raises(ConnectionResetError):
        await attachments.add_attachment(world.context("keith"), key("volume"), "a", broken())
    assert await world.dump() == before


async def test_a_ticket_that_is_deleted_during_the_upload_leaves_nothing(world: World) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"beginning"
        await tickets.delete_ticket(world.context("admin", undo_hours=0), key("volume"))
        yield b"end"

    with pytest.raises(NotFound) as refused:
        await attachments.add_attachment(world.context("keith"), key("volume"), "a", slow())

    assert refused.value.kind == "Ticket"
    after = await world.dump()
    assert after["files"] == sorted([file_key("photo"), file_key("receipt")])
    assert {row[0] for row in after["attachments"]} == {key("photo"), key("receipt")}


async def test_a_row_that_cannot_be_written_takes_its_file_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise RuntimeError("planted")

    before = await world.dump()
    monkeypatch.setattr(attachments, "append_events", fail)
    with pytest.raises(RuntimeError, match="planted"):
        await add(world, PNG)
    assert await world.dump() == before


async def test_a_row_whose_commit_was_done_after_all_keeps_its_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer of a commit may be lost with the connection."""
    real = world.database.write
    begun = itertools.count()

    @asynccontextmanager
    async def losing(checks: bool = False) -> AsyncIterator[Any]:
        async with real() as transaction:
            yield transaction
        # The first is the look at the ticket, the second adds the row.
        if next(begun) == 1:
            raise ConnectionResetError

    monkeypatch.setattr(world.database, "write", losing)
    with pytest.raises(ConnectionResetError):
        await add(world, PNG)
    (row,) = [row for row in (await world.dump())["attachments"] if row[3] == "a.png"]
    assert (world.media / row[2]).read_bytes() == PNG


async def test_a_file_is_left_for_the_sweep_where_nobody_knows_whether_its_row_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = world.database.write
    before = await world.dump()
    begun = itertools.count()

    @asynccontextmanager
    async def failing(checks: bool = False) -> AsyncIterator[Any]:
        if next(begun):
            raise ConnectionRefusedError
        async with real() as transaction:
            yield transaction

    monkeypatch.setattr(world.database, "write", failing)
    with pytest.raises(ConnectionRefusedError):
        await add(world, PNG)
    after = await world.dump()
    assert after["attachments"] == before["attachments"]
    assert len(after["files"]) == len(before["files"]) + 1


@pytest.mark.parametrize(
    "name", ["", " ", "..", "a/", "\u202e", "a\0.png", "a\ud800.png", "x" * 201]
)
async def test_a_name_that_cannot_be_is_refused_before_anything_is_read(
    world: World, name: str
) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("the file was read")
        yield b""

    for ticket, expected in ((key("volume"), Invalid), (key("nothing"), NotFound)):
        with pytest.raises(expected):
            await attachments.add_attachment(world.context("keith"), ticket, name, unread())
    assert len(world.files()) == 3


def test_keys_cannot_be_guessed_and_have_the_documented_form() -> None:
    keys = {new_key("photo.png", datetime(2025, 3, 1, tzinfo=UTC)) for _ in range(100)}

    assert len(keys) == 100
    for found in keys:
        form = r"tickets/attachments/2025/03/([A-Za-z0-9_-]{24})/photo\.png"
        assert re.fullmatch(form, found)
    assert len(new_key("x" * 1000, NOON)) <= 300


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"GIF89a...", "image/gif"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"%PDF-1.7", "application/pdf"),
        (b"RIFF....WEBPVP8", "image/webp"),
        (b"RIFF....WAVEfmt", "audio/wave"),
        (b"PK\x03\x04", "application/zip"),
        (b"<script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "text/plain"),
        ("Grüße".encode(), "text/plain"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"", "text/plain"),
    ],
)
def test_the_first_bytes_tell_what_a_file_is(head: bytes, content_type: str) -> None:
    assert sniff(head) == content_type
    assert content_type in TYPES


async def test_a_deleted_attachment_takes_its_file_with_it(world: World) -> None:
    keith = world.context("keith", undo_hours=0)
    await attachments.delete_attachment(keith, key("scan"))

    assert world.files() == sorted([file_key("photo"), file_key("receipt")])
    with pytest.raises(NotFound):
        await attachments.delete_attachment(keith, key("scan"))


async def test_a_file_that_is_gone_already_does_not_keep_its_row(world: World) -> None:
    (world.media / file_key("scan")).unlink()

    await attachments.delete_attachment(world.context("keith"), key("scan"))
    assert key("scan") not in {row[0] for row in (await world.dump())["attachments"]}


async def test_customers_rename_and_delete_their_own_files_only(world: World) -> None:
    before = await world.dump()
    for who, name in (("carla", "photo"), ("colin", "scan")):
        with pytest.raises(Forbidden, match="their own"):
            await attachments.delete_attachment(world.context(who), key(name))
        with pytest.raises(Forbidden, match="their own"):
            await attachments.update_attachment(world.context(who), key(name), {"name": "b"})
    with pytest.raises(Invalid):
        await attachments.update_attachment(world.context("carla"), key("scan"), {"name": " "})
    assert await world.dump() == before

    await attachments.update_attachment(world.context("carla"), key("scan"), {"name": " b "})
    renamed = await world.get(Attachment, key("scan"))
    assert (renamed.name, renamed.key) == ("b", file_key("scan"))
