"""The files of the old system's folder come into the store, once, and missing ones are named."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from obstore.exceptions import BaseError

from benchmarks import old_desk
from deskgraph.importer.media import AT_ONCE
from deskgraph.storage.file_store import FileStore
from tests.deskgraph.conftest import Ended, change
from tests.deskgraph.importer.conftest import OldDesk, counts, everything, rejects, row
from tests.support.clock import NOON
from tests.support.rows import key

Bring = Callable[..., Ended]
PNG = b"\x89PNG\r\n\x1a\nrest"
SHOT = "tickets/attachments/2025/11/shot.png"

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


@pytest.fixture
def media(old: OldDesk, tmp_path: Path) -> Path:
    """Give the old folder, with the file of the small desk."""
    old.add_small_desk()
    put(tmp_path / "media", SHOT, PNG)
    return tmp_path / "media"


def put(folder: Path, name: str, content: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def stored() -> dict[str, bytes]:
    root = Path("var/media")
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_files_come_with_their_rows(services: str, bring: Bring, media: Path) -> None:
    ended = bring("--media", str(media))

    assert counts(ended)["files"] == (1, 1, 0, 0)
    assert stored() == {SHOT: PNG}
    shot = row(services, "attachments", "shot")
    assert (shot["key"], shot["size"], shot["content_type"]) == (SHOT, len(PNG), "image/png")
    assert shot["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert counts(bring("--media", str(media)))["files"] == (1, 0, 1, 0)


def test_files_may_come_later(services: str, bring: Bring, media: Path) -> None:
    before = bring()
    assert "Attachments without a file here: 1. Give --media." in before.out
    assert row(services, "attachments", "shot")["size"] == 4

    assert counts(bring("--media", str(media)))["files"] == (1, 1, 0, 0)
    assert stored() == {SHOT: PNG}


def test_a_long_file_comes_whole(services: str, bring: Bring, media: Path) -> None:
    """One that is longer than an upload may be here."""
    long = bytes(range(256)) * 4 * 1024 * 26
    put(media, SHOT, long)

    assert counts(bring("--media", str(media)))["files"] == (1, 1, 0, 0)
    assert stored() == {SHOT: long}
    shot = row(services, "attachments", "shot")
    assert (shot["size"], shot["sha256"]) == (len(long), hashlib.sha256(long).hexdigest())


def test_files_that_cannot_be_copied(
    services: str, old: OldDesk, bring: Bring, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails holds up no other, and comes with a later run."""
    names = ["folder.txt", "gone.txt", "broken.txt", "fine.txt"]
    old.add(
        old_desk.ATTACHMENTS,
        *(old_desk.attachment(key(name), key("bill"), name, name=name) for name in names),
    )
    for name in names[1:]:
        put(media, name, b"content")
    (media / "folder.txt").mkdir()
    failures = {"gone.txt": FileNotFoundError(), "broken.txt": BaseError("the store is full")}
    store = FileStore.put

    async def fail(files: FileStore, at: str, *args: Any, **options: Any) -> None:
        if at in failures:
            raise failures[at]
        await store(files, at, *args, **options)

    monkeypatch.setattr(FileStore, "put", fail)

    assert counts(bring("--media", str(media)))["files"] == (5, 2, 0, 3)
    assert set(stored()) == {SHOT, "fine.txt"}
    assert {one["row"]["file"]: one["reason"] for one in rejects()} == {
        "folder.txt": "is not in the folder",
        "gone.txt": "cannot be copied (FileNotFoundError)",
        "broken.txt": "cannot be copied (BaseError)",
    }
    assert row(services, "attachments", "broken.txt")["sha256"] == ""
    failures.clear()
    assert counts(bring("--media", str(media)))["files"] == (5, 2, 2, 1)


def test_a_few_files_are_copied_at_once(
    old: OldDesk, bring: Bring, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"f{i}.txt" for i in range(3 * AT_ONCE)]
    for name in names:
        put(media, name, b"content")
    old.add(
        old_desk.ATTACHMENTS,
        *(
            old_desk.attachment(key(name), key("bill"), name, name=f"Shown {name}")
            for name in names
        ),
    )
    open_now, most = 0, 0
    told = set()
    store = FileStore.put

    async def count(files: FileStore, *args: Any, name: str, **options: Any) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        # What an object store answers with where it serves the file itself.
        told.add(name)
        await store(files, *args, name=name, **options)
        open_now -= 1

    monkeypatch.setattr(FileStore, "put", count)

    assert counts(bring("--media", str(media)))["files"] == (25, 25, 0, 0)
    assert most == AT_ONCE
    assert told == {"shot.png", *(f"Shown {name}" for name in names)}


def test_a_new_name_over_there_keeps_the_file(
    services: str, old: OldDesk, bring: Bring, media: Path
) -> None:
    bring("--media", str(media))
    before = row(services, "attachments", "shot")
    old.set(old_desk.ATTACHMENTS, "shot", name="renamed.png")

    ended = bring()

    assert counts(ended)["attachments"] == (1, 1, 0, 0)
    assert "without a file" not in ended.out
    assert row(services, "attachments", "shot") == before | {"name": "renamed.png"}


def test_missing_files_are_told_by_name(
    services: str, old: OldDesk, bring: Bring, media: Path
) -> None:
    old.add(
        old_desk.ATTACHMENTS,
        *(
            old_desk.attachment(
                key(f"f{i}"),
                key("bill"),
                f"tickets/attachments/f{i:02}.txt",
                created_at=NOON + timedelta(minutes=i),
            )
            for i in range(12)
        ),
    )
    put(media, "tickets/attachments/f03.txt", b"here")

    ended = bring("--media", str(media))

    assert counts(ended)["files"] == (13, 2, 0, 11)
    assert "Files not found: 11 (tickets/attachments/f00.txt, " in ended.out
    assert "tickets/attachments/f10.txt and 1 more)." in ended.out
    assert {one["reason"] for one in rejects()} == {"is not in the folder"}
    assert rejects()[-1]["row"]["file"] == "tickets/attachments/f11.txt"
    # They come as soon as they are found.
    put(media, "tickets/attachments/f11.txt", b"found")
    assert counts(bring("--media", str(media)))["files"] == (13, 1, 2, 10)


def test_names_that_are_no_plain_paths(
    services: str, old: OldDesk, bring: Bring, media: Path
) -> None:
    """They are found under their old names, and kept under ones that every store can have."""
    names = ["tickets/attachments/Ünï cöde.txt", "tickets/attachments/100%.txt", "a//b.txt"]
    put(media.parent, "outside.txt", b"secret")
    (media / "link.txt").symlink_to(media.parent / "outside.txt")
    outside = ["../outside.txt", str(media.parent / "outside.txt"), "link.txt"]
    for name in names:
        put(media, name, name.encode())
    old.add(
        old_desk.ATTACHMENTS,
        *(
            old_desk.attachment(key(name), key("bill"), name[:100], name="n")
            for name in [*names, *outside]
        ),
    )

    ended = bring("--media", str(media))

    assert counts(ended)["files"] == (7, 4, 0, 3)
    assert {one["reason"] for one in rejects()} == {"lies outside of the folder"}
    keys = {one["id"]: one["key"] for one in everything(services)["attachments"]}
    assert all(stored()[keys[key(name)]] == name.encode() for name in names)
    assert all(
        found.isascii() and "%" not in found and "//" not in found for found in keys.values()
    )
    assert b"secret" not in stored().values()


def test_an_attachment_without_a_file_is_rejected(old: OldDesk, bring: Bring, media: Path) -> None:
    old.add(old_desk.ATTACHMENTS, old_desk.attachment(key("no"), key("bill"), ""))

    ended = bring("--media", str(media))

    assert counts(ended)["attachments"] == (2, 1, 0, 1)
    assert [one["reason"] for one in rejects()] == ["file is missing"]


def test_another_file_over_there_is_fetched(
    services: str, old: OldDesk, bring: Bring, media: Path
) -> None:
    bring("--media", str(media))
    put(media, "tickets/attachments/new.txt", b"new")
    old.set(old_desk.ATTACHMENTS, "shot", file="tickets/attachments/new.txt")

    ended = counts(bring("--media", str(media)))

    assert (ended["attachments"], ended["files"]) == ((1, 1, 0, 0), (1, 1, 0, 0))
    shot = row(services, "attachments", "shot")
    assert (shot["key"], shot["size"]) == ("tickets/attachments/new.txt", 3)
    assert stored()["tickets/attachments/new.txt"] == b"new"


def test_a_file_that_was_stored_before_a_crash_is_stored_again(
    services: str, bring: Bring, media: Path
) -> None:
    bring("--media", str(media))
    # As it is between the store and the row; half of it, even.
    change(services, "UPDATE attachments SET sha256 = '', size = 0")
    Path("var/media", SHOT).write_bytes(PNG[:4])

    assert counts(bring("--media", str(media)))["files"] == (1, 1, 0, 0)
    assert stored() == {SHOT: PNG}
    assert row(services, "attachments", "shot")["size"] == len(PNG)


def test_a_dry_run_only_looks(services: str, bring: Bring, media: Path) -> None:
    ended = bring("--media", str(media), "--dry-run")

    assert counts(ended)["files"] == (1, 1, 0, 0)
    assert stored() == {}
    assert everything(services)["attachments"] == []
