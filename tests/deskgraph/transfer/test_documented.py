"""What docs/deployment.md says of moving a desk: its commands, and the table of what is moved."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from deskgraph.settings import PREFIX
from deskgraph.transfer.tables import NOT_MOVED, TABLES
from tests.deskgraph.conftest import Run, rows
from tests.docs.markdown import blocks, table
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")
TEXT = (ROOT / "docs" / "deployment.md").read_text("utf-8")
URL = f"{PREFIX}DATABASE_URL"
FIRST = "Users with password hashes, and their sessions"


def test_each_table_is_moved_or_has_a_reason_for_staying() -> None:
    shown = [row[1:] for row in table(TEXT, FIRST)]
    stays = {name for names, how in shown if how.startswith("Not moved: ") for name in named(names)}
    moved = {name for names, how in shown if not how.startswith("Not ") for name in named(names)}

    assert moved == {one.name for one in TABLES}
    assert stays == NOT_MOVED.keys()
    assert moved | stays == set(SQLModel.metadata.tables)
    assert all(NOT_MOVED.values())


def named(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


@pytest.mark.proof
def test_the_commands_are_right(
    run: Run,
    sqlite_desk: str,
    postgres_url: str,
    sqlite_template: Path,
    environment: Callable[..., None],
) -> None:
    (block,) = [one for one in blocks(TEXT) if one.text.startswith("deskgraph export moving")]
    tickets = "SELECT count(*), min(subject), max(subject) FROM tickets"

    follow(block.text, postgres_url, run, environment)

    assert rows(postgres_url, tickets) == rows(sqlite_desk, tickets) != [(0, None, None)]
    assert f"`{URL}=sqlite:///var/deskgraph.db`" in TEXT
    back = block.text.replace("moving", "back")
    follow(back, "sqlite:///var/deskgraph.db", run, environment)
    assert rows("sqlite:///var/deskgraph.db", tickets) == rows(sqlite_desk, tickets)


def follow(commands: str, url: str, run: Run, environment: Callable[..., None]) -> None:
    """Run commands in this process, with another database than the one they name."""
    for line in commands.splitlines():
        name, *arguments = shlex.split(line)
        if name == "export":
            assert arguments[0].startswith(f"{URL}=postgresql://")
            environment(database_url=url)
        else:
            assert name == "deskgraph"
            ended = run(*arguments)
            assert (ended.code, ended.err) == (0, ""), ended
