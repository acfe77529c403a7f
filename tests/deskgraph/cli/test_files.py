"""``files sweep`` for people and for cron."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deskgraph.conftest import Run, Start, assert_refused, change, rows
from tests.support.processes.launcher import DEADLINE_SECONDS

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

WELL = "Every file has its row, and every row its file.\n"


@pytest.fixture
def media(demo_template: Path, sqlite_url: str, environment: Callable[..., None]) -> Path:
    """Make a demo with its files what commands work on."""
    environment(database_url=sqlite_url)
    shutil.copy(demo_template, sqlite_url.removeprefix("sqlite:///"))
    return Path(shutil.copytree(demo_template.parent / "media", "var/media"))


def leave(media: Path, name: str, hours: int) -> Path:
    path = media / "tickets/attachments/2025/11" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"left")
    at = path.stat().st_mtime - hours * 3600
    os.utime(path, (at, at))
    return path


def test_where_all_is_well_it_says_so_or_nothing(run: Run, media: Path) -> None:
    assert run("files", "sweep", "--older-than", "0s") == (0, WELL, "")
    assert run("files", "sweep", "--older-than", "0s", "--remove") == (0, WELL, "")
    assert run("files", "sweep", "--quiet") == (0, "", "")


def test_what_is_left_over_is_listed_and_removed(run: Run, media: Path) -> None:
    old, young = leave(media, "old.txt", 25), leave(media, "young.txt", 23)
    unfinished = leave(media, "film.mp4#1", 25)

    listed = run("files", "sweep", "--quiet")
    assert (listed.code, listed.err) == (3, "")
    first, second, summary = listed.out.splitlines()
    assert first.startswith("orphan      2")
    assert first.endswith("   4  tickets/attachments/2025/11/old.txt")
    assert second.endswith("   4  tickets/attachments/2025/11/film.mp4#1")
    assert summary == ("1 file without a row, 1 unfinished file; --remove would free 8 bytes.")
    assert old.exists()

    removed = run("files", "sweep", "--remove")
    assert removed.code == 0
    assert removed.out.splitlines()[:2] == [first, second]
    assert removed.out.endswith("1 unfinished file; removed 8 bytes.\n")
    assert (old.exists(), unfinished.exists(), young.exists()) == (False, False, True)
    assert run("files", "sweep") == (0, WELL, "")
    assert run("files", "sweep", "--older-than", "22h", "--remove").code == 0
    assert not young.exists()


def test_rows_without_a_file_are_left_to_people(run: Run, media: Path, sqlite_url: str) -> None:
    some = rows(sqlite_url, "SELECT key FROM attachments ORDER BY key LIMIT 2")
    for (name,) in some:
        (media / str(name)).unlink()

    for more in ([], ["--remove"], ["--quiet"]):
        told = run("files", "sweep", *more)
        assert (told.code, told.err) == (3, "")
        assert [line.split()[0] for line in told.out.splitlines()] == ["missing", "missing", "2"]
        assert told.out.endswith("\n2 rows without a file.\n")
    change(sqlite_url, "DELETE FROM attachments WHERE key = '" + str(some[0][0]) + "'")
    assert run("files", "sweep").out.endswith("\n1 row without a file.\n")


@pytest.mark.parametrize("wrong", ["", "24", "1w", "-1h", "h", "1.5h", "٣h", "99999s"])
def test_a_duration_that_cannot_be_read_is_wrong_usage(run: Run, wrong: str) -> None:
    left = leave(Path("var/media"), "old.txt", 25)
    ended = run("files", "sweep", "--remove", f"--older-than={wrong}")
    assert (ended.code, ended.out) == (2, "")
    assert "looks like 90m, 24h or 7d" in ended.err
    assert left.exists()


def test_longer_than_there_was_time(run: Run, media: Path) -> None:
    left = leave(media, "old.txt", 25)
    assert run("files", "sweep", "--remove", "--older-than", "9999d") == (0, WELL, "")
    assert left.exists()


def test_a_store_that_fails_is_told_without_its_address(
    run: Run, media: Path, environment: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens there; credentials keep obstore from looking for some of the machine's.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-password")
    endpoint = "http://127.0.0.1:9"
    environment(files_url=f"s3://secret-bucket/x?endpoint={endpoint}&allow_http=true")
    ended = run("files", "sweep", "--remove")
    assert_refused(
        ended, "DESKGRAPH_FILES_URL: The store could not be read or changed (GenericError)."
    )
    assert "secret-bucket" not in ended.err


def test_a_reader_who_goes_away_is_no_trouble(media: Path, start: Start) -> None:
    leave(media, "old.txt", 25)
    process = start("files", "sweep")
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert (process.wait(DEADLINE_SECONDS), process.stderr.read()) == (1, "")


def test_a_database_that_is_not_there_is_told(run: Run, environment: Callable[..., None]) -> None:
    environment(database_url="sqlite:///none.db")
    assert_refused(run("files", "sweep", "--remove"), "migrate")
