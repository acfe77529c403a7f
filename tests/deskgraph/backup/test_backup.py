"""``backup`` and ``restore``: all of a desk comes back, also from a server at work."""

import asyncio
import hashlib
import json
import shutil
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from deskgraph.database.database import Database
from models import Role
from resolvers.commands import tickets
from resolvers.commands.undo.undo import undo
from tests.deskgraph.conftest import Ended, Run, Start, assert_refused, banner, change, rows, stop
from tests.deskgraph.importer.conftest import everything
from tests.support.app_client import open_app
from tests.support.rows import attachment, company, file_key, insert, key, ticket, user
from tests.support.settings import settings_for
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

Environment = Callable[..., None]
FILES = Path("var/media")
BACKUP = Path("backup")
RESTORED = "Restored the database and {count} file{s}.\n"


@pytest.fixture
def other(
    backend: str, blank_database_url: str, environment: Environment, tmp_path: Path
) -> Callable[[], str]:
    """Give a function that makes an empty desk the one that commands work on."""

    def change_over() -> str:
        environment(
            database_url=blank_database_url, files_url=(tmp_path / "other").absolute().as_uri()
        )
        return blank_database_url

    return change_over


def store(url: str, *stored: SQLModel) -> None:
    async def work() -> None:
        database = Database(url)
        await insert(database, *stored)
        await database.engine.dispose()

    asyncio.run(work())


def fill(url: str) -> None:
    """Store a company, an agent and a ticket."""
    store(url, company("hilton"), user("anna", Role.ADMIN), ticket("sound"))


def add_file(url: str, name: str, *, known: bool = True) -> Path:
    """Store a file with its row, which says the hash of its content or none."""
    path = FILES / file_key(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"content of {name}".encode())
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if known else ""
    store(url, attachment(name, "sound", size=path.stat().st_size, sha256=digest))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_everything_comes_back(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    add_file(services, "log")
    add_file(services, "imported", known=False)
    there = everything(services)

    assert run("backup", "backup") == (0, "backup has the database and 2 files.\n", "")
    restored = other()
    assert run("restore", "backup") == (0, RESTORED.format(count=2, s="s"), "")

    assert everything(restored) == there
    assert contents(tmp_path / "other") == contents(FILES)
    assert run("migrate").out == "The database already has the schema 0020.\n"
    assert run("counts", "check").code == 0
    assert run("files", "sweep", "--older-than", "0s").code == 0
    private = [BACKUP, *BACKUP.rglob("*")]
    assert {path.stat().st_mode & 0o077 for path in private} == {0}


def at_work(url: str, files: Path, work: Callable[[World], Awaitable[Any]]) -> Any:
    """Do something as a server of a desk does it."""

    async def run() -> Any:
        async with open_app(settings_for(url, files)) as (_, _, world):
            return await work(world)

    return asyncio.run(run())


def test_what_was_deleted_is_restored_from_a_backup_and_undone_there(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    store(services, user("admin", Role.ADMIN))
    add_file(services, "log")

    async def delete(world: World) -> None:
        await tickets.delete_ticket(world.context("admin"), key("sound"))

    at_work(services, FILES.absolute(), delete)
    assert run("backup", "backup") == (0, "backup has the database and 1 file.\n", "")
    restored = other()
    assert run("restore", "backup") == (0, RESTORED.format(count=1, s=""), "")
    assert rows(restored, "SELECT id FROM tickets") == []

    async def bring_back(world: World) -> None:
        [event] = await world.events()
        await undo(world.context("admin"), event.id)

    at_work(restored, tmp_path / "other", bring_back)
    assert rows(restored, "SELECT ticket_number FROM tickets") == rows(
        restored, "SELECT DISTINCT ticket_number FROM ticket_events"
    )
    assert rows(restored, "SELECT key FROM attachments") == [(file_key("log"),)]
    assert run("files", "sweep", "--older-than", "0s").code == 0
    assert contents(tmp_path / "other") == contents(FILES)


def test_an_empty_desk_has_a_backup(run: Run, services: str, other: Callable[[], str]) -> None:
    assert run("backup", "backup") == (0, "backup has the database and 0 files.\n", "")
    other()
    assert run("restore", "backup") == (0, RESTORED.format(count=0, s="s"), "")


class Writers:
    """Clients that create tickets with files, and delete every third, until they are stopped."""

    def __init__(self, base: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{base}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(2)]
        # The tickets that stay, in the order in which they were acknowledged.
        self.kept: list[str] = []
        self.failed: list[str] = []
        for thread in self._threads:
            thread.start()

    def _write(self, number: int) -> None:
        count = 0
        while not self._stopped.is_set():
            count += 1
            given = {"subject": f"{number}-{count}", "description": "x", "priority": "high"}
            created = self._sent("POST", "/tickets/", json=given | {"company": str(key("hilton"))})
            place = f"/tickets/{created['id']}/"
            content = f"{number}-{count}".encode() * 1000
            upload = {"file": ("log.txt", content, "text/plain")}
            self._sent("POST", "/ticket-attachments/", files=upload, data={"ticket": created["id"]})
            if count % 3:
                self.kept.append(created["id"])
            else:
                self._sent("DELETE", place)

    def _sent(self, method: str, path: str, **more: Any) -> Any:
        response = self._client.request(method, path, **more)
        if response.is_error:
            self.failed.append(f"{method} {path}: {response.text}")
            self._stopped.set()
        return response.json() if response.content else None

    def wait(self) -> None:
        """Give them a moment."""
        self._stopped.wait(0.01)

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        self._client.close()


def test_a_backup_of_a_server_at_work_is_of_one_moment(
    run: Run, start: Start, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    # A pipe would be full of log lines before the end, and the server would wait.
    log = tmp_path / "server.log"
    with log.open("w") as lines:
        server = start("serve", "--port", "0", stderr=lines)
    base, _ = banner(server, 2)
    writers = Writers(base, run("token", "anna").out.strip())
    while len(writers.kept) < 10 and not writers.failed:
        writers.wait()
    before = list(writers.kept)

    ended = run("backup", "backup")

    writers.stop()
    stop(server)
    assert "Traceback" not in log.read_text()
    assert writers.failed == []
    restored = other()
    assert run("restore", "backup").code == ended.code
    assert {str(one) for (one,) in rows(restored, "SELECT id FROM tickets")} >= set(before)
    stored = contents(tmp_path / "other")
    missing = json.loads((BACKUP / "manifest.json").read_text())["missing"]
    found = rows(restored, "SELECT key, sha256, size FROM attachments")
    lost = [place for place, *_ in found if str(place) not in stored]
    # Only files that were deleted while the backup was made.
    assert len(lost) == missing
    assert not {place for (place,) in rows(services, "SELECT key FROM attachments")} & {*lost}
    for place, digest, size in found:
        if place not in lost:
            content = stored[str(place)]
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (digest, size)
    assert run("counts", "check").code == 0


def test_files_that_are_missing_or_damaged_are_named(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    add_file(services, "well")
    add_file(services, "lost").unlink()
    add_file(services, "short").write_bytes(b"x")

    ended = run("backup", "backup")

    assert ended.code == 3
    assert ended.out.splitlines() == [
        "backup has the database and 1 file.",
        f"Files that were not found: 1 ({file_key('lost')}).",
        f"Files that are not what their rows say: 1 ({file_key('short')}).",
    ]
    other()
    said = RESTORED.format(count=1, s="") + "Files that the backup does not have: 2.\n"
    assert run("restore", "backup") == (3, said, "")
    assert list(contents(tmp_path / "other")) == [file_key("well")]


def test_a_damaged_file_of_a_backup_does_not_come_back(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    add_file(services, "log")
    run("backup", "backup")
    (BACKUP / "files" / file_key("log")).write_bytes(b"changed")
    other()
    ended = run("restore", "backup")
    assert ended.code == 3
    assert "Files that are not what their rows say: 1" in ended.out
    assert contents(tmp_path / "other") == {}


def test_a_backup_is_not_written_over_anything(run: Run, services: str) -> None:
    BACKUP.mkdir()
    (BACKUP / "notes").write_text("mine")
    assert_refused(run("backup", "backup"), "backup is not an empty folder.")
    assert_refused(run("backup", "backup/notes"), "backup/notes is not an empty folder.")
    assert_refused(run("backup", "backup/notes/inside"), "cannot be written")
    assert contents(BACKUP) == {"notes": b"mine"}


def test_a_backup_is_restored_into_an_empty_database_only(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    run("backup", "backup")
    add_file(services, "later")
    there = everything(services)
    assert_refused(run("restore", "backup"), "The database is not empty")
    assert everything(services) == there
    restored = other()
    run("restore", "backup")
    assert_refused(run("restore", "backup"), "The database is not empty")
    assert len(rows(restored, "SELECT id FROM tickets")) == 1


def test_a_restore_goes_on_after_an_interruption(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    add_file(services, "log")
    run("backup", "backup")
    # The files came before the database.
    shutil.copytree(FILES, tmp_path / "other")
    other()
    assert run("restore", "backup") == (0, RESTORED.format(count=1, s=""), "")


def spoil(name: str) -> None:
    path = next(BACKUP.glob(name))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(**values: object) -> None:
    path = BACKUP / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


HARMS: list[tuple[Callable[[], object], str]] = [
    (lambda: spoil("database.*"), "The backup is damaged: backup/database."),
    (lambda: spoil("files.jsonl"), "The backup is damaged: backup/files.jsonl"),
    (lambda: (BACKUP / "files.jsonl").unlink(), "The backup is not whole: backup/files.jsonl"),
    (lambda: (BACKUP / "manifest.json").unlink(), "backup is not a backup: it has no manifest"),
    (lambda: (BACKUP / "manifest.json").write_text("{"), "it is not JSON."),
    (lambda: edit(format=2), "is of another format than 1."),
    (lambda: edit(schema="9999"), "the schema 9999 of a newer deskgraph"),
    (lambda: edit(files="many"), "manifest.json is damaged: files is wrong."),
    (lambda: edit(dump="../x"), "manifest.json is damaged: dump is wrong."),
    (lambda: edit(database="oracle"), "The backup is of oracle, and the database is"),
]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_what_is_no_good_backup_is_refused(
    run: Run, services: str, other: Callable[[], str], tmp_path: Path
) -> None:
    fill(services)
    add_file(services, "log")
    assert run("backup", "good").code == 0
    restored = other()
    for harm, words in HARMS:
        shutil.rmtree(BACKUP, ignore_errors=True)
        shutil.copytree("good", BACKUP)
        harm()
        assert_refused(run("restore", "backup"), words)
        assert contents(tmp_path / "other") == {}
        assert rows(restored, "SELECT name FROM sqlite_master") == []


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_without_the_programs_of_postgresql_it_says_what_to_install(
    run: Run, services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert_refused(run("backup", "backup"), "pg_dump is not installed", "client programs")
    # Once they are installed, the same command works.
    assert not BACKUP.exists()


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
def test_the_password_is_in_no_message(run: Run, services: str, environment: Environment) -> None:
    role, password = "backup_reader", "hidden-password"
    change(services, f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    try:
        # It may look, but not at every table, which pg_dump locks.
        named = "attachments, deleted_attachments, import_files"
        change(services, f"GRANT SELECT ON {named}, alembic_version TO {role}")
        url = make_url(services).set(username=role, password=password)
        environment(database_url=url.render_as_string(hide_password=False))
        ended: Ended = run("backup", "backup")
        assert ended.code == 1
        assert "pg_dump failed: " in ended.err
        assert password not in ended.out + ended.err
    finally:
        change(services, f"DROP OWNED BY {role}")
        change(services, f"DROP ROLE {role}")
