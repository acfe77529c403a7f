"""Whatever stops an import, and beside others: nothing is lost or doubled."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from benchmarks import old_desk
from tests.deskgraph.conftest import Ended, rows
from tests.deskgraph.importer.conftest import OldDesk, counts, everything
from tests.support import proofs
from tests.support.paths import ROOT
from tests.support.processes.launcher import DEADLINE_SECONDS, child
from tests.support.stored import wrong_counts_of

Bring = Callable[..., Ended]
TICKETS = 100 if proofs.LONG else 40
# How much of all rows is written when the import is killed, one time after the other.
SHARES = (0.3, 0.7, 1.0) if proofs.LONG else (0.5,)
# Small batches, so that there are many places to be stopped at.
PROGRAM = """
import sys
from deskgraph.importer import importing, media
importing.BATCH = media.BATCH = 20
from deskgraph.cli import main
main()
"""
THERE = (
    old_desk.USERS,
    old_desk.COMPANIES_TABLE,
    old_desk.CONTACTS_TABLE,
    old_desk.TICKETS,
    old_desk.COMMENTS,
    old_desk.ATTACHMENTS,
)
KINDS = ("users", "companies", "contacts", "tickets", "comments", "attachments")

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def importing(old: OldDesk, media: Path) -> "AbstractContextManager[subprocess.Popen[str]]":
    return child(
        [sys.executable, "-c", PROGRAM, "import-legacy", old.url, "--media", str(media)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def media(old: OldDesk, tmp_path: Path) -> Path:
    """Fill the old desk; return the folder of its files."""
    made = list(old_desk.rows(TICKETS))
    for table in THERE:
        found = [row for of, row in made if of is table]
        old.add(table, *found)
        for row in found if table is old_desk.ATTACHMENTS else ():
            path = tmp_path / "media" / row["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(row["name"])
    return tmp_path / "media"


def assert_complete(services: str, old: OldDesk, media: Path) -> None:
    here, there = everything(services), old.everything()
    assert wrong_counts_of(services) == []
    for name, table in zip(KINDS, (one.name for one in THERE), strict=True):
        assert {row["id"] for row in here[name]} == {row["id"] for row in there[table]}
    events = here["ticket_events"]
    about = [
        (event["type"], event["ticket_id"], event["comment_id"], event["attachment_id"])
        for event in events
    ]
    assert len(about) == len(set(about)) == sum(len(here[name]) for name in KINDS[3:])
    for attachment in here["attachments"]:
        assert Path("var/media", attachment["key"]).read_text() == attachment["name"]
        assert attachment["size"] == len(attachment["name"])
        assert (media / attachment["key"]).is_file()


@proofs.on("postgres")
def test_killed_at_any_point_the_next_run_completes_it(
    services: str, old: OldDesk, media: Path, bring: Bring
) -> None:
    written = [0]
    stopped = 0
    total = sum(len(some) for some in old.everything().values())
    for share in SHARES:
        with importing(old, media) as process:
            while process.poll() is None and written[-1] < share * total:
                written.append(int(str(rows(services, "SELECT count(*) FROM imported_rows")[0][0])))
            # At 1.0 it is at the files, or done.
            process.send_signal(signal.SIGKILL)
            stopped += process.wait(DEADLINE_SECONDS) == -signal.SIGKILL
        written.append(0)
    # The last may have been done before it was killed.
    assert stopped >= max(len(SHARES) - 1, 1)

    ended = bring("--media", str(media))

    assert "The sums agree." in ended.out
    assert_complete(services, old, media)
    again = counts(bring("--media", str(media)))
    assert {name: count[1] for name, count in again.items()} == dict.fromkeys(again, 0)


@proofs.on("sqlite")
def test_two_at_once_take_turns(services: str, old: OldDesk, media: Path) -> None:
    with importing(old, media) as one, importing(old, media) as other:
        both = [one, other]
        said = [process.communicate(timeout=DEADLINE_SECONDS) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert [err for _, err in said] == ["", ""]
    written = [line.split() for out, _ in said for line in out.splitlines() if line[:1].isalpha()]
    tickets = [line for line in written if line[0] == "tickets"]
    # Each row was written by one of them and found by the other.
    assert [int(line[1]) for line in tickets] == [TICKETS, TICKETS]
    assert sum(int(line[2]) for line in tickets) == TICKETS
    assert_complete(services, old, media)
