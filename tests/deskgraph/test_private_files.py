"""What the server writes is for its own user, whatever the umask."""

import stat
import sys
from pathlib import Path

import pytest

from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import run

WRITE = """
import asyncio
from deskgraph.app import create_services
from deskgraph.demo.loading import load_demo
from deskgraph.database.migrate import upgrade
from deskgraph.settings import load_settings

async def chunks():
    yield b"content"

async def main():
    settings = load_settings()
    services, database = create_services(settings)
    await database.open()
    await upgrade(database)
    async with database.transaction() as session:
        await session.connection()
    await services.files.put("tickets/a/b/c.txt", chunks())
    import os, stat
    for folder, _, files in os.walk("var"):
        for path in (folder, *(f"{folder}/{name}" for name in files)):
            print(path, stat.filemode(os.stat(path).st_mode))
    await database.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("umask", [0o000, 0o177])
def test_nobody_else_may_read_what_is_stored(tmp_path: Path, umask: int) -> None:
    environment = child_environment(DATABASE_URL="sqlite:///var/data/desk.db")
    done = run([sys.executable, "-c", WRITE], cwd=tmp_path, env=environment, umask=umask)
    assert done.returncode == 0, done.stderr
    found = dict(line.split() for line in done.stdout.splitlines())
    assert {
        "var/secret.key",
        "var/data/desk.db",
        "var/data/desk.db-wal",
        "var/data/desk.db-shm",
        "var/media/tickets/a/b/c.txt",
    } <= set(found)
    for path, mode in found.items():
        assert mode in ("-rw-------", "drwx------"), path


def test_folders_of_somebody_else_stay_as_they_are(tmp_path: Path) -> None:
    from deskgraph.private_files import create_private

    tmp_path.chmod(0o755)
    create_private(tmp_path / "new" / "desk.db")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "new" / "desk.db").chmod(0o640)
    create_private(tmp_path / "new" / "desk.db")
    assert stat.S_IMODE((tmp_path / "new" / "desk.db").stat().st_mode) == 0o640
