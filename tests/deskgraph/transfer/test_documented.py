"""The commands that move a desk to PostgreSQL work as they are shown, and so does the way back."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from deskgraph.settings import PREFIX
from tests.deskgraph.conftest import Run, rows
from tests.docs.markdown import blocks
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")
TEXT = (ROOT / "docs" / "deployment.md").read_text("utf-8")
URL = f"{PREFIX}DATABASE_URL"


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
