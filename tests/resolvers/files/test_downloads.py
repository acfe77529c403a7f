"""Who may open a file: by what they see, or by a signed link."""

import hmac

import pytest

from resolvers.commands import attachments
from resolvers.errors import NotFound
from resolvers.files import downloads
from resolvers.signing import Signer, day_of
from tests.support.named_rows import CONTENT
from tests.support.rows import file_key, key
from tests.support.world import World

pytestmark = pytest.mark.anyio


async def content(opened: downloads.OpenFile, span: tuple[int, int] | None = None) -> bytes:
    return b"".join([chunk async for chunk in await opened.read(span)])


async def test_a_part_is_read_by_itself(world: World) -> None:
    opened = await downloads.open_attachment(world.context("keith"), file_key("photo"))

    assert await content(opened, (5, 9)) == CONTENT[5:9]
    assert opened.size == len(CONTENT)
    await opened.require()


async def test_a_file_that_is_gone_from_the_store_is_not_found(world: World) -> None:
    opened = await downloads.open_attachment(world.context("keith"), file_key("scan"))
    (world.media / file_key("scan")).unlink()

    for attempt in (opened.read(), opened.read((0, 1)), opened.require()):
        with pytest.raises(NotFound):
            await attempt


async def test_files_open_for_users_who_see_the_ticket(world: World) -> None:
    for who in ("admin", "keith", "carla", "colin"):
        opened = await downloads.open_attachment(world.context(who), file_key("photo"))
        assert (await content(opened), opened.name) == (CONTENT, "photo.txt")
    for name in (file_key("photo"), file_key("nothing"), "", "../desk.db", "a\0b", "\ud800"):
        with pytest.raises(NotFound):
            await downloads.open_attachment(world.context("olga"), name)


def signed(world: World, name: str = "photo", seconds: int = 60) -> tuple[str, str, str]:
    expires = str(int(world.clock.now.timestamp()) + seconds)
    day = day_of(world.clock.now)
    return (
        file_key(name),
        expires,
        world.services.signer.media_signature(file_key(name), expires, day),
    )


async def test_a_signed_link_opens_until_it_expires(world: World) -> None:
    link = signed(world)
    stranger = world.context(None)

    assert await content(await downloads.open_signed(stranger, *link)) == CONTENT
    world.clock.move(seconds=60)
    assert await content(await downloads.open_signed(stranger, *link)) == CONTENT
    world.clock.move(microseconds=1)
    with pytest.raises(NotFound):
        await downloads.open_signed(stranger, *link)


async def test_signatures_are_compared_in_constant_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare_digest(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    name, expires, signature = signed(world)
    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    await downloads.open_signed(world.context(None), name, expires, signature)
    with pytest.raises(NotFound):
        await downloads.open_signed(world.context(None), name, expires, "20251119guess")
    expected = signature.encode()
    assert compared == [(expected, expected), (expected, b"20251119guess")]


async def test_an_altered_link_opens_nothing(world: World) -> None:
    name, expires, signature = signed(world)
    other = Signer("another key that is also long enough")
    day = day_of(world.clock.now)
    altered = [
        (file_key("receipt"), expires, signature),
        (name, str(int(expires) + 1), signature),
        (name, f"0{expires}", signature),
        (name, "", signature),
        (name, "never", signature),
        (name, expires, ""),
        (name, expires, signature[:-1]),
        (name, expires, signature.upper() + "é"),
        (name, expires, "\ud800"),
        (f"{name}\ud800", expires, signature),
        (name, f"{expires}\ud800", signature),
        (name, expires, other.media_signature(name, expires, day)),
        (name, expires, signature[8:]),
        (name, expires, f"20251120{signature[8:]}"),
        (name, expires, f"\u0662{signature[1:]}"),
        # What was signed is split where it was joined.
        (f"1:{name}", expires, world.services.signer.media_signature(name, f"{expires}:1", day)),
    ]
    for link in altered:
        with pytest.raises(NotFound):
            await downloads.open_signed(world.context("admin"), *link)


async def test_a_signed_link_to_what_is_deleted_opens_nothing(world: World) -> None:
    link = signed(world, "scan")
    await attachments.delete_attachment(world.context("keith"), key("scan"))
    with pytest.raises(NotFound):
        await downloads.open_signed(world.context(None), *link)
