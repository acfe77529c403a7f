"""The way back after an upgrade that needed a stop, as docs/operations.md shows it."""

import shlex
import sys
from collections.abc import Callable

import httpx
import pytest

from deskgraph.database.migrate import head
from deskgraph.demo.logins import PASSWORD
from deskgraph.settings import PREFIX
from tests.deskgraph.conftest import change, rows
from tests.docs.markdown import blocks
from tests.support.paths import ROOT
from tests.support.processes.launcher import run
from tests.upgrades.released import Releases

BEFORE = "backups/before-the-upgrade"
SUBJECTS = "SELECT subject FROM tickets ORDER BY subject"
SHOWN_URL = f"{PREFIX}DATABASE_URL=sqlite:///var/restored.db"


@pytest.mark.proof
def test_the_backup_is_restored_by_the_old_version(
    releases: Releases, backend: str, request: pytest.FixtureRequest
) -> None:
    releases.command("old", "migrate")
    releases.command("old", "demo")
    before = rows(releases.url, SUBJECTS)
    releases.command("old", "backup", BEFORE)
    releases.command("new", "migrate")
    # As a migration does it that servers of before cannot work with.
    change(releases.url, f"UPDATE alembic_version SET compatible_from = '{head()}'")
    change(releases.url, "UPDATE tickets SET subject = 'written since'")
    assert "can work with: use the newer program." in releases.refused("old", "user", "list")

    restored = f"sqlite:///{releases.folder / 'restored.db'}"
    if backend == "postgres":
        make: Callable[[], str] = request.getfixturevalue("blank_postgres_url")
        restored = make()
    follow_the_document(releases, restored)

    assert rows(restored, SUBJECTS) == before
    assert b"written since" in (releases.folder / "after-the-upgrade/tickets.jsonl").read_bytes()
    releases.url = restored
    server = releases.serve("old")
    login = {"username": "admin", "password": PASSWORD}
    assert httpx.get(f"{server.base}/readyz").json() == {"status": "ready"}
    assert httpx.post(f"{server.base}/api/v1/auth/login/", json=login).status_code == 200


def follow_the_document(releases: Releases, restored: str) -> None:
    """Run the commands of the document by bash, with programs of both releases."""
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    (block,) = [one for one in blocks(text) if one.text.startswith("new/bin/deskgraph")]
    assert SHOWN_URL in block.text
    for release in ("new", "old"):
        path = releases.environment(release)["PYTHONPATH"]
        program = releases.folder / release / "bin/deskgraph"
        program.parent.mkdir(parents=True)
        command = f"PYTHONPATH={shlex.quote(path)} exec {sys.executable} -m deskgraph.cli"
        program.write_text(f'#!/bin/sh\n{command} "$@"\n')
        program.chmod(0o755)
    commands = block.text.replace(SHOWN_URL, f"{PREFIX}DATABASE_URL={restored}")
    ended = run(["bash", "-euc", commands], env=releases.environment("new"), cwd=releases.folder)
    assert ended.returncode == 0, ended.stderr
