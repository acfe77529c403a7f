"""The sweep finds what a crash left over, and nothing else."""

import os
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from obstore.store import LocalStore

from deskgraph.storage import orphan_cleanup as sweeping
from deskgraph.storage.file_store import FileStore
from deskgraph.storage.orphan_cleanup import Finding, clean_up_orphans
from resolvers.commands import attachments
from resolvers.commands.attachments import new_key
from tests.support.clock import NOON
from tests.support.named_rows import CONTENT
from tests.support.rows import file_key, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

FOLDER = "tickets/attachments/2025/11"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _old_files(own_world: World) -> None:
    for name in ("photo", "scan", "receipt"):
        age(own_world.media / file_key(name))


def age(path: Path, *, hours: float = 25) -> None:
    """Make a file as old as that, by the clock of the desk."""
    at = (NOON - timedelta(hours=hours)).timestamp()
    os.utime(path, (at, at))


def leave(own_world: World, name: str, *, hours: float = 25, content: bytes = b"left") -> Path:
    path = own_world.media / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    age(path, hours=hours)
    return path


async def found(
    own_world: World, *, older_than: timedelta = DAY, remove: bool = False
) -> list[Finding]:
    files = FileStore(LocalStore(own_world.media, automatic_cleanup=True))
    before = own_world.clock() - older_than
    return [
        each
        async for each in clean_up_orphans(own_world.database, files, before=before, remove=remove)
    ]


async def test_a_whole_desk_has_nothing_to_sweep(own_world: World) -> None:
    before = await own_world.dump()
    assert await found(own_world, remove=True) == []
    assert await own_world.dump() == before


async def test_files_that_no_row_names_are_found_and_removed_if_so_wished(own_world: World) -> None:
    before = await own_world.dump()
    names = [f"{FOLDER}/token/ü 1.txt", f"{FOLDER}/old-shot.png", f"{FOLDER}/a%20b.txt"]
    for name in names:
        leave(own_world, name)
    expected = [Finding("orphan", name, 4, NOON - timedelta(hours=25)) for name in sorted(names)]

    assert sorted(await found(own_world), key=lambda each: each.key) == expected
    assert len(own_world.files()) == 6
    assert sorted(await found(own_world, remove=True), key=lambda each: each.key) == expected
    assert await own_world.dump() == before
    assert not (own_world.media / FOLDER / "token").exists()
    assert await found(own_world, remove=True) == []


async def test_uploads_that_are_under_way_stay(own_world: World) -> None:
    young = [f"{FOLDER}/token/stored.txt", f"{FOLDER}/token/coming.txt#1"]
    for name in young:
        leave(own_world, name, hours=23.9)

    assert await found(own_world, remove=True) == []
    assert set(young) <= set(own_world.files())
    assert {each.kind for each in await found(own_world, older_than=timedelta(hours=23))} == {
        "orphan",
        "unfinished",
    }
    own_world.clock.move(hours=1)
    assert len(await found(own_world, remove=True)) == 2
    assert not set(young) & set(own_world.files())


async def test_files_of_just_then_stay(own_world: World) -> None:
    for name in ("stored.txt", "coming.txt#1"):
        leave(own_world, f"{FOLDER}/{name}", hours=24)
    assert await found(own_world, remove=True) == []
    own_world.clock.move(seconds=1)
    assert len(await found(own_world, remove=True)) == 2


async def test_unfinished_files_are_told_by_their_last_characters(own_world: World) -> None:
    leave(own_world, f"{FOLDER}/token/film#1.mp4")
    assert [each.kind for each in await found(own_world)] == ["orphan"]


async def test_unfinished_files_are_not_looked_for_behind_links(
    own_world: World, tmp_path: Path
) -> None:
    outside = leave(own_world, "../elsewhere/film.mp4#1")
    (own_world.media / FOLDER / "link").symlink_to(outside.parent)
    assert await found(own_world, remove=True) == []
    assert outside.exists()


async def test_an_unfinished_file_that_goes_meanwhile_is_not_told(own_world: World) -> None:
    left = [leave(own_world, f"{FOLDER}/token/{name}.mp4#1") for name in "ab"]
    files = FileStore(LocalStore(own_world.media))
    told = []
    async for each in clean_up_orphans(own_world.database, files, before=own_world.clock()):
        told.append(own_world.media / each.key)
        for path in left:
            path.unlink()
    assert len(told) == 1
    assert told[0] in left


async def test_unfinished_files_of_killed_processes_are_found(own_world: World) -> None:
    path = leave(own_world, f"{FOLDER}/token/film.mp4#1", content=bytes(5000))
    at = NOON - timedelta(hours=25)
    expected = [Finding("unfinished", f"{FOLDER}/token/film.mp4#1", 5000, at)]

    assert await found(own_world) == expected
    assert path.exists()
    assert await found(own_world, remove=True) == expected
    assert not path.parent.exists()
    assert (own_world.media / FOLDER).is_dir()


async def test_rows_whose_file_is_gone_are_told_and_kept(own_world: World) -> None:
    (own_world.media / file_key("scan")).unlink()
    rows = (await own_world.dump())["attachments"]
    at = NOON - timedelta(days=1)

    for remove in (False, True):
        told = await found(own_world, remove=remove)
        assert told == [Finding("missing", file_key("scan"), len(CONTENT), at)]
    assert (await own_world.dump())["attachments"] == rows


def test_everything_that_is_stored_is_where_the_sweep_looks() -> None:
    assert new_key("a.txt", NOON).startswith(f"{sweeping.PREFIX}/")


async def test_what_is_not_the_desks_is_left_alone(own_world: World) -> None:
    for name in ("backup.tar", "tickets/other.txt", "tickets/attachments-of-others/a.txt#1"):
        leave(own_world, name)
    before = own_world.files()
    assert await found(own_world, remove=True) == []
    assert own_world.files() == before


async def test_an_empty_store_is_swept(own_world: World, tmp_path: Path) -> None:
    empty = FileStore(LocalStore(tmp_path / "empty", mkdir=True))
    told = [
        each async for each in clean_up_orphans(own_world.database, empty, before=own_world.clock())
    ]
    assert {each.kind for each in told} == {"missing"}
    assert len(told) == 3


async def test_changes_during_the_sweep_are_not_mistaken(own_world: World) -> None:
    """A file that comes after the listing has its row, and a row that goes takes its file."""

    async def content() -> AsyncIterator[bytes]:
        yield b"new"

    leave(own_world, f"{FOLDER}/old.txt")
    files = FileStore(LocalStore(own_world.media, automatic_cleanup=True))
    told = clean_up_orphans(own_world.database, files, before=own_world.clock() - DAY, remove=True)
    # What is in the store was listed by then, and the rows are still to be looked for.
    assert (await anext(told)).kind == "orphan"
    keith = own_world.context("keith", undo_hours=0)
    await attachments.add_attachment(keith, key("volume"), "new.txt", content())
    await attachments.delete_attachment(keith, key("scan"))

    assert [finding async for finding in told] == []
    assert len(own_world.files()) == 3


async def test_a_row_that_goes_while_its_file_is_looked_for_is_not_told(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_world.media / file_key("scan")).unlink()
    look = FileStore.exists

    async def meanwhile(files: FileStore, name: str) -> bool:
        keith = own_world.context("keith", undo_hours=0)
        await attachments.delete_attachment(keith, key("scan"))
        return await look(files, name)

    monkeypatch.setattr(FileStore, "exists", meanwhile)
    assert await found(own_world) == []


async def test_batches_go_together(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 2)
    names = [f"{FOLDER}/{number}/a.txt" for number in range(7)]
    for name in names:
        leave(own_world, name)
    (own_world.media / file_key("photo")).unlink()

    told = await found(own_world, remove=True)
    assert sorted(each.key for each in told) == sorted([*names, file_key("photo")])
    assert own_world.files() == sorted([file_key("receipt"), file_key("scan")])


async def test_memory_does_not_grow_with_the_store(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "BATCH", 100)

    async def peak() -> int:
        tracemalloc.start()
        files = FileStore(LocalStore(own_world.media, automatic_cleanup=True))
        count = 0
        async for _ in clean_up_orphans(own_world.database, files, before=own_world.clock()):
            count += 1
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == len(own_world.files()) - 3
        return most

    folder = own_world.media / FOLDER / "many"
    folder.mkdir()

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            (folder / f"{number}.txt").touch()
            age(folder / f"{number}.txt")

    fill(0, 300)
    small = await peak()
    fill(300, 6000)
    # The whole listing would take three times as much; some garbage may be waiting, too.
    assert await peak() < small + 1_000_000
